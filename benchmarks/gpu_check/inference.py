"""Inference of pairs of two sizes: the plain network, and ours in the ways that a GPU likes.

Plain is the network as it trains, eager, in float32 with torch's defaults (TF32 in convolutions). Ours is
the accelerated copy that the product infers with: in float32, in bfloat16 by autocast, and with the weights
of 2-D convolutions in channels-last order. What is compiled, part by part as the trainer does it, is the
plain network: a compiler finds its own ways. Differences are of the disparity to the plain one, with random
weights, which exaggerate rounding.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.gpu_check.measuring import fresh_memory, median_seconds, peak_gb
from benchmarks.gpu_check.pairs import layered_pair
from benchmarks.gpu_check.part import Context, Row
from stereo_model import create_model
from stereo_model.fast.accelerate import accelerate
from stereo_model.network.model import FoundationStereo

SIZES = ((480, 640), (720, 1280))  # height, width, pixels
SMOKE_SIZES = ((64, 96),)
MOST_PAIRS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the same weights are run."""

    name: str
    half: bool = True
    accelerated: bool = True
    channels_last: bool = False
    compiled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one pair."""

    seconds: float  # median
    first_s: float  # the first one, compilation included
    peak_gb: float | None
    disparity_b1hw: Tensor  # on the CPU, pixels

    def row(self) -> Row:
        """Without the disparity."""
        return {
            "seconds_per_pair": self.seconds,
            "peak_GB": self.peak_gb,
            "first_pair_seconds": self.first_s,
        }


PLAIN = Way(name="plain, fp32", half=False, accelerated=False)
EAGER = (
    PLAIN,
    Way(name="ours, fp32", half=False),
    Way(name="ours, bf16"),
    Way(name="ours, bf16, channels last", channels_last=True),
)
COMPILED = (PLAIN, Way(name="plain, bf16, compiled", accelerated=False, compiled=True))


def vits(context: Context) -> Iterator[Row]:
    """The small published size."""
    return _inference(context, "vits", EAGER)


def vitl(context: Context) -> Iterator[Row]:
    """The large published size."""
    return _inference(context, "vitl", EAGER)


def vits_compiled(context: Context) -> Iterator[Row]:
    """The small one compiled."""
    return _inference(context, "vits", COMPILED)


def _inference(context: Context, preset: str, ways: tuple[Way, ...]) -> Iterator[Row]:
    """A row per way and size; the plain way comes first."""
    name = "nano" if context.smoke else preset
    model = create_model(name)
    plain: dict[tuple[int, int], Cost] = {}
    for way in ways:
        runner = prepared(copy.deepcopy(model).to(context.device), way)
        for height, width in SMOKE_SIZES if context.smoke else SIZES:
            case = f"{name}, {width}x{height}, {model.config.iterations} iterations, {way.name}"
            print(case)
            cost = _cost(context, runner, way, (height, width))
            if cost is None:
                yield {"case": case, "failed": "out of memory"}
            else:
                yield {"case": case, **cost.row(), **compared(cost, plain.get((height, width)))}
            if way is PLAIN and cost is not None:
                plain[height, width] = cost


def prepared(model: FoundationStereo, way: Way) -> FoundationStereo:
    """The model, its weights laid out and its parts compiled as the way says, or its accelerated copy."""
    if way.channels_last:
        for weight in model.parameters():
            if weight.dim() == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    if way.compiled:
        for part in model.children():
            part.compile()
    return accelerate(model) if way.accelerated else model


def compared(cost: Cost, plain: Cost | None) -> Row:
    """How a way stands to the plain one; nothing where that is not known."""
    if plain is None:
        return {}
    difference = (cost.disparity_b1hw - plain.disparity_b1hw).abs()
    return {
        "times_faster": plain.seconds / cost.seconds,
        "median_difference_px": float(difference.median()),
        "largest_difference_px": float(difference.max()),
    }


def _cost(context: Context, model: FoundationStereo, way: Way, size_hw: tuple[int, int]) -> Cost | None:
    """What a pair of this size costs; None where memory does not suffice."""
    torch.compiler.reset()  # one compilation per size, none for sizes in general
    fresh_memory(context.device)
    pair = layered_pair(0, *size_hw)
    views = [torch.from_numpy(pair[side])[None].to(context.device) for side in ("left", "right")]

    def predict() -> Tensor:
        with torch.autocast(context.device, torch.bfloat16, enabled=way.half):
            return model.predict(*views)

    try:
        began = time.perf_counter()
        disparity = predict().float().cpu()
        first_s = time.perf_counter() - began
        seconds = median_seconds(predict, context.device, most=MOST_PAIRS, until=_until(context))
    except torch.OutOfMemoryError:
        return None
    return Cost(seconds=seconds, first_s=first_s, peak_gb=peak_gb(context.device), disparity_b1hw=disparity)


def _until(context: Context) -> float:
    """A tenth of the time that is left is for this."""
    return time.monotonic() + context.left_s() / 10
