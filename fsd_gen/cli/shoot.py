"""Rendering a stage that is there already: shoot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsd_gen.cli.app import app, clear_errors, out
from fsd_gen.cli.rigs import RIG_HELP
from jobs.locks import RunFolderError

if TYPE_CHECKING:
    from fsd_gen.production.shooting import StagePair

WRITTEN = ("left.png", "right.png", "disparity.npy", "flags.npy", "K.txt")


@app.command()
@clear_errors
def shoot(
    stage_file: Annotated[Path, typer.Argument(help="A USD stage with two cameras, or one and --rig.")],
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures and maps.")],
    width: Annotated[int, typer.Option(min=16, max=8192, help="Pixels.")] = 640,
    height: Annotated[int, typer.Option(min=16, max=8192, help="Pixels.")] = 360,
    spp: Annotated[int, typer.Option(min=1, max=65536, help="Samples per pixel.")] = 16,
    time: Annotated[
        float | None,
        typer.Option(min=-1e9, max=1e9, help="Time code of the stage. Default: its startTimeCode."),
    ] = None,
    rig: Annotated[
        str | None,
        typer.Option(help=f"Stands where --left does, in place of the stage's own lenses. {RIG_HELP}"),
    ] = None,
    left: Annotated[
        str, typer.Option(help="Path of the left camera; with --rig by default the stage's only one.")
    ] = "/World/Rig/Left",
    right: Annotated[str, typer.Option(help="Path of the right camera.")] = "/World/Rig/Right",
    backend: Annotated[str, typer.Option(help="Renderer.")] = "mitsuba",
    force: Annotated[bool, typer.Option("--force", help="Replace a pair that is there.")] = False,
) -> None:
    """Render a stage of your own and trace its truth: left and right.png, disparity and flags.npy, K.txt."""
    from fsd_gen.backends.registry import create_backend
    from fsd_gen.production.shooting import shoot_stage
    from fsd_gen.rigs.text import rig_from_text
    from fsd_gen.scene.spec import RenderSettings

    _refuse_overwriting(out_dir, force=force)
    pair = shoot_stage(
        stage_file,
        create_backend(backend),
        RenderSettings(spp=spp),
        width=width,
        height=height,
        left=left,
        right=right,
        time=time,
        rig=None if rig is None else rig_from_text(rig, width, height),
    )
    _write(pair, out_dir)
    out.print(f"{stage_file}: {_reach(pair)}; the pair is in {out_dir}", highlight=False)


def _reach(pair: StagePair) -> str:
    return f"disparities up to {float(pair.truth.disparity_left_hw.max()):.2f} px"


def _write(pair: StagePair, folder: Path) -> None:
    import numpy as np
    from PIL import Image

    from fsd_gen.rigs.k_file import k_text

    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pair.left_hwc).save(folder / "left.png")
    Image.fromarray(pair.right_hwc).save(folder / "right.png")
    np.save(folder / "disparity.npy", pair.truth.disparity_left_hw)
    np.save(folder / "flags.npy", pair.truth.flags_left_hw)
    (folder / "K.txt").write_text(k_text(pair.rig))


def _refuse_overwriting(folder: Path, *, force: bool) -> None:
    there = [folder / name for name in WRITTEN if (folder / name).exists()]
    if there and not force:
        raise RunFolderError(f"{there[0]} is there already; --force replaces it, another --out leaves it")
