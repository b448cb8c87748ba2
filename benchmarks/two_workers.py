"""How much faster two workers are than one, each on a core of its own: the same pairs, in turns.

    python -m benchmarks.two_workers --pairs 24 --spp 8 --rounds 3      # on a machine without other work

A shard is one pair, so that the end of each shard and the way to the next one count. What does not: the first
pair of each worker, for which it starts and compiles, and the pairs at the end that one worker makes alone.
Over the others, two workers are faster by 2 x (seconds of one worker) / (seconds of two). The first round,
which fills the caches of kernels, is shown and left out.

`machine` is what two processes that only count reach beside one: hardware threads that share a core, and
other work, bound everybody.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fsd_gen.config import Config, load_config
from fsd_gen.production.farm import render_farm
from fsd_gen.production.places import at_work_in
from fsd_gen.production.render import render_shards
from fsd_gen.production.requests import requests_for
from fsd_gen.production.run import Run
from jobs.task import Event, EventKind

COUNTING_S = 4.0
COUNTS = """
import sys, time
end, done = time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < end:
    done += sum(range(1000)) > 0
print(done)
"""
Made = tuple[str, str, float]  # shard, worker, when
Seconds = dict[str, float]  # of each shard


def main(
    pairs: Annotated[int, typer.Option(min=6)] = 24,
    size: Annotated[str, typer.Option()] = "320x180",
    spp: Annotated[int, typer.Option(min=1)] = 8,
    rounds: Annotated[int, typer.Option(min=2)] = 3,
) -> None:
    """Render with one worker and with two, and print how much faster two are."""
    width, height = map(int, size.split("x"))
    config = load_config(
        "fsd", {"image.width": width, "image.height": height, "render.spp": spp, "samples_per_shard": 1}
    )
    table = Table(
        "round", "one, s a pair", "two, s a pair", "pairs", "faster", "machine", title=f"{size}, {spp} spp"
    )
    found = []
    for number in range(rounds):
        faster, row = one_round(config, pairs)
        found += [faster] if number else []
        table.add_row(f"{number}" if number else "0, caches", *row, f"{machine():.2f}x")
    console = Console(width=110)
    console.print(table)
    console.print(
        f"two workers are {statistics.median(found):.2f}x as fast, {len(os.sched_getaffinity(0))} CPUs"
    )


def one_round(config: Config, pairs: int) -> tuple[float, list[str]]:
    """One worker, then two; how much faster, and the cells that tell of it."""
    alone, both = made_by(1, config, pairs), made_by(2, config, pairs)
    once, twice = steady(alone), steady(both)
    common = sorted(once.keys() & twice.keys())
    one_s, two_s = sum(once[name] for name in common), sum(twice[name] for name in common)
    faster = 2 * one_s / two_s
    count = len(common)
    return faster, [f"{one_s / count:.2f}", f"{two_s / count:.2f}", str(count), f"{faster:.2f}x"]


def made_by(workers: int, config: Config, pairs: int) -> list[Made]:
    """Who finished which pair when."""
    made: list[Made] = []

    def hear(event: Event) -> None:
        if event.kind is EventKind.TASK_DONE:
            made.append((event.task_id, event.worker, time.monotonic()))

    with tempfile.TemporaryDirectory() as out, at_work_in(Path(out) / "run") as folder:
        run = Run.start(folder, config)
        render_shards(folder, requests_for(run, pairs), farm=render_farm(workers=workers), on_event=hear)
    return made


def steady(made: Sequence[Made]) -> Seconds:
    """Seconds from each worker's pair to its next one, as long as all of them had work."""
    workers = {worker for _, worker, _ in made}
    last = min(max(at for _, who, at in made if who == worker) for worker in workers)
    found: Seconds = {}
    for worker in workers:
        own = [(name, at) for name, who, at in made if who == worker]
        for (_, before), (name, at) in zip(own, own[1:], strict=False):
            if at <= last:
                found[name] = at - before
    return found


def machine(seconds: float = COUNTING_S) -> float:
    """What two processes count in the time in which one counts once."""
    alone = _counted(1, seconds)
    return _counted(2, seconds) / alone


def _counted(processes: int, seconds: float) -> int:
    command = [sys.executable, "-c", COUNTS, str(seconds)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return sum(int(process.communicate()[0]) for process in running)


if __name__ == "__main__":
    typer.run(main)
