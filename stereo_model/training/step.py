"""The gradient of one batch's loss: in passes that fit into memory, on all workers of a team, exactly once.

Losses of the passes are divided by the number of known pixels of the whole batch, so that gradients add up to
the one of the batch at once; batch norms' running statistics move by the mean of what the passes moved them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stereo_model.data.batches import Batch
from stereo_model.data.streams import seed_of
from stereo_model.network.model import FoundationStereo
from stereo_model.training.config import Device, TrainConfig
from stereo_model.training.loss import KnownPixels, LossTerms, known_pixels, stereo_loss
from stereo_model.training.team import RunningStatistics, Team

MEASURES = ("loss", "initial_loss", "epe")  # of a pass, summed over the passes of a step


class Shown(TypedDict):
    """One pair of a batch and the estimate for it, as `training.log.strip` takes them."""

    left_chw: NDArray[np.uint8]
    truth_hw: NDArray[np.float32]
    valid_hw: NDArray[np.bool_]
    estimate_hw: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What a batch's forward and backward passes gave, apart from the gradient."""

    measures: dict[str, float]  # MEASURES over the whole batch; no epe where nothing was refined
    stop: bool  # whether any worker was asked to stop
    shown: Shown | None


class BatchGradient:
    """Computes gradients of whole batches; wraps the model for the team, and compiles it if asked to."""

    def __init__(
        self, model: FoundationStereo, config: TrainConfig, team: Team, *, pass_size: int, device: Device
    ) -> None:
        self._model, self._config, self._team = model, config, team
        self._pass_size, self._device = pass_size, device
        self._network = team.shared(model, config)
        if config.compile:
            compile_parts(model)
        self._statistics = RunningStatistics(model)

    def compute(self, batch: Batch, step: int, *, asked: Callable[[], bool], draw: bool) -> BatchResult:
        """Add the gradient of the batch's loss to the weights', which are zero, on every worker.

        `batch` holds this worker's samples. `asked` tells whether this worker was asked to stop, `draw` wants
        the first pair shown.
        """
        self._model.train()
        self._statistics.begin()
        known = self._known(batch)
        sums = torch.zeros(len(MEASURES), dtype=torch.float64, device=self._device)
        shown = None
        pieces = list(batch.pieces(self._pass_size))
        for number, piece in enumerate(pieces, start=1):
            with self._team.apart(self._network, last=number == len(pieces)):
                terms, estimate_b1hw = self._loss(piece, known, step)
                self._statistics.collect()
                torch.autograd.backward(terms.total * self._team.size)  # averaged over the workers
            self._statistics.restore()
            epe = terms.iterations[-1] if terms.iterations else torch.zeros_like(terms.initial)
            sums += torch.stack([terms.total.detach(), terms.initial, epe]).double()
            if draw and shown is None and estimate_b1hw is not None:
                shown = _first_pair(piece, estimate_b1hw)
        *measures, stop = self._team.summed(torch.cat([sums, sums.new_tensor([float(asked())])])).tolist()
        kept = MEASURES if self._config.passes else MEASURES[:-1]
        return BatchResult(measures=dict(zip(kept, measures, strict=False)), stop=stop > 0, shown=shown)

    def finish(self) -> None:
        """After the optimiser's step: let the running statistics move."""
        self._statistics.finish(self._team)

    def _loss(self, piece: Batch, known: KnownPixels, step: int) -> tuple[LossTerms, Tensor | None]:
        """The loss of a pass, and its last estimate (B,1,H,W) where something was refined."""
        config = self._config
        images = (piece.left_bchw.to(self._device).float(), piece.right_bchw.to(self._device).float())
        devices = [torch.cuda.current_device()] if self._device == "cuda" else []
        half = torch.autocast(self._device, torch.bfloat16, enabled=config.precision == "bf16")
        with torch.random.fork_rng(devices=devices), half:
            torch.manual_seed(seed_of(config.seed, "dropout", step, piece.places[0]))
            output = self._network(*images, iterations=config.passes, every_iteration=True)
        terms = stereo_loss(
            output,
            piece.disparity_bhw.to(self._device),
            piece.valid_bhw.to(self._device),
            max_disparity=self._model.config.max_disparity,
            gamma=config.gamma,
            weights=config.iteration_weights,
            initial_loss=config.initial_loss,
            saturation=config.saturation,
            known=known,
        )
        return terms, output.disparities[-1] if output.disparities else None

    def _known(self, batch: Batch) -> KnownPixels:
        """Numbers of known pixels in the whole batch of all workers."""
        own = known_pixels(
            batch.disparity_bhw, batch.valid_bhw, max_disparity=self._model.config.max_disparity
        )
        counts = torch.stack([own.full, own.quarter, own.cells]).to(self._device)
        full, quarter, cells = self._team.summed(counts)
        return KnownPixels(full=full, quarter=quarter, cells=cells)


def _first_pair(piece: Batch, estimate_b1hw: Tensor) -> Shown:
    """A pass's first sample with the estimate for it."""
    return Shown(
        left_chw=piece.left_bchw[0].numpy(),
        truth_hw=piece.disparity_bhw[0].numpy(),
        valid_hw=piece.valid_bhw[0].numpy(),
        estimate_hw=estimate_b1hw[0, 0].detach().float().cpu().numpy(),
    )


def compile_parts(model: FoundationStereo) -> None:
    """Compile each part of the network: the refinement is compiled once, not once per iteration."""
    for part in model.children():
        part.compile()
