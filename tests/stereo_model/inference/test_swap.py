from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stereo_model.inference.images import read_pair
from stereo_model.inference.swap import Order, PairCheck, SwappedPairError, check_pair, require_order

REAL = Path(__file__).resolve().parents[4] / "shared" / "realstereo"
SHAPE = (96, 200)


def blurred(values: np.ndarray, sigma: float, axis: int) -> np.ndarray:
    """A Gaussian filter along one axis, going round at the border."""
    offsets = np.arange(-int(4 * sigma), int(4 * sigma) + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    return sum(w * np.roll(values, k, axis) for k, w in zip(offsets, weights / weights.sum(), strict=True))


def wide_texture(sigma: float) -> np.ndarray:
    """Smooth coloured noise (H, W + 40, 3), wider than a picture."""
    noise = np.random.default_rng(0).normal(size=(SHAPE[0], SHAPE[1] + 40, 3))
    smooth = blurred(blurred(noise, sigma, axis=0), sigma, axis=1)
    return np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def plane(disparity: int, *, rows: int = 0, sigma: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A plane at a whole-pixel disparity; the right image moved down by `rows`."""
    wide = wide_texture(sigma)
    left, right = wide[:, 0 : SHAPE[1]], wide[:, disparity : disparity + SHAPE[1]]
    return np.ascontiguousarray(left), np.roll(right, rows, axis=0)


def test_a_pair_in_order_has_its_matches_at_positive_disparity():
    check = check_pair(*plane(12))
    assert check.order is Order.IN_ORDER and check.votes_swapped < 0.05 * check.votes_in_order
    assert check.warnings() == ()
    require_order(check)


def test_exchanged_images_are_told_with_the_remedy():
    left, right = plane(12)
    check = check_pair(right, left)
    assert check.order is Order.SWAPPED
    with pytest.raises(SwappedPairError, match="look exchanged.*give the left camera's image first"):
        require_order(check)


@pytest.mark.parametrize(
    "pair",
    [
        (np.full((64, 96, 3), 90, np.uint8),) * 2,  # no texture
        plane(0),  # everything far away
        (np.full((4, 5, 3), 90, np.uint8),) * 2,  # too small to match
    ],
)
def test_what_cannot_be_told_is_undecided_and_no_error(pair):
    check = check_pair(*pair)
    assert check.order is Order.UNDECIDED
    require_order(check)


@pytest.mark.parametrize("rows", [-11, 2])
def test_rows_that_do_not_line_up_are_measured(rows):
    check = check_pair(*plane(12, rows=rows))
    assert check.row_offset_px == pytest.approx(rows, abs=0.2) and check.rows_line_up is False
    assert any("not rectified" in line for line in check.warnings())


def test_a_rectified_pair_has_no_row_offset():
    check = check_pair(*plane(12))
    assert check.row_offset_px == pytest.approx(0, abs=0.2) and check.rows_line_up


def test_large_images_are_judged_by_reduced_copies():
    left, right = (image.repeat(8, axis=0).repeat(8, axis=1) for image in plane(12, rows=2, sigma=2.5))
    check = check_pair(left, right)
    assert check.order is Order.IN_ORDER and check.row_unit_px == 2
    assert check.row_offset_px == pytest.approx(16, abs=1)


def test_few_votes_decide_nothing_and_many_need_a_clear_majority():
    def order(positive: int, negative: int) -> Order:
        return PairCheck(
            votes_in_order=positive, votes_swapped=negative, row_offset_px=None, row_scatter_px=None
        ).order

    assert order(0, 49) is Order.UNDECIDED and order(0, 50) is Order.SWAPPED
    assert order(100, 400) is Order.UNDECIDED and order(99, 401) is Order.SWAPPED
    assert order(401, 99) is Order.IN_ORDER


@pytest.mark.realdata
@pytest.mark.skipif(not REAL.is_dir(), reason="no real pairs beside the checkout")
def test_every_real_pair_is_told_in_both_orders_and_is_rectified():
    scenes = sorted(path for path in REAL.iterdir() if (path / "left.png").is_file())
    assert len(scenes) >= 10
    for scene in scenes:
        left, right = read_pair(scene / "left.png", scene / "right.png")
        check = check_pair(left, right)
        assert check.order is Order.IN_ORDER and check.rows_line_up, scene.name
        assert check_pair(right, left).order is Order.SWAPPED, scene.name


@pytest.mark.realdata
@pytest.mark.skipif(not REAL.is_dir(), reason="no real pairs beside the checkout")
def test_a_real_pair_that_is_off_by_three_rows_is_told():
    scene = next(path for path in sorted(REAL.iterdir()) if (path / "left.png").is_file())
    left, right = read_pair(scene / "left.png", scene / "right.png")
    assert check_pair(left, np.roll(right, 3, axis=0)).row_offset_px == pytest.approx(3, abs=0.3)
