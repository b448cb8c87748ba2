"""Stereo pairs of known disparity: random blocks on walls, seen by two cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from stereo_model.data.sample import Sample


def textured_pair(seed: int, disparity: int, height: int = 48, width: int = 96) -> Sample:
    """A wall at `disparity` pixels; `seed` chooses its texture."""
    blocks = np.random.default_rng(seed).integers(0, 256, (3, height // 2, width), np.uint8)
    scene = blocks.repeat(2, 1).repeat(2, 2)
    return Sample(
        left=scene[:, :, :width].copy(),
        right=scene[:, :, disparity : disparity + width].copy(),
        disparity=np.full((height, width), disparity, np.float32),
        valid=np.ones((height, width), bool),
    )


def textured_steps(seed: int, disparities: tuple[int, ...], height: int = 48, width: int = 96) -> Sample:
    """Walls one above the other, each at its disparity in pixels."""
    walls = [textured_pair(seed, disparity, height, width) for disparity in disparities]
    bands = np.array_split(np.arange(height), len(walls))

    def stacked(key: str, axis: int) -> np.ndarray:
        parts = [wall[key].take(rows, axis) for wall, rows in zip(walls, bands, strict=True)]
        return np.concatenate(parts, axis)

    return Sample(
        left=stacked("left", 1),
        right=stacked("right", 1),
        disparity=stacked("disparity", 0),
        valid=stacked("valid", 0),
    )


def write_pairs(root: Path, count: int, height: int = 48, width: int = 96) -> Path:
    """A data set of kind `folder` with so many pairs, at disparities 4, 8, 12, ..."""
    for number in range(count):
        folder = root / f"pair{number}"
        folder.mkdir(parents=True)
        pair = textured_pair(number, 4 + 4 * number, height, width)
        for eye in ("left", "right"):
            Image.fromarray(pair[eye].transpose(1, 2, 0)).save(folder / f"{eye}.png")
        np.save(folder / "disp.npy", pair["disparity"])
    return root
