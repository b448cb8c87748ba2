"""Training that can be stopped anywhere and continues as if it had not been.

Everything a step does is a function of (configuration, data, step): which samples, how they are varied,
which units drop out. The state between steps is the weights, their running average and the optimiser, all
in the checkpoint, so a resumed run computes the same losses as an uninterrupted one.

    run folder:  checkpoint.pt     last complete state         log.jsonl   one line per step
                 model.pt          written when the last step is done; the average, if one is kept
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from stereo_model.augment import AugmentConfig, augment, random_crop
from stereo_model.checkpoint import (
    CheckpointError,
    fsync_directory,
    load_weights,
    read_checkpoint,
    save_checkpoint,
    write_atomically,
)
from stereo_model.config import SIZE_MULTIPLE
from stereo_model.loss import GAMMA, LossTerms, stereo_loss
from stereo_model.model import FoundationStereo
from stereo_model.sample import Sample, SampleError, StereoDataset, checked_sample

CHECKPOINT = "checkpoint.pt"
MODEL = "model.pt"
LOG = "log.jsonl"
DECAY_AT = 0.8  # share of the steps after which the learning rate is a tenth
DECAY = 0.1
COSINE_END = 0.02  # of the learning rate
AVERAGE_START = 10  # steps; see WeightAverage

Schedule = Literal["step", "cosine"]
OnStep = Callable[[int, float, float], None]  # step (from 1), loss, learning rate


class NonFiniteLossError(FloatingPointError):
    """The loss or its gradient is not a number; the batch was saved."""


class ResumeError(ValueError):
    """A run folder holds a training with another configuration or other data."""


class TrainConfig(BaseModel):
    """One training run. Defaults suit the `tiny` preset on a CPU."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=1)
    batch_size: int = Field(default=2, ge=1)
    crop_hw: tuple[int, int] | None = (160, 320)
    """Random window of each sample, pixels, multiples of 32; None where the data set crops."""
    learning_rate: float = Field(default=1e-3, gt=0.0)
    weight_decay: float = Field(default=0.0, ge=0.0)
    warmup_steps: int = Field(default=0, ge=0)  # linear rise of the learning rate
    schedule: Schedule = "step"
    """After the warm-up: `step` is constant and a tenth for the last fifth, as in the paper; `cosine` falls
    smoothly to nearly nothing, which suits short runs."""
    average: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Decay per step of a running average of the weights, which becomes the final model; 0 keeps none."""
    iterations: int = Field(default=4, ge=1)
    gamma: float = Field(default=GAMMA, gt=0.0, le=1.0)
    clip_norm: float = Field(default=1.0, gt=0.0)  # L2 norm of the whole gradient
    freeze_backbone: bool = False
    augment: AugmentConfig | None = AugmentConfig()
    seed: int = Field(default=0, ge=0)
    checkpoint_every: int = Field(default=100, ge=1)  # steps
    device: Literal["cpu", "cuda"] = "cpu"

    @field_validator("crop_hw")
    @classmethod
    def _whole_cells(cls, crop_hw: tuple[int, int] | None) -> tuple[int, int] | None:
        if crop_hw is not None and any(side < SIZE_MULTIPLE or side % SIZE_MULTIPLE for side in crop_hw):
            raise ValueError(f"must be positive multiples of {SIZE_MULTIPLE} pixels")
        return crop_hw

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of step 0, 1, ...: warm-up, then as `schedule` says."""
        rise = min(1.0, (step + 1) / (self.warmup_steps + 1))
        return self.learning_rate * rise * self._fall(step)

    def _fall(self, step: int) -> float:
        if self.schedule == "step":
            return DECAY if step >= DECAY_AT * self.steps else 1.0
        passed = max(0, step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return COSINE_END + (1 - COSINE_END) * (1 + math.cos(math.pi * passed)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Samples stacked along the first axis, with the indices they came from."""

    indices: tuple[int, ...]
    left_bchw: Tensor  # uint8
    right_bchw: Tensor  # uint8
    disparity_bhw: Tensor  # float32, pixels
    valid_bhw: Tensor  # bool


class WeightAverage:
    """A running average of a model's weights and batch norm statistics.

    The decay of step n (from 1) is the smaller of `decay` and n / (n + AVERAGE_START), so that a short run
    forgets where it began.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after `step`, counted from 1."""
        decay = min(self.decay, step / (step + AVERAGE_START))
        new = model.state_dict()
        for name, mean in self.model.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(new[name], 1 - decay)
            else:
                mean.copy_(new[name])


class Trainer:
    """Trains one model in one run folder. Creating it resumes whatever the folder holds.

    Raises ResumeError if the folder's checkpoint was made with another configuration, model size or data.
    """

    def __init__(
        self,
        model: FoundationStereo,
        dataset: StereoDataset,
        config: TrainConfig,
        run_dir: str | Path,
        *,
        data_digest: str,
    ) -> None:
        if len(dataset) == 0:
            raise SampleError("the data set is empty; nothing to train on")
        self.model = model.to(config.device)
        if config.freeze_backbone:
            self.model.freeze_backbone()
        self.dataset = dataset
        self.config = config
        self.run_dir = Path(run_dir)
        self.data_digest = data_digest
        self.step = 0  # steps done
        trainable = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(
            trainable, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.average = WeightAverage(self.model, config.average) if config.average else None
        self.run_dir.mkdir(parents=True, exist_ok=True)
        if (self.run_dir / CHECKPOINT).exists():
            self._resume(self.run_dir / CHECKPOINT)
        _keep_log_until(self.run_dir / LOG, self.step)

    def run(self, *, until: int | None = None, on_step: OnStep | None = None) -> FoundationStereo:
        """Train up to step `until` (by default to the end), save, and return the model (`result`)."""
        last = self.config.steps if until is None else min(until, self.config.steps)
        with (self.run_dir / LOG).open("a", encoding="utf-8") as log:
            while self.step < last:
                rate = self.config.learning_rate_at(self.step)
                record = self._train_step(rate)
                log.write(json.dumps(record) + "\n")
                log.flush()
                if on_step is not None:
                    on_step(self.step, record["loss"], rate)
                if self.step % self.config.checkpoint_every == 0 or self.step == last:
                    self.save()
        if self.step == self.config.steps:
            save_checkpoint(self.result, self.run_dir / MODEL)
        return self.result

    @property
    def result(self) -> FoundationStereo:
        """What the training has come to: the averaged model if an average is kept."""
        return self.average.model if self.average else self.model

    def save(self) -> None:
        """Write the run's state to its folder, atomically."""
        training = {
            "step": self.step,
            "config": self.config.model_dump_json(),
            "data_digest": self.data_digest,
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.model.state_dict() if self.average else None,
        }
        save_checkpoint(self.model, self.run_dir / CHECKPOINT, training=training)

    def _train_step(self, rate: float) -> dict[str, Any]:
        config = self.config
        batch = load_batch(self.dataset, config, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        devices = [torch.cuda.current_device()] if config.device == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed_of(config.seed, "dropout", self.step))
            terms = self._loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.optimizer.param_groups[0]["params"], config.clip_norm)
        loss = float(terms.total.detach())
        if not (math.isfinite(loss) and math.isfinite(float(norm))):
            raise NonFiniteLossError(self._save_offender(batch, loss, float(norm)))
        self.optimizer.step()
        self.step += 1
        if self.average:
            self.average.update(self.model, self.step)
        return {
            "step": self.step,
            "loss": loss,
            "initial_loss": float(terms.initial),  # quarter-resolution pixels
            "epe": float(terms.iterations[-1]),  # pixels
            "gradient_norm": float(norm),
            "learning_rate": rate,
            "indices": list(batch.indices),
        }

    def _loss(self, batch: Batch) -> LossTerms:
        device = self.config.device
        output = self.model(
            batch.left_bchw.to(device).float(),
            batch.right_bchw.to(device).float(),
            iterations=self.config.iterations,
            every_iteration=True,
        )
        return stereo_loss(
            output,
            batch.disparity_bhw.to(device),
            batch.valid_bhw.to(device),
            max_disparity=self.model.config.max_disparity,
            gamma=self.config.gamma,
        )

    def _save_offender(self, batch: Batch, loss: float, norm: float) -> str:
        path = self.run_dir / f"nonfinite_step_{self.step:07d}.pt"
        content = {
            "step": self.step,
            "indices": list(batch.indices),
            "left": batch.left_bchw,
            "right": batch.right_bchw,
            "disparity": batch.disparity_bhw,
            "valid": batch.valid_bhw,
        }
        write_atomically(content, path)
        return (
            f"step {self.step}: loss {loss}, gradient norm {norm} on samples {list(batch.indices)}; "
            f"the batch is in {path}, the last good state in {CHECKPOINT}; "
            "lower the learning rate or look at these samples"
        )

    def _resume(self, path: Path) -> None:
        payload = read_checkpoint(path)
        training = payload.get("training")
        if not isinstance(training, Mapping):
            raise CheckpointError(f"{path}: holds a model but no training state; it cannot be resumed")
        _require_equal(path, "training configuration", training["config"], self.config.model_dump_json())
        _require_equal(
            path, "model configuration", payload["model_config"], self.model.config.model_dump_json()
        )
        _require_equal(path, "data digest", training["data_digest"], self.data_digest)
        load_weights(self.model, payload["model"], source=str(path))
        self.optimizer.load_state_dict(training["optimizer"])
        if self.average:
            load_weights(self.average.model, training["average"], source=str(path))
        self.step = int(training["step"])


def train(
    model: FoundationStereo,
    dataset: StereoDataset,
    config: TrainConfig,
    run_dir: str | Path,
    *,
    data_digest: str,
    on_step: OnStep | None = None,
) -> FoundationStereo:
    """Train to the end, continuing whatever the run folder holds. See Trainer."""
    return Trainer(model, dataset, config, run_dir, data_digest=data_digest).run(on_step=on_step)


def seed_of(root: int, *names: str | int) -> int:
    """A 63-bit seed for the named stream; other names do not change it."""
    text = json.dumps([root, *names]).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1


def rng_for(root: int, *names: str | int) -> np.random.Generator:
    """A generator for the named stream."""
    return np.random.Generator(np.random.Philox(key=seed_of(root, *names)))


def batch_indices(length: int, batch_size: int, *, seed: int, step: int) -> tuple[int, ...]:
    """Samples of one step: each epoch is a new shuffle, and epochs follow each other without a gap."""
    positions = range(step * batch_size, (step + 1) * batch_size)
    return tuple(int(_epoch_order(length, seed, place // length)[place % length]) for place in positions)


def load_batch(dataset: StereoDataset, config: TrainConfig, step: int) -> Batch:
    """The batch of one step, cropped and augmented: a pure function of the three arguments."""
    indices = batch_indices(len(dataset), config.batch_size, seed=config.seed, step=step)
    samples = [_prepare(dataset, index, config, step, place) for place, index in enumerate(indices)]
    sizes = {sample["disparity"].shape for sample in samples}
    if len(sizes) > 1 or any(side % SIZE_MULTIPLE for side in next(iter(sizes))):
        raise SampleError(
            f"samples {list(indices)} are {sorted(sizes)}, expected one size, multiples of {SIZE_MULTIPLE}"
        )
    return Batch(
        indices=indices,
        left_bchw=_stack(samples, "left"),
        right_bchw=_stack(samples, "right"),
        disparity_bhw=_stack(samples, "disparity"),
        valid_bhw=_stack(samples, "valid"),
    )


@lru_cache(maxsize=4)
def _epoch_order(length: int, seed: int, epoch: int) -> np.ndarray:
    return rng_for(seed, "order", epoch).permutation(length)


def _prepare(dataset: StereoDataset, index: int, config: TrainConfig, step: int, place: int) -> Sample:
    sample = checked_sample(dataset[index], source=f"sample {index}")
    if config.crop_hw is not None:
        sample = random_crop(sample, config.crop_hw, rng_for(config.seed, "crop", step, place))
    if config.augment is not None:
        sample = augment(sample, rng_for(config.seed, "augment", step, place), config.augment)
    return sample


def _stack(samples: list[Sample], key: Literal["left", "right", "disparity", "valid"]) -> Tensor:
    return torch.from_numpy(np.stack([sample[key] for sample in samples]))


def _require_equal(path: Path, what: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise ResumeError(
            f"{path}: was made with another {what} ({found}, now {wanted}); use another run folder"
        )


def _keep_log_until(path: Path, step: int) -> None:
    """Drop log lines of steps that will be done again, and a line cut off by a crash."""
    if not path.exists():
        return
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _logged_step(line) <= step]
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in kept)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    fsync_directory(path.parent)


def _logged_step(line: str) -> float:
    try:
        return int(json.loads(line)["step"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return math.inf
