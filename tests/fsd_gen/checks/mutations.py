"""Mistakes that make images and truth of a sound pair disagree, one function each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from fsd_gen.shards.sample import StereoSample
from tests.fsd_gen.checks.changed import with_truth

Mutation = Callable[[StereoSample], StereoSample]


def swapped(sample: StereoSample) -> StereoSample:
    """The right eye's image for the left one's and the reverse."""
    return dataclasses.replace(sample, left_hwc=sample.right_hwc, right_hwc=sample.left_hwc)


def moved(sample: StereoSample, px: int = 6) -> StereoSample:
    """The nearest thing further left in the right image than it stands: it moved between the exposures."""
    near_hw = (sample.disparity_right_hw > 0.9 * sample.disparity_right_hw.max()) & (
        sample.flags_right_hw < 4
    )
    right_hwc = sample.right_hwc.copy()
    rows, columns = np.nonzero(near_hw)
    right_hwc[rows, np.maximum(columns - px, 0)] = sample.right_hwc[rows, columns]
    return dataclasses.replace(sample, right_hwc=right_hwc)


def rows_shifted(sample: StereoSample, rows: int) -> StereoSample:
    """The right camera higher than the left one."""
    return dataclasses.replace(sample, right_hwc=np.roll(sample.right_hwc, rows, axis=0))


def stale(sample: StereoSample, before: StereoSample) -> StereoSample:
    """The right image of the scene before."""
    return dataclasses.replace(sample, right_hwc=before.right_hwc)


def shifted(px: float) -> Mutation:
    """A truth that is too large everywhere."""
    return lambda sample: with_truth(sample, lambda d: np.where(d > 0, np.maximum(d + px, 0), 0))


def scaled(factor: float) -> Mutation:
    """A truth of another baseline than the images."""
    return lambda sample: with_truth(sample, lambda d: d * factor)


MUTATIONS: dict[str, Mutation] = {
    **{f"truth {px:+g} px": shifted(px) for px in (-2, -1, -0.5, 0.5, 1, 2)},
    **{f"{rows:+d} rows": lambda sample, rows=rows: rows_shifted(sample, rows) for rows in (-2, -1, 1, 2)},
    "eyes swapped": swapped,
    "a thing moved": moved,
    "baseline 2 % too long": scaled(1.02),
    "baseline 2 % too short": scaled(0.98),
}
