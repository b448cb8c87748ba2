"""Training that can be stopped anywhere and continues as if it had not been.

Everything a step does is a function of (configuration, data, step): which samples, how they are varied,
which units drop out. The state between steps is the weights, their running average and the optimiser, all
in the checkpoint, so a resumed run computes the same losses as an uninterrupted one, with any number of
workers. What a run folder holds is told in `stereo_model.training.run_folder`.

The recipe follows FoundationStereo (arXiv 2501.09898, section 4.1): AdamW, a tenth of the learning rate for
the last fifth of the steps, gradients clipped to norm 1.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from jobs.signals import stop_requested
from stereo_model.data.batches import Batch, StepBatches, batches, refuse_small_samples, samples_of_step
from stereo_model.data.encodings import DataFileError
from stereo_model.data.mixture import Mixture
from stereo_model.data.sample import StereoDataset
from stereo_model.network.model import FoundationStereo
from stereo_model.training.amend import AS_BEFORE, Amendment, Change, record_changes
from stereo_model.training.average import WeightAverage
from stereo_model.training.config import TrainConfig
from stereo_model.training.damage import forget_damaged, note_damaged
from stereo_model.training.log import OnStep, TrainingLog, strip
from stereo_model.training.run_folder import BEST, MODEL, newest_checkpoint, save_offender
from stereo_model.training.state import (
    DataIdentity,
    Found,
    TrainingState,
    newest_state,
    resume,
    write_state,
)
from stereo_model.training.step import BatchGradient, Shown
from stereo_model.training.stopping import StopWords, TrainingInterrupted
from stereo_model.training.team import Team
from stereo_model.training.validation import SetScore, overall, validate
from stereo_model.weights.checkpoint import save_checkpoint
from stereo_model.weights.files import load_weights

logger = logging.getLogger(__name__)


class NonFiniteLossError(FloatingPointError):
    """The loss or its gradient is not a number; the batch was saved."""


class UnsupportedModelError(TypeError):
    """The model cannot be trained in the way that the configuration asks for."""


class Trainer:
    """Trains one model in one run folder. Creating it resumes whatever the folder holds.

    `dataset` is one data set or a mixture; `validation` are sets to be scored every `validate_every` steps;
    `team` are the workers that train together, each with a Trainer of its own in the same folder.

    More steps than the folder's training was to have prolong it; what else of it, or of its data, is another
    than before must be named in `amend`, and is recorded. `repaired` are digests of the same data before
    damaged files of it were repaired (`stereo_model.training.damage`).

    Raises ResumeError if the folder's checkpoint was made with another configuration, model size or data;
    CheckpointError if none of its checkpoints can be read; TeamError if the batch cannot be shared;
    DeviceError and UnsupportedModelError.
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
        amend: Amendment = AS_BEFORE,
        repaired: Collection[str] = (),
    ) -> None:
        self.config = config
        self.run_dir = Path(run_dir)
        self.validation = dict(validation or {})
        self.team = team or Team()
        self.device = config.resolved_device()
        self.mixture = Mixture.of(dataset)
        self.data = DataIdentity(digest=data_digest, repaired=repaired, facts=_facts(self.mixture))
        self._stream = self.mixture.stream(config.seed)
        refuse_small_samples(self.mixture, config)
        self._places, pass_size = self.team.share(config)
        self.model = self._prepared(model)
        self._trainable = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self._trainable, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.average = WeightAverage(self.model, config.average) if config.average else None
        self.step = 0  # steps done
        self.best: float | None = None  # the best validation so far
        self._shown: Shown | None = None  # between a step and its log
        self._words = StopWords(self.run_dir, lambda: self.step)
        self.run_dir.mkdir(parents=True, exist_ok=True)
        found = newest_state(self.run_dir, leads=self.team.leads)
        if found is not None:
            self._resume(found, amend)
        self._gradient = BatchGradient(self.model, config, self.team, pass_size=pass_size, device=self.device)

    def run(
        self,
        *,
        until: int | None = None,
        on_step: OnStep | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> FoundationStereo:
        """Train up to step `until` (by default to the end), save, and return the model (`result`).

        `stop` is asked after every step whether to stop there; by default SIGINT and SIGTERM mean so (see
        `stereo_model.training.stopping`). Raises TrainingInterrupted once the state is saved.
        """
        last = self.config.steps if until is None else min(until, self.config.steps)
        with ExitStack() as stack:
            words = self._words
            asked = stop or stack.enter_context(stop_requested(words.answer, words.again)).__bool__
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
        state = TrainingState(
            step=self.step,
            best=self.best,
            config=self.config.model_dump_json(),
            data_digest=self.data.digest,
            data_facts=json.dumps(self.data.facts),
            optimizer=self.optimizer.state_dict(),
            average=self.average.model.state_dict() if self.average else None,
        )
        with self._words.writing():
            write_state(self.run_dir, self.model, state, keep=self.config.keep_checkpoints)

    def _steps(
        self, last: int, log: TrainingLog | None, on_step: OnStep | None, asked: Callable[[], bool]
    ) -> None:
        config = self.config
        source = StepBatches(self.mixture, config, self._places)
        coming = batches(source, start=self.step, stop=last, loader_workers=config.loader_workers)
        began = time.monotonic()
        for batch in self._readable(coming):
            waited = time.monotonic() - began
            record, stop = self._train_step(batch, asked)
            record |= {"seconds": time.monotonic() - began, "waited_seconds": waited}
            if log is not None:
                self._write(log, record)
            if on_step is not None:
                on_step(self.step, record["loss"], record["learning_rate"])
            if self.team.leads and stop:
                self.save()  # before a validation, which may take long
            validated = self._validate_if_due(log, last)
            if self.team.leads and (
                (stop and validated) or self.step == last or self.step % config.checkpoint_every == 0
            ):
                self.save()
            if stop and self.step < last:
                self._interrupt()
            began = time.monotonic()

    def _readable(self, coming: Iterator[Batch]) -> Iterator[Batch]:
        """The batches; a file that cannot be read is recorded first, and the state saved."""
        try:
            yield from coming
        except DataFileError as error:
            drawn = samples_of_step(self._stream, self.config.batch_size, self.step)
            note_damaged(self.run_dir, self.mixture.parts, drawn)
            if self.step and self.team.leads:
                self.save()
            raise DataFileError(
                f"{error}; {self.step} steps are done and saved: repair the file, and the same command "
                "goes on"
            ) from error

    def _train_step(self, batch: Batch, asked: Callable[[], bool]) -> tuple[dict[str, Any], bool]:
        """One optimiser step: its log record, and whether any worker was asked to stop."""
        rate = self.config.learning_rate_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        draw = self._picture_due(self.step + 1)
        found = self._gradient.compute(batch, self.step, asked=asked, draw=draw)
        norm = float(torch.nn.utils.clip_grad_norm_(self._trainable, self.config.clip_norm))
        if not (math.isfinite(found.measures["loss"]) and math.isfinite(norm)):
            raise NonFiniteLossError(self._save_offender(batch, found.measures["loss"], norm))
        self.optimizer.step()
        self._gradient.finish()
        drawn = samples_of_step(self._stream, self.config.batch_size, self.step)
        self.step += 1
        if self.average:
            self.average.update(self.model, self.step)
        self._shown = found.shown
        record = {"step": self.step, **found.measures, "gradient_norm": norm, "learning_rate": rate}
        return record | self._provenance(drawn), found.stop

    def _write(self, log: TrainingLog, record: dict[str, Any]) -> None:
        log.step(record)
        if self._shown is not None:
            log.picture(self.step, strip(**self._shown))
            self._shown = None

    def _picture_due(self, step: int) -> bool:
        every = self.config.image_every
        return self.team.leads and self.config.tensorboard and every > 0 and step % every == 0

    def _validate_if_due(self, log: TrainingLog | None, last: int) -> bool:
        """Whether it was due, and so a validation took place."""
        every = self.config.validate_every
        if not every or not self.validation or (self.step % every and self.step != last):
            return False
        iterations = self.config.validation_iterations
        scores = validate(self.result, self.validation, team=self.team, iterations=iterations)
        score = overall(scores)
        better = self.best is None or score < self.best
        self.best = score if better else self.best
        if log is not None:
            log.validation(_validation_record(self.step, score, scores))
            if better:
                save_checkpoint(self.result, self.run_dir / BEST)
        return True

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
        older = (self.run_dir / MODEL).exists()
        raise TrainingInterrupted(
            f"stopped after step {self.step} of {self.config.steps}; the state is in {self.run_dir}, "
            "start the same training again to continue"
            + (f" ({MODEL} there is still that of an earlier end)" if older else "")
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

    def _resume(self, found: Found, amend: Amendment) -> None:
        state = found.state
        changes = resume(found, self.model, self.config, self.data, amend)
        self.optimizer.load_state_dict(dict(state.optimizer))
        if self.average and state.average is not None:
            load_weights(self.average.model, state.average, source=str(found.path))
        self.step, self.best = state.step, state.best
        if changes and self.team.leads:
            self._record(changes)

    def _record(self, changes: list[Change]) -> None:
        """Say what is different from here on, write it down, and save a state that knows it."""
        for change in changes:
            logger.warning("after step %d: %s", self.step, change)
        if any(change.field == "training.steps" for change in changes) and self.step < self.config.steps:
            rate = self.config.learning_rate_at(self.step)
            logger.warning(
                "the learning rate follows the schedule of %d steps: %.3g", self.config.steps, rate
            )
        record_changes(self.run_dir, self.step, changes)
        self.save()
        forget_damaged(self.run_dir)


def _facts(mixture: Mixture) -> dict[str, dict[str, Any]]:
    """What people are told of each part."""
    return {part.name: {"samples": len(part.dataset), "weight": part.weight} for part in mixture.parts}


def _validation_record(step: int, score: float, scores: Mapping[str, SetScore]) -> dict[str, Any]:
    return {"step": step, "score": score, "sets": {name: asdict(found) for name, found in scores.items()}}
