"""Training loss (FoundationStereo 3.4): smooth L1 on the initial disparity, weighted L1 on every iteration.

    loss = smoothL1(d_0, gt/4 at 1/4) + sum_k gamma^(K-k) |d_k - gt|_1,   k = 1 .. K

Means are over pixels with known ground truth below the model's largest disparity. The initial term is taken
at a quarter of the resolution, as the authors say; their truth there is unpublished, ours is every fourth
pixel of every fourth row divided by four, so that no disparity is averaged across an edge.

`adjusted` weights make gamma^(15/(K-1)) of gamma, as RAFT-Stereo (arXiv 2109.07547) and IGEV do: the first of
any number of iterations then weighs what it would among 16.

A mean over a batch that is computed in pieces needs the number of known pixels of the whole batch:
`known_pixels` counts them, and `stereo_loss(..., known=...)` divides by them, so that the pieces add up.

Two departures from the paper suit short trainings: `bins` in place of the smooth L1 is the cross entropy of
the distribution over the bins, which learns much faster than its mean; a `saturation` bounds the loss of a
pixel in the iterations, so that those that cannot be matched do not steer the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from stereo_model.network.config import VOLUME_STRIDE
from stereo_model.network.model import StereoOutput

GAMMA = 0.9
ADJUSTED_FOR = 16  # iterations
BIN_L1_WEIGHT = 4.0  # of the error in bins beside the cross entropy
CELL_CENTRE = VOLUME_STRIDE // 2  # pixel that stands for its 4x4 cell in the cross entropy

IterationWeights = Literal["plain", "adjusted"]
InitialLoss = Literal["smooth_l1", "bins"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPixels:
    """How many pixels a mean is over."""

    full: Tensor  # scalar, of the whole resolution
    quarter: Tensor  # scalar, of every fourth pixel of every fourth row
    cells: Tensor  # scalar, of the pixels in the middle of the 4x4 cells


@dataclass(frozen=True, slots=True, kw_only=True)
class LossTerms:
    """The parts of one batch's loss; `total` carries the gradient."""

    total: Tensor  # scalar
    initial: Tensor  # smooth L1 in quarter-resolution pixels, or the loss of `bins`
    iterations: tuple[Tensor, ...]  # mean absolute error of each iteration, pixels, unweighted


def stereo_loss(
    output: StereoOutput,
    disparity_bhw: Tensor,  # pixels; anything where not valid
    valid_bhw: Tensor,  # bool
    *,
    max_disparity: float,  # pixels
    gamma: float = GAMMA,
    weights: IterationWeights = "plain",
    initial_loss: InitialLoss = "smooth_l1",
    saturation: float | None = None,  # pixels
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
    if initial_loss == "bins":
        initial = _bin_loss(output, truth, mask, known.cells)
    else:
        initial = _initial_loss(output.initial_disparity.float(), truth, mask, known.quarter)
    maps = [(estimate.float() - truth).abs() for estimate in output.disparities]
    errors = tuple(_masked_sum(error, mask) / known.full.clamp(min=1) for error in maps)
    felt = errors
    if saturation is not None:
        felt = tuple(
            _masked_sum(saturated(error, saturation), mask) / known.full.clamp(min=1) for error in maps
        )
    factors = iteration_weights(len(felt), gamma, weights)
    weighted = sum(factor * error for factor, error in zip(factors, felt, strict=True))
    return LossTerms(
        total=initial + weighted, initial=initial.detach(), iterations=tuple(e.detach() for e in errors)
    )


def known_pixels(disparity_bhw: Tensor, valid_bhw: Tensor, *, max_disparity: float) -> KnownPixels:
    """Count the pixels that the loss of a batch is a mean over."""
    return _count(_known_mask(disparity_bhw, valid_bhw, max_disparity))


def saturated(error: Tensor, bound: float) -> Tensor:
    """L1 for errors well below `bound`, which it never reaches: error / (1 + error / bound)."""
    return error / (1 + error / bound)


def iteration_weights(count: int, gamma: float, weights: IterationWeights = "plain") -> list[float]:
    """Weight of each of `count` iterations; the last one weighs 1."""
    if weights == "adjusted" and count > 1:
        gamma = gamma ** ((ADJUSTED_FOR - 1) / (count - 1))
    return [gamma ** (count - 1 - k) for k in range(count)]


def _known_mask(disparity_bhw: Tensor, valid_bhw: Tensor, max_disparity: float) -> Tensor:
    return valid_bhw & torch.isfinite(disparity_bhw) & (disparity_bhw < max_disparity)


def _count(mask: Tensor) -> KnownPixels:
    return KnownPixels(full=mask.sum(), quarter=_every_fourth(mask).sum(), cells=_cell_centres(mask).sum())


def _every_fourth(maps: Tensor) -> Tensor:
    return maps[..., ::VOLUME_STRIDE, ::VOLUME_STRIDE]


def _cell_centres(maps: Tensor) -> Tensor:
    return _every_fourth(maps[..., CELL_CENTRE:, CELL_CENTRE:])


def _masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, 0.0).sum()


def _initial_loss(initial_b1hw: Tensor, truth_b1HW: Tensor, mask_b1HW: Tensor, known: Tensor) -> Tensor:
    coarse = _every_fourth(truth_b1HW) / VOLUME_STRIDE
    errors = F.smooth_l1_loss(initial_b1hw, coarse, reduction="none")
    return _masked_sum(errors, _every_fourth(mask_b1HW)) / known.clamp(min=1)


def _bin_loss(output: StereoOutput, truth_b1HW: Tensor, mask_b1HW: Tensor, known: Tensor) -> Tensor:
    """Cross entropy of the bins against the truth shared out between its two nearest bins, for the right bin,
    and a saturated L1 of the disparity, for the right place within it.
    """
    if output.logits is None:
        raise ValueError("the loss `bins` needs the network's own initial disparity; it was given another")
    log_share = output.logits.float().log_softmax(1)
    last = log_share.shape[1] - 1
    truth = (_cell_centres(truth_b1HW) / VOLUME_STRIDE).clamp(max=last)
    lower = truth.long()
    share = truth - lower
    entropy = -(1 - share) * log_share.gather(1, lower)
    entropy = entropy - share * log_share.gather(1, (lower + 1).clamp(max=last))
    error = saturated((output.initial_disparity.float() - truth).abs(), bound=1.0)
    return _masked_sum(entropy + BIN_L1_WEIGHT * error, _cell_centres(mask_b1HW)) / known.clamp(min=1)
