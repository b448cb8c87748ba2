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


def two_walls(near: int, far: int, far_share: float) -> tuple[np.ndarray, np.ndarray]:
    """The lower part of the picture at disparity `near`, the upper `far_share` at `far`; either sign."""
    wide = np.pad(wide_texture(1.0), ((0, 0), (40, 0), (0, 0)), mode="wrap")
    left = wide[:, 40 : 40 + SHAPE[1]]
    rows = round(far_share * SHAPE[0])
    upper, lower = (wide[:, 40 + d : 40 + d + SHAPE[1]] for d in (far, near))
    return np.ascontiguousarray(left), np.concatenate([upper[:rows], lower[rows:]])


def test_matches_on_the_wrong_side_are_said_with_their_share_and_the_shift_that_helps():
    left, right = two_walls(near=12, far=-12, far_share=0.45)
    check = check_pair(left, right)
    assert check.order is Order.UNDECIDED and 0.35 < check.share_negative < 0.55
    (line,) = check.warnings()
    assert f"{check.share_negative:.0%} of the clear matches lie at negative disparity" in line
    assert "principal points" in line and "cut about 12 columns off the left side of the right image" in line
    moved = check_pair(left[:, :-12], right[:, 12:])
    assert moved.share_negative < 0.05


def test_a_smaller_share_is_said_where_the_order_is_clear():
    check = check_pair(*two_walls(near=12, far=-12, far_share=0.18))
    assert check.order is Order.IN_ORDER and "negative disparity" in check.warnings()[0]


def test_one_image_given_twice_is_said_and_no_shift_is_guessed():
    left, _ = plane(12)
    check = check_pair(left, left.copy())
    (line,) = check.warnings()
    assert check.order is Order.UNDECIDED and line.startswith("both images are identical")
    require_order(check)


def almost(pair):
    """The pair with one pixel of the right image changed."""
    right = pair[1].copy()
    right[0, 0] ^= 1
    return pair[0], right


@pytest.mark.parametrize("pair", [(np.full((64, 96, 3), 90, np.uint8),) * 2, almost(plane(0))])
def test_an_order_that_cannot_be_told_is_said(pair):
    assert any("which image is the left one cannot be told" in line for line in check_pair(*pair).warnings())


@pytest.mark.parametrize(
    ("turned", "first", "help_turns"), [(-1, "above", "rot90(image, 1)"), (1, "below", "rot90(image, -1)")]
)
def test_cameras_one_above_the_other_are_told_with_the_rotation_that_helps(turned, first, help_turns):
    pair = [np.ascontiguousarray(np.rot90(image, turned)) for image in plane(12)]
    check = check_pair(*pair)
    require_order(check)
    (line,) = check.warnings()
    assert f"the first image's {first}" in line and help_turns in line
    helped = [np.ascontiguousarray(np.rot90(image, -turned)) for image in pair]
    assert check_pair(*helped).order is Order.IN_ORDER and check_pair(*helped).first_above is None


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


@pytest.mark.realdata
@pytest.mark.skipif(not REAL.is_dir(), reason="no real pairs beside the checkout")
def test_real_pairs_are_told_when_shifted_and_when_one_camera_stood_above_the_other():
    for scene in sorted(path for path in REAL.iterdir() if (path / "left.png").is_file())[::4]:
        left, right = read_pair(scene / "left.png", scene / "right.png")
        assert check_pair(left, right).warnings() == (), scene.name
        shifted = check_pair(left[:, 40:], right[:, :-40])
        assert any("negative disparity" in line for line in shifted.warnings()), scene.name
        for turns, above in ((-1, True), (1, False)):
            stacked = [np.ascontiguousarray(np.rot90(image, turns)) for image in (left, right)]
            assert check_pair(*stacked).first_above is above, scene.name
