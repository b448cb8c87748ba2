"""Path tracing on the GPU: does it work, what does a pair cost, and is its truth that of the CPU.

Scenes of the preset `fsd` made of builtin assets alone, which are made here. The first frame pays for
compilation; the others are those of other scenes, as in production. A pair's truth may not depend on where
its images were made: a process of its own makes the first pair again on the CPU.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from assets_manifest.fetch import fetch
from assets_manifest.library import AssetLibrary, open_library
from benchmarks.gpu_check.part import CannotRunError, CheckFailedError, Context, Row
from fsd_gen.backends.base import Backend
from fsd_gen.backends.mitsuba.variant import CPU, GPU, OVERRIDE
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.sample import check_sample
from fsd_gen.config import Config, load_config
from fsd_gen.production.attempt import produce
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.record import record_of
from fsd_gen.shards.sample import StereoSample
from fsd_gen.styles.compose import compose_scene

PACK = "builtin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much is rendered."""

    width: int
    height: int
    spp: tuple[int, ...]  # samples per pixel
    pairs: int  # per number of samples, beside the first one


FULL = Load(width=1280, height=720, spp=(16, 64), pairs=2)
SMOKE = Load(width=96, height=64, spp=(1,), pairs=1)


def render(context: Context) -> Iterator[Row]:
    """The first pair, its comparison with the CPU, the next ones. Raises CheckFailedError at the end."""
    load = SMOKE if context.smoke else FULL
    os.environ[OVERRIDE] = GPU if context.device == "cuda" else CPU
    fetch(PACK, context.scratch)
    library = open_library([PACK], context.scratch)
    backend = _backend()
    first, seconds = rendered(library, backend, configured(load, load.spp[0]), slot=0)
    yield {"case": f"first pair, {load.spp[0]} spp", "seconds": seconds, **_facts(first, load)}
    comparison = compared(first, context.scratch, load)
    yield comparison
    for spp in load.spp:
        config = configured(load, spp)
        took = [rendered(library, backend, config, slot)[1] for slot in range(1, 1 + load.pairs)]
        case = f"{load.width}x{load.height}, {spp} spp, scene and truth included"
        yield {"case": case, "seconds_per_pair": statistics.fmean(took), "pairs": load.pairs}
    backend.close()
    if comparison["defects"] != "none" or not comparison["truth_equal"]:
        raise CheckFailedError("the first pair is not sound, or its truth is not that of the CPU")


def configured(load: Load, spp: int) -> Config:
    """The preset `fsd` at this size, of builtin assets."""
    changes = {"image.width": load.width, "image.height": load.height, "render.spp": spp}
    return load_config("fsd", {**changes, "assets.packs": [PACK]})


def rendered(
    library: AssetLibrary, backend: Backend, config: Config, slot: int
) -> tuple[StereoSample, float]:
    """The pair of a slot and its wall seconds."""
    began = time.perf_counter()
    made = produce(compose_scene(config, library, SlotKey(slot=slot)), library, backend)
    return made, time.perf_counter() - began


def compared(first: StereoSample, assets: Path, load: Load) -> Row:
    """Whether the first pair is sound and its truth is what the CPU's is."""
    defects = check_sample(first, configured(load, 1).check_limits())
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        other = pool.submit(cpu_digest, assets, load).result()
    equal = record_of(first).truth_digest == other
    found = "; ".join(f"{defect.code}: {defect.detail}" for defect in defects)
    return {"case": "first pair against the CPU", "truth_equal": equal, "defects": found or "none"}


def cpu_digest(assets: Path, load: Load) -> str:
    """Truth digest of the first pair, rendered on the CPU."""
    os.environ[OVERRIDE] = CPU
    library = open_library([PACK], assets)
    made, _ = rendered(library, _backend(), configured(load, 1), slot=0)
    return record_of(made).truth_digest


def _backend() -> Backend:
    try:
        return create_backend("mitsuba")
    except BackendUnavailableError as error:
        raise CannotRunError(str(error)) from error


def _facts(made: StereoSample, load: Load) -> Row:
    return {
        "size": f"{load.width}x{load.height}",
        "variant": made.render.variant,
        "denoiser": made.render.denoiser or "none",
        **{f"{stage}_cpu_s": seconds for stage, seconds in made.render.stage_cpu_s.items()},
    }
