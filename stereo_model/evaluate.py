"""Score a model on single samples: every metric, for every mask policy asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from stereo_model.metrics import MaskPolicy, PixelFlags, bad_pixels, d1, epe, error_histogram, valid_mask
from stereo_model.model import FoundationStereo
from stereo_model.sample import checked_sample


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionScore:
    """Metrics over the pixels of one mask; None where there are none. Shares are 0..1."""

    n_valid: int
    epe: float | None  # pixels
    bp1: float | None
    bp2: float | None
    bp3: float | None
    d1: float | None
    histogram: tuple[int, ...]  # pixels per bin of metrics.HISTOGRAM_EDGES


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleScore:
    """Metrics of one sample by mask policy."""

    regions: Mapping[MaskPolicy, RegionScore]


def score(
    model: FoundationStereo,
    sample: Mapping[str, np.ndarray],
    *,
    policies: Sequence[MaskPolicy] = (MaskPolicy.ALL,),
    flags: PixelFlags | None = None,
    iterations: int | None = None,
) -> SampleScore:
    """Predict a sample's disparity and measure it. Any size; keys as in `stereo_model.sample`."""
    checked = checked_sample(sample, source="sample")
    estimate = predict_disparity(model, checked["left"], checked["right"], iterations=iterations)
    truth = np.where(checked["valid"], checked["disparity"], np.nan)
    return score_disparity(estimate, truth, policies=policies, flags=flags)


def predict_disparity(
    model: FoundationStereo,
    left_chw: np.ndarray,  # (3,H,W) uint8
    right_chw: np.ndarray,
    *,
    iterations: int | None = None,
) -> np.ndarray:
    """Disparity (H,W) float32 in pixels of one pair, on the model's device."""
    device = model.pixel_mean.device
    left, right = (
        torch.from_numpy(np.array(image)).unsqueeze(0).to(device) for image in (left_chw, right_chw)
    )
    return model.predict(left, right, iterations=iterations)[0, 0].float().cpu().numpy()


def score_disparity(
    estimate_hw: np.ndarray,
    truth_hw: np.ndarray,  # pixels; not finite where unknown
    *,
    policies: Sequence[MaskPolicy] = (MaskPolicy.ALL,),
    flags: PixelFlags | None = None,
) -> SampleScore:
    """Measure an estimate under each policy. Raises MetricError where a policy lacks its flags."""
    return SampleScore(
        regions={
            policy: region_score(estimate_hw, truth_hw, valid_mask(policy, truth_hw, flags))
            for policy in policies
        }
    )


def region_score(estimate_hw: np.ndarray, truth_hw: np.ndarray, mask_hw: np.ndarray) -> RegionScore:
    """All metrics over one mask."""
    arrays = (estimate_hw, truth_hw, mask_hw)
    return RegionScore(
        n_valid=int(mask_hw.sum()),
        epe=epe(*arrays),
        bp1=bad_pixels(*arrays, tau=1.0),
        bp2=bad_pixels(*arrays, tau=2.0),
        bp3=bad_pixels(*arrays, tau=3.0),
        d1=d1(*arrays),
        histogram=error_histogram(*arrays),
    )
