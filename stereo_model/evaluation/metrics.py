"""Error of a disparity map, by the definitions of the public benchmarks, in plain numpy.

Every number is over an explicit mask (`valid_mask`), whose policy is printed with it. A metric over no
pixel is None, never 0 and never NaN: a sample that cannot be scored is not a perfect one. An estimate that
is not finite is an infinite error, so it counts as bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]
Mask: TypeAlias = NDArray[np.bool_]

HISTOGRAM_EDGES = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 8.0, 16.0, 32.0)  # pixels; the last bin is open
D1_PIXELS = 3.0
D1_SHARE = 0.05


class MaskPolicy(Enum):
    """Which pixels with known ground truth are counted."""

    ALL = "all"
    NON_OCCLUDED = "non_occluded"  # seen by both cameras: neither occluded nor outside the right image
    OCCLUDED = "occluded"  # the rest of ALL
    OPAQUE = "opaque"  # NON_OCCLUDED, without transparent or mirror-like surfaces


class MetricError(ValueError):
    """Arrays do not fit together, or a mask policy lacks the flags it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFlags:
    """Per-pixel facts about the left view, each (H,W) bool; None where a data set does not know."""

    occluded_hw: Mask | None = None  # hidden from the right camera by something nearer
    out_of_frame_hw: Mask | None = None  # outside the right image
    non_lambertian_hw: Mask | None = None  # transparent or mirror-like


def valid_mask(
    policy: MaskPolicy,
    truth_hw: Floats,  # pixels; not finite or negative where unknown
    flags: PixelFlags | None = None,
    *,
    max_disparity: float | None = None,  # pixels; truth at or above is left out
) -> Mask:
    """Pixels that count under `policy`: (H,W) bool. Raises MetricError if a needed flag is not known."""
    known: Mask = np.isfinite(truth_hw) & (truth_hw >= 0)
    if max_disparity is not None:
        known &= truth_hw < max_disparity
    if policy is MaskPolicy.ALL:
        return known
    flags = flags or PixelFlags()
    hidden = _needed(flags, "occluded_hw", policy, truth_hw) | _needed(
        flags, "out_of_frame_hw", policy, truth_hw
    )
    if policy is MaskPolicy.OCCLUDED:
        return known & hidden
    if policy is MaskPolicy.OPAQUE:
        hidden = hidden | _needed(flags, "non_lambertian_hw", policy, truth_hw)
    return known & ~hidden


def absolute_error(estimate_hw: Floats, truth_hw: Floats, mask_hw: Mask) -> NDArray[np.float64]:
    """|estimate - truth| of the masked pixels, flat, float64; infinite where the estimate is not finite."""
    if not estimate_hw.shape == truth_hw.shape == mask_hw.shape:
        raise MetricError(
            f"estimate {estimate_hw.shape}, truth {truth_hw.shape} and mask {mask_hw.shape} "
            "must have one shape"
        )
    mask = mask_hw.astype(bool)
    truth = truth_hw[mask].astype(np.float64)
    if not np.isfinite(truth).all():
        raise MetricError(
            "the mask includes pixels whose ground truth is not finite; build it with valid_mask"
        )
    estimate = estimate_hw[mask].astype(np.float64)
    error: NDArray[np.float64] = np.abs(np.where(np.isfinite(estimate), estimate, np.inf) - truth)
    return error


def not_finite(estimate_hw: Floats, truth_hw: Floats, mask_hw: Mask) -> int:
    """How many masked pixels have no finite estimate."""
    return int(np.isinf(absolute_error(estimate_hw, truth_hw, mask_hw)).sum())


def epe(estimate_hw: Floats, truth_hw: Floats, mask_hw: Mask) -> float | None:
    """End-point error: mean absolute error in pixels; None if nothing is masked."""
    error = absolute_error(estimate_hw, truth_hw, mask_hw)
    return float(error.mean()) if error.size else None


def bad_pixels(
    estimate_hw: Floats,
    truth_hw: Floats,
    mask_hw: Mask,
    *,
    tau: float = 2.0,
) -> float | None:
    """BP-tau: share of masked pixels off by more than `tau` pixels, 0..1; None if nothing is masked."""
    error = absolute_error(estimate_hw, truth_hw, mask_hw)
    return float((error > tau).mean()) if error.size else None


def d1(estimate_hw: Floats, truth_hw: Floats, mask_hw: Mask) -> float | None:
    """KITTI outliers: share off by more than 3 px and by more than 5 %, 0..1; None if nothing is masked."""
    error = absolute_error(estimate_hw, truth_hw, mask_hw)
    if not error.size:
        return None
    truth = truth_hw[mask_hw.astype(bool)].astype(np.float64)
    return float(((error > D1_PIXELS) & (error > D1_SHARE * truth)).mean())


def error_histogram(
    estimate_hw: Floats,
    truth_hw: Floats,
    mask_hw: Mask,
    *,
    edges: Sequence[float] = HISTOGRAM_EDGES,  # pixels, rising from 0
) -> tuple[int, ...]:
    """Masked pixels per error bin [edge_i, edge_i+1); the last bin holds everything from the last edge on."""
    error = absolute_error(estimate_hw, truth_hw, mask_hw)
    bins = np.searchsorted(np.asarray(edges, np.float64), error, side="right") - 1
    return tuple(int(count) for count in np.bincount(bins, minlength=len(edges)))


def _needed(flags: PixelFlags, name: str, policy: MaskPolicy, truth_hw: Floats) -> Mask:
    flag: Mask | None = getattr(flags, name)
    if flag is None:
        raise MetricError(f"mask policy {policy.value!r} needs {name}, which this sample does not have")
    if flag.shape != truth_hw.shape:
        raise MetricError(f"{name} is {flag.shape}, the ground truth is {truth_hw.shape}")
    return flag.astype(bool)
