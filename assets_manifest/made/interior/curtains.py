"""Curtains: cloth in folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assets_manifest.made.interior.solids import Array, Body, object_maker
from assets_manifest.made.interior_sizes import CURTAIN_DEPTH_M
from assets_manifest.made.picture import save_picture
from assets_manifest.made.swatches.palettes import DARKEST, LIGHTEST
from assets_manifest.made.textures import swatch, tile_m, words_of
from assets_manifest.meshes.parts import Surface
from assets_manifest.packs.builtin.shapes import grid

PRINTED = 0.25  # of the curtains


def _curtain(folder: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """Hangs from z = HEIGHT to z = 0; CURTAIN_DEPTH_M deep."""
    width, height = size
    picture, cloth_m = _weave(folder, rng)
    cloth = Surface(name="cloth", color_texture=picture, roughness=0.95)
    columns, rows = max(24, round(width * 120)), max(4, round(height * 8))
    across_n, up_m = np.linspace(0, 1, columns), np.linspace(0, 1, rows)
    fold_nm = _folds(rng, across_n * width, up_m, width)
    points = np.empty((columns, rows, 3))
    points[..., 0] = (across_n[:, None] - 0.5) * width
    points[..., 1] = ((fold_nm - fold_nm.min()) / np.ptp(fold_nm) - 0.5) * CURTAIN_DEPTH_M
    points[..., 2] = up_m[None, :] * height
    steps = np.linalg.norm(np.diff(points[:, 0, :2], axis=0), axis=1)
    along_n = np.concatenate([[0.0], np.cumsum(steps)])
    uv = np.stack(np.broadcast_arrays(along_n[:, None], points[..., 2]), axis=-1) / cloth_m
    body = Body()
    body.add(cloth, grid(points, uv))
    return body


def _folds(rng: np.random.Generator, x_n: Array, up_m: Array, width: float) -> Array:
    """Depth (columns, rows): pleats that are regular at the rail and wander further down."""
    pleats = max(2, round(width / float(rng.uniform(0.1, 0.16))))
    phase_n = 2 * np.pi * pleats * x_n / width
    waves = [rng.uniform(0.1, 0.5) * np.sin(x_n / width * k + rng.uniform(0, 6)) for k in (5, 9, 14)]
    wander_n = np.sum(waves, axis=0)
    loose_m = 1 - up_m
    phase_nm = phase_n[:, None] + wander_n[:, None] * loose_m[None, :] * 1.5
    depth_nm: Array = np.sin(phase_nm) * (0.7 + 0.3 * loose_m[None, :]) + 0.15 * np.sin(2 * phase_nm + 1)
    return depth_nm


def _weave(folder: Path, rng: np.random.Generator) -> tuple[str, float]:
    """A picture of the cloth: woven, or printed; its name, and how many metres it measures."""
    words = words_of("printed_cloth" if rng.uniform() < PRINTED else "weave", int(rng.integers(2**40)))
    pixels = np.clip(swatch(words).rgb, DARKEST, LIGHTEST)
    picture = save_picture(folder / "cloth.png", np.rint(pixels * 255).astype(np.uint8))
    return picture.name, tile_m(words)


CURTAIN = object_maker("room_curtain", 2, "SEED WIDTH HEIGHT", _curtain)
