"""`fsd-stereo infer`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
from stereo_model.cli.terminal import counter, say, waiting, warn

if TYPE_CHECKING:
    from stereo_model.inference.options import Format, InferOptions
    from stereo_model.inference.pairs import PairPaths
    from stereo_model.network.model import FoundationStereo

EXAMPLE = (
    "Examples: fsd-stereo infer model.pt left.png right.png --out result --intrinsics calib.txt | "
    "fsd-stereo infer model.pt 'set/*/im0.png' 'set/*/im1.png' --out results | "
    "fsd-stereo infer model.pt 'testing/image_2/*_10.png' 'testing/image_3/*_10.png' --out results "
    "--submission disp_0"
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
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Skip and list images without a partner, of several.")
]
Submission = Annotated[
    Path | None,
    typer.Option(
        help="Of several pairs: all disparity PNGs in this one folder too, named as the left images, as "
        "KITTI's servers want them (000000_10.png)."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What was asked for: the command's arguments and options, by their names."""

    checkpoint: str
    left: str
    right: str
    out_dir: Path
    intrinsics: str | None
    baseline: float | None
    formats: str
    iterations: int | None
    hierarchical: bool
    tile: str | None
    overlap: int
    confidence: bool
    min_confidence: float
    z_far: float
    cloud: bool
    allow_swapped: bool
    allow_missing: bool
    submission: Path | None
    replace: bool
    fields: list[str] | None
    device: Device

    def model(self) -> FoundationStereo:
        """Loaded when it is needed: what is wrong with other arguments is then known."""
        with waiting("loading the model"):
            return load(self.checkpoint, self.fields, self.device)

    def options(self) -> InferOptions:
        """How the pairs are to be inferred. Raises InferOptionError and OptionError."""
        from stereo_model.inference.options import InferOptions

        return InferOptions(
            formats=_formats(self.formats, self.submission),
            iterations=self.iterations,
            hierarchical=self.hierarchical,
            tile_hw=None if self.tile is None else size_hw(self.tile, "--tile"),
            overlap=self.overlap,
            consistency=self.confidence or self.min_confidence > 0,
            cloud=self.cloud,
            z_range_m=(0.0, self.z_far),
            min_confidence=self.min_confidence,
            allow_swapped=self.allow_swapped,
        )


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
    allow_missing: AllowMissing = False,
    submission: Submission = None,
    replace: Replace = False,
    fields: FieldOptions = None,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Disparity, colours, depth and a point cloud of one pair or many."""
    task = _Task(**locals())
    from stereo_model.inference.pairs import is_pattern

    if is_pattern(left) or is_pattern(right):
        _infer_many(task, task.options())
    else:
        _infer_one(task, task.options())


def _formats(text: str, submission: Path | None) -> tuple[Format, ...]:
    """The names between commas; InferOptions refuses unknown ones."""
    formats = tuple(part.strip() for part in text.split(","))
    if submission is not None and "png" not in formats:
        raise OptionError(f"--submission is made of PNGs; expected png in --format, got {text}")
    return cast("tuple[Format, ...]", formats)


def _infer_one(task: _Task, options: InferOptions) -> None:
    from stereo_model.inference.calibration import read_calibration
    from stereo_model.inference.images import read_pair
    from stereo_model.inference.results import require_free

    if task.submission is not None or task.allow_missing:
        raise OptionError("--submission and --allow-missing are for several pairs; give folders or patterns")
    require_free(task.out_dir, replace=task.replace)
    calibration = None
    if task.intrinsics is not None:
        calibration = read_calibration(task.intrinsics, baseline_m=task.baseline)
    read_pair(task.left, task.right)  # what is wrong with them is said before a model is loaded
    model = task.model()
    with waiting("inferring"):
        from stereo_model.inference.infer import infer_pair

        facts = infer_pair(
            model,
            task.left,
            task.right,
            task.out_dir,
            options=options,
            calibration=calibration,
            replace=task.replace,
        )
    for warning in facts["warnings"]:
        warn(f"warning: {warning}")
    low, median, high = (facts["disparity_px"][key] for key in ("min", "median", "max"))
    say(
        f"{task.out_dir}: {', '.join(facts['files'])}; disparity {low:.1f} to {high:.1f} px, median "
        f"{median:.1f}, in {facts['seconds']:.1f} s"
    )
    if facts["geometry"] is not None:
        say(facts["geometry"]["in_words"])


def _infer_many(task: _Task, options: InferOptions) -> None:
    from stereo_model.inference.infer import infer_pairs
    from stereo_model.inference.submission import require_submission

    pairs = _pairs(task)
    if task.submission is not None:
        require_submission(pairs, task.submission, replace=task.replace)
    model = task.model()
    with counter("pairs", len(pairs)) as count:
        report = infer_pairs(
            model,
            pairs,
            task.out_dir,
            options=options,
            replace=task.replace,
            on_pair=lambda *_: count.step(),
        )
    for name, lines in report.warned.items():
        for line in lines:
            warn(f"warning: {name}: {line}")
    for name, error in report.failed.items():
        warn(f"{name}: {error}")
    say(
        f"{len(report.done)} pairs done, {len(report.skipped)} were there already, "
        f"{len(report.failed)} failed; under {task.out_dir}"
    )
    if report.failed:
        raise typer.Exit(1)
    _submit(pairs, task)


def _pairs(task: _Task) -> Sequence[PairPaths]:
    """What the two patterns mean; files without a partner are refused, or listed where some may miss."""
    from stereo_model.inference.pairs import find_pairs, search_pairs

    if task.baseline is not None:
        raise OptionError("--baseline is for a single pair; put it into the calibration files")
    if not task.allow_missing:
        return find_pairs(task.left, task.right, calibration_pattern=task.intrinsics)
    found = search_pairs(task.left, task.right, calibration_pattern=task.intrinsics)
    for line in found.alone:
        warn(f"skipped: {line}")
    return found.pairs


def _submit(pairs: Sequence[PairPaths], task: _Task) -> None:
    from stereo_model.inference.submission import write_submission

    if task.submission is not None:
        write_submission(pairs, task.out_dir, task.submission)
        say(f"{len(pairs)} pictures named as the left images are in {task.submission}")
