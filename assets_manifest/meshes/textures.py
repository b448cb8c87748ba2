"""Store an object's texture beside its USD file in a form every renderer reads."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from assets_manifest.pictures import open_picture

SUFFIX_OF_FORMAT = {"JPEG": ".jpg", "PNG": ".png"}
OPAQUE = 250  # alpha of 255 from which a texel counts as solid


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectTexture:
    """A stored colour texture and what its alpha channel means."""

    name: str  # relative to the USD file
    cutout: bool = False  # alpha is all or nothing: leaves, lace
    mean_alpha: float | None = None  # alpha is an even veil of this opacity: glass, curtains


def store_texture(color: Path, alpha: Path | None, folder: Path) -> ObjectTexture | None:
    """Copy `color` into `folder`, with the alpha of `alpha` when given; None where it is no image."""
    try:
        with open_picture(color) as opened:
            kind = opened.format
            image = opened.convert("RGBA") if _has_alpha(opened) or alpha else opened.convert("RGB")
            plain = opened.mode in ("RGB", "L", "RGBA") and kind in SUFFIX_OF_FORMAT
        if alpha is not None:
            image, plain = _with_alpha(image, alpha), False
    except (UnidentifiedImageError, OSError):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^A-Za-z0-9_\-]", "_", color.stem)
    target = folder / f"{stem}{SUFFIX_OF_FORMAT[kind] if plain and kind else '.png'}"
    stored = _read_alpha(image, target.name)
    if plain:
        shutil.copyfile(color, target)
    else:
        (image if stored.mean_alpha is not None or stored.cutout else image.convert("RGB")).save(
            target, "PNG"
        )
    return stored


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _with_alpha(image: Image.Image, alpha: Path) -> Image.Image:
    with open_picture(alpha) as opened:
        mask = opened.convert("RGBA").getchannel("A") if _has_alpha(opened) else opened.convert("L")
    image.putalpha(mask.resize(image.size))
    return image


def _read_alpha(image: Image.Image, name: str) -> ObjectTexture:
    """The texture `name` as its alpha channel describes it."""
    if image.mode != "RGBA":
        return ObjectTexture(name=name)
    alpha = np.asarray(image.getchannel("A"))
    if alpha.min() >= OPAQUE:
        return ObjectTexture(name=name)
    veil = (alpha > 25) & (alpha < 230)
    if veil.mean() > 0.5:
        return ObjectTexture(name=name, mean_alpha=float(alpha.mean() / 255))
    return ObjectTexture(name=name, cutout=True)
