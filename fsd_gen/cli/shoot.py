"""Rendering a stage that is there already: shoot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from fsd_gen.cli.app import app, clear_errors, out, say_error
from fsd_gen.cli.render_stage import UnknownOption
from fsd_gen.cli.rigs import RIG_HELP
from fsd_gen.cli.sizes import Size, size_of
from fsd_gen.sections import ConfigError
from jobs.locks import RunFolderError
from jobs.store.mirror import refuse_url

if TYPE_CHECKING:
    from fsd_gen.production.shooting import StagePair
    from fsd_gen.scene.spec import UnknownMaterials

SMALLEST, LARGEST = 32, 8192  # sides of a view, pixels
DEFAULT_SIZE = (640, 360)


StageArgument = Annotated[
    Path, typer.Argument(help="A USD stage with two cameras, or one and --rig; or a folder with one stage.")
]
Width = Annotated[
    int | None, typer.Option(min=SMALLEST, max=LARGEST, help="Pixels; 640 beside a --height alone.")
]
Height = Annotated[
    int | None, typer.Option(min=SMALLEST, max=LARGEST, help="Pixels; 360 beside a --width alone.")
]
Time = Annotated[
    float | None, typer.Option(min=-1e9, max=1e9, help="Time code of the stage. Default: its startTimeCode.")
]
Rig = Annotated[
    str | None, typer.Option(help=f"Stands where --left does, in place of the stage's own lenses. {RIG_HELP}")
]
Left = Annotated[
    str, typer.Option(help="Path of the left camera; with --rig by default the stage's only one.")
]


@app.command()
@clear_errors
def shoot(
    stage_file: StageArgument,
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures and maps.")],
    size: Size = None,
    width: Width = None,
    height: Height = None,
    spp: Annotated[int, typer.Option(min=1, max=65536, help="Samples per pixel.")] = 16,
    time: Time = None,
    rig: Rig = None,
    left: Left = "/World/Rig/Left",
    right: Annotated[str, typer.Option(help="Path of the right camera.")] = "/World/Rig/Right",
    backend: Annotated[str, typer.Option(help="Renderer.")] = "mitsuba",
    unknown_materials: UnknownOption = "refuse",
    force: Annotated[bool, typer.Option("--force", help="Replace a pair that is there.")] = False,
) -> None:
    """Render a stage of your own and trace its truth: left.png, right.png, disparity.npy, flags.npy, K.txt.

    K.txt has the camera matrix and the baseline in metres, for `fsd-stereo infer --intrinsics`.
    """
    from fsd_gen.production.shooting import stage_in
    from jobs.outputs import refuse_in_run

    refuse_url(out_dir, "`fsd-gen shoot`")
    refuse_in_run(out_dir / "left.png", "--out")
    sides = _sides(size, width, height)
    stage = stage_in(stage_file)
    _refuse_overwriting(out_dir, force=force)
    unknown = _unknown(unknown_materials)
    eyes: _Eyes = {"left": left, "right": right}
    pair = _shot(stage, sides, rig, eyes, time=time, spp=spp, backend=backend, unknown=unknown)
    _save(pair, out_dir)
    reach = float(pair.truth.disparity_left_hw.max())
    text = f"{stage}: disparities up to {reach:.2f} px; the pair is in {out_dir}"
    out.print(text, soft_wrap=True, highlight=False, markup=False)


def _shot(
    stage: Path,
    sides: _Sides | None,
    rig: str | None,
    eyes: _Eyes,
    *,
    time: float | None,
    spp: int,
    backend: str,
    unknown: UnknownMaterials,
) -> StagePair:
    """The pair of the stage's two cameras, or of a rig at one of them."""
    from fsd_gen.backends.registry import create_backend
    from fsd_gen.production.shooting import shoot_stage
    from fsd_gen.rigs.text import rig_from_text
    from fsd_gen.scene.spec import RenderSettings
    from fsd_gen.usd.reader import check_cameras

    lenses = None
    if rig is None:
        check_cameras(stage, **eyes)
        sides = sides or _sides_of(stage, eyes["left"], time)
    else:
        sides = sides or {"width": DEFAULT_SIZE[0], "height": DEFAULT_SIZE[1]}
        lenses = rig_from_text(rig, **sides)
    renderer, settings = create_backend(backend), RenderSettings(spp=spp)
    return shoot_stage(
        stage, renderer, settings, time=time, rig=lenses, unknown_materials=unknown, **sides, **eyes
    )


def _unknown(word: str) -> UnknownMaterials:
    if word == "refuse":
        return "refuse"
    if word == "grey":
        return "grey"
    raise ConfigError(f"--unknown-materials: expected refuse or grey, got {word!r}")


class _Eyes(TypedDict):
    left: str  # path of the camera
    right: str


class _Sides(TypedDict):
    width: int  # pixels
    height: int


def _sides_of(stage: Path, left: str, time: float | None) -> _Sides:
    """What the cameras of the stage have been made for, which is said where it is not the usual."""
    from fsd_gen.usd.reader import size_of_stage

    size = size_of_stage(stage, width=DEFAULT_SIZE[0], left=left, time=time) or DEFAULT_SIZE
    if size != DEFAULT_SIZE:
        say_error(f"no size was given: {size[0]}x{size[1]}, which has the aspect of the stage's cameras")
    return {"width": size[0], "height": size[1]}


def _sides(size: str | None, width: int | None, height: int | None) -> _Sides | None:
    """The size that is asked for; None: none is."""
    if size is None and width is None and height is None:
        return None
    if size is None:
        return {"width": width or DEFAULT_SIZE[0], "height": height or DEFAULT_SIZE[1]}
    if width is not None or height is not None:
        raise ConfigError(f"--size {size}: says what --width and --height say; give one or the others")
    across, down = size_of(size)
    if not (min(across, down) >= SMALLEST and max(across, down) <= LARGEST):
        raise ConfigError(f"--size: expected {SMALLEST} to {LARGEST} pixels each way, got {size}")
    return {"width": across, "height": down}


def _save(pair: StagePair, folder: Path) -> None:
    """All files at once by one rename; in a folder that is there, K.txt last."""
    from fsd_gen.production.pair_files import LAST, write_pair_files
    from jobs.files import part_folder, part_set

    folder.parent.mkdir(parents=True, exist_ok=True)
    truth = pair.truth
    with part_set(folder, LAST) if folder.is_dir() else part_folder(folder) as part:
        write_pair_files(
            part, pair.left_hwc, pair.right_hwc, truth.disparity_left_hw, truth.flags_left_hw, pair.rig
        )


def _refuse_overwriting(folder: Path, *, force: bool) -> None:
    from fsd_gen.production.pair_files import PAIR_FILES

    there = [name for name in PAIR_FILES if (folder / name).exists()]
    missing = ", ".join(name for name in PAIR_FILES if name not in there)
    if there and not force:
        raise RunFolderError(
            f"{folder / there[0]} is there already{f', but no {missing}: no whole pair' if missing else ''}; "
            "--force replaces it, another --out leaves it"
        )
