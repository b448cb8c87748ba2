"""How far the two views of a pair agree about a disparity: left-right consistency."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stereo_model.inference.tiles import Estimate

CONFIDENCE_SCALE_PX = 1.0  # disagreement of the two views at which confidence has fallen to 1/e


def right_disparity(
    estimate: Estimate, left_hwc: NDArray[np.uint8], right_hwc: NDArray[np.uint8]
) -> NDArray[np.floating]:
    """Disparity (H,W) of the right view: right pixel x is seen at x + d in the left image.

    Mirrored, the right camera is the left one of the pair, and left again is what a model answers for.
    """
    return estimate(right_hwc[:, ::-1], left_hwc[:, ::-1])[:, ::-1]


def confidence_of(
    left_disparity_hw: NDArray[np.floating], right_disparity_hw: NDArray[np.floating]
) -> NDArray[np.float32]:
    """exp(-|d_left(x) - d_right(x - d_left(x))| / 1 px), in 0..1; 0 where the match lies outside: (H,W)."""
    height, width = left_disparity_hw.shape
    matched_hw = np.arange(width) - left_disparity_hw.astype(np.float64)
    inside_hw = np.isfinite(matched_hw) & (matched_hw >= 0) & (matched_hw <= width - 1)
    matched_hw = np.where(inside_hw, matched_hw, 0.0)
    start_hw = np.minimum(matched_hw.astype(np.int64), max(0, width - 2))
    end_hw = np.minimum(start_hw + 1, width - 1)
    share_hw = matched_hw - start_hw
    rows = np.arange(height)[:, None]
    other_hw = (1 - share_hw) * right_disparity_hw[rows, start_hw] + share_hw * right_disparity_hw[
        rows, end_hw
    ]
    known_hw = inside_hw & np.isfinite(other_hw)
    gap_hw = np.abs(np.where(known_hw, left_disparity_hw - other_hw, np.inf))
    return np.exp(-gap_hw / CONFIDENCE_SCALE_PX).astype(np.float32)
