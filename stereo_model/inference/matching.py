"""Clear matches of two grey pictures, over disparities of both signs and over a few rows.

Windows of small copies are correlated, and a match counts where it is clearly better than all others. The
rows of some of these matches are then refined in the full pictures. No network takes part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo_model.data.augment.photometric import LUMA

SMALL_WIDTH = 240  # pixels; pictures are reduced by whole factors to about this width
REACH = 0.25  # of the small width; the largest disparity looked for, to both sides
WINDOW = 7  # pixels of the small pictures
DEAD_ZONE = 1  # pixels of the small pictures; matches this near to zero favour no side
CLEAR_SCORE = 0.8  # normalised correlation that counts as a match
CLEAR_MARGIN = 0.05  # by which one side must beat the other
TEXTURE_VARIANCE = 9.0  # squared grey levels; flatter windows do not vote

FOLLOWED = 400  # matches that are looked up in the full pictures
PATCH = 11  # pixels of the full pictures
ROWS = 6  # up and down, pixels of the full pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallMatches:
    """Clear matches of two small pictures, over disparities of both signs."""

    in_order: int  # of them, those at a positive disparity
    swapped: int  # at a negative one
    matches_n3: NDArray[np.int64]  # row, column and disparity in the small images


def small_matches(left_hw: NDArray[np.float32], right_hw: NDArray[np.float32], factor: int) -> SmallMatches:
    """Match the pictures made smaller by `factor`; none where they are then too small to be matched."""
    small_left_hw, small_right_hw = reduced(left_hw, factor), reduced(right_hw, factor)
    reach = int(REACH * small_left_hw.shape[1])
    if reach <= DEAD_ZONE + 1 or min(small_left_hw.shape) < WINDOW:
        return SmallMatches(in_order=0, swapped=0, matches_n3=np.empty((0, 3), np.int64))
    scores_dhw, textured_hw = _match_scores(small_left_hw, small_right_hw, reach)
    in_order_hw, swapped_hw = _votes(scores_dhw, textured_hw, reach)
    rows, columns = np.nonzero(in_order_hw | swapped_hw)
    disparity_n = scores_dhw[:, rows, columns].argmax(axis=0) - reach
    return SmallMatches(
        in_order=int(in_order_hw.sum()),
        swapped=int(swapped_hw.sum()),
        matches_n3=np.stack([rows, columns + reach, disparity_n], axis=1),
    )


def reduction(width: int) -> int:
    """By which whole factor pictures of this width are made small."""
    return max(1, round(width / SMALL_WIDTH))


def grey(image_hwc: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luma (H,W), 0..255."""
    return np.asarray(image_hwc.astype(np.float32) @ LUMA, np.float32)


def reduced(grey_hw: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Mean over blocks of factor x factor; what does not fill a block is cut off."""
    height, width = (side // factor * factor for side in grey_hw.shape)
    blocks = grey_hw[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def window_mean(values_hw: NDArray[np.float32], size: int = WINDOW) -> NDArray[np.float32]:
    """Mean over `size` x `size` pixels (odd) around each; beyond the border its pixels are repeated."""
    return _running_mean(_running_mean(values_hw, size).T, size).T


def _running_mean(values_hw: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Along the rows' axis, by differences of running sums in float64."""
    padded_hw = np.pad(values_hw.astype(np.float64), ((size // 2 + 1, size // 2), (0, 0)), mode="edge")
    sums_hw = padded_hw.cumsum(axis=0)
    return np.asarray((sums_hw[size:] - sums_hw[:-size]) / size, np.float32)


def _match_scores(
    left_hw: NDArray[np.float32], right_hw: NDArray[np.float32], reach: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Normalised correlation of windows (2*reach+1, H, W-2*reach), first disparity -reach; and where to look.

    Only columns for which every candidate lies inside the right image: no sign is at a disadvantage.
    """
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


def row_offsets(
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


def _patches(
    image_hw: NDArray[np.float32], y_n: NDArray[np.int64], x_n: NDArray[np.int64]
) -> NDArray[np.float32]:
    """PATCH x PATCH pixels around each point, with mean 0 and variance 1: (N, P, P)."""
    offsets = np.arange(PATCH) - PATCH // 2
    values = image_hw[y_n[:, None, None] + offsets[:, None], x_n[:, None, None] + offsets[None, :]]
    values = values - values.mean(axis=(1, 2), keepdims=True)
    return np.asarray(values / np.maximum(values.std(axis=(1, 2), keepdims=True), 1.0), np.float32)


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
    return np.asarray(inner_n + np.clip(shift, -1, 1) - ROWS, np.float64)
