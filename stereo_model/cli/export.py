"""`fsd-stereo export` and `fsd-stereo convert`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stereo_model.cli.options import (
    CheckpointArgument,
    FieldOptions,
    Iterations,
    OptionError,
    load,
    size_hw,
)
from stereo_model.cli.terminal import err, fail, say

if TYPE_CHECKING:
    from stereo_model.export.parity import ParityReport

EXPORT_EXAMPLE = "Example: fsd-stereo export model.pt model.onnx --iterations 16 --precision fp16"
CONVERT_EXAMPLE = "Example: fsd-stereo convert 23-51-11/model_best_bp2.pth foundation.pt --to ours"

REMEDY = {
    "fp16": "export it with --precision fp32; this model needs more digits than half precision has",
    "fp32": "export it with --size of your images, and update onnxruntime; if it stays so, report it",
}


class Precision(StrEnum):
    """Of an exported model."""

    FP32 = "fp32"
    FP16 = "fp16"


class Format(StrEnum):
    """Of a checkpoint."""

    OURS = "ours"
    PUBLISHED = "published"


def export(
    checkpoint: CheckpointArgument,
    target: Annotated[Path, typer.Argument(help="Name of the file, ending in .onnx.")],
    size: Annotated[
        str | None,
        typer.Option(metavar="WIDTHxHEIGHT", help="The only size it shall take; default: any."),
    ] = None,
    iterations: Iterations = None,
    precision: Annotated[Precision, typer.Option(help="Of the convolutions.")] = Precision.FP32,
    check: Annotated[bool, typer.Option(help="Compare with the model, in onnxruntime on the CPU.")] = True,
    fields: FieldOptions = None,
) -> None:
    """Write a model as ONNX, with a fixed number of iterations, and check that it says the same."""
    from stereo_model.export.onnx import TRACED_HW, export_onnx
    from stereo_model.export.parity import check_parity

    height, width = TRACED_HW if size is None else size_hw(size, "--size")
    model = load(checkpoint, fields)
    with err.status("exporting"):
        info = export_onnx(
            model,
            target,
            height=height,
            width=width,
            iterations=iterations,
            precision=precision.value,
            dynamic=size is None,
        )
    say(
        f"{target}: {target.stat().st_size / 1e6:.1f} MB, {info.iterations} iterations, {info.precision}, "
        f"opset {info.opset}, size {info.size}"
    )
    if not check:
        say("not compared with the model")
        return
    with err.status("comparing with the model"):
        report = check_parity(model, target)
    _say_verdict(report, target, info.precision)


def _say_verdict(report: ParityReport, target: Path, precision: str) -> None:
    """PASS or FAIL with what was measured and what is allowed; FAIL ends the command with exit code 1."""
    for case in report.cases:
        say(
            f"at {case.width}x{case.height}: differs from the model by {case.mean:.2g} px on average, "
            f"by more than 1 px at {case.off:.2%} of the pixels, by {case.worst:.2g} px at most"
        )
    allowed = (
        f"{report.tolerance:g} px on average and {report.most_off:.2%} of the pixels off by more than 1 px"
    )
    if report.passed:
        say(f"PASS: {precision} may differ by {allowed}")
        return
    remedy = REMEDY[precision]
    fail(f"FAIL: {precision} may differ by {allowed}; {target} is not fit for use: {remedy}", failed=True)


def convert(
    source: Annotated[Path, typer.Argument(help="Checkpoint of either format.")],
    target: Annotated[Path, typer.Argument(help="File to write.")],
    to: Annotated[
        Format, typer.Option(help="published also writes a cfg.yaml beside the file.")
    ] = Format.OURS,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing file.")] = False,
) -> None:
    """Turn a published checkpoint into ours, or ours into a published one."""
    from stereo_model.weights.checkpoint import convert as write

    if target.exists() and not replace:
        raise OptionError(f"{target}: exists; choose another name or give --replace")
    write(source, target, to=to.value)
    say(f"{target}: {target.stat().st_size / 1e6:.1f} MB, format {to.value}")
