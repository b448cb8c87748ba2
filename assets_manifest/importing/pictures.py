"""Pictures of an object, checked and stored beside its USD file in a form that every renderer reads."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from assets_manifest.importing.damage import BAD_PICTURE, of_picture
from assets_manifest.importing.raw import Picture, RejectedFileError
from assets_manifest.meshes.textures import OPAQUE, SUFFIX_OF_FORMAT
from assets_manifest.pictures import MAX_PIXELS

LARGEST_SIDE = 4096  # pixels; larger pictures are made smaller


@dataclass(slots=True)
class PictureStore:
    """Writes pictures into the folder of one object, each once."""

    folder: Path
    notes: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)  # SHA-256 -> name
    _images: dict[str, Image.Image] = field(default_factory=dict)  # by name

    def store(self, picture: Picture) -> str:
        """The name of the stored picture. Raises RejectedFileError where it cannot be read."""
        digest = hashlib.sha256(picture.data).hexdigest()
        if digest not in self._names:
            image, plain = self._opened(picture)
            stem = re.sub(r"[^A-Za-z0-9_\-]", "_", Path(picture.name).stem)[:60] or "texture"
            suffix = SUFFIX_OF_FORMAT[str(image.format)] if plain else ".png"
            name = f"{stem}{suffix}"
            if name in self._images:
                name = f"{stem}_{digest[:8]}{suffix}"
            self._write(name, picture, image if plain else _convertible(image), plain)
            self._names[digest] = name
        return self._names[digest]

    def alpha(self, name: str) -> tuple[float, bool]:
        """Of a stored picture: its mean alpha, 0..1, and whether it is mostly half transparent, as a veil."""
        image = self._images[name]
        if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
            return 1.0, False
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        if alpha.min() >= OPAQUE:
            return 1.0, False
        return float(alpha.mean() / 255), bool(((alpha > 25) & (alpha < 230)).mean() > 0.5)

    def _opened(self, picture: Picture) -> tuple[Image.Image, bool]:
        """The decoded picture, and whether its bytes can stay as they are."""
        guard, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(io.BytesIO(picture.data))
            width, height = image.size
            if width * height > MAX_PIXELS:
                most = f"{MAX_PIXELS / 1e6:.0f} megapixels"
                raise RejectedFileError(
                    f"texture {picture.name!r:.80} is {width} x {height}, more than {most}"
                )
            image.load()
        except RejectedFileError:
            raise
        except BAD_PICTURE as error:
            raise RejectedFileError(
                f"texture {picture.name!r:.80} is not readable: {of_picture(error)}"
            ) from error
        finally:
            Image.MAX_IMAGE_PIXELS = guard
        plain = image.mode in ("RGB", "L", "RGBA") and image.format in SUFFIX_OF_FORMAT
        if max(image.size) <= LARGEST_SIDE:
            return image, plain
        self.notes.append(
            f"texture {picture.name!r:.80} of {width} x {height} became at most {LARGEST_SIDE} pixels"
        )
        small = _convertible(image)
        small.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
        return small, False

    def _write(self, name: str, picture: Picture, image: Image.Image, plain: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if plain:
            (self.folder / name).write_bytes(picture.data)
        else:
            encoded = io.BytesIO()  # Pillow does not say that a disk is full
            image.save(encoded, "PNG")
            (self.folder / name).write_bytes(encoded.getvalue())
        self._images[name] = image


def _convertible(image: Image.Image) -> Image.Image:
    """The same in eight bits for each channel: 16 bits become 8, palettes their colours."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode.startswith("I"):  # 16 bits
        return Image.fromarray((np.asarray(image).astype(np.float64) / 257).clip(0, 255).astype(np.uint8))
    return image if image.mode in ("RGB", "L") else image.convert("RGB")
