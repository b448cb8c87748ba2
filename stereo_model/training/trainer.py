"""Training that can be stopped anywhere and continues as if it had not been.

Everything a step does is a function of (configuration, data, step): which samples, how they are varied,
which units drop out. The state between steps is the weights, their running average and the optimiser, all
in the checkpoint, so a resumed run computes the same losses as an uninterrupted one, with any number of
workers. What a run folder holds is told in `stereo_model.training.run_folder`.

The recipe follows FoundationStereo (arXiv 2501.09898, section 4.1): AdamW, a tenth of the learning rate for
the last fifth of the steps, gradients clipped to norm 1.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jobs.signals import stop_requested
from stereo_model.data.batches import Batch, StepBatches, batches, load_batch, samples_of_step
from stereo_model.data.mixture import Mixture
from stereo_model.data.sample import StereoDataset
from stereo_model.data.streams import seed_of
from stereo_model.network.model import FoundationStereo
from stereo_model.training.average import WeightAverage
from stereo_model.training.config import DeviceError, TrainConfig
from stereo_model.training.log import LOG, OnStep, TrainingLog, strip
from stereo_model.training.loss import KnownPixels, LossTerms, known_pixels, stereo_loss
from stereo_model.training.run_folder import (
    BEST,
    MODEL,
    checkpoint_name,
    forget_old,
    newest_checkpoint,
    save_offender,
)
from stereo_model.training.stopping import TrainingInterrupted
from stereo_model.training.team import RunningStatistics, Team
from stereo_model.training.validation import SetScore, overall, validate
from stereo_model.weights.checkpoint import CheckpointError, load_weights, read_checkpoint, save_checkpoint

__all__ = [
    "LOG",
    "MODEL",
    "DeviceError",
    "NonFiniteLossError",
    "OnStep",
    "ResumeError",
    "TrainConfig",
    "Trainer",
    "TrainingInterrupted",
    "load_batch",
    "train",
]

MEASURES = ("loss", "initial_loss", "epe")  # of a pass, summed over the passes of a step


class NonFiniteLossError(FloatingPointError):
    """The loss or its gradient is not a number; the batch was saved."""


class ResumeError(ValueError):
    """A run folder holds a training with another configuration or other data."""


class UnsupportedModelError(TypeError):
    """The model cannot be trained in the way that the configuration asks for."""


class Trainer:
    """Trains one model in one run folder. Creating it resumes whatever the folder holds.

    `dataset` is one data set or a mixture; `validation` are sets to be scored every `validate_every` steps;
    `team` are the workers that train together, each with a Trainer of its own in the same folder.

    Raises ResumeError if the folder's checkpoint was made with another configuration, model size or data;
    TeamError if the batch cannot be shared; DeviceError and UnsupportedModelError.
    """

    def __init__(
        self,
        model: FoundationStereo,
        dataset: StereoDataset | Mixture,
        config: TrainConfig,
        run_dir: str | Path,
        *,
        data_digest: str,
        validation: Mapping[str, StereoDataset] | None = None,
        team: Team | None = None,
    ) -> None:
        self.config = config
        self.run_dir = Path(run_dir)
        self.data_digest = data_digest
        self.validation = dict(validation or {})
        self.team = team or Team()
        self.device = config.resolved_device()
        self.mixture = Mixture.of(dataset)
        self._stream = self.mixture.stream(config.seed)
        self._places, self._pass_size = self.team.share(config)
        self.model = self._prepared(model)
        self._trainable = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self._trainable, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.average = WeightAverage(self.model, config.average) if config.average else None
        self.step = 0  # steps done
        self.best: float | None = None  # the best validation so far
        self._shown: tuple[np.ndarray, ...] | None = None  # arguments of `strip`, between a pass and its log
        self.run_dir.mkdir(parents=True, exist_ok=True)
        state = newest_checkpoint(self.run_dir)
        if state is not None:
            self._resume(state)
        self._network = self.team.shared(self.model, config)
        if config.compile:
            _compile_parts(self.model)
        self._statistics = RunningStatistics(self.model)

    def run(
        self,
        *,
        until: int | None = None,
        on_step: OnStep | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> FoundationStereo:
        """Train up to step `until` (by default to the end), save, and return the model (`result`).

        `stop` is asked after every step whether to stop there; by default SIGINT and SIGTERM mean so. Raises
        TrainingInterrupted once the state is saved.
        """
        last = self.config.steps if until is None else min(until, self.config.steps)
        with ExitStack() as stack:
            asked = stop or stack.enter_context(stop_requested()).__bool__
            log = stack.enter_context(self._log()) if self.team.leads else None
            self._steps(last, log, on_step, asked)
        if self.step == self.config.steps and self.team.leads:
            save_checkpoint(self.result, self.run_dir / MODEL)
        self.team.wait()
        return self.result

    @property
    def result(self) -> FoundationStereo:
        """What the training has come to: the averaged model if an average is kept."""
        return self.average.model if self.average else self.model

    def save(self) -> None:
        """Write the run's state to its folder, atomically, and delete states older than are to be kept."""
        training = {
            "step": self.step,
            "best": self.best,
            "config": self.config.model_dump_json(),
            "data_digest": self.data_digest,
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.model.state_dict() if self.average else None,
        }
        save_checkpoint(self.model, self.run_dir / checkpoint_name(self.step), training=training)
        forget_old(self.run_dir, self.config.keep_checkpoints)

    def _steps(
        self, last: int, log: TrainingLog | None, on_step: OnStep | None, asked: Callable[[], bool]
    ) -> None:
        config = self.config
        source = StepBatches(self.mixture, config, self._places)
        coming = batches(source, start=self.step, stop=last, loader_workers=config.loader_workers)
        began = time.monotonic()
        for batch in coming:
            waited = time.monotonic() - began
            record, stop = self._train_step(batch, asked)
            record |= {"seconds": time.monotonic() - began, "waited_seconds": waited}
            if log is not None:
                self._write(log, record)
            if on_step is not None:
                on_step(self.step, record["loss"], record["learning_rate"])
            self._validate_if_due(log, last)
            if self.team.leads and (stop or self.step == last or self.step % config.checkpoint_every == 0):
                self.save()
            if stop and self.step < last:
                self._interrupt()
            began = time.monotonic()

    def _train_step(self, batch: Batch, asked: Callable[[], bool]) -> tuple[dict[str, Any], bool]:
        """One optimiser step: its log record, and whether any worker was asked to stop."""
        rate = self.config.learning_rate_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        sums = self._gradients(batch)
        sums = self.team.summed(torch.cat([sums, sums.new_tensor([float(asked())])])).tolist()
        norm = float(torch.nn.utils.clip_grad_norm_(self._trainable, self.config.clip_norm))
        measures = dict(zip(MEASURES, sums, strict=False))
        if not self.config.passes:
            del measures["epe"]  # nothing was refined
        if not (math.isfinite(measures["loss"]) and math.isfinite(norm)):
            raise NonFiniteLossError(self._save_offender(batch, measures["loss"], norm))
        self.optimizer.step()
        self._statistics.finish(self.team)
        drawn = samples_of_step(self._stream, self.config.batch_size, self.step)
        self.step += 1
        if self.average:
            self.average.update(self.model, self.step)
        record = {"step": self.step, **measures, "gradient_norm": norm, "learning_rate": rate}
        return record | self._provenance(drawn), sums[-1] > 0

    def _gradients(self, batch: Batch) -> Tensor:
        """Leave the gradient of the whole batch's loss in the weights; this worker's sums of MEASURES."""
        self.optimizer.zero_grad(set_to_none=True)
        self.model.train()
        self._statistics.begin()
        known = self._known(batch)
        sums = torch.zeros(len(MEASURES), dtype=torch.float64, device=self.device)
        pieces = list(batch.pieces(self._pass_size))
        for number, piece in enumerate(pieces, start=1):
            with self.team.apart(self._network, last=number == len(pieces)):
                terms = self._loss(piece, known)
                self._statistics.collect()
                (terms.total * self.team.size).backward()  # gradients are averaged over the workers
            self._statistics.restore()
            epe = terms.iterations[-1] if terms.iterations else torch.zeros_like(terms.initial)
            sums += torch.stack([terms.total.detach(), terms.initial, epe]).double()
        return sums

    def _loss(self, piece: Batch, known: KnownPixels) -> LossTerms:
        config = self.config
        images = (piece.left_bchw.to(self.device).float(), piece.right_bchw.to(self.device).float())
        devices = [torch.cuda.current_device()] if self.device == "cuda" else []
        half = torch.autocast(self.device, torch.bfloat16, enabled=config.precision == "bf16")
        with torch.random.fork_rng(devices=devices), half:
            torch.manual_seed(seed_of(config.seed, "dropout", self.step, piece.places[0]))
            output = self._network(*images, iterations=config.passes, every_iteration=True)
        if output.disparities and self._picture_due(self.step + 1) and self._shown is None:
            self._shown = _first_pair(piece, output.disparities[-1])
        return stereo_loss(
            output,
            piece.disparity_bhw.to(self.device),
            piece.valid_bhw.to(self.device),
            max_disparity=self.model.config.max_disparity,
            gamma=config.gamma,
            weights=config.iteration_weights,
            initial_loss=config.initial_loss,
            saturation=config.saturation,
            known=known,
        )

    def _write(self, log: TrainingLog, record: dict[str, Any]) -> None:
        log.step(record)
        if self._shown is not None:
            log.picture(self.step, strip(*self._shown))
            self._shown = None

    def _picture_due(self, step: int) -> bool:
        every = self.config.image_every
        return self.team.leads and self.config.tensorboard and every > 0 and step % every == 0

    def _known(self, batch: Batch) -> KnownPixels:
        """Numbers of known pixels in the whole batch of all workers."""
        own = known_pixels(
            batch.disparity_bhw, batch.valid_bhw, max_disparity=self.model.config.max_disparity
        )
        counts = torch.stack([own.full, own.quarter, own.cells]).to(self.device)
        full, quarter, cells = self.team.summed(counts)
        return KnownPixels(full=full, quarter=quarter, cells=cells)

    def _validate_if_due(self, log: TrainingLog | None, last: int) -> None:
        every = self.config.validate_every
        if not every or not self.validation or (self.step % every and self.step != last):
            return
        iterations = self.config.validation_iterations
        scores = validate(self.result, self.validation, team=self.team, iterations=iterations)
        score = overall(scores)
        better = self.best is None or score < self.best
        self.best = score if better else self.best
        if log is not None:
            log.validation(_validation_record(self.step, score, scores))
            if better:
                save_checkpoint(self.result, self.run_dir / BEST)

    def _provenance(self, drawn: list[tuple[int, int]]) -> dict[str, Any]:
        """Which samples a step saw; and, of a mixture, how many of each part there were so far."""
        record: dict[str, Any] = {"indices": [index for _, index in drawn]}
        if len(self.mixture.parts) > 1:
            record["parts"] = [part for part, _ in drawn]
            seen = self._stream.counts(self.step * self.config.batch_size)
            record["mix"] = self.mixture.named(seen)
        return record

    def _interrupt(self) -> None:
        self.team.wait()
        raise TrainingInterrupted(
            f"stopped after step {self.step} of {self.config.steps}; the state is in {self.run_dir}, "
            "start the same training again to continue"
        )

    def _save_offender(self, batch: Batch, loss: float, norm: float) -> str:
        content = {
            "step": self.step,
            "parts": [self.mixture.parts[part].name for part in batch.parts],
            "indices": list(batch.indices),
            "left": batch.left_bchw,
            "right": batch.right_bchw,
            "disparity": batch.disparity_bhw,
            "valid": batch.valid_bhw,
        }
        path = save_offender(self.run_dir, self.step, self.team.rank, self.team.size, content)
        state = newest_checkpoint(self.run_dir)
        return (
            f"step {self.step}: loss {loss}, gradient norm {norm} on samples {list(batch.indices)}; "
            f"the batch is in {path}, the last good state in {state.name if state else 'no file yet'}; "
            "lower the learning rate or look at these samples"
        )

    def _log(self) -> TrainingLog:
        return TrainingLog(self.run_dir, step=self.step, tensorboard=self.config.tensorboard)

    def _prepared(self, model: FoundationStereo) -> FoundationStereo:
        model = model.to(self.device)
        if self.config.learn != "all":
            model.learn_only(self.config.learn)
        if self.config.freeze_backbone:
            model.freeze_backbone()
        if self.config.gradient_checkpointing:
            if not hasattr(model, "checkpointing"):
                raise UnsupportedModelError(
                    f"{type(model).__name__} has no gradient checkpointing; set it to false"
                )
            model.checkpointing = True
        return model

    def _resume(self, path: Path) -> None:
        payload = read_checkpoint(path)
        training = payload.get("training")
        if not isinstance(training, Mapping):
            raise CheckpointError(f"{path}: holds a model but no training state; it cannot be resumed")
        other = "; ".join(self.config.differences(training["config"]))
        if other:
            raise ResumeError(_another(path, "training configuration", other))
        _require_equal(
            path, "model configuration", payload["model_config"], self.model.config.model_dump_json()
        )
        _require_equal(path, "data digest", training["data_digest"], self.data_digest)
        load_weights(self.model, payload["model"], source=str(path))
        self.optimizer.load_state_dict(training["optimizer"])
        if self.average:
            load_weights(self.average.model, training["average"], source=str(path))
        self.step, self.best = int(training["step"]), training["best"]


def train(
    model: FoundationStereo,
    dataset: StereoDataset | Mixture,
    config: TrainConfig,
    run_dir: str | Path,
    *,
    data_digest: str,
    validation: Mapping[str, StereoDataset] | None = None,
    on_step: OnStep | None = None,
) -> FoundationStereo:
    """Train to the end, continuing whatever the run folder holds. See Trainer."""
    trainer = Trainer(model, dataset, config, run_dir, data_digest=data_digest, validation=validation)
    return trainer.run(on_step=on_step)


def _first_pair(piece: Batch, estimate_b1hw: Tensor) -> tuple[np.ndarray, ...]:
    """Left image, truth, its mask and the estimate of a pass's first sample."""
    truth = (piece.left_bchw[0], piece.disparity_bhw[0], piece.valid_bhw[0])
    estimate = estimate_b1hw[0, 0].detach().float().cpu()
    return *(array.numpy() for array in truth), estimate.numpy()


def _compile_parts(model: FoundationStereo) -> None:
    """Compile each part of the network: the refinement is compiled once, not once per iteration."""
    for part in model.children():
        part.compile()


def _validation_record(step: int, score: float, scores: Mapping[str, SetScore]) -> dict[str, Any]:
    return {"step": step, "score": score, "sets": {name: asdict(found) for name, found in scores.items()}}


def _require_equal(path: Path, what: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise ResumeError(_another(path, what, f"{found}, now {wanted}"))


def _another(path: Path, what: str, difference: str) -> str:
    return f"{path}: was made with another {what} ({difference}); use another run folder"
