from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo_model.inference.tiles import TileError, Tiling, estimate_in_tiles, ramp, spans

REACH = 12  # pixels; what the local estimator below looks for


def block_matching(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Best of 0..REACH over 5x5 windows: an estimator that sees no further than 2 px and its search range."""
    grey_l, grey_r = (image.astype(np.int64).sum(axis=2) for image in (left, right))
    costs = []
    for disparity in range(REACH + 1):
        moved = np.full_like(grey_r, 100_000)
        moved[:, disparity:] = grey_r[:, : grey_r.shape[1] - disparity]
        costs.append(window_sum(np.abs(grey_l - moved)))
    return np.argmin(costs, axis=0).astype(np.float32)


def window_sum(values: np.ndarray) -> np.ndarray:
    """Sums over 5x5 windows in whole numbers, so that ties are ties whatever the size of the array."""
    padded = np.pad(values, 2, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (5, 5)).sum(axis=(2, 3))


def images(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    wide = np.random.default_rng(1).integers(0, 256, (height, width + 16, 3), np.uint8)
    right = np.where(np.arange(width)[:, None] < width // 2, wide[:, 5 : width + 5], wide[:, 11 : width + 11])
    return wide[:, :width], right


@settings(deadline=None, max_examples=25)
@given(st.integers(30, 90), st.integers(40, 120), st.integers(33, 60), st.integers(33, 60))
def test_tiles_give_what_the_whole_image_gives(height, width, tile_height, tile_width):
    left, right = images(height, width)
    tiling = Tiling(height=tile_height, width=tile_width, overlap=16, reach=REACH)
    tiled = estimate_in_tiles(block_matching, left, right, tiling)
    assert tiled.dtype == np.float32
    assert np.array_equal(tiled, block_matching(left, right))


def test_without_the_search_range_the_left_part_of_a_tile_would_be_wrong():
    left, right = images(40, 120)
    short = Tiling(height=60, width=50, overlap=4, reach=0)
    whole = block_matching(left, right)
    wrong = estimate_in_tiles(block_matching, left, right, short) != whole
    assert wrong.mean() > 0.02
    enough = Tiling(height=60, width=50, overlap=16, reach=REACH)
    assert not (estimate_in_tiles(block_matching, left, right, enough) != whole).any()


def test_neighbours_pass_over_smoothly_where_they_disagree():
    level = iter((10.0, 20.0))

    def constant(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.full(left.shape[:2], next(level))

    image = np.zeros((8, 96, 3), np.uint8)
    tiling = Tiling(height=41, width=64, overlap=20, reach=0)
    row = estimate_in_tiles(constant, image, image, tiling)[0]
    assert row[0] == 10 and row[-1] == 20 and (np.diff(row) >= 0).all() and np.diff(row).max() < 1.5


@given(st.integers(1, 500), st.integers(9, 120), st.integers(0, 4))
def test_pieces_cover_everything_and_overlap_enough(length, tile, overlap):
    pieces = list(spans(length, tile, overlap))
    assert pieces[0][0] == 0 and pieces[-1][1] == length
    for (start, stop), (following, _) in zip(pieces, pieces[1:], strict=False):
        assert start < following <= stop - overlap
    assert sum(ramp(piece, length, overlap).sum() for piece in pieces) > 0
    weight = np.zeros(length)
    for start, stop in pieces:
        weight[start:stop] += ramp((start, stop), length, overlap)
    assert (weight > 0).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"height": 32, "width": 100, "overlap": 16, "reach": 0}, "more than twice the overlap"),
        ({"height": 32, "width": 100, "overlap": -1, "reach": 0}, "must not be negative"),
    ],
)
def test_tiles_that_cannot_work_are_refused(values, message):
    with pytest.raises(TileError, match=message):
        Tiling(**values)
