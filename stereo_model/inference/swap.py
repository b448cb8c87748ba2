"""Is a pair in order? Tells exchanged images, and rows that do not line up, before a network is asked.

In a rectified pair the left pixel x is seen at x - d in the right image, with d >= 0. When the two images
are exchanged every match lies at d < 0, and a stereo network, which never looks there, returns plausible
nonsense. So small grey copies are matched over disparities of both signs, and the pixels vote. Then some
clear matches are followed in the full images, up and down as well: rectified ones stay on their row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

SMALL_WIDTH = 240  # pixels; images are reduced by whole factors to about this width
REACH = 0.25  # of the small width; the largest disparity looked for, to both sides
WINDOW = 7  # pixels of the small images
DEAD_ZONE = 1  # pixels of the small images; matches this near to zero favour no side
CLEAR_SCORE = 0.8  # normalised correlation that counts as a match
CLEAR_MARGIN = 0.05  # by which one side must beat the other
TEXTURE_VARIANCE = 9.0  # squared grey levels; flatter windows do not vote
MAJORITY = 0.8  # of the votes
FEWEST_VOTES = 50

FOLLOWED = 400  # matches that are looked up at working size
LARGEST_FACTOR = 3  # from working size to the small images; larger images are reduced first
PATCH = 11  # pixels of the working size
ROWS = 6  # up and down, pixels of the working size
MISALIGNED_ROWS = 1.0  # median offset that is worth a warning, pixels of the working size
DOUBTFUL_ROWS = 0.5  # median offset from which on larger offsets are tried too
TRIED_ROWS = (-12, -10, -8, -6, -4, -2, 2, 4, 6, 8, 10, 12)  # pixels of the small images


class SwappedPairError(ValueError):
    """The right image was given as the left one."""


class Order(Enum):
    """Which image is which, as far as the pictures tell."""

    IN_ORDER = "in_order"
    SWAPPED = "swapped"
    UNDECIDED = "undecided"  # too little texture, or everything far away


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCheck:
    """What the pictures say about a pair."""

    votes_in_order: int  # pixels of the small images whose match lies at d > 0
    votes_swapped: int  # ... at d < 0
    row_offset_px: float | None  # median of y_right - y_left over clear matches; None if there are too few
    row_scatter_px: float | None  # median distance of the single offsets from that median
    row_unit_px: int = 1  # what the rows were measured in: one pixel up to about 1000 px of width

    @property
    def order(self) -> Order:
        """The verdict, by a clear majority of enough votes."""
        votes = self.votes_in_order + self.votes_swapped
        if votes < FEWEST_VOTES:
            return Order.UNDECIDED
        if self.votes_swapped > MAJORITY * votes:
            return Order.SWAPPED
        return Order.IN_ORDER if self.votes_in_order > MAJORITY * votes else Order.UNDECIDED

    @property
    def rows_line_up(self) -> bool | None:
        """False for a pair that is not rectified; None where that cannot be told."""
        return (
            None
            if self.row_offset_px is None
            else abs(self.row_offset_px) < MISALIGNED_ROWS * self.row_unit_px
        )

    @property
    def rows_doubtful(self) -> bool:
        """Whether the offset is not clearly near zero, so that it may be larger than what was searched."""
        if self.row_offset_px is None or self.row_scatter_px is None:
            return True
        return max(abs(self.row_offset_px), self.row_scatter_px) > DOUBTFUL_ROWS * self.row_unit_px

    def warnings(self) -> tuple[str, ...]:
        """One line for each thing that is wrong, with its remedy."""
        lines = []
        if self.order is Order.SWAPPED:
            votes = self.votes_in_order + self.votes_swapped
            lines.append(
                f"the images look exchanged: {self.votes_swapped} of {votes} clear matches lie at negative "
                "disparity; give the left camera's image first"
            )
        if self.rows_line_up is False:
            lines.append(
                f"the pair is not rectified: matches lie {self.row_offset_px:+.1f} rows apart; "
                "rectify it first"
            )
        return tuple(lines)


def check_pair(
    left_hwc: NDArray[np.uint8],  # RGB
    right_hwc: NDArray[np.uint8],
) -> PairCheck:
    """Match small copies over both signs of disparity. The shapes must be equal.

    Takes about 0.1 s of one core, and a second where the rows do not seem to line up.
    """
    unit = max(1, _factor(left_hwc.shape[1]) // LARGEST_FACTOR)
    left_hw, right_hw = (_reduced(_grey(image), unit) for image in (left_hwc, right_hwc))
    check = _check_rows(left_hw, right_hw, 0, unit)
    if not check.rows_doubtful:
        return check
    factor = _factor(left_hw.shape[1])
    row = max((factor * row for row in (0, *TRIED_ROWS)), key=lambda row: _count(left_hw, right_hw, row))
    for _ in range(2):  # the first offset comes from matches of rows that are still a little apart
        moved = _check_rows(left_hw, right_hw, row, unit)
        if moved.row_offset_px is None or _votes_of(moved) < _votes_of(check):
            return check
        check, row = moved, round(moved.row_offset_px / unit)
    return check


def require_order(check: PairCheck) -> None:
    """Raise SwappedPairError, in one line with the remedy, if the images are exchanged."""
    if check.order is Order.SWAPPED:
        raise SwappedPairError(check.warnings()[0])


def _check_rows(
    left_hw: NDArray[np.float32], right_hw: NDArray[np.float32], row: int, unit: int
) -> PairCheck:
    """Match left row y with right row y + `row` and those near it."""
    right_hw = np.roll(right_hw, -row, axis=0)
    factor = _factor(left_hw.shape[1])
    found = _small_matches(left_hw, right_hw, factor)
    offset_n = _row_offsets(left_hw, right_hw, found.matches_n3, factor) + row
    known = offset_n.size >= FEWEST_VOTES
    median = float(np.median(offset_n)) if known else None
    return PairCheck(
        votes_in_order=found.in_order,
        votes_swapped=found.swapped,
        row_offset_px=unit * median if known else None,
        row_scatter_px=unit * float(np.median(np.abs(offset_n - median))) if known else None,
        row_unit_px=unit,
    )


def _count(left_hw: NDArray[np.float32], right_hw: NDArray[np.float32], row: int) -> int:
    """Votes of any kind when left row y is matched with right row y + `row`."""
    found = _small_matches(left_hw, np.roll(right_hw, -row, axis=0), _factor(left_hw.shape[1]))
    return found.in_order + found.swapped


@dataclass(frozen=True, slots=True, kw_only=True)
class _SmallMatches:
    in_order: int
    swapped: int
    matches_n3: NDArray[np.int64]  # row, column and disparity in the small images


def _small_matches(left_hw: NDArray[np.float32], right_hw: NDArray[np.float32], factor: int) -> _SmallMatches:
    small = [_reduced(grey_hw, factor) for grey_hw in (left_hw, right_hw)]
    reach = int(REACH * small[0].shape[1])
    if reach <= DEAD_ZONE + 1 or min(small[0].shape) < WINDOW:
        return _SmallMatches(in_order=0, swapped=0, matches_n3=np.empty((0, 3), np.int64))
    scores_dhw, textured_hw = _match_scores(*small, reach)
    in_order_hw, swapped_hw = _votes(scores_dhw, textured_hw, reach)
    rows, columns = np.nonzero(in_order_hw | swapped_hw)
    disparity_n = scores_dhw[:, rows, columns].argmax(axis=0) - reach
    return _SmallMatches(
        in_order=int(in_order_hw.sum()),
        swapped=int(swapped_hw.sum()),
        matches_n3=np.stack([rows, columns + reach, disparity_n], axis=1),
    )


def _factor(width: int) -> int:
    return max(1, round(width / SMALL_WIDTH))


def _votes_of(check: PairCheck) -> int:
    return check.votes_in_order + check.votes_swapped


def _grey(image_hwc: NDArray[np.uint8]) -> NDArray[np.float32]:
    return image_hwc.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _reduced(grey_hw: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Mean over blocks of factor x factor; what does not fill a block is cut off."""
    height, width = (side // factor * factor for side in grey_hw.shape)
    blocks = grey_hw[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return blocks.mean(axis=(1, 3))


def _match_scores(
    left_hw: NDArray[np.float32], right_hw: NDArray[np.float32], reach: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Normalised correlation of windows (2*reach+1, H, W-2*reach), first disparity -reach; and where to look.

    Only columns for which every candidate lies inside the right image: no sign is at a disadvantage.
    """

    def window_mean(values_hw: NDArray[np.float32]) -> NDArray[np.float32]:
        return uniform_filter(values_hw, WINDOW, mode="nearest")

    left, right = left_hw - left_hw.mean(), right_hw - right_hw.mean()
    mean_l, mean_r = window_mean(left), window_mean(right)
    var_l, var_r = (
        np.maximum(window_mean(image**2) - mean**2, 1.0) for image, mean in ((left, mean_l), (right, mean_r))
    )
    inner = slice(reach, left.shape[1] - reach)
    scores = np.empty((2 * reach + 1, left.shape[0], left.shape[1] - 2 * reach), np.float32)
    for index, disparity in enumerate(range(-reach, reach + 1)):
        moved, mean_m, var_m = (np.roll(image, disparity, axis=1) for image in (right, mean_r, var_r))
        covariance = window_mean(left * moved) - mean_l * mean_m
        scores[index] = (covariance / np.sqrt(var_l * var_m))[:, inner]
    texture = var_l[:, inner]
    return scores, texture > max(TEXTURE_VARIANCE, 0.5 * float(np.median(texture)))


def _votes(
    scores_dhw: NDArray[np.float32], textured_hw: NDArray[np.bool_], reach: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Pixels that clearly match at d > 0, and pixels that clearly match at d < 0."""
    swapped_hw = scores_dhw[: reach - DEAD_ZONE].max(axis=0)
    in_order_hw = scores_dhw[reach + DEAD_ZONE + 1 :].max(axis=0)
    near_zero_hw = scores_dhw[reach - DEAD_ZONE : reach + DEAD_ZONE + 1].max(axis=0)
    best_hw = np.maximum(in_order_hw, swapped_hw)
    clear_hw = textured_hw & (best_hw > CLEAR_SCORE) & (best_hw > near_zero_hw)
    return (
        clear_hw & (in_order_hw > swapped_hw + CLEAR_MARGIN),
        clear_hw & (swapped_hw > in_order_hw + CLEAR_MARGIN),
    )


def _row_offsets(
    left_hw: NDArray[np.float32],
    right_hw: NDArray[np.float32],
    matches_n3: NDArray[np.int64],  # row, column and disparity in the small images
    factor: int,
) -> NDArray[np.float64]:
    """y_right - y_left in pixels, refined below a pixel, of those matches that stay clear in full size."""
    step = max(1, len(matches_n3) // FOLLOWED)
    y_n, x_n, disparity_n = (factor * matches_n3[::step].T).astype(np.int64)
    centre = factor // 2
    y_n, x_n = y_n + centre, x_n + centre
    margin = PATCH // 2 + ROWS + 1
    height, width = left_hw.shape
    other_n = x_n - disparity_n
    slack = margin + factor
    inside = (y_n >= margin) & (y_n < height - margin)
    inside &= (np.minimum(x_n, other_n) >= slack) & (np.maximum(x_n, other_n) < width - slack)
    if not inside.any():
        return np.empty(0)
    scores_nr = _row_scores(left_hw, right_hw, y_n[inside], x_n[inside], other_n[inside], factor)
    return _peak(scores_nr[scores_nr.max(axis=1) > CLEAR_SCORE])


def _row_scores(
    left_hw: NDArray[np.float32],
    right_hw: NDArray[np.float32],
    y_n: NDArray[np.int64],
    x_n: NDArray[np.int64],
    other_n: NDArray[np.int64],  # column in the right image, within `factor` pixels
    factor: int,
) -> NDArray[np.float32]:
    """Best correlation per match and row offset -ROWS..ROWS, over `factor` columns to both sides: (N, R)."""
    left_npp = _patches(left_hw, y_n, x_n)
    best = np.full((len(y_n), 2 * ROWS + 1), -1.0, np.float32)
    for row in range(-ROWS, ROWS + 1):
        for column in range(-factor, factor + 1):
            right_npp = _patches(right_hw, y_n + row, other_n + column)
            score_n = (left_npp * right_npp).mean(axis=(1, 2))
            best[:, row + ROWS] = np.maximum(best[:, row + ROWS], score_n)
    return best


def _patches(image_hw: NDArray[np.float32], y_n: NDArray[np.int64], x_n: NDArray[np.int64]) -> NDArray:
    """PATCH x PATCH pixels around each point, with mean 0 and variance 1: (N, P, P)."""
    offsets = np.arange(PATCH) - PATCH // 2
    values = image_hw[y_n[:, None, None] + offsets[:, None], x_n[:, None, None] + offsets[None, :]]
    values = values - values.mean(axis=(1, 2), keepdims=True)
    return values / np.maximum(values.std(axis=(1, 2), keepdims=True), 1.0)


def _peak(scores_nr: NDArray[np.float32]) -> NDArray[np.float64]:
    """Row offset of the best score, by the parabola through it and its neighbours: (N,) pixels."""
    best_n = scores_nr.argmax(axis=1)
    inner_n = np.clip(best_n, 1, scores_nr.shape[1] - 2)
    below, at, above = (
        np.take_along_axis(scores_nr, (inner_n + step)[:, None], axis=1)[:, 0].astype(float)
        for step in (-1, 0, 1)
    )
    curvature = np.minimum(below - 2 * at + above, -1e-6)
    shift = np.where(inner_n == best_n, 0.5 * (below - above) / curvature, best_n - inner_n)
    return inner_n + np.clip(shift, -1, 1) - ROWS
