"""`fsd-gen render-stage`: pairs with truth of a stage of the user's as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsd_gen.cli.app import app, clear_errors, out
from fsd_gen.cli.render import BACKENDS, render_run, size_settings
from fsd_gen.cli.rigs import RIG_HELP
from fsd_gen.config import Config, ConfigError, load_config
from fsd_gen.cost_options import CpuPrice, GpuPrice, MaxCost, Until, WorkerPrice, budget_of, prices_of
from fsd_gen.strict_yaml import LARGEST_INT
from jobs.rundir import CONFIG_NAME
from jobs.store.mirror import refuse_url

if TYPE_CHECKING:
    from fsd_gen.worlds.zones import Zone

MOST_VIEWS = 100_000
LARGEST_SHARD = 16


RigOption = Annotated[str | None, typer.Option(help=f"Default: rigs as `fsd` draws them. {RIG_HELP}")]
ZonesOption = Annotated[
    str, typer.Option(help="Where cameras stand: auto (above floors), or a YAML file of zones.")
]
CameraOption = Annotated[
    list[str] | None,
    typer.Option(help="Path of a camera of the stage as left eye, in place of zones; again for more."),
]
LightsOption = Annotated[str, typer.Option(help="own: those of the stage; random: ours instead.")]
UnknownOption = Annotated[
    str,
    typer.Option(
        "--unknown-materials",
        help="What a renderer other than RTX does with MDL that it cannot read: refuse, or draw it grey.",
    ),
]
TimeOption = Annotated[
    float | None, typer.Option(min=-1e9, max=1e9, help="Time code. Default: the stage's startTimeCode.")
]
PicturesOption = Annotated[
    bool, typer.Option("--pictures", help="Also write left.png, right.png, disparity.npy ... of each pair.")
]
WorkersOption = Annotated[
    int | None, typer.Option(min=0, max=4096, help="Worker processes; 0 renders in this one.")
]


@app.command("render-stage")
@clear_errors
def render_stage(
    stage_file: Annotated[Path, typer.Argument(help="A USD stage of yours; it needs no cameras.")],
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Run directory; resumed if it exists.")],
    views: Annotated[int, typer.Option(min=1, max=MOST_VIEWS, help="How many pairs.")] = 8,
    rig: RigOption = None,
    zones: ZonesOption = "auto",
    camera: CameraOption = None,
    lights: LightsOption = "own",
    unknown_materials: UnknownOption = "refuse",
    time: TimeOption = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_INT, help="Decides every view.")] = 0,
    size: Annotated[str, typer.Option(help="Size of each view, WIDTHxHEIGHT.")] = "640x360",
    spp: Annotated[int, typer.Option(min=1, max=65536, help="Samples per pixel.")] = 16,
    backend: Annotated[str, typer.Option(help=f"Renderer; here: {BACKENDS}.")] = "mitsuba",
    pictures: PicturesOption = False,
    workers: WorkersOption = None,
    cost_per_hour_cpu: CpuPrice = 0.0,
    cost_per_hour_gpu: GpuPrice = 0.0,
    worker_cost: WorkerPrice = 0.0,
    max_cost: MaxCost = None,
    until: Until = None,
) -> None:
    """Render VIEWS pairs of a stage of your own, as it is, with their truth.

    Writes a run like any other: preview, info, verify, replay and stage know it.
    """
    from fsd_gen.production.farm import render_farm

    refuse_url(out_dir, "`fsd-gen render-stage`")
    budget = budget_of(prices_of(cost_per_hour_cpu, cost_per_hour_gpu, worker_cost), max_cost, until)
    shard = _shard_in(out_dir, views) or shard_of(views)
    config = _config(
        stage_file,
        {"seed": seed, "samples_per_shard": shard, "render.spp": spp, "render.backend": backend},
        {**size_settings(size), **_rig(rig, stage_file, camera, time)},
        {**_style(stage_file, zones, camera or [], lights, time), "unknown_materials": unknown_materials},
    )
    render_run(out_dir, config, views // shard, render_farm(workers=workers), budget)
    if pictures:
        _write_pictures(out_dir)


def _write_pictures(run_dir: Path) -> None:
    from fsd_gen.production.pictures import write_pairs

    out.print(f"pairs: {write_pairs(run_dir)}", soft_wrap=True, highlight=False, markup=False)


def _shard_in(run_dir: Path, views: int) -> int | None:
    """Pairs per shard of a run that is there. Raises ConfigError where they do not make up so many views."""
    frozen = run_dir / CONFIG_NAME
    if not frozen.is_file():
        return None
    shard = load_config(str(frozen)).samples_per_shard
    if views % shard:
        raise ConfigError(
            f"--views: {run_dir} has shards of {shard} pairs; give a multiple of {shard}, or another folder"
        )
    return shard


def shard_of(views: int) -> int:
    """Pairs per shard, so that shards hold as many views as were asked for, and workers share them."""
    return next(size for size in range(min(views, LARGEST_SHARD), 0, -1) if views % size == 0)


def _config(stage: Path, settings: dict[str, Any], seen: dict[str, Any], style: dict[str, Any]) -> Config:
    if not stage.is_file():
        raise ConfigError(f"{stage}: no such stage file")
    as_it_is = {"render.exposure_ev": [0.0, 0.0], "assets.packs": ["builtin"]}
    return load_config("fsd", {**settings, **as_it_is, **seen, "styles": {"environment": style}})


def _style(stage: Path, zones: str, cameras: list[str], lights: str, time: float | None) -> dict[str, Any]:
    settings: dict[str, Any] = {"stages": [str(stage.resolve())], "lights": lights}
    if cameras:
        settings["cameras"] = cameras
    if zones != "auto":
        settings["zones"] = [zone.model_dump(mode="json", exclude_unset=True) for zone in _zones(zones)]
    return settings if time is None else {**settings, "time": time}


def _zones(file: str) -> tuple[Zone, ...]:
    from fsd_gen.worlds.zones import read_zones

    if not Path(file).is_file():
        raise ConfigError(f"--zones: expected auto or a YAML file of zones, got {file!r}")
    return read_zones(Path(file))


def _rig(text: str | None, stage: Path, cameras: list[str] | None, time: float | None) -> dict[str, Any]:
    """The rig that is asked for; where only a camera of the stage is, its field of view."""
    if text is not None:
        from fsd_gen.rigs.text import rig_settings

        return {"rig": rig_settings(text)}
    if not cameras:
        return {}
    from fsd_gen.usd.reader import camera_of_stage

    views_deg = {round(camera_of_stage(stage, camera, time=time)[1], 6) for camera in cameras}
    if len(views_deg) > 1:
        raise ConfigError(f"--camera: these have several fields of view, {sorted(views_deg)}; add --rig")
    return {"rig.hfov_deg": [*views_deg, *views_deg]}
