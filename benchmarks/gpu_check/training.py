"""A training of `small` for the minutes that are left, and what it has come to.

Two stages as in `benchmarks.zero_shot`: first what the initial disparity comes from (recipe `cpu`), then the
refinement (`cpu-refine`), both with a GPU's batches. How many steps fit is worked out from the pace of the
first ones, so that each stage ends its schedule of learning rates. Without shards it trains on made-up pairs
(`pairs`), which shows that training works, not how good the model can become.
"""

from __future__ import annotations

import copy
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.gpu_check.pairs import LayeredPairs
from benchmarks.gpu_check.part import Context, Row
from benchmarks.gpu_check.steps import ENDLESS, WARM_UP, step_seconds
from stereo_model import BackboneWeightsError, create_model, installed_lite0_weights, save_checkpoint
from stereo_model.data.base import StereoFiles
from stereo_model.data.registry import open_dataset
from stereo_model.data.sample import Sample
from stereo_model.evaluation.evaluate import evaluate, known_policies
from stereo_model.evaluation.metrics import MaskPolicy
from stereo_model.network.model import FoundationStereo
from stereo_model.training.config import TrainConfig
from stereo_model.training.recipe import load_recipe
from stereo_model.training.stopping import TrainingInterrupted
from stereo_model.training.trainer import Trainer

STAGES = {"cpu": 0.6, "cpu-refine": 1.0}  # recipe -> share of the time that is left for training then
PACE_STEPS = 20  # that are not kept
SAFETY = 0.9  # of the steps that should fit
HELD_OUT, MOST_HELD_OUT = 0.1, 12  # share of the pairs, and their number at most, for the evaluation
ANOTHER_EVALUATION = 1.5  # times what the first one took
ENDING_S = 4.0  # to write and to end


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is computed."""

    preset: str
    batch: int
    crop_hw: tuple[int, int]
    pair_hw: tuple[int, int]  # of made-up pairs
    pairs: int
    workers: int  # that prepare batches, at most
    steps: int | None = None  # of each stage; None: as many as fit


FULL = Size(preset="small", batch=8, crop_hw=(192, 384), pair_hw=(256, 448), pairs=4000, workers=14)
SMOKE = Size(preset="nano", batch=2, crop_hw=(64, 96), pair_hw=(64, 128), pairs=20, workers=0, steps=2)


class First:
    """The first pairs of a data set."""

    def __init__(self, data: StereoFiles, count: int) -> None:
        self._data, self._count = data, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int, /) -> Sample:
        if not 0 <= index < self._count:
            raise IndexError(f"no pair {index} among the first {self._count}")
        return self._data[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """What is trained on, and what only the evaluation sees."""

    train: First
    digest: str
    sets: dict[str, tuple[StereoFiles, Sequence[int]]]  # name -> data, indices


def small(context: Context) -> Iterator[Row]:
    """The errors before, each stage, the errors after; the model stands among the results."""
    size = SMOKE if context.smoke else FULL
    pairs = opened(context, size)
    model, weights = starting_model(size.preset)
    model.to(context.device)
    yield {"case": "start", "backbone": weights, "training_pairs": len(pairs.train)}
    began = time.monotonic()
    yield from errors(model, pairs, "before")
    reserve_s = ANOTHER_EVALUATION * (time.monotonic() - began) + ENDING_S
    for recipe, share in STAGES.items():
        config = settings(context, size, recipe, keep_backbone=weights != "noise")
        end = time.monotonic() + share * (context.left_s() - reserve_s)
        model, row = trained(context, model, pairs, config, recipe, end)
        yield {"case": f"recipe {recipe}", **row}
    save_checkpoint(model, context.out / f"{size.preset}.pt")
    yield from errors(model, pairs, "after")


def opened(context: Context, size: Size) -> Pairs:
    """The shards given, or made-up pairs; the last ones are held out."""
    data: StereoFiles = LayeredPairs(size.pairs, size.pair_hw)
    if context.data is not None:
        data = open_dataset("shards", context.data)
    held = min(MOST_HELD_OUT, max(1, int(HELD_OUT * len(data))))
    first = len(data) - held
    sets: dict[str, tuple[StereoFiles, Sequence[int]]] = {"held out": (data, range(first, len(data)))}
    if context.real is not None:
        real = open_dataset("folder", context.real)
        sets["real"] = (real, range(len(real)))
    return Pairs(train=First(data, first), digest=f"{data.digest()} first {first}", sets=sets)


def starting_model(preset: str) -> tuple[FoundationStereo, str]:
    """A new model, and what its backbone holds: ImageNet's features where they are installed, else noise."""
    try:
        return create_model(preset, backbone_weights=installed_lite0_weights()), "imagenet"
    except BackboneWeightsError as error:
        print(error)
        return create_model(preset), "noise"


def settings(context: Context, size: Size, recipe: str, *, keep_backbone: bool) -> TrainConfig:
    """A recipe's training with a GPU's batches, without end."""
    changes = {
        "steps": size.steps or ENDLESS,
        "batch_size": size.batch,
        "crop_hw": size.crop_hw,
        "freeze_backbone": keep_backbone,
        "precision": "bf16",
        "checkpoint_every": ENDLESS,
        "loader_workers": min(size.workers, len(os.sched_getaffinity(0)) - 1),
        "image_every": 0,
        "tensorboard": False,
        "device": context.device,
    }
    return load_recipe(recipe).training.model_copy(update=changes)


def trained(
    context: Context, model: FoundationStereo, pairs: Pairs, config: TrainConfig, name: str, end: float
) -> tuple[FoundationStereo, Row]:
    """The model after one stage that stops at `end` (time.monotonic()), and how far it came."""
    steps = config.steps
    if steps == ENDLESS:
        steps = fitting_steps(context, model, pairs, config, name, end)
    config = config.model_copy(update={"steps": steps})
    trainer = Trainer(model, pairs.train, config, context.scratch / name, data_digest=pairs.digest)
    losses: list[float] = []
    began = time.monotonic()
    with suppress(TrainingInterrupted):
        trainer.run(on_step=lambda step, loss, rate: losses.append(loss), stop=lambda: time.monotonic() > end)
    row = {"steps": trainer.step, "planned": steps, **_pace(losses, config, time.monotonic() - began)}
    return trainer.result.requires_grad_(True), row


def _pace(losses: list[float], config: TrainConfig, seconds: float) -> Row:
    """Speed, and the mean loss of the first and the last tenth of the steps."""
    tenth = max(1, len(losses) // 10)
    return {
        "seconds": seconds,
        "pairs_per_second": len(losses) * config.batch_size / seconds,
        "first_loss": statistics.fmean(losses[:tenth]),
        "last_loss": statistics.fmean(losses[-tenth:]),
    }


def fitting_steps(
    context: Context, model: FoundationStereo, pairs: Pairs, config: TrainConfig, name: str, end: float
) -> int:
    """How many steps fit before `end`, from the pace of some that are thrown away."""
    folder = context.scratch / f"{name}-pace"
    took = step_seconds(copy.deepcopy(model), pairs.train, config, folder, WARM_UP + PACE_STEPS)
    pace = statistics.fmean(took[WARM_UP:])
    return max(1, int(SAFETY * (end - time.monotonic() - took[0]) / pace))


def errors(model: FoundationStereo, pairs: Pairs, when: str) -> Iterator[Row]:
    """Mean over the scenes of every set; over pixels that both cameras see, where the set knows them."""
    for name, (data, indices) in pairs.sets.items():
        known = known_policies(data[indices[0]])
        policy = MaskPolicy.NON_OCCLUDED if MaskPolicy.NON_OCCLUDED in known else MaskPolicy.ALL
        evaluation = evaluate(model, data, policies=(policy,), indices=indices)
        mean = evaluation.mean(policy)
        yield {
            "case": f"{name}, {when} training, {policy.value.replace('_', '-')}",
            "scenes": len(indices),
            "EPE_px": mean.epe,
            "BP_2_percent": None if mean.bp2 is None else 100 * mean.bp2,
        }
