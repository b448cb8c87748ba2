"""`fsd-gen render`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsd_gen.backends.registry import offered_backends
from fsd_gen.cli.app import app, clear_errors, err, escaped, out, say_error
from fsd_gen.cli.assets import fetch_missing
from fsd_gen.cli.rigs import RIG_HELP
from fsd_gen.cli.sizes import Size, size_of
from fsd_gen.config import Config, ConfigError, load_config, preset_names
from fsd_gen.cost_options import CpuPrice, GpuPrice, MaxCost, Until, WorkerPrice, budget_of, prices_of
from jobs.commandline import Address, CpusPerWorker, GpusPerWorker, MemoryPerWorker, Pools, Workers
from jobs.store.urls import refuse_unknown

if TYPE_CHECKING:
    from fsd_gen.production.requests import RenderReport
    from fsd_gen.production.run import Run
    from fsd_gen.shards.index import Index
    from jobs.config import FarmConfig
    from jobs.status.budget import Budget

PRESETS = ", ".join(preset_names())
BACKENDS = ", ".join(offered_backends()) or "none is installed"

MOST_SHARDS = 100_000  # their names have five digits, and are read in the order of names


@app.command()
@clear_errors
def render(
    shards: Annotated[
        int, typer.Option(min=1, max=MOST_SHARDS, help="How many shards the dataset is to have.")
    ],
    config: Annotated[str, typer.Option(help=f"Preset ({PRESETS}) or YAML file.")] = "fsd",
    out_dir: Annotated[str, typer.Option("--out", help="Run directory; resumed if it exists.")] = "runs/fsd",
    samples_per_shard: Annotated[int | None, typer.Option(help="Stereo pairs per shard.")] = None,
    backend: Annotated[str | None, typer.Option(help=f"Renderer; here: {BACKENDS}.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides every scene.")] = None,
    size: Size = None,
    spp: Annotated[int | None, typer.Option(help="Samples per pixel.")] = None,
    rig: Annotated[str | None, typer.Option(help=f"In place of the config's `rig`. {RIG_HELP}")] = None,
    packs: Annotated[str | None, typer.Option(help="Asset packs, comma-separated.")] = None,
    workers: Workers = None,
    cpus_per_worker: CpusPerWorker = 1.0,
    gpus_per_worker: GpusPerWorker = None,
    memory_per_worker: MemoryPerWorker = 0.0,
    pool: Pools = None,
    address: Address = None,
    cost_per_hour_cpu: CpuPrice = 0.0,
    cost_per_hour_gpu: GpuPrice = 0.0,
    worker_cost: WorkerPrice = 0.0,
    max_cost: MaxCost = None,
    until: Until = None,
) -> None:
    """Render a dataset of SHARDS shards, or what is missing of it."""
    from fsd_gen.production.farm import render_farm

    farm = render_farm(
        workers=workers,
        address=address,
        cpus_per_worker=cpus_per_worker,
        gpus_per_worker=gpus_per_worker,
        memory_gib_per_worker=memory_per_worker,
        pools=pool or (),
    )
    _refuse_idle_backend(backend, farm)
    overrides: dict[str, Any] = {
        "samples_per_shard": samples_per_shard,
        "render.backend": backend,
        "seed": seed,
        "rig": _rig(rig),
        "render.spp": spp,
        "assets.packs": packs.split(",") if packs is not None else None,
        **size_settings(size),
    }
    prices = prices_of(cost_per_hour_cpu, cost_per_hour_gpu, worker_cost)
    _render(out_dir, config, overrides, shards, farm, budget_of(prices, max_cost, until))


def _refuse_idle_backend(backend: str | None, farm: FarmConfig) -> None:
    """Pools say what renders; raises ConfigError where --backend names a renderer that none of them has."""
    kinds = sorted({pool.kind for pool in farm.pools})
    if backend is not None and kinds and backend not in kinds:
        raise ConfigError(
            f"--backend {backend}: the pools render with {', '.join(kinds)}; leave out --backend, or add "
            f"--pool NAME:{backend}:WORKERS"
        )


def _render(
    out_dir: str, config: str, overrides: dict[str, Any], shards: int, farm: FarmConfig, budget: Budget
) -> None:
    if not out_dir:
        raise ConfigError("--out: expected a run directory such as runs/fsd, got an empty name")
    refuse_unknown(out_dir)
    given = {name: value for name, value in overrides.items() if value is not None}
    render_run(out_dir, load_config(config, given), shards, farm, budget)


def render_run(
    place: str | Path, chosen: Config, shards: int, farm: FarmConfig, budget: Budget | None = None
) -> None:
    """Make the run of a configuration, or what is missing of it, and tell what came of it."""
    from assets_manifest.registry import refuse_unknown_packs
    from fsd_gen.backends.registry import refuse_unavailable
    from fsd_gen.production.assets import open_chosen
    from fsd_gen.production.farm import renderers
    from fsd_gen.production.membership import refuse_foreign
    from fsd_gen.production.places import at_work_in
    from fsd_gen.production.requests import refuse_too_many
    from fsd_gen.production.run import Run
    from fsd_gen.production.survey import remedied
    from fsd_gen.production.widths import too_wide
    from fsd_gen.production.worlds import worlds_of
    from fsd_gen.shards.index import refresh_index

    refuse_too_many(shards, chosen.samples_per_shard)
    used = renderers(farm, chosen)
    for backend in sorted(used) if farm.address is None else ():  # on a cluster the nodes have it
        refuse_unavailable(backend)
    refuse_unknown_packs(chosen.assets.packs)
    if wide := too_wide(chosen):
        say_error(wide)
    worlds_of(chosen)  # what is wrong with a stage is said before there is a folder
    fetch_missing(chosen.assets.packs)
    open_chosen(chosen, used)  # and what the packs lack
    with at_work_in(place) as folder:
        run = Run.start(folder, chosen)
        with remedied(folder):
            refuse_foreign(run, refresh_index(folder))
        _want(folder, shards)
        report = _render_with_progress(run, shards, farm, budget)
        index = refresh_index(folder)
    _tell(run, report, index)
    if not report.complete or not index.records:
        raise typer.Exit(1)


def _want(folder: Path, shards: int) -> None:
    """Note how many shards the run is to have, and say so where that is fewer than before."""
    from fsd_gen.production.unfinished import WantedError, want_shards, wanted_shards

    try:
        before = wanted_shards(folder) or 0
    except WantedError as error:
        before = 0
        say_error(f"{error}: so it does now, with {shards}")
    if shards < before:
        say_error(
            f"{folder} was to have {before} shards; from now on it wants {shards}, and keeps what it has: "
            "no more are made, and none is deleted"
        )
    want_shards(folder, shards)


def _render_with_progress(run: Run, shards: int, farm: FarmConfig, budget: Budget | None) -> RenderReport:
    from fsd_gen.production.log import RunLog, cause
    from fsd_gen.production.render import UNLIMITED, render_shards
    from fsd_gen.production.requests import requests_for, shard_tasks
    from jobs.progress import ProgressDisplay
    from jobs.task import FarmHalted, FarmInterrupted, WorkerStartError

    requests = requests_for(run, shards)
    tasks = shard_tasks(requests)
    with ProgressDisplay(tasks, task="shards", console=out, quiet=not tasks) as show:
        log = RunLog(run.folder, show)
        try:
            return render_shards(run.folder, requests, farm=farm, on_event=log, budget=budget or UNLIMITED)
        except (FarmHalted, FarmInterrupted):
            _tell_kept(run)
            raise
        except WorkerStartError as error:
            log.write("no worker started", str(error))
            raise WorkerStartError(f"no worker started: {cause(str(error))}; see {log.path}") from None
        finally:
            if log.problem:
                say_error(f"what went wrong could not be written down: {log.problem}")


def _tell(run: Run, report: RenderReport, index: Index) -> None:
    from fsd_gen.production.log import LOG_NAME, cause
    from fsd_gen.shards.index import truth_manifest_digest

    for failure in report.farm.failed.values():
        text = f"{failure.task_id} after {failure.attempts} attempts: {cause(failure.traceback)}"
        err.print(f"[red]failed:[/red] {escaped(text)}", soft_wrap=True, highlight=False)
    there_already = len(index.shards) - len(report.written)
    out.print(
        f"{len(index.records)} samples in {len(index.shards)} shards under {run.shards} "
        f"({there_already} of the shards were there already); "
        f"truth digest {truth_manifest_digest(index.records)[:16]}",
        soft_wrap=True,
        highlight=False,
    )
    if report.farm.failed:
        _tell_kept(run)
        say_error(f"the same command goes on from here; tracebacks are in {run.folder / LOG_NAME}")
    if index.shards and not index.records:
        say_error(f"no sample was made: every slot is quarantined; `fsd-gen info {run.folder}` says why")


def _tell_kept(run: Run) -> None:
    """How many samples of unfinished shards are stored."""
    from fsd_gen.production.unfinished import parts_in

    parts = parts_in(run.shards)
    kept = sum(len(part.samples) for part in parts)
    if kept:
        say_error(f"{kept} samples of {len(parts)} unfinished shards are kept")


def _rig(text: str | None) -> dict[str, Any] | None:
    from fsd_gen.rigs.text import rig_settings

    return None if text is None else rig_settings(text)


def size_settings(text: str | None) -> dict[str, int]:
    """The config's settings that `--size` stands for."""
    if text is None:
        return {}
    width, height = size_of(text)
    return {"image.width": width, "image.height": height}
