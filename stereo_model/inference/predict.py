"""From two images in memory to a disparity: any size, in tiles if need be, with a confidence on demand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stereo_model.fast.accelerate import accelerate
from stereo_model.inference.confidence import confidence_of, right_disparity
from stereo_model.inference.images import checked_pair
from stereo_model.inference.options import InferOptions
from stereo_model.inference.search import enough_range, search_range
from stereo_model.inference.swap import FAR_PERCENTILE, PairCheck, check_pair, require_order
from stereo_model.inference.tiles import Estimate, Tiling, estimate_in_tiles
from stereo_model.network.model import FoundationStereo


class PredictionError(ValueError):
    """The model answered with numbers that are no disparities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the model says about a pair."""

    disparity_hw: NDArray[np.float32]  # pixels, left view
    confidence_hw: NDArray[np.float32] | None  # 0..1; None where the right view was not asked for
    seconds: float  # wall time of the network, reading and writing excluded
    warnings: tuple[str, ...]  # one line each


def predict(
    model: FoundationStereo,
    left_hwc: NDArray[Any],  # RGB, uint8 or floats of 0..255
    right_hwc: NDArray[Any],
    options: InferOptions = InferOptions(),  # noqa: B008 (frozen)
) -> Prediction:
    """Disparity of a rectified pair of any size, and on demand how far both views agree about it.

    Raises:
        PairError: unequal sizes, or values that are no pixels.
        SwappedPairError: the images look exchanged, and `allow_swapped` is not set.
        PredictionError: the model gave no finite number at all.
    """
    left_hwc, right_hwc = checked_pair(left_hwc, right_hwc)
    check = check_pair(left_hwc, right_hwc)
    if not options.allow_swapped:
        require_order(check)
    estimate = estimator_of(model, options)
    started = time.perf_counter()
    disparity_hw = estimate(left_hwc, right_hwc)
    confidence_hw = None
    if options.consistency:
        confidence_hw = confidence_of(disparity_hw, right_disparity(estimate, left_hwc, right_hwc))
    seconds = time.perf_counter() - started
    if not np.isfinite(disparity_hw).any():
        raise PredictionError("the model gave no finite disparity at all; its weights may be damaged")
    return Prediction(
        disparity_hw=disparity_hw,
        confidence_hw=confidence_hw,
        seconds=seconds,
        warnings=(*check.warnings(), *_beyond(check, model.config.max_disparity, options.hierarchical)),
    )


def _beyond(check: PairCheck, max_disparity: int, hierarchical: bool) -> tuple[str, ...]:
    """A line where a good part of the clear matches lies further than the model looks."""
    reach = search_range(max_disparity, hierarchical=hierarchical)
    if check.first_above is not None or check.largest_px is None or check.largest_px < reach:
        return ()
    return (
        f"more than {FAR_PERCENTILE} % of the clear matches lie at {check.largest_px:.0f} px or beyond, the "
        f"model looks up to {reach} px; {enough_range(check.largest_px, hierarchical=hierarchical)}",
    )


def estimator_of(model: FoundationStereo, options: InferOptions) -> Estimate:
    """The model as a function of two images, in tiles where the options say so."""

    def whole(left_hwc: NDArray[np.uint8], right_hwc: NDArray[np.uint8]) -> NDArray[np.float32]:
        left_chw, right_chw = (np.moveaxis(image, -1, 0) for image in (left_hwc, right_hwc))
        return predict_disparity(
            model, left_chw, right_chw, iterations=options.iterations, hierarchical=options.hierarchical
        )

    if options.tile_hw is None:
        return whole
    height, width = options.tile_hw
    tiling = Tiling(height=height, width=width, overlap=options.overlap, reach=model.config.max_disparity)
    return lambda left_hwc, right_hwc: estimate_in_tiles(whole, left_hwc, right_hwc, tiling)


def predict_disparity(
    model: FoundationStereo,
    left_chw: NDArray[np.uint8],  # (3,H,W)
    right_chw: NDArray[np.uint8],
    *,
    iterations: int | None = None,
    hierarchical: bool = False,
) -> NDArray[np.float32]:
    """Disparity (H,W) float32 in pixels of one pair, on the model's device, by its accelerated copy."""
    pair = (left_chw[None], right_chw[None])
    found: NDArray[np.float32] = predict_disparities(
        model, *pair, iterations=iterations, hierarchical=hierarchical
    )[0]
    return found


def predict_disparities(
    model: FoundationStereo,
    left_bchw: NDArray[np.uint8],  # (B,3,H,W)
    right_bchw: NDArray[np.uint8],
    *,
    iterations: int | None = None,
    hierarchical: bool = False,
) -> NDArray[np.float32]:
    """Disparities (B,H,W) of a batch of pairs of one size, as `predict_disparity` gives them."""
    device = next(model.parameters()).device
    left, right = (torch.from_numpy(np.array(images)).to(device) for images in (left_bchw, right_bchw))
    fast = accelerate(model)
    disparity_b1hw = fast.predict(left, right, iterations=iterations, hierarchical=hierarchical)
    disparity_bhw: NDArray[np.float32] = disparity_b1hw[:, 0].float().cpu().numpy()
    return disparity_bhw
