"""What to know before believing the numbers of a data set: signs of a mistake, and what would remove them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stereo_model.data.encodings import KITTI_SCALE
from stereo_model.data.sample import Sample
from stereo_model.evaluation.evaluation import Evaluation
from stereo_model.inference.matching import grey, reduced, reduction, small_matches
from stereo_model.inference.search import enough_range
from stereo_model.inference.swap import LARGEST_FACTOR

HOPELESS_BP2 = 0.9  # of the pixels; a trained model on a fitting data set is far below
FEWEST = 50  # matches with truth that tell a scale
OTHER_SCALE = 1.25  # by which matches and truth must differ
AGREE = 0.15  # by which the ratios of most matches may differ from their median, of it
MOST = 0.6  # of the matches that must agree


def advice(evaluation: Evaluation) -> tuple[str, ...]:
    """One line for each thing about the whole data set that should be put right first."""
    return tuple(line for line in (_range_line(evaluation), _hopeless_line(evaluation)) if line is not None)


def truth_scale_line(sample: Sample, truth_hw: NDArray[np.floating]) -> str | None:
    """A line where clear matches of the images contradict the truth by one factor."""
    ratio = truth_ratio(sample, truth_hw)
    if ratio is None or 1 / OTHER_SCALE < ratio < OTHER_SCALE:
        return None
    return (
        f"the images match at {ratio:.3g} times the disparity of the truth, whose unit or scale is another; "
        f"a disp.png of kind folder would be read with scale={_rounded(KITTI_SCALE / ratio)}"
    )


def truth_ratio(sample: Sample, truth_hw: NDArray[np.floating]) -> float | None:
    """Disparity of clear matches over the truth there: the median, where most agree about it."""
    left_hw, right_hw = (grey(np.moveaxis(sample[eye], 0, -1)) for eye in ("left", "right"))
    unit = max(1, reduction(left_hw.shape[1]) // LARGEST_FACTOR)
    left_hw, right_hw = reduced(left_hw, unit), reduced(right_hw, unit)
    factor = reduction(left_hw.shape[1])
    row_n, column_n, match_n = small_matches(left_hw, right_hw, factor).matches_n3.T
    centre = unit * factor // 2
    true_n = truth_hw[unit * factor * row_n + centre, unit * factor * column_n + centre]
    known_n = np.isfinite(true_n) & (true_n > 0) & (match_n > 0)
    if known_n.sum() < FEWEST:
        return None
    ratio_n = unit * factor * match_n[known_n] / true_n[known_n]
    median = float(np.median(ratio_n))
    return median if (np.abs(ratio_n / median - 1) < AGREE).mean() > MOST else None


def _rounded(scale: float) -> str:
    """A scale as people choose it, a power of two or a round number, where it is near one."""
    usual = [1 << power for power in range(17)] + [10, 100, 1000]
    nearest = min(usual, key=lambda value: abs(value / scale - 1))
    return str(nearest if abs(nearest / scale - 1) < AGREE else round(scale))


def _range_line(evaluation: Evaluation) -> str | None:
    beyond = [scene for scene in evaluation.scenes if scene.beyond_range > 0]
    if not beyond or evaluation.search_range is None:
        return None
    largest = max(scene.truth_max_px or 0.0 for scene in beyond)
    return (
        f"{len(beyond)} of {len(evaluation.scenes)} scenes have truth beyond the search range of "
        f"{evaluation.search_range:g} px, up to {largest:.0f} px; "
        f"{enough_range(largest, hierarchical=evaluation.settings.get('hierarchical') is True)}"
    )


def _hopeless_line(evaluation: Evaluation) -> str | None:
    share = evaluation.pooled(evaluation.policies[0]).bp2
    if share is None or share < HOPELESS_BP2:
        return None
    return (
        f"BP-2 of {share:.0%} is more likely a mistake than a result: is the truth in pixels of the left "
        "image (scale, unit, side), is the left image first, does the search range suffice, is the model "
        "trained?"
    )
