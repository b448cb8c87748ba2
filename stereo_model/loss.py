"""Training loss (FoundationStereo 3.4): smooth L1 on the initial disparity, weighted L1 on every iteration.

    loss = smoothL1(d_0, gt/4 at 1/4) + sum_k gamma^(K-k) |d_k - gt|_1,   k = 1 .. K

Means are over pixels with known ground truth below the model's largest disparity. The initial term is taken
at a quarter of the resolution, as the authors say; their truth there is unpublished, ours is every fourth
pixel of every fourth row divided by four, so that no disparity is averaged across an edge.

`adjusted` weights make gamma^(15/(K-1)) of gamma, as RAFT-Stereo (arXiv 2109.07547) and IGEV do: the first of
any number of iterations then weighs what it would among 16.

A mean over a batch that is computed in pieces needs the number of known pixels of the whole batch:
`known_pixels` counts them, and `stereo_loss(..., known=...)` divides by them, so that the pieces add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from stereo_model.config import VOLUME_STRIDE
from stereo_model.model import StereoOutput

GAMMA = 0.9
ADJUSTED_FOR = 16  # iterations

IterationWeights = Literal["plain", "adjusted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPixels:
    """How many pixels a mean is over."""

    full: Tensor  # scalar, of the whole resolution
    quarter: Tensor  # scalar, of every fourth pixel of every fourth row


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
    weights: IterationWeights = "plain",
    known: KnownPixels | None = None,
) -> LossTerms:
    """Loss of a batch, or of a piece of it when `known` counts the whole.

    A batch without a valid pixel has loss 0 and moves nothing. Whatever the precision of the network, the
    loss is float32.
    """
    mask = _known_mask(disparity_bhw, valid_bhw, max_disparity)
    truth = torch.where(mask, disparity_bhw, 0.0).unsqueeze(1)
    mask = mask.unsqueeze(1)
    known = known or _count(mask)
    initial = _initial_loss(output.initial_disparity.float(), truth, mask, known.quarter)
    errors = tuple(
        _masked_sum((estimate.float() - truth).abs(), mask) / known.full.clamp(min=1)
        for estimate in output.disparities
    )
    factors = iteration_weights(len(errors), gamma, weights)
    weighted = sum(factor * error for factor, error in zip(factors, errors, strict=True))
    return LossTerms(
        total=initial + weighted, initial=initial.detach(), iterations=tuple(e.detach() for e in errors)
    )


def known_pixels(disparity_bhw: Tensor, valid_bhw: Tensor, *, max_disparity: float) -> KnownPixels:
    """Count the pixels that the loss of a batch is a mean over."""
    return _count(_known_mask(disparity_bhw, valid_bhw, max_disparity))


def iteration_weights(count: int, gamma: float, weights: IterationWeights = "plain") -> list[float]:
    """Weight of each of `count` iterations; the last one weighs 1."""
    if weights == "adjusted" and count > 1:
        gamma = gamma ** ((ADJUSTED_FOR - 1) / (count - 1))
    return [gamma ** (count - 1 - k) for k in range(count)]


def _known_mask(disparity_bhw: Tensor, valid_bhw: Tensor, max_disparity: float) -> Tensor:
    return valid_bhw & torch.isfinite(disparity_bhw) & (disparity_bhw < max_disparity)


def _count(mask: Tensor) -> KnownPixels:
    return KnownPixels(full=mask.sum(), quarter=_every_fourth(mask).sum())


def _every_fourth(maps: Tensor) -> Tensor:
    return maps[..., ::VOLUME_STRIDE, ::VOLUME_STRIDE]


def _masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, 0.0).sum()


def _initial_loss(initial_b1hw: Tensor, truth_b1HW: Tensor, mask_b1HW: Tensor, known: Tensor) -> Tensor:
    coarse = _every_fourth(truth_b1HW) / VOLUME_STRIDE
    errors = F.smooth_l1_loss(initial_b1hw, coarse, reduction="none")
    return _masked_sum(errors, _every_fourth(mask_b1HW)) / known.clamp(min=1)
