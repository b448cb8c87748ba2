"""Large images in pieces: the same estimate, whatever the size of the image, in bounded memory.

A left pixel x matches the right column x - d, so that a piece of the right image alone cannot explain the
left part of the same piece. Both images are therefore cut wider to the left by the whole search range, and
what was estimated there is thrown away. Neighbouring pieces overlap: the outer quarters of an overlap, where
a piece lacks its surroundings, count nothing, and in between the weight passes from one piece to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Estimate = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.floating]]
"""From left and right image (H,W,3) RGB to the left view's disparity (H,W) in pixels."""

DEFAULT_OVERLAP = 128  # pixels


class TileError(ValueError):
    """Tiles that cannot cover an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How an image is cut. The pieces' sizes exclude what is added for the search range."""

    height: int  # pixels
    width: int  # pixels
    reach: int  # pixels; the largest disparity that shall still be found
    overlap: int = DEFAULT_OVERLAP  # pixels

    def __post_init__(self) -> None:
        if self.overlap < 0 or self.reach < 0:
            raise TileError(f"overlap and reach must not be negative, got {self.overlap} and {self.reach}")
        if min(self.height, self.width) <= 2 * self.overlap:
            raise TileError(
                f"tiles of {self.width}x{self.height} pixels must be more than twice the overlap of "
                f"{self.overlap} in both directions"
            )


def estimate_in_tiles(
    estimate: Estimate,
    left_hwc: NDArray[np.uint8],
    right_hwc: NDArray[np.uint8],
    tiling: Tiling,
) -> NDArray[np.float32]:
    """Disparity (H,W) in pixels, pieced together from `estimate` of overlapping tiles.

    An estimator that looks at surroundings of up to a quarter of the overlap gives exactly what it gives for
    the whole image; one with statistics over the whole image differs slightly from tile to tile.
    """
    height, width = left_hwc.shape[:2]
    total_hw = np.zeros((height, width))
    weight_hw = np.zeros((height, width))
    for rows in spans(height, tiling.height, tiling.overlap):
        for columns in spans(width, tiling.width, tiling.overlap):
            weight = np.outer(ramp(rows, height, tiling.overlap), ramp(columns, width, tiling.overlap))
            found_hw = _one_tile(estimate, left_hwc, right_hwc, rows, columns, tiling.reach)
            where = (slice(*rows), slice(*columns))
            total_hw[where] += np.where(weight > 0, weight * found_hw, 0.0)
            weight_hw[where] += weight
    return (total_hw / weight_hw).astype(np.float32)


def spans(length: int, tile: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Pieces [start, stop) of one axis, of `tile` pixels each, overlapping by at least `overlap`."""
    if length <= tile:
        yield 0, length
        return
    count = -(-(length - overlap) // (tile - overlap))
    for index in range(count):
        start = round(index * (length - tile) / (count - 1))
        yield start, start + tile


def ramp(span: tuple[int, int], length: int, overlap: int) -> NDArray[np.float64]:
    """Weight of each pixel of a piece: 1 inside, falling to 0 over the middle half of `overlap`.

    A side at the border of the image keeps its full weight.
    """
    start, stop = span
    position = np.arange(start, stop) + 0.5
    quarter = overlap / 4
    weight = np.ones(stop - start)
    for distance, inner in ((position - start, start > 0), (stop - position, stop < length)):
        if inner and overlap:
            weight = np.minimum(weight, np.clip((distance - quarter) / (2 * quarter), 0.0, 1.0))
    return weight


def _one_tile(
    estimate: Estimate,
    left_hwc: NDArray[np.uint8],
    right_hwc: NDArray[np.uint8],
    rows: tuple[int, int],
    columns: tuple[int, int],
    reach: int,
) -> NDArray[np.floating]:
    begin = max(0, columns[0] - reach)
    window = (slice(*rows), slice(begin, columns[1]))
    found_hw = estimate(np.ascontiguousarray(left_hwc[window]), np.ascontiguousarray(right_hwc[window]))
    return found_hw[:, columns[0] - begin :]
