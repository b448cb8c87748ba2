"""What a stereo pair costs: CPU seconds by stage, peak memory, bytes on disk.

    python -m benchmarks.pair [--size 1280x720] [--spp 16] [--pairs 4] [--variant llvm_ad_rgb]

Half of the pairs are flying scenes, half indoor ones. One thread, one process, scenes as users get
them with the preset `fsd`. The first pair pays for compilation and is shown apart.
"""

from __future__ import annotations

import os
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from assets_manifest.library import AssetLibrary, open_library
from fsd_gen.backends.base import Backend
from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.sample import examine_sample
from fsd_gen.checks.truth import check_truth
from fsd_gen.config import Config, load_config
from fsd_gen.production.attempt import Exposure, draw, expose
from fsd_gen.production.run import Run
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.shards.writer import ShardWriter
from fsd_gen.styles.compose import compose_scene

STAGES = ("author", "load", "trace", "denoise", "develop", "truth", "checks", "write")


def main(
    size: Annotated[str, typer.Option()] = "1280x720",
    spp: Annotated[int, typer.Option()] = 16,
    pairs: Annotated[int, typer.Option(min=2)] = 4,
    variant: Annotated[str, typer.Option(help="Mitsuba variant; chosen by itself if empty.")] = "",
) -> None:
    """Render pairs and print where the time went."""
    if variant:
        os.environ["FSD_MITSUBA_VARIANT"] = variant
    width, height = map(int, size.split("x"))
    config = load_config("fsd", {"image.width": width, "image.height": height, "render.spp": spp})
    library = open_library(config.assets.packs)
    backend = create_backend("mitsuba", threads=1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        run = Run.start(Path(folder), config)
        run.bind_assets(library)
        writer = ShardWriter(run.shard_path(0), range(pairs), run.shard_meta(library))
        for slot in range(pairs):
            rows.append(one_pair(config, library, backend, slot, writer))
            print(f"slot {slot}: {rows[-1]}", flush=True)
        size_bytes = writer.finish().stat().st_size
    show(rows, size_bytes / pairs, f"{size}, {spp} spp, one thread")


def one_pair(
    config: Config, library: AssetLibrary, backend: Backend, slot: int, writer: ShardWriter
) -> dict[str, float]:
    """CPU seconds per stage of one slot; attempts that fail their checks are not repeated here."""
    taken, checks_cpu_s = shot(compose_scene(config, library, SlotKey(slot=slot)), config, library, backend)
    start = time.process_time()
    writer.add(taken.stored)
    cost = {"checks": checks_cpu_s, "write": time.process_time() - start, **taken.stored.render.stage_cpu_s}
    return {stage: round(cost.get(stage, 0.0), 3) for stage in STAGES}


def shot(spec: SceneSpec, config: Config, library: AssetLibrary, backend: Backend) -> tuple[Exposure, float]:
    """One scene, and the CPU seconds of all the checks that a run holds it to: the truth before it is
    rendered, the images by the materials that they show.
    """
    with draw(spec, library) as draft:
        start = time.process_time()
        check_truth(draft.blank(), config.check_limits())
        checks_cpu_s = time.process_time() - start
        taken = expose(draft, backend)
        start = time.process_time()
        steady_hw = draft.steady()
    examine_sample(taken.ideal, config.check_limits(), steady_left_hw=steady_hw)
    return taken, checks_cpu_s + time.process_time() - start


def show(rows: list[dict[str, float]], bytes_per_pair: float, title: str) -> None:
    """The split, and the totals."""
    table = Table("stage", "first pair", "mean of the others", "share", title=f"CPU seconds, {title}")
    others = {stage: float(np.mean([row[stage] for row in rows[1:]])) for stage in STAGES}
    total = sum(others.values())
    for stage in STAGES:
        table.add_row(
            stage, f"{rows[0][stage]:.2f}", f"{others[stage]:.2f}", f"{100 * others[stage] / total:.1f} %"
        )
    table.add_row("total", f"{sum(rows[0].values()):.2f}", f"{total:.2f}", "")
    console = Console(width=100)
    console.print(table)
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    console.print(f"peak memory {peak_gib:.2f} GiB, {bytes_per_pair / 1e6:.2f} MB per pair; {cpu_name()}")


def cpu_name() -> str:
    """Model of the processor, as the kernel names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, Python {platform.python_version()}"


if __name__ == "__main__":
    typer.run(main)
