"""`fsd-stereo infer`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from stereo_model.cli.options import (
    CheckpointArgument,
    Device,
    DeviceOption,
    FieldOptions,
    Hierarchical,
    Iterations,
    OptionError,
    Replace,
    load,
    size_hw,
)
from stereo_model.cli.terminal import counter, say, warn

if TYPE_CHECKING:
    from stereo_model.inference.options import Format, InferOptions
    from stereo_model.network.model import FoundationStereo

EXAMPLE = (
    "Examples: fsd-stereo infer model.pt left.png right.png --out result --intrinsics calib.txt | "
    "fsd-stereo infer model.pt 'set/*/im0.png' 'set/*/im1.png' --out results"
)

Left = Annotated[str, typer.Argument(help="Left image, a folder, or a quoted pattern with *.")]
Right = Annotated[str, typer.Argument(help="Right image, folder or pattern of the same form.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the results.")]
Intrinsics = Annotated[
    str | None,
    typer.Option(help="Middlebury's calib.txt, or K and the baseline; a pattern for several pairs."),
]
Baseline = Annotated[
    float | None, typer.Option(min=0, max=1000, help="Metres; in place of the calibration's.")
]
Formats = Annotated[str, typer.Option("--format", help="Of the disparity: pfm, png, npy.")]
Tile = Annotated[
    str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Work in tiles; for very large images.")
]
Overlap = Annotated[int, typer.Option(min=0, max=8192, help="Of tiles, pixels.")]
Confidence = Annotated[
    bool, typer.Option("--confidence", help="Ask for the right view too: left-right consistency.")
]
MinConfidence = Annotated[
    float, typer.Option(min=0, max=1, help="Leave out points of less; implies --confidence.")
]
ZFar = Annotated[float, typer.Option(min=0, help="Leave out points further away, metres.")]
Cloud = Annotated[bool, typer.Option(help="Write cloud.ply where there is a calibration.")]
AllowSwapped = Annotated[bool, typer.Option("--allow-swapped", help="Go on when the images look exchanged.")]


def infer(
    checkpoint: CheckpointArgument,
    left: Left,
    right: Right,
    out_dir: Out,
    intrinsics: Intrinsics = None,
    baseline: Baseline = None,
    formats: Formats = "pfm,png,npy",
    iterations: Iterations = None,
    hierarchical: Hierarchical = False,
    tile: Tile = None,
    overlap: Overlap = 128,
    confidence: Confidence = False,
    min_confidence: MinConfidence = 0.0,
    z_far: ZFar = math.inf,
    cloud: Cloud = True,
    allow_swapped: AllowSwapped = False,
    replace: Replace = False,
    fields: FieldOptions = None,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Disparity, colours, depth and a point cloud of one pair or many."""
    from stereo_model.inference.options import InferOptions

    options = InferOptions(
        formats=_formats(formats),
        iterations=iterations,
        hierarchical=hierarchical,
        tile_hw=None if tile is None else size_hw(tile, "--tile"),
        overlap=overlap,
        consistency=confidence or min_confidence > 0,
        cloud=cloud,
        z_range_m=(0.0, z_far),
        min_confidence=min_confidence,
        allow_swapped=allow_swapped,
    )
    model = functools.partial(load, checkpoint, fields, device)
    infer_all = _infer_many if _is_many(left) or _is_many(right) else _infer_one
    infer_all(model, (left, right), intrinsics, baseline, out_dir, options, replace)


def _formats(text: str) -> tuple[Format, ...]:
    """The names between commas; InferOptions refuses unknown ones."""
    return cast("tuple[Format, ...]", tuple(part.strip() for part in text.split(",")))


def _is_many(text: str) -> bool:
    return Path(text).is_dir() or (not Path(text).exists() and any(mark in text for mark in "*?"))


def _infer_one(
    model: Callable[[], FoundationStereo],
    pair: tuple[str, str],
    intrinsics: str | None,
    baseline: float | None,
    out_dir: Path,
    options: InferOptions,
    replace: bool,
) -> None:
    from stereo_model.inference.calibration import read_calibration
    from stereo_model.inference.infer import infer_pair
    from stereo_model.inference.results import require_free

    require_free(out_dir, replace=replace)
    calibration = None if intrinsics is None else read_calibration(intrinsics, baseline_m=baseline)
    facts = infer_pair(model(), *pair, out_dir, options=options, calibration=calibration, replace=replace)
    for warning in facts["warnings"]:
        warn(f"warning: {warning}")
    low, median, high = (facts["disparity_px"][key] for key in ("min", "median", "max"))
    say(
        f"{out_dir}: {', '.join(facts['files'])}; disparity {low:.1f} to {high:.1f} px, median {median:.1f}, "
        f"in {facts['seconds']:.1f} s"
    )


def _infer_many(
    model: Callable[[], FoundationStereo],
    patterns: tuple[str, str],
    intrinsics: str | None,
    baseline: float | None,
    out_dir: Path,
    options: InferOptions,
    replace: bool,
) -> None:
    from stereo_model.inference.infer import infer_pairs
    from stereo_model.inference.pairs import find_pairs

    if baseline is not None:
        raise OptionError("--baseline is for a single pair; put it into the calibration files")
    left, right = (f"{text.rstrip('/')}/*" if Path(text).is_dir() else text for text in patterns)
    pairs = find_pairs(left, right, calibration_pattern=intrinsics)
    with counter("pairs", len(pairs)) as count:
        report = infer_pairs(
            model(), pairs, out_dir, options=options, replace=replace, on_pair=lambda *_: count.step()
        )
    for name, error in report.failed.items():
        warn(f"{name}: {error}")
    say(
        f"{len(report.done)} pairs done, {len(report.skipped)} were there already, "
        f"{len(report.failed)} failed; under {out_dir}"
    )
    if report.failed:
        raise typer.Exit(1)
