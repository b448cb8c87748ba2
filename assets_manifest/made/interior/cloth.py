"""Curtains: cloth in folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assets_manifest.made.interior.drawing import palette
from assets_manifest.made.interior.solids import Array, Body, object_maker
from assets_manifest.made.interior_sizes import CURTAIN_DEPTH_M
from assets_manifest.made.picture import save_picture
from assets_manifest.meshes.parts import Surface
from assets_manifest.packs.builtin.patterns import fabric, fractal, stripes
from assets_manifest.packs.builtin.shapes import grid

CLOTH_PX = 256
CLOTH_M = 0.5  # of cloth in one picture


def _curtain(folder: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """Hangs from z = HEIGHT to z = 0; CURTAIN_DEPTH_M deep."""
    width, height = size
    cloth = Surface(name="cloth", color_texture=_weave(folder, rng), roughness=0.95)
    columns, rows = max(24, round(width * 120)), max(4, round(height * 8))
    across_n, up_m = np.linspace(0, 1, columns), np.linspace(0, 1, rows)
    fold_nm = _folds(rng, across_n * width, up_m, width)
    points = np.empty((columns, rows, 3))
    points[..., 0] = (across_n[:, None] - 0.5) * width
    points[..., 1] = ((fold_nm - fold_nm.min()) / np.ptp(fold_nm) - 0.5) * CURTAIN_DEPTH_M
    points[..., 2] = up_m[None, :] * height
    steps = np.linalg.norm(np.diff(points[:, 0, :2], axis=0), axis=1)
    along_n = np.concatenate([[0.0], np.cumsum(steps)])
    uv = np.stack(np.broadcast_arrays(along_n[:, None], points[..., 2]), axis=-1) / CLOTH_M
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


def _weave(folder: Path, rng: np.random.Generator) -> str:
    """A picture of the cloth: plain, striped or printed; its name."""
    colours = [(r / 255, g / 255, b / 255) for r, g, b in palette(rng, 4)]
    kind = rng.uniform()
    if kind < 0.5:
        pixels = fabric(colours[0], colours[0], 96)(CLOTH_PX, rng)
    elif kind < 0.8:
        pixels = stripes(colours, int(rng.integers(4, 14)), plaid=bool(rng.uniform() < 0.3))(CLOTH_PX, rng)
    else:
        blots = fractal(CLOTH_PX, 6, rng, octaves=3)
        pixels = np.where((blots > 0.15)[..., None], colours[0], colours[1])
    return save_picture(folder / "cloth.png", np.clip(pixels * 255, 0, 255).astype(np.uint8)).name


CURTAIN = object_maker("room_curtain", 2, "SEED WIDTH HEIGHT", _curtain)
