"""`fsd-stereo export` and `fsd-stereo convert`."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.contents import ONNX, PICKLE, SAFETENSORS, TORCH_ZIP, contents
from jobs.outputs import refuse_output
from stereo_model.cli.options import (
    CheckpointArgument,
    FieldOptions,
    Iterations,
    OptionError,
    load,
    size_hw,
)
from stereo_model.cli.terminal import fail, say, waiting

if TYPE_CHECKING:
    from stereo_model.export.parity import ParityReport
    from stereo_model.network.model import FoundationStereo

EXPORT_EXAMPLE = "Example: fsd-stereo export model.pt model.onnx --iterations 16 --precision fp16"
CONVERT_EXAMPLE = "Example: fsd-stereo convert 23-51-11/model_best_bp2.pth foundation.pt --to ours"

CHECKPOINTS = (PICKLE, SAFETENSORS, TORCH_ZIP)
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

    refuse_output(target, ONNX, lambda path: contents(path) == ONNX)
    height, width = TRACED_HW if size is None else size_hw(size, "--size")
    with waiting("loading the model"):
        model = load(checkpoint, fields)
    with waiting("exporting" + (" and comparing with the model" if check else "")):
        info = export_onnx(
            model,
            target,
            height=height,
            width=width,
            iterations=iterations,
            precision=precision.value,
            dynamic=size is None,
            approve=partial(_compare, model, target, precision.value) if check else lambda path: None,
        )
    say(
        f"{target}: {target.stat().st_size / 1e6:.1f} MB, {info.iterations} iterations, {info.precision}, "
        f"opset {info.opset}, size {info.size}" + ("" if check else "; not compared with the model")
    )


def _compare(model: FoundationStereo, target: Path, precision: str, written: Path) -> None:
    """Raises typer.Exit unless the file that is to become `target` says what the model says."""
    from stereo_model.export.parity import check_parity

    _say_verdict(check_parity(model, written), target, precision)


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
    older = "what was there before is unchanged" if target.exists() else "there is no such file"
    fail(
        f"FAIL: {precision} may differ by {allowed}; it is not fit for use and was not written to {target}, "
        f"{older}: {remedy}; --no-check writes it all the same",
        failed=True,
    )


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
    from stereo_model.weights.published_config import CONFIG_FILE

    for path in (target, target.parent / CONFIG_FILE) if to is Format.PUBLISHED else (target,):
        if path.exists() and not replace:
            raise OptionError(f"{path}: exists; choose another name or give --replace")
    refuse_output(target, "a checkpoint", lambda path: contents(path) in CHECKPOINTS)
    write(source, target, to=to.value)
    say(f"{target}: {target.stat().st_size / 1e6:.1f} MB, format {to.value}")
