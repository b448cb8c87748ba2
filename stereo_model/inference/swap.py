"""Is a pair in order? Tells exchanged, shifted, stacked and unrectified ones before a network is asked.

In a rectified pair the left pixel x is seen at x - d in the right image, with d >= 0. When the two images
are exchanged every match lies at d < 0, when the principal points differ some do, and a stereo network, which
never looks there, returns plausible nonsense. So the pixels of small grey copies vote on the sign of their
disparity, and the rows of some clear matches are compared (`stereo_model.inference.matching`). Where that
tells nothing, the images are turned on their side: cameras may stand one above the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from stereo_model.inference.matching import grey, reduced, reduction, row_offsets, small_matches

MAJORITY = 0.8  # of the votes
FEWEST_VOTES = 50
SHIFTED = 0.1  # of the votes at d < 0: a shifted image; real pairs that are none have up to 0.045
STACKED = 0.9  # of the votes of images on their side; side by side they split, up to 0.79 to one side
FAR_PERCENTILE = 5  # of the matches' disparities; a few per cent of the matches are false
LARGEST_FACTOR = 3  # from working size to the small images; larger images are reduced first
MISALIGNED_ROWS = 1.0  # median offset that is worth a warning, pixels of the working size
DOUBTFUL_ROWS = 0.5  # median offset from which on larger offsets are tried too
TRIED_ROWS = (-12, -10, -8, -6, -4, -2, 2, 4, 6, 8, 10, 12)  # pixels of the small images


IDENTICAL = (
    "both images are identical, pixel by pixel: the same image was given twice? Give the right camera's "
    "image as the second one"
)


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
    least_px: float | None = None  # disparity that 95 % of the clear matches exceed; None: too few matches
    largest_px: float | None = None  # disparity that 5 % of them exceed
    identical: bool = False  # one image given twice; nothing else was looked at
    first_above: bool | None = None  # whether the first camera stood above the second; None: beside it

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
    def share_negative(self) -> float:
        """Of the clear matches, how many lie at d < 0, where no network looks."""
        return self.votes_swapped / max(1, self.votes_in_order + self.votes_swapped)

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
        if self.identical:
            return (IDENTICAL,)
        if self.first_above is not None:
            return (_stacked_line(self.first_above),)
        lines = []
        if self.order is Order.SWAPPED:
            lines.append(self._swapped_line())
        elif self.votes_in_order + self.votes_swapped < FEWEST_VOTES:
            lines.append(
                "which image is the left one cannot be told (too little texture, or everything far away); "
                "make sure that the left camera's image came first"
            )
        elif self.share_negative > SHIFTED:
            lines.append(self._shifted_line())
        if self.rows_line_up is False:
            lines.append(
                f"the pair is not rectified: matches lie {self.row_offset_px:+.1f} rows apart; "
                "rectify it first"
            )
        return tuple(lines)

    def _swapped_line(self) -> str:
        votes = self.votes_in_order + self.votes_swapped
        return (
            f"the images look exchanged: {self.votes_swapped} of {votes} clear matches lie at negative "
            f"disparity; give the left camera's image first, or if it was, {self._shift()}"
        )

    def _shifted_line(self) -> str:
        return (
            f"{self.share_negative:.0%} of the clear matches lie at negative disparity, where the model does "
            "not look: the images are shifted (principal points that differ), or are no pair; "
            f"{self._shift()}"
        )

    def _shift(self) -> str:
        columns = max(1, -int((self.least_px or 0.0) // 1))
        return (
            f"cut about {columns} columns off the left side of the right image and as many off the right "
            f"side of the left one, and take {columns} px from the calibration's doffs"
        )


def check_pair(
    left_hwc: NDArray[np.uint8],  # RGB
    right_hwc: NDArray[np.uint8],
) -> PairCheck:
    """Match small copies over both signs of disparity. The shapes must be equal.

    Takes about 0.1 s of one core, and seconds where the rows do not seem to line up.
    """
    if np.array_equal(left_hwc, right_hwc) and np.ptp(left_hwc) > 0:  # of even grey two images may be alike
        return PairCheck(
            votes_in_order=0, votes_swapped=0, row_offset_px=None, row_scatter_px=None, identical=True
        )
    unit = max(1, reduction(left_hwc.shape[1]) // LARGEST_FACTOR)
    left_hw, right_hw = (reduced(grey(image), unit) for image in (left_hwc, right_hwc))
    check = _check_rows(left_hw, right_hw, 0, unit)
    if check.order is Order.UNDECIDED or check.rows_doubtful:
        check = replace(check, first_above=_first_above(left_hw, right_hw, check))
    if not check.rows_doubtful or check.first_above is not None:
        return check
    factor = reduction(left_hw.shape[1])
    row = max((factor * row for row in (0, *TRIED_ROWS)), key=lambda row: _count(left_hw, right_hw, row))
    for _ in range(2):  # the first offset comes from matches of rows that are still a little apart
        moved = _check_rows(left_hw, right_hw, row, unit)
        if moved.row_offset_px is None or _votes_of(moved) < _votes_of(check):
            return check
        check, row = moved, round(moved.row_offset_px / unit)
    return check


def require_order(check: PairCheck) -> None:
    """Raise SwappedPairError, in one line with the remedy, if the images are exchanged."""
    if check.order is Order.SWAPPED and check.first_above is None:
        raise SwappedPairError(check.warnings()[0])


def _check_rows(
    left_hw: NDArray[np.float32], right_hw: NDArray[np.float32], row: int, unit: int
) -> PairCheck:
    """Match left row y with right row y + `row` and those near it."""
    right_hw = np.roll(right_hw, -row, axis=0)
    factor = reduction(left_hw.shape[1])
    found = small_matches(left_hw, right_hw, factor)
    offset_n = row_offsets(left_hw, right_hw, found.matches_n3, factor) + row
    offset, scatter = _median(offset_n) if offset_n.size >= FEWEST_VOTES else (None, None)
    return PairCheck(
        votes_in_order=found.in_order,
        votes_swapped=found.swapped,
        row_offset_px=None if offset is None else unit * offset,
        row_scatter_px=None if scatter is None else unit * scatter,
        row_unit_px=unit,
        least_px=_percentile(found.matches_n3[:, 2], FAR_PERCENTILE, unit * factor),
        largest_px=_percentile(found.matches_n3[:, 2], 100 - FAR_PERCENTILE, unit * factor),
    )


def _first_above(
    left_hw: NDArray[np.float32], right_hw: NDArray[np.float32], check: PairCheck
) -> bool | None:
    """Whether the first camera stood above the second one; None where images on their side tell no more."""
    left_hw, right_hw = np.rot90(left_hw), np.rot90(right_hw)  # counter-clockwise: the upper one is left now
    found = small_matches(left_hw, right_hw, reduction(left_hw.shape[1]))
    votes = found.in_order + found.swapped
    enough = max(FEWEST_VOTES, 0 if check.order is Order.UNDECIDED else _votes_of(check))
    if votes < enough or max(found.in_order, found.swapped) < STACKED * votes:
        return None
    return found.in_order > found.swapped


def _stacked_line(first_above: bool) -> str:
    way, turns = ("counter-clockwise", 1) if first_above else ("clockwise", -1)
    return (
        f"the cameras stood one above the other, the first image's {'above' if first_above else 'below'}; "
        f"turn both images by 90 degrees {way} (np.rot90(image, {turns})), keep their order, and turn the "
        f"disparity back (np.rot90(disparity, {-turns}))"
    )


def _percentile(values_n: NDArray[np.int64], percent: float, unit_px: int) -> float | None:
    return float(np.percentile(values_n, percent)) * unit_px if values_n.size >= FEWEST_VOTES else None


def _median(values_n: NDArray[np.float64]) -> tuple[float, float]:
    """The median, and the median distance from it."""
    median = float(np.median(values_n))
    return median, float(np.median(np.abs(values_n - median)))


def _count(left_hw: NDArray[np.float32], right_hw: NDArray[np.float32], row: int) -> int:
    """Votes of any kind when left row y is matched with right row y + `row`."""
    found = small_matches(left_hw, np.roll(right_hw, -row, axis=0), reduction(left_hw.shape[1]))
    return found.in_order + found.swapped


def _votes_of(check: PairCheck) -> int:
    return check.votes_in_order + check.votes_swapped
