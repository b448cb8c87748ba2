"""What one training run does, as a frozen value.

Some fields say only how or where it is done (`HOW`): a run may be continued with others of them. All other
fields decide the result, and a run folder is refused to a training that differs in one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stereo_model.data.augment.augment import AugmentConfig
from stereo_model.network.config import SIZE_MULTIPLE
from stereo_model.training.loss import GAMMA, InitialLoss, IterationWeights

DECAY_AT = 0.8  # share of the steps after which the learning rate is a tenth
DECAY = 0.1
COSINE_END = 0.02  # of the learning rate
HOW = frozenset(
    {
        "checkpoint_every",
        "compile",
        "device",
        "gradient_checkpointing",
        "image_every",
        "keep_checkpoints",
        "loader_workers",
        "tensorboard",
        "validate_every",
        "validation_iterations",
    }
)

Schedule = Literal["step", "cosine"]
Precision = Literal["fp32", "bf16"]
Learn = Literal["all", "initial", "refinement"]
Device = Literal["cpu", "cuda"]


class DeviceError(ValueError):
    """The device asked for is not there, or cannot do what the training asks of it."""


class TrainConfig(BaseModel):
    """One training run. Defaults suit the `tiny` preset on a CPU."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=1)
    batch_size: int = Field(default=2, ge=1)  # samples per step, over all workers
    micro_batch: int | None = Field(default=None, ge=1)
    """Samples per forward pass; gradients add up over a step's passes to the exact mean over the batch. Batch
    norms see one pass at a time, so a training with a given `micro_batch` is the same on any number of
    workers. None: a worker's whole share of the batch at once."""
    crop_hw: tuple[int, int] | None = (160, 320)
    """Random window of each sample, pixels, multiples of 32; None where the data set crops."""
    enlarge: bool = False
    """Scale samples that are smaller than the crop up until they fill it. Without: they are refused."""
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
    iteration_weights: IterationWeights = "plain"  # `adjusted`: as RAFT-Stereo; see training.loss
    initial_loss: InitialLoss = "smooth_l1"  # `bins` learns faster; see stereo_model.training.loss
    saturation: float | None = Field(default=None, gt=0.0)  # pixels; bound of a pixel's loss
    learn: Learn = "all"
    """Which part of the network learns. `initial`: features, volume and filtering, by the initial disparity
    alone; no iteration is computed. `refinement`: the rest. One after the other costs less than half of
    both at once, and the refinement then starts from a disparity worth refining."""
    visible_only: bool = False
    """Learn from pixels that the right image shows. Without: as published, hidden ones are guessed."""
    clip_norm: float = Field(default=1.0, gt=0.0)  # L2 norm of the whole gradient
    freeze_backbone: bool = False
    sync_batch_norm: bool = False
    """Let batch norms see the samples of all workers at once. On GPUs only; the result then depends on the
    number of workers."""
    precision: Precision = "fp32"  # of the network's convolutions and products; the loss is always float32
    augment: AugmentConfig | None = AugmentConfig()
    seed: int = Field(default=0, ge=0)

    # How and where; see HOW
    checkpoint_every: int = Field(default=100, ge=1)  # steps
    keep_checkpoints: int = Field(default=2, ge=1)  # the last so many; with one, a damaged file is the end
    validate_every: int = Field(default=0, ge=0)  # steps; 0: never. Needs validation sets
    validation_iterations: int | None = Field(default=None, ge=1)  # None: the model's own number
    loader_workers: int = Field(default=0, ge=0)  # processes that prepare batches; 0: none beside this one
    gradient_checkpointing: bool = False  # less memory for about a third more time
    compile: bool = False  # torch.compile for the network's parts
    tensorboard: bool = True
    image_every: int = Field(default=0, ge=0)  # steps between pictures in TensorBoard; 0: none
    device: Device | Literal["auto"] = "cpu"  # auto: a GPU where there is one

    @field_validator("crop_hw")
    @classmethod
    def _whole_cells(cls, crop_hw: tuple[int, int] | None) -> tuple[int, int] | None:
        if crop_hw is not None and any(side < SIZE_MULTIPLE or side % SIZE_MULTIPLE for side in crop_hw):
            raise ValueError(f"must be positive multiples of {SIZE_MULTIPLE} pixels")
        return crop_hw

    @model_validator(mode="after")
    def _whole_passes(self) -> TrainConfig:
        if self.micro_batch is not None and self.batch_size % self.micro_batch:
            raise ValueError(
                f"batch_size must be a multiple of micro_batch={self.micro_batch}, got {self.batch_size}"
            )
        return self

    @property
    def passes(self) -> int:
        """Iterations of the refinement in each step."""
        return 0 if self.learn == "initial" else self.iterations

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of step 0, 1, ...: warm-up, then as `schedule` says."""
        rise = min(1.0, (step + 1) / (self.warmup_steps + 1))
        return self.learning_rate * rise * self._fall(step)

    def differences(self, recorded: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Fields that decide the result and are not as `recorded` (its JSON): what was, and what is.

        A field that the record does not know yet had its default.
        """
        was = {**_defaults(), **recorded}
        now = self.model_dump(mode="json")
        names = sorted((was.keys() | now.keys()) - HOW)
        return {name: (was.get(name), now.get(name)) for name in names if was.get(name) != now.get(name)}

    def resolved_device(self) -> Device:
        """Where to train. Raises DeviceError if a GPU is demanded and none is there."""
        there = torch.cuda.is_available()
        if self.device == "cuda" and not there:
            raise DeviceError("device is cuda, but torch finds no CUDA device; set it to auto or cpu")
        return "cuda" if there and self.device != "cpu" else "cpu"

    def _fall(self, step: int) -> float:
        if self.schedule == "step":
            return DECAY if step >= DECAY_AT * self.steps else 1.0
        passed = max(0, step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return COSINE_END + (1 - COSINE_END) * (1 + math.cos(math.pi * passed)) / 2


@cache
def _defaults() -> Mapping[str, Any]:
    return TrainConfig(steps=1).model_dump(mode="json")
