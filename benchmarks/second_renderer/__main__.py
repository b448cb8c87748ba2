"""One stage of each style in Blender's Cycles beside our own renderer.

    python -m venv bl && bl/bin/pip install bpy==4.5.*        # Python 3.11; GPL, for this comparison alone
    python -m benchmarks.second_renderer --blender bl/bin/python -o out/

Each stage is exported with its assets, its folder moved, all validators of OpenUSD asked, and opened there.
Compared: whether every image is found, the depth of opaque pixels against our truth, and the pictures, by
eye: `out/sheet.png` has ours, Cycles' with the same exposure rule, and where depths differ. The stage of the
style `environment` is the exported one of `indoor`, or `--stage`.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pxr import Sdf, Usd, UsdUtils, UsdValidation

from assets_manifest.library import AssetLibrary, open_library
from fsd_gen.backends.base import Backend
from fsd_gen.backends.film import auto_exposure, develop, white_balance
from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.truth import check_truth
from fsd_gen.config import Config, load_config
from fsd_gen.production.attempt import draw, produce
from fsd_gen.production.staging import asset_paths
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import StereoSample
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.registry import style_names
from fsd_gen.usd.export import export_stage

WIDTH, HEIGHT = 320, 180
SAME = 2e-3  # relative difference of depths that are the same
NOTHING_M = 1e4  # beyond is nothing
UNSURE = (Flag.SKY | Flag.NO_TRUTH | Flag.TRANSPARENT).value
ALONE = Path(__file__).with_name("blender.py")
COLUMNS = (
    "style", "scene", "complaints", "outside", "images missing", "depth agrees", "99 % within",
    "sky agrees", "levels", "contents",
)  # fmt: skip
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What came of one stage."""

    row: str
    ours_hwc: Bytes
    theirs_hwc: Bytes
    depth_hwc: Bytes


def scene_of(config: Config, library: AssetLibrary, slot: int) -> SceneSpec:
    """The first scene of a slot whose truth passes."""
    for attempt in range(config.max_attempts):
        spec = compose_scene(config, library, SlotKey(slot=slot, attempt=attempt))
        with draw(spec, library) as draft:
            if not check_truth(draft.blank(), config.check_limits()):
                return spec
    raise SystemExit(f"slot {slot}: no attempt passes the checks of truth")


def moved_stage(spec: SceneSpec, library: AssetLibrary, folder: Path) -> Path:
    """The stage with its assets in a folder that was moved after it was written."""
    before, after = folder / "as_written", folder / f"{spec.stratum}_moved"
    with TemporaryDirectory() as made:
        written = export_stage(spec, before, asset_paths(library, Path(made)))
    before.rename(after)
    return after / written.name


def complaints(stage: Path) -> list[str]:
    """What OpenUSD's validators say."""
    context = UsdValidation.ValidationContext(UsdValidation.ValidationRegistry().GetOrLoadAllValidators())
    return [
        f"{error.GetIdentifier()}: {error.GetMessage()}"
        for error in context.Validate(Usd.Stage.Open(str(stage)))
    ]


def outside(stage: Path) -> list[str]:
    """Files that the stage needs and that do not lie in its folder, and those that are not found."""
    layers, assets, lost = UsdUtils.ComputeAllDependencies(Sdf.AssetPath(str(stage)))
    names = [str(layer.realPath) for layer in layers] + [str(asset) for asset in assets]
    return [*lost, *(name for name in names if not Path(name).is_relative_to(stage.parent))]


def in_blender(python: Path, stage: Path, out: Path, spp: int, spec: SceneSpec) -> dict[str, Any]:
    """What Blender makes of the stage."""
    command = [str(python), str(ALONE), str(stage), str(out), str(WIDTH), str(HEIGHT), str(spp)]
    command += map(str, spec.camera.position)
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, env=alone, capture_output=True, text=True, check=False)
    if done.returncode or not out.is_file():
        raise SystemExit(f"{stage}: Blender failed:\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
    with np.load(out) as found:
        return {name: found[name] for name in found.files}


def compared(spec: SceneSpec, sample: StereoSample, stage: Path, theirs: dict[str, Any]) -> Compared:
    """The row and the pictures of one stage."""
    sure_hw, sky_hw = (sample.flags_left_hw & UNSURE) == 0, (sample.flags_left_hw & Flag.SKY) != 0
    off_hw = depths_off(spec, sample, theirs["depth_hw"], sure_hw)
    empty_hw, picture_hwc = theirs["depth_hw"] > NOTHING_M, developed(spec, theirs["light_hwc"])
    wrong, beside = complaints(stage), outside(stage)
    cells = (
        spec.stratum,
        spec.key.sample_id,
        len(wrong),
        len(beside),
        len(theirs["missing"]),
        f"{(off_hw <= SAME)[sure_hw].mean():.2%} of {sure_hw.mean():.0%}",
        f"{np.quantile(off_hw[sure_hw], 0.99):.1e}",
        f"{empty_hw[sky_hw].mean():.1%} of {sky_hw.mean():.0%}" if sky_hw.any() else "no sky",
        f"{levels_apart(sample.left_hwc, picture_hwc):.0f}",
        str(theirs["counts"]),
    )
    for line in (*wrong, *beside, *theirs["missing"]):
        print(f"  {spec.stratum}: {line}")
    map_hwc = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    map_hwc[sure_hw & (off_hw <= SAME)], map_hwc[sure_hw & (off_hw > SAME)] = (60, 140, 60), (230, 60, 40)
    row = f"| {' | '.join(map(str, cells))} |"
    return Compared(row=row, ours_hwc=sample.left_hwc, theirs_hwc=picture_hwc, depth_hwc=map_hwc)


def depths_off(
    spec: SceneSpec, sample: StereoSample, theirs_hw: NDArray[np.float32], sure_hw: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Relative difference of depths beyond what the rounding of our disparities to 1/256 px explains."""
    disparity_hw = np.where(sure_hw, np.maximum(sample.disparity_left_hw, 1 / 256), 1.0).astype(np.float64)
    off_hw = np.abs(theirs_hw / spec.rig.depth(disparity_hw) - 1) - 1 / (512 * disparity_hw)
    return np.maximum(off_hw, 0.0)


def developed(spec: SceneSpec, light_hwc: NDArray[np.float32]) -> Bytes:
    """Linear light as our film shows it."""
    gain = auto_exposure(light_hwc, light_hwc, spec.settings.exposure_ev)
    return develop(light_hwc, (gain * white_balance(light_hwc, light_hwc)).astype(np.float32))


def levels_apart(one_hwc: Bytes, other_hwc: Bytes) -> float:
    """Mean difference of the pictures in 8-bit levels, each shrunk by 10 so that noise does not count."""
    shapes = (HEIGHT // 10, 10, WIDTH // 10, 10, 3)
    small = [each.astype(np.float64).reshape(shapes).mean(axis=(1, 3)) for each in (one_hwc, other_hwc)]
    return float(np.abs(small[0] - small[1]).mean())


def sheet(found: list[Compared], names: list[str], path: Path) -> None:
    """Ours, Cycles', and where depths agree (green) or do not (red); grey is sky and glass."""
    rows = [np.concatenate([each.ours_hwc, each.theirs_hwc, each.depth_hwc], axis=1) for each in found]
    picture = Image.fromarray(np.concatenate(rows))
    drawn = ImageDraw.Draw(picture)
    for number, name in enumerate(names):
        drawn.text((4, number * HEIGHT + 3), f"{name}: ours, Cycles, depth", fill=(255, 255, 0))
    picture.save(path)


def one(
    style: str,
    settings: dict[str, Any],
    slot: int,
    tools: tuple[AssetLibrary, Backend, Path],
    out: Path,
    spp: int,
) -> Compared:
    """One style from its scene to the comparison."""
    library, backend, python = tools
    size = {"image.width": WIDTH, "image.height": HEIGHT, "render.spp": spp}
    spec = scene_of(load_config("fsd", {**size, "styles": {style: settings}}), library, slot)
    stage = moved_stage(spec, library, out)
    theirs = in_blender(python, stage, out / f"{style}.npz", spp, spec)
    return compared(spec, produce(spec, library, backend), stage, theirs)


def main(
    blender: Annotated[Path, typer.Option(help="A Python that can import bpy 4.5.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder.")],
    styles: Annotated[str, typer.Option(help="Comma-separated; all by default.")] = "",
    stage: Annotated[Path | None, typer.Option(help="Of the style environment.")] = None,
    slot: int = 0,
    spp: int = 32,
) -> None:
    """Export, move, validate, open, render and compare."""
    out.mkdir(parents=True)
    tools = (open_library(load_config("fsd").assets.packs), create_backend("mitsuba", threads=2), blender)
    wanted = styles.split(",") if styles else sorted(style_names(), key=lambda name: name == "environment")
    found: list[Compared] = []
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for style in wanted:
        own = stage or out / "indoor_moved/stage.usda"
        settings = {"stages": [str(own.resolve())], "objects": [2, 4]} if style == "environment" else {}
        found.append(one(style, settings, slot, tools, out, spp))
        print(found[-1].row, flush=True)
        sheet(found, wanted[: len(found)], out / "sheet.png")


if __name__ == "__main__":
    typer.run(main)
