"""`fsd-gen`: render, look at, verify and replay stereo datasets; fetch the assets they are made of."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from assets_manifest.downloads import DownloadError
from assets_manifest.fetch import PACKS, FetchError, fetch
from assets_manifest.library import assets_root, open_library
from fsd_gen.backends.registry import BUILT, create_backend
from fsd_gen.config import Config, ConfigError, load_config, preset_names
from fsd_gen.preview import contact_sheet, contact_sheet_of_shards
from fsd_gen.production.assets import partial_packs
from fsd_gen.production.farm import render_farm
from fsd_gen.production.render import RENDER_ERRORS, RenderReport, render_shards, requests_for, shard_tasks
from fsd_gen.production.replay import replay as replay_sample
from fsd_gen.production.run import Run
from fsd_gen.shards.find import find_shards, load_sample
from fsd_gen.shards.index import rebuild_index, truth_manifest_digest
from fsd_gen.shards.verify import verify_shard
from fsd_gen.shards.writer import ShardReader
from fsd_gen.usd.author import write_stage
from jobs.farm.driver import ClusterUnreachableError, FarmCapacityError
from jobs.files import DiskFullError
from jobs.progress import ProgressDisplay
from jobs.rundir import RunConfigMismatchError, RunLock, RunLockedError
from jobs.task import FarmConfig, FarmInterrupted, WorkerStartError

P = ParamSpec("P")
R = TypeVar("R")

EXPECTED = (  # errors that say what to do; anything else is a bug and shows its traceback
    *RENDER_ERRORS,
    ClusterUnreachableError,
    DiskFullError,
    DownloadError,
    FarmCapacityError,
    FetchError,
    RunConfigMismatchError,
    RunLockedError,
    WorkerStartError,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=__doc__,
    context_settings={"help_option_names": ["-h", "--help"]},
)
assets_app = typer.Typer(no_args_is_help=True, help="Fetch, list and verify asset packs.")
app.add_typer(assets_app, name="assets")
out = Console()
err = Console(stderr=True)


def clear_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Show expected errors as one clear message with exit code 2; an interruption says how to go on."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except EXPECTED as error:
            err.print(f"[red]error:[/red] {_escaped(str(error))}", soft_wrap=True, highlight=False)
            raise typer.Exit(2) from None
        except FarmInterrupted as stop:
            err.print(f"stopped: {stop}; the same command goes on from here", highlight=False)
            raise typer.Exit(128 + stop.signum) from None

    return wrapped


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


@app.command()
@clear_errors
def render(
    shards: Annotated[int, typer.Option(min=1, help="How many shards the dataset is to have.")],
    config: Annotated[str, typer.Option(help=f"Preset {list(preset_names())} or YAML file.")] = "fsd",
    out_dir: Annotated[Path, typer.Option("--out", help="Run directory; resumed if it exists.")] = Path(
        "runs/fsd"
    ),
    samples_per_shard: Annotated[int | None, typer.Option(help="Stereo pairs per shard.")] = None,
    backend: Annotated[str | None, typer.Option(help="mitsuba | ovrtx | replicator")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides every scene.")] = None,
    size: Annotated[str | None, typer.Option(help="Size of each view, WIDTHxHEIGHT.")] = None,
    spp: Annotated[int | None, typer.Option(help="Samples per pixel.")] = None,
    packs: Annotated[str | None, typer.Option(help="Asset packs, comma-separated.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes; 0 renders in this one.")] = None,
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="GPUs that each worker claims.")] = 0.0,
    address: Annotated[str | None, typer.Option(help='Ray cluster to join: "auto" or HOST:PORT.')] = None,
) -> None:
    """Render a dataset of SHARDS shards, or what is missing of it."""
    overrides: dict[str, Any] = {
        "samples_per_shard": samples_per_shard,
        "render.backend": backend,
        "seed": seed,
        "render.spp": spp,
        "assets.packs": packs.split(",") if packs is not None else None,
    }
    if size is not None:
        overrides |= dict(zip(("image.width", "image.height"), _size(size), strict=True))
    chosen = load_config(config, {k: v for k, v in overrides.items() if v is not None})
    _refuse_unbuilt_backend(chosen)
    with RunLock(out_dir):
        run = Run.start(out_dir, chosen)
        _fetch_missing(chosen)
        farm = render_farm(workers=workers, address=address, gpus_per_worker=gpus_per_worker)
        report = _render_with_progress(run, shards, farm)
        records = rebuild_index(out_dir)
    for failure in report.farm.failed.values():
        err.print(f"[red]failed:[/red] {failure.task_id} after {failure.attempts} attempts", highlight=False)
        err.print(_escaped(failure.traceback), highlight=False)
    out.print(
        f"{len(records)} samples in {len(report.written) + len(report.existing)} shards under {run.shards} "
        f"({len(report.existing)} were there already); truth digest {truth_manifest_digest(records)[:16]}",
        soft_wrap=True,
        highlight=False,
    )
    if not report.complete:
        raise typer.Exit(1)


def _refuse_unbuilt_backend(config: Config) -> None:
    """Say at once, and not from a worker, that a planned backend cannot run yet."""
    if config.render.backend not in BUILT:
        create_backend(config.render.backend)


def _render_with_progress(run: Run, shards: int, farm: FarmConfig) -> RenderReport:
    requests = requests_for(run, shards)
    with ProgressDisplay(shard_tasks(requests), task="shards", console=out) as show:
        return render_shards(run.folder, requests, farm=farm, on_event=show)


def _size(text: str) -> tuple[int, int]:
    width, x, height = text.lower().partition("x")
    if not (x and width.isdigit() and height.isdigit()):
        raise ConfigError(f"--size: expected WIDTHxHEIGHT such as 1280x720, got {text!r}")
    return int(width), int(height)


def _fetch_missing(config: Config) -> None:
    for pack in config.assets.packs:
        if pack in PACKS and not _is_fetched(pack):
            out.print(f"asset pack {pack} is not here yet, fetching it: {PACKS[pack].about}", highlight=False)
            _fetch_with_progress(pack)


def _is_fetched(pack: str) -> bool:
    return (assets_root() / pack / "pack.yaml").exists()


def _fetch_with_progress(pack: str, *, allow_partial: bool = False, force: bool = False) -> Path:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        bar = progress.add_task(pack)

        def show(step: str, done: int, total: int) -> None:
            progress.update(bar, description=f"{pack}: {step}", completed=done, total=total or None)

        return fetch(pack, on_progress=show, allow_partial=allow_partial, force=force)


@app.command()
@clear_errors
def preview(
    path: Annotated[Path, typer.Argument(help="Shard, folder of shards, or run directory.")],
    out_file: Annotated[Path, typer.Option("--out", "-o", help="PNG to write.")] = Path("preview.png"),
    samples: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 8,
    columns: Annotated[int, typer.Option(min=1, help="Samples side by side.")] = 1,
    width: Annotated[int, typer.Option(min=32, help="Width of one picture in pixels.")] = 426,
) -> None:
    """Write a contact sheet: left | right | disparity."""
    sheet = contact_sheet_of_shards(find_shards(path), most=samples, columns=columns, thumb_px=width)
    sheet.save(out_file)
    out.print(f"contact sheet: {out_file}", highlight=False)


@app.command()
@clear_errors
def verify(path: Annotated[Path, typer.Argument(help="Shard, folder of shards, or run directory.")]) -> None:
    """Read everything back and compare checksums; exit code 1 if anything is damaged."""
    problems, samples = [], 0
    for shard in find_shards(path):
        found = verify_shard(shard)
        problems += found
        for problem in found:
            err.print(_escaped(str(problem)), soft_wrap=True, highlight=False)
        if not found:
            with ShardReader(shard) as reader:
                samples += len(reader)
    out.print(f"{samples} samples are intact, {len(problems)} problems", highlight=False)
    if problems:
        raise typer.Exit(1)


@app.command()
@clear_errors
def info(path: Annotated[Path, typer.Argument(help="Shard, folder of shards, or run directory.")]) -> None:
    """What a dataset holds: strata, disparities, rigs, cost, quarantined slots."""
    shards = find_shards(path)
    records, quarantined, size_bytes = [], [], 0
    for shard in shards:
        with ShardReader(shard) as reader:
            records += reader.records()
            quarantined += reader.quarantined()
            meta = reader.meta
        size_bytes += shard.stat().st_size
    table = Table("stratum", "samples", "median disparity", "largest", "baseline m", "occluded", "CPU s")
    for stratum in sorted({record.stratum for record in records}):
        rows = [record for record in records if record.stratum == stratum]
        known = [record for record in rows if record.disparity_p50 is not None]
        table.add_row(
            stratum,
            str(len(rows)),
            f"{sorted(r.disparity_p50 for r in known)[len(known) // 2]:.1f} px" if known else "-",
            f"{max(r.disparity_max for r in known):.1f} px" if known else "-",
            f"{min(r.baseline_m for r in rows):.3f} - {max(r.baseline_m for r in rows):.3f}",
            f"{100 * sum(r.occluded_share for r in rows) / len(rows):.1f} %",
            f"{sum(r.cpu_s for r in rows) / len(rows):.1f}",
        )
    out.print(table)
    mib = size_bytes / 2**20
    out.print(
        f"{len(records)} samples of {meta.width}x{meta.height} in {len(shards)} shards, {mib:.1f} MiB "
        f"({mib / max(len(records), 1):.2f} MiB each); {len(quarantined)} slots quarantined\n"
        f"rendered by {meta.renderer} {meta.renderer_version}, generator {meta.generator_version}, "
        f"config {meta.config_digest[:16]}, seed {meta.seed}",
        soft_wrap=True,
        highlight=False,
    )
    if partial := partial_packs(meta.assets_json):
        out.print(f"made with incomplete asset packs: {', '.join(partial)}", highlight=False)


@app.command()
@clear_errors
def replay(
    sample: Annotated[str, typer.Argument(help="PATH:SAMPLE, for example runs/demo:0000003-a0")],
    out_file: Annotated[Path | None, typer.Option("--out", "-o", help="PNG of stored and new.")] = None,
) -> None:
    """Render a stored sample again from what its shard holds; exit code 1 if the truth differs."""
    stored = load_sample(sample)
    packs = sorted({asset_id.split("/")[0] for asset_id in stored.spec.asset_ids()})
    backend = create_backend(stored.render.backend)
    again, comparison = replay_sample(stored, open_library(packs), backend)
    if out_file is not None:
        contact_sheet([stored, again]).save(out_file)
    truth = "bit-identical" if comparison.same_truth else f"differs at {comparison.truth_differs_px} pixels"
    left_db, right_db = comparison.psnr_left_db, comparison.psnr_right_db
    out.print(
        f"truth: {truth}; images: left {left_db:.1f} dB, right {right_db:.1f} dB",
        highlight=False,
    )
    if not comparison.same_truth:
        raise typer.Exit(1)


@app.command()
@clear_errors
def stage(
    sample: Annotated[str, typer.Argument(help="PATH:SAMPLE, for example runs/demo:0000003-a0")],
    out_file: Annotated[
        Path, typer.Option("--out", "-o", help=".usda, .usdc, or .usdz with all assets")
    ] = Path("stage.usda"),
) -> None:
    """Write the USD stage of a stored sample, to open in usdview or Omniverse."""
    spec = load_sample(sample).spec
    packs = sorted({asset_id.split("/")[0] for asset_id in spec.asset_ids()})
    write_stage(spec, out_file, open_library(packs).path)
    out.print(f"{spec.key.sample_id} ({spec.stratum}) is in {out_file}", highlight=False)


@assets_app.command("fetch")
@clear_errors
def assets_fetch(
    packs: Annotated[list[str] | None, typer.Argument(help=f"Of {list(PACKS)}; all by default.")] = None,
    allow_partial: Annotated[bool, typer.Option(help="Do without sources that cannot be reached.")] = False,
    force: Annotated[bool, typer.Option(help="Fetch again even if the pack is there.")] = False,
) -> None:
    """Fetch asset packs into the cache (FSD_ASSETS_DIR, default ~/.cache/fsd-gen/assets)."""
    for pack in packs or list(PACKS):
        folder = _fetch_with_progress(pack, allow_partial=allow_partial, force=force)
        out.print(f"{pack}: {len(open_library([pack]))} assets in {folder}", soft_wrap=True, highlight=False)


@assets_app.command("list")
@clear_errors
def assets_list(
    pack: Annotated[str | None, typer.Argument(help="Show the assets of this pack.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only assets with this tag.")] = None,
) -> None:
    """Show the packs, or the assets of one."""
    if pack is None:
        table = Table("pack", "assets", "what")
        for name, recipe in PACKS.items():
            count = str(len(open_library([name]))) if _is_fetched(name) else "not fetched"
            table.add_row(name, count, recipe.about)
        out.print(table)
        return
    table = Table("id", "kind", "licence", "author", "size m", "tags")
    for asset in open_library([pack]):
        if tag is None or tag in asset.tags:
            size = " x ".join(f"{s:.2f}" for s in asset.size_m) if asset.size_m else ""
            table.add_row(asset.id, asset.kind, asset.licence, asset.author, size, " ".join(asset.tags))
    out.print(table)


@assets_app.command("verify")
@clear_errors
def assets_verify(
    packs: Annotated[list[str] | None, typer.Argument(help="All fetched packs by default.")] = None,
) -> None:
    """Compare every file of the packs with its checksum; exit code 1 if one differs."""
    names = packs or [name for name in PACKS if _is_fetched(name)]
    differences = list(open_library(names).verify())
    for difference in differences:
        err.print(_escaped(str(difference)), soft_wrap=True, highlight=False)
    out.print(f"{', '.join(names) or 'no pack'}: {len(differences)} files differ", highlight=False)
    if differences:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
