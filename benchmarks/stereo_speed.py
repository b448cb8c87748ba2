"""What the stereo network costs: the copy that infers beside the reference, training with its variations.

    python -m benchmarks.stereo_speed [--preset vits --size 320x736 --max-disparity 416 --iterations 22]
                                      [--threads 1 --device cpu|cuda --precision fp32|bf16 --repeats 1]
    python -m benchmarks.stereo_speed --train [--device cuda --precision bf16 --compiled --crop 320x736]

Inference measures `stereo_model.fast.accelerate(model)` beside the model itself, the reference; `--train` one
training step of the reference, with and without checkpointing and torch.compile. Every measurement has a
process of its own, and the ways take turns. On the CPU: processor seconds, and the peak of resident memory
above the loaded model (Linux). On a GPU: seconds, and the peak of allocated memory, the model included.
Weights are random: they do not matter to the cost.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from stereo_model import create_model
from stereo_model.fast.accelerate import accelerate
from stereo_model.network.model import FoundationStereo
from stereo_model.training.loss import stereo_loss

Way = Literal["reference", "accelerated", "checkpointing", "compiled", "checkpointing, compiled"]
WARM_SIZE = (64, 128)  # pixels; a first pair, so that libraries are loaded before the clock runs
GPU_PAIRS = 10  # timed on a GPU, after three that are not
LEARNING_RATE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to measure."""

    way: Way
    preset: str
    size: tuple[int, int]  # height, width, pixels
    max_disparity: int
    iterations: int
    batch: int
    threads: int
    device: str
    precision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one pair or one training step costs."""

    seconds: float  # of the processor, or of the GPU
    peak_bytes: int
    result: Tensor | None = None  # last disparity


def main(
    preset: str = "vits",
    size: str = "320x736",
    max_disparity: int = 416,
    iterations: Annotated[int, typer.Option(min=1)] = 22,
    batch: Annotated[int, typer.Option(min=1)] = 1,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    device: str = "cpu",
    precision: Annotated[str, typer.Option(help="fp32 or bf16")] = "fp32",
    repeats: Annotated[int, typer.Option(min=1)] = 1,
    train: Annotated[bool, typer.Option(help="Measure training steps.")] = False,
    compiled: Annotated[bool, typer.Option(help="With --train: torch.compile as well.")] = False,
) -> None:
    """Measure and print."""
    height, width = map(int, size.split("x"))
    ways: tuple[Way, ...] = ("reference", "accelerated")
    if train:
        ways = ("reference", "checkpointing")
        ways += ("compiled", "checkpointing, compiled") if compiled else ()
    cases = [
        Case(
            way=way,
            preset=preset,
            size=(height, width),
            max_disparity=max_disparity,
            iterations=iterations,
            batch=batch,
            threads=threads,
            device=device,
            precision=precision,
        )
        for way in ways
    ]
    costs: dict[Way, list[Cost]] = {way: [] for way in ways}
    for _ in range(repeats):
        for case in cases:
            costs[case.way].append(in_own_process(train_step if train else one_pair, case))
            print(f"{case.way}: {line(costs[case.way][-1])}", flush=True)
    show(
        costs,
        f"{'training step' if train else 'inference'}, {preset}, {batch} x {size}, "
        f"max disparity {max_disparity}, {iterations} iterations, {precision}, "
        f"{device if device != 'cpu' else f'{threads} thread(s)'}",
    )


def in_own_process(measure: Callable[[Case], Cost], case: Case) -> Cost:
    """measure(case), in a new process."""
    os.environ["OMP_NUM_THREADS"] = str(case.threads)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, case).result()


def one_pair(case: Case) -> Cost:
    """The cost of one inference."""
    model = build(case).eval()
    with torch.inference_mode(), precision_of(case):

        def infer(size: tuple[int, int]) -> Tensor:
            return model(*images(case, size), iterations=case.iterations).disparities[-1]

        model(*images(case, WARM_SIZE), iterations=1)
        return (
            gpu_cost(lambda: infer(case.size)) if case.device != "cpu" else cpu_cost(lambda: infer(case.size))
        )


def train_step(case: Case) -> Cost:
    """The cost of one training step; the loss is that of `stereo_model.training.trainer`."""
    model = build(case).train()
    model.checkpointing = "checkpointing" in case.way
    if "compiled" in case.way:
        model.compile()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE)
    left, right = images(case, case.size)
    truth = torch.full_like(left[:, 0], 20.0)
    valid = torch.ones_like(truth, dtype=torch.bool)

    def step() -> None:
        with precision_of(case):
            out = model(left, right, iterations=case.iterations)
        stereo_loss(out, truth, valid, max_disparity=case.max_disparity).total.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return gpu_cost(step) if case.device != "cpu" else cpu_cost(step)


def build(case: Case) -> FoundationStereo:
    """The model of a case, on its device."""
    torch.set_num_threads(case.threads)
    model = create_model(case.preset, max_disparity=case.max_disparity).to(case.device)
    return accelerate(model) if case.way == "accelerated" else model


def images(case: Case, size: tuple[int, int]) -> Tensor:
    """A pair of noise, (2,B,3,H,W); the right image is the left one moved by 20 pixels."""
    generator = torch.Generator().manual_seed(0)
    left = torch.rand(case.batch, 3, *size, generator=generator) * 255
    return torch.stack([left, left.roll(-20, -1)]).to(case.device)


def precision_of(case: Case) -> AbstractContextManager:
    """float32, or bfloat16 where torch's autocast allows it."""
    return torch.autocast(case.device, torch.bfloat16, enabled=case.precision == "bf16")


def cpu_cost(run: Callable[[], Tensor | None]) -> Cost:
    """Processor seconds of one run, and the peak of resident memory above that before it."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = status_bytes("VmRSS")
    start = time.process_time()
    result = run()
    seconds = time.process_time() - start
    return Cost(seconds=seconds, peak_bytes=status_bytes("VmHWM") - before, result=result)


def gpu_cost(run: Callable[[], Tensor | None]) -> Cost:
    """Seconds per run on the GPU, and the peak of allocated memory."""
    for _ in range(3):
        result = run()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    for _ in range(GPU_PAIRS):
        result = run()
    torch.cuda.synchronize()
    seconds = (time.perf_counter() - start) / GPU_PAIRS
    result = None if result is None else result.cpu()
    return Cost(seconds=seconds, peak_bytes=torch.cuda.max_memory_allocated(), result=result)


def status_bytes(field: str) -> int:
    """A memory size of this process, from the kernel."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(text.split()[1]) for text in lines if text.startswith(f"{field}:"))


def line(cost: Cost) -> str:
    """One measurement in words."""
    return f"{cost.seconds:.3f} s, {cost.peak_bytes / 1e6:.0f} MB"


def show(costs: dict[Way, list[Cost]], title: str) -> None:
    """Print the best of each way, and how it stands to the reference."""
    best = {
        way: Cost(
            seconds=min(cost.seconds for cost in given),
            peak_bytes=min(cost.peak_bytes for cost in given),
            result=given[0].result,
        )
        for way, given in costs.items()
    }
    reference = best["reference"]
    table = Table("way", "seconds", "faster", "peak MB", "memory", "greatest difference", title=title)
    for way, cost in best.items():
        same = "" if cost.result is None else f"{(cost.result - reference.result).abs().max():.2g} px"
        faster, memory = reference.seconds / cost.seconds, cost.peak_bytes / max(reference.peak_bytes, 1)
        size = f"{cost.peak_bytes / 1e6:.0f}"
        table.add_row(way, f"{cost.seconds:.3f}", f"{faster:.2f}x", size, f"{memory:.0%}", same)
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
