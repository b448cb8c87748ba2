"""Whether a dataset is the same however it is made: many runs of one tiny configuration, compared by content.

    python -m benchmarks.reproducible [--runs 50] [--shards 3] [--packs builtin] [--hogs 2]

The first run is quiet, on one worker. The others have 1, 2 or 3 workers in turn, the shards in another order,
and beside them processes that take the CPUs away for random moments. Whatever differs is named, sample by
sample; the exit code is 1 then. Other CPUs, versions and renderers may give other images: the promise that is
tested here is for one machine.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.load import taking_cpu
from fsd_gen.config import Config, load_config
from fsd_gen.production.render import render_shards
from fsd_gen.production.requests import requests_for
from fsd_gen.production.run import Run
from fsd_gen.shards.index import collect_records
from fsd_gen.shards.record import SampleRecord
from jobs.config import FarmConfig
from jobs.farm import ray_session
from jobs.locks import RunLock

WORKERS = (1, 2, 3)
COMPARED = ("content_id", "exposure", "truth_digest", "spec_digest")

Records = dict[str, SampleRecord]  # by sample id


def main(
    runs: Annotated[int, typer.Option(min=2)] = 50,
    shards: Annotated[int, typer.Option(min=1)] = 3,
    packs: Annotated[str, typer.Option(help="Comma-separated.")] = "builtin",
    hogs: Annotated[int, typer.Option(min=0, help="Processes that take CPU time.")] = 2,
) -> None:
    """Make one dataset again and again and say what differs."""
    differing = differences(tiny_config(packs.split(",")), runs=runs, shards=shards, hogs=hogs)
    print(f"{len(differing)} of {runs - 1} runs differ from the first one")
    raise typer.Exit(bool(differing))


def tiny_config(packs: list[str]) -> Config:
    """Small denoised images of rooms with several lights and of flying things."""
    return load_config(
        "fsd",
        {
            "assets.packs": packs,
            "seed": 5,
            "image.width": 128,
            "image.height": 72,
            "render.spp": 2,
            "samples_per_shard": 1,
        },
    )


def differences(config: Config, *, runs: int, shards: int, hogs: int) -> dict[int, list[str]]:
    """What differs from a quiet first run, by the number of the run."""
    found: dict[int, list[str]] = {}
    with ray_session(FarmConfig(workers=max(WORKERS))):
        first = make(config, shards, FarmConfig(workers=1), random.Random(0))
        for number in range(1, runs):
            begun = time.monotonic()
            farm = FarmConfig(workers=WORKERS[number % len(WORKERS)])
            with taking_cpu(hogs):
                again = make(config, shards, farm, random.Random(number))
            if lines := compared(first, again):
                found[number] = lines
            state = "; ".join(lines) or "same"
            seconds = time.monotonic() - begun
            print(
                f"run {number} workers={farm.workers} {state} {len(again)} samples {seconds:.0f} s",
                flush=True,
            )
    return found


def make(config: Config, shards: int, farm: FarmConfig, chance: random.Random) -> Records:
    """A whole run in a folder of its own, its shards in random order."""
    with tempfile.TemporaryDirectory(prefix="fsd-reproducible-") as name:
        folder = Path(name)
        with RunLock(folder):
            run = Run.start(folder, config)
            requests = list(requests_for(run, shards))
            chance.shuffle(requests)
            report = render_shards(folder, requests, farm=farm, on_event=lambda event: None)
        if not report.complete:
            raise RuntimeError(f"not every shard was made: {report.farm.failed}")
        records = collect_records(sorted(run.shards.glob("*.h5")), folder)
        return {record.sample_id: record for record in records}


def compared(first: Records, again: Records) -> list[str]:
    """One line for each sample that is not the same."""
    lines = [f"{sample_id} in one run only" for sample_id in sorted(first.keys() ^ again.keys())]
    for sample_id in sorted(first.keys() & again.keys()):
        a, b = first[sample_id], again[sample_id]
        if names := [name for name in COMPARED if getattr(a, name) != getattr(b, name)]:
            lines.append(f"{sample_id} differs in {', '.join(names)}")
    return lines


if __name__ == "__main__":
    typer.run(main)
