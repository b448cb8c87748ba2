"""The metrics of one estimate under every mask asked for, and their means over many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo_model.data.sample import Sample
from stereo_model.evaluation.metrics import (
    Floats,
    Mask,
    MaskPolicy,
    PixelFlags,
    bad_pixels,
    d1,
    epe,
    error_histogram,
    not_finite,
    valid_mask,
)

SHARES = ("bp05", "bp1", "bp2", "bp3", "d1")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionScore:
    """Metrics over the pixels of one mask; None where there are none. Shares are 0..1."""

    n_valid: int
    epe: float | None  # pixels; infinite if an estimate is not finite
    bp05: float | None
    bp1: float | None
    bp2: float | None
    bp3: float | None
    d1: float | None
    not_finite: int  # of the pixels, those without a finite estimate; they count as bad
    histogram: tuple[int, ...]  # pixels per bin of metrics.HISTOGRAM_EDGES


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleScore:
    """Metrics of one sample by mask policy."""

    regions: Mapping[MaskPolicy, RegionScore]


def score_disparity(
    estimate_hw: Floats,
    truth_hw: Floats,  # pixels; not finite where unknown
    *,
    policies: Sequence[MaskPolicy] = (MaskPolicy.ALL,),
    flags: PixelFlags | None = None,
    max_disparity: float | None = None,  # pixels; truth at or above is left out
) -> SampleScore:
    """Measure an estimate under each policy. Raises MetricError where a policy lacks its flags."""
    masks = {policy: valid_mask(policy, truth_hw, flags, max_disparity=max_disparity) for policy in policies}
    return SampleScore(
        regions={policy: region_score(estimate_hw, truth_hw, mask_hw) for policy, mask_hw in masks.items()}
    )


def region_score(estimate_hw: Floats, truth_hw: Floats, mask_hw: Mask) -> RegionScore:
    """All metrics over one mask."""
    arrays = (estimate_hw, truth_hw, mask_hw)
    return RegionScore(
        n_valid=int(mask_hw.sum()),
        epe=epe(*arrays),
        bp05=bad_pixels(*arrays, tau=0.5),
        bp1=bad_pixels(*arrays, tau=1.0),
        bp2=bad_pixels(*arrays, tau=2.0),
        bp3=bad_pixels(*arrays, tau=3.0),
        d1=d1(*arrays),
        not_finite=not_finite(*arrays),
        histogram=error_histogram(*arrays),
    )


def combined(parts: Sequence[RegionScore], weights: Sequence[float] | None = None) -> RegionScore:
    """Mean of the parts that have pixels, all alike or by the parts' weights; counts are sums."""
    weighed = zip(parts, [1.0] * len(parts) if weights is None else weights, strict=True)
    scored = [(part, weight) for part, weight in weighed if part.n_valid]

    def mean(metric: str) -> float | None:
        values = [weight * getattr(part, metric) for part, weight in scored]
        return sum(values) / sum(weight for _, weight in scored) if values else None

    return RegionScore(
        n_valid=sum(part.n_valid for part in parts),
        not_finite=sum(part.not_finite for part in parts),
        histogram=tuple(int(count) for count in np.sum([part.histogram for part in parts], axis=0)),
        **{metric: mean(metric) for metric in ("epe", *SHARES)},
    )


def truth_of(sample: Sample) -> NDArray[np.float32]:
    """The true disparity (H,W) in pixels, NaN where there is none."""
    return np.where(sample["valid"], sample["disparity"], np.float32(np.nan))


def flags_of(sample: Sample) -> PixelFlags:
    """A sample's own knowledge about its pixels; its `occluded` includes what is out of frame."""
    if "occluded" not in sample:
        return PixelFlags()
    occluded_hw = sample["occluded"]
    return PixelFlags(occluded_hw=occluded_hw, out_of_frame_hw=np.zeros_like(occluded_hw))
