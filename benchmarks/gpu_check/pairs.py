"""Stereo pairs made of nothing: textured boards before a slanted wall, with exact truth.

Every surface is a rectangle of the left image with a disparity that is affine in the left column, so each
point of either image belongs to one surface by arithmetic alone, and so does its partner in the other image.
A pair is a function of its number: no file, no renderer, and as many as one likes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stereo_model.data.base import StereoFiles
from stereo_model.data.sample import Sample

BOARDS = 7
TEXELS = 64  # of a texture's side, after which it repeats
COARSE_PX, FINE_PX = 9.0, 2.5  # pixels per texel
WALL_SLOPE = 0.02  # disparity per column, at most
NEAREST = 0.2  # largest disparity, as a share of the width

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A rectangle of the left image; what it shows is a function of the left column and the row."""

    left: float  # columns
    right: float
    top: float  # rows
    bottom: float
    offset: float  # disparity at column 0, pixels
    slope: float  # of the disparity, per column
    texture_nnc: Floats

    def disparity(self, column_hw: Floats) -> Floats:
        """At left columns, pixels."""
        return self.offset + self.slope * column_hw

    def left_column(self, column_hw: Floats) -> Floats:
        """Of what is seen at these columns of the right image."""
        return (column_hw + self.offset) / (1 - self.slope)

    def covers(self, column_hw: Floats, row_hw: Floats) -> NDArray[np.bool_]:
        """Where points of the left image lie on it."""
        beside = (column_hw < self.left) | (column_hw >= self.right)
        return ~(beside | (row_hw < self.top) | (row_hw >= self.bottom))

    def colour(self, column_hw: Floats, row_hw: Floats) -> Floats:
        """(H,W,3), 0..255, at left columns."""
        coarse = _looked_up(self.texture_nnc, column_hw / COARSE_PX, row_hw / COARSE_PX)
        return 0.5 * (coarse + _looked_up(self.texture_nnc, column_hw / FINE_PX, row_hw / FINE_PX))


def layered_pair(seed: int, height: int, width: int) -> Sample:
    """One pair; the same seed and size give the same one."""
    surfaces = _surfaces(np.random.default_rng(seed), height, width)
    row_hw, column_hw = np.indices((height, width), np.float64)
    here_hw = _nearest(surfaces, [column_hw] * len(surfaces), row_hw)
    disparity_hw = _chosen(here_hw, [surface.disparity(column_hw) for surface in surfaces])
    match_hw = column_hw - disparity_hw
    there_hw = _nearest(surfaces, [surface.left_column(match_hw) for surface in surfaces], row_hw)
    columns = [surface.left_column(column_hw) for surface in surfaces]
    return Sample(
        left=_image(surfaces, here_hw, [column_hw] * len(surfaces), row_hw),
        right=_image(surfaces, _nearest(surfaces, columns, row_hw), columns, row_hw),
        disparity=disparity_hw.astype(np.float32),
        valid=np.ones((height, width), bool),
        occluded=(there_hw != here_hw) | (match_hw < 0),
    )


class LayeredPairs(StereoFiles):
    """A data set of such pairs."""

    kind = "layered"
    root = Path("nowhere")

    def __init__(self, count: int, size_hw: tuple[int, int], *, first_seed: int = 0) -> None:
        self._count, self._size_hw, self._first = count, size_hw, first_seed

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int, /) -> Sample:
        return layered_pair(self._first + self._checked(index), *self._size_hw)

    def scene(self, index: int) -> str:
        return f"{self._first + self._checked(index):06d}"

    def files(self) -> Iterator[str]:
        return iter(())

    def digest(self) -> str:
        """Changes with the number, the size and the seeds of the pairs."""
        return hashlib.sha256(f"{self.kind} {self._count} {self._size_hw} {self._first}".encode()).hexdigest()


def _surfaces(rng: np.random.Generator, height: int, width: int) -> list[Surface]:
    """A wall and the boards before it, the nearest last."""
    slope = float(rng.uniform(-WALL_SLOPE, WALL_SLOPE))
    ends = np.array([0.0, slope * width])
    offset = 1.0 - float(ends.min()) + float(rng.uniform(0, 0.02 * width))
    wall = Surface(
        left=-np.inf,
        right=np.inf,
        top=-np.inf,
        bottom=np.inf,
        offset=offset,
        slope=slope,
        texture_nnc=_texture(rng),
    )
    farthest = offset + float(ends.max())
    depths = np.sort(rng.uniform(farthest, max(farthest + 1.0, NEAREST * width), BOARDS))
    return [wall, *(_board(rng, height, width, float(depth)) for depth in depths)]


def _board(rng: np.random.Generator, height: int, width: int, disparity: float) -> Surface:
    left, top = rng.uniform(-0.1, 0.9) * width, rng.uniform(-0.1, 0.9) * height
    return Surface(
        left=float(left),
        right=float(left + rng.uniform(0.1, 0.35) * width),
        top=float(top),
        bottom=float(top + rng.uniform(0.15, 0.5) * height),
        offset=disparity,
        slope=0.0,
        texture_nnc=_texture(rng),
    )


def _texture(rng: np.random.Generator) -> Floats:
    """Noise around a colour of its own."""
    noise = rng.uniform(-70, 70, (TEXELS, TEXELS, 1)) + rng.uniform(-25, 25, (TEXELS, TEXELS, 3))
    return np.clip(rng.uniform(60, 190, 3) + noise, 0, 255)


def _looked_up(texture_nnc: Floats, x_hw: Floats, y_hw: Floats) -> Floats:
    """Bilinear, repeating."""
    x0, y0 = np.floor(x_hw).astype(np.int64), np.floor(y_hw).astype(np.int64)
    fx, fy = (x_hw - x0)[..., None], (y_hw - y0)[..., None]
    left, right, top, bottom = x0 % TEXELS, (x0 + 1) % TEXELS, y0 % TEXELS, (y0 + 1) % TEXELS
    upper = (1 - fx) * texture_nnc[top, left] + fx * texture_nnc[top, right]
    lower = (1 - fx) * texture_nnc[bottom, left] + fx * texture_nnc[bottom, right]
    return np.asarray((1 - fy) * upper + fy * lower)


def _nearest(surfaces: list[Surface], columns: list[Floats], row_hw: Floats) -> NDArray[np.int64]:
    """Number of the surface in front, given where each would be hit (left columns)."""
    front_hw = np.zeros(row_hw.shape, np.int64)
    for number, (surface, column_hw) in enumerate(zip(surfaces, columns, strict=True)):
        front_hw[surface.covers(column_hw, row_hw)] = number
    return front_hw


def _chosen(number_hw: NDArray[np.int64], values: list[Floats]) -> Floats:
    """The value of each pixel's own surface."""
    chosen_hw: Floats = np.take_along_axis(np.stack(values), number_hw[None], axis=0)[0]
    return chosen_hw


def _image(
    surfaces: list[Surface], number_hw: NDArray[np.int64], columns: list[Floats], row_hw: Floats
) -> NDArray[np.uint8]:
    """(3,H,W)."""
    image_hwc = np.zeros((*row_hw.shape, 3))
    for number, (surface, column_hw) in enumerate(zip(surfaces, columns, strict=True)):
        seen_hw = number_hw == number
        image_hwc[seen_hw] = surface.colour(column_hw[seen_hw], row_hw[seen_hw])
    return np.ascontiguousarray(np.rint(image_hwc).astype(np.uint8).transpose(2, 0, 1))
