"""Training loss (paper 3.4): smooth L1 on the initial disparity, weighted L1 on every iteration.

    loss = smoothL1(d_0, gt/4 at 1/4) + sum_k gamma^(K-k) |d_k - gt|_1,   k = 1 .. K

Means are over pixels with known ground truth below the model's largest disparity. The ground truth at 1/4
is every fourth pixel of every fourth row, so that no disparity is averaged across an edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from stereo_model.config import VOLUME_STRIDE
from stereo_model.model import StereoOutput

GAMMA = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class LossTerms:
    """The parts of one batch's loss; `total` carries the gradient."""

    total: Tensor  # scalar
    initial: Tensor  # smooth L1 of the initial disparity, quarter-resolution pixels
    iterations: tuple[Tensor, ...]  # mean absolute error of each iteration, pixels, unweighted


def stereo_loss(
    output: StereoOutput,
    disparity_bhw: Tensor,  # pixels; anything where not valid
    valid_bhw: Tensor,  # bool
    *,
    max_disparity: float,  # pixels
    gamma: float = GAMMA,
) -> LossTerms:
    """Loss of a batch. A batch without a valid pixel has loss 0 and moves nothing."""
    mask = valid_bhw & torch.isfinite(disparity_bhw) & (disparity_bhw < max_disparity)
    truth = torch.where(mask, disparity_bhw, 0.0).unsqueeze(1)
    mask = mask.unsqueeze(1)
    initial = _initial_loss(output.initial_disparity, truth, mask)
    errors = tuple(masked_mean((estimate - truth).abs(), mask) for estimate in output.disparities)
    last = len(errors) - 1
    weighted = sum(gamma ** (last - k) * error for k, error in enumerate(errors))
    return LossTerms(
        total=initial + weighted, initial=initial.detach(), iterations=tuple(e.detach() for e in errors)
    )


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values` where `mask`; 0 if nowhere."""
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp(min=1)


def _initial_loss(initial_b1hw: Tensor, truth_b1HW: Tensor, mask_b1HW: Tensor) -> Tensor:
    coarse = truth_b1HW[..., ::VOLUME_STRIDE, ::VOLUME_STRIDE] / VOLUME_STRIDE
    known = mask_b1HW[..., ::VOLUME_STRIDE, ::VOLUME_STRIDE]
    return masked_mean(F.smooth_l1_loss(initial_b1hw, coarse, reduction="none"), known)
