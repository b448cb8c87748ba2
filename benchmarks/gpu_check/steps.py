"""Training steps as `stereo_model.training.trainer` takes them: seconds and memory, at the paper's crop.

bfloat16, with and without checkpointing, and compiled on request. The batch is four pairs, as on each of the
paper's GPUs; where memory does not suffice, half of that and so on, each told in a row of its own. Weights
are random, which costs the same.
"""

from __future__ import annotations

import copy
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch

from benchmarks.gpu_check.measuring import fresh_memory, peak_gb
from benchmarks.gpu_check.pairs import layered_pair
from benchmarks.gpu_check.part import Context, Row
from stereo_model import create_model
from stereo_model.data.sample import StereoDataset
from stereo_model.network.model import FoundationStereo
from stereo_model.training.config import TrainConfig
from stereo_model.training.trainer import Trainer

ENDLESS = 1_000_000  # steps
WARM_UP = 2  # steps that are not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much is computed."""

    size_hw: tuple[int, int]  # of the crop, pixels
    iterations: int
    batch: int
    steps: int  # counted
    max_disparity: int  # pixels


PAPER = Load(size_hw=(320, 736), iterations=22, batch=4, steps=6, max_disparity=416)
SMOKE = Load(size_hw=(64, 96), iterations=1, batch=2, steps=1, max_disparity=64)


class EnoughStepsError(Exception):
    """As many steps as were wanted are done; ends a training that would else save gigabytes of weights."""


def vits(context: Context) -> Iterator[Row]:
    """The small published size."""
    return _steps(context, "vits", compiled=False)


def vitl(context: Context) -> Iterator[Row]:
    """The large published size."""
    return _steps(context, "vitl", compiled=False)


def vits_compiled(context: Context) -> Iterator[Row]:
    """The small one, its parts compiled."""
    return _steps(context, "vits", compiled=True)


def vitl_compiled(context: Context) -> Iterator[Row]:
    """The large one, its parts compiled."""
    return _steps(context, "vitl", compiled=True)


def _steps(context: Context, preset: str, *, compiled: bool) -> Iterator[Row]:
    """A row with and one without checkpointing, and one for every batch that was too large."""
    load = SMOKE if context.smoke else PAPER
    name = "nano" if context.smoke else preset
    model = create_model(name, max_disparity=load.max_disparity)
    for checkpointing in (False, True):
        words = (name, "bf16", "checkpointing" if checkpointing else "", "compiled" if compiled else "")
        case = ", ".join(word for word in words if word)
        batch = load.batch
        while batch:
            print(f"{case}: {batch} pairs")
            config = _config(context, load, batch, checkpointing=checkpointing, compiled=compiled)
            row = _measured(context, model, load, config)
            yield {"case": case, "pairs": batch, **row}
            batch = batch // 2 if "failed" in row else 0


def _config(context: Context, load: Load, batch: int, *, checkpointing: bool, compiled: bool) -> TrainConfig:
    return TrainConfig(
        steps=ENDLESS,
        batch_size=batch,
        crop_hw=None,
        iterations=load.iterations,
        precision="bf16",
        augment=None,
        checkpoint_every=ENDLESS,
        gradient_checkpointing=checkpointing,
        compile=compiled,
        tensorboard=False,
        device=context.device,
    )


def _measured(context: Context, model: FoundationStereo, load: Load, config: TrainConfig) -> Row:
    """What steps cost, or that memory does not suffice."""
    fresh_memory(context.device)
    folder = Path(tempfile.mkdtemp(dir=context.scratch))
    pairs = [layered_pair(number, *load.size_hw) for number in range(config.batch_size)]
    try:
        seconds = step_seconds(copy.deepcopy(model), pairs, config, folder, WARM_UP + load.steps)
    except torch.OutOfMemoryError:
        return {"failed": "out of memory"}
    counted = statistics.median(seconds[WARM_UP:])
    return {
        "seconds_per_step": counted,
        "pairs_per_second": config.batch_size / counted,
        "peak_GB": peak_gb(context.device),
        "first_step_seconds": seconds[0],
    }


def step_seconds(
    model: FoundationStereo, pairs: StereoDataset, config: TrainConfig, folder: Path, count: int
) -> list[float]:
    """Wall seconds of each of the first `count` steps, waiting for data included."""
    trainer = Trainer(model, pairs, config, folder, data_digest="layered")
    marks = [time.perf_counter()]

    def on_step(step: int, loss: float, rate: float) -> None:
        marks.append(time.perf_counter())
        if step >= count:
            raise EnoughStepsError

    with suppress(EnoughStepsError):
        trainer.run(on_step=on_step)
    return [after - before for before, after in pairwise(marks)]
