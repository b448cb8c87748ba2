"""Export to ONNX: one file with the whole network at a fixed number of iterations.

    inputs   left, right   (B,3,H,W) float32, RGB 0..255, H and W multiples of 32
    output   disparity     (B,1,H,W) float32, pixels of the left image

B, H and W are free; H and W can be fixed, which lets a compiler plan for them. The graph holds standard
operators of opset 17 alone. What works in half precision with precision `fp16` is told in `half.py`.

The file's metadata say what it is: configuration and digests of the model, iterations, size, precision.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import torch

from jobs.extras import extra
from jobs.files import part_file
from stereo_model.export.errors import ExportError
from stereo_model.export.half import to_half
from stereo_model.export.trace import PlainShapes, TraceableStereo, holds_for_every_size
from stereo_model.fast.accelerate import reference
from stereo_model.network.config import SIZE_MULTIPLE
from stereo_model.network.drawn import warn_if_random
from stereo_model.network.model import FoundationStereo
from stereo_model.weights.checkpoint import model_digest

with extra("onnx"):
    import onnx

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["OPSET", "TRACED_HW", "ExportError", "ExportInfo", "Precision", "export_onnx", "read_export_info"]

Precision = Literal["fp32", "fp16"]

FORMAT = "stereo_model/onnx/1"
OPSET = 17
TRACED_HW = (128, 160)  # pixels; for a file that takes any size
LARGEST_FILE = 2**31 - 2**20  # bytes; beyond protobuf's limit the weights go to a file of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportInfo:
    """What an exported file says about itself."""

    config_digest: str  # of the model's configuration
    weights_digest: str
    max_disparity: int  # pixels
    iterations: int
    height: int  # pixels; the only size unless `dynamic`
    width: int
    dynamic: bool  # any height and width that are multiples of 32
    precision: Precision
    opset: int = OPSET

    @property
    def size(self) -> str:
        """In words, for messages."""
        return "any multiple of 32" if self.dynamic else f"{self.height}x{self.width}"


def export_onnx(
    model: FoundationStereo,
    path: str | Path,
    *,
    height: int = TRACED_HW[0],  # pixels, multiples of 32
    width: int = TRACED_HW[1],
    iterations: int | None = None,
    precision: Precision = "fp32",
    dynamic: bool = True,
    approve: Callable[[Path], None] = lambda path: None,
) -> ExportInfo:
    """Write the model as ONNX, atomically; weights of more than 2 GB go to a second file beside it.

    `dynamic` leaves height and width free, unless the model has a prior of a kind that is not known here; the
    size given is then only the one that is traced, and a small one saves time and memory. An accelerated copy
    is exported as the model it was made from. Warns once where the weights are random. `approve` sees the
    whole file before it gets its name; what it raises leaves nothing written and an older file as it was.
    Raises ExportError in one line.
    """
    target, model = Path(path), reference(model)
    _check_request(target, height, width, precision)
    info = ExportInfo(
        config_digest=model.config.digest(),
        weights_digest=model_digest(model),
        max_disparity=model.config.max_disparity,
        iterations=model.config.iterations if iterations is None else iterations,
        height=height,
        width=width,
        dynamic=dynamic and holds_for_every_size(model.prior),
        precision=precision,
    )
    if info.iterations < 1:
        raise ExportError(f"iterations must be at least 1, got {info.iterations}")
    _require_finite(model)
    warn_if_random(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.", suffix=".part") as folder:
        names = _write(model, info, Path(folder), target)
        approve(Path(folder) / target.name)
        for name in names:
            with part_file(target.parent / name) as part:
                os.replace(Path(folder) / name, part)
    return info


def read_export_info(path: str | Path) -> ExportInfo:
    """What an exported file says about itself. Raises ExportError for anything else."""
    if not Path(path).is_file():
        raise ExportError(f"{path}: no such file")
    from google.protobuf.message import DecodeError  # comes with onnx

    try:
        proto = onnx.load(str(path), load_external_data=False)
    except DecodeError:
        raise ExportError(f"{path}: not an ONNX file, or a damaged one") from None
    values = {entry.key: entry.value for entry in proto.metadata_props}
    if values.get("format") != FORMAT:
        raise ExportError(f"{path}: was not exported by this package (no metadata of format {FORMAT!r})")
    return ExportInfo(**json.loads(values["export"]))


# ---------------------------------------------------------------- tracing


def _check_request(target: Path, height: int, width: int, precision: str) -> None:
    if height < SIZE_MULTIPLE or width < SIZE_MULTIPLE or height % SIZE_MULTIPLE or width % SIZE_MULTIPLE:
        raise ExportError(
            f"height and width must be positive multiples of {SIZE_MULTIPLE}, got {height}x{width}"
        )
    if precision not in get_args(Precision):
        raise ExportError(f"precision must be one of {', '.join(get_args(Precision))}, got {precision!r}")
    if target.suffix != ".onnx":
        raise ExportError(f"{target}: the name of an exported file ends in .onnx")


def _require_finite(model: FoundationStereo) -> None:
    broken = [name for name, value in model.state_dict().items() if not bool(value.isfinite().all())]
    if broken:
        raise ExportError(
            f"{len(broken)} weights of the model are not finite (NaN or infinite), such as {broken[0]}; "
            "export another checkpoint. Nothing was written"
        )


def _trace(model: FoundationStereo, info: ExportInfo, path: Path) -> Path:
    """Write the traced graph to `path`, with large weights in files beside it."""
    axes = {0: "batch", 2: "height", 3: "width"} if info.dynamic else {0: "batch"}
    example = torch.full((1, 3, info.height, info.width), 128.0)
    device = model.pixel_mean.device
    model.cpu()
    try:
        with warnings.catch_warnings(), torch.no_grad(), PlainShapes():
            warnings.simplefilter("ignore")  # on what tracing fixes; check_parity looks at the result
            torch.onnx.export(
                TraceableStereo(model, info.iterations),
                (example, example),
                str(path),
                dynamo=False,  # torch.export is lost in the symbolic sizes of dozens of strided convolutions
                opset_version=info.opset,
                input_names=["left", "right"],
                output_names=["disparity"],
                dynamic_axes=dict.fromkeys(("left", "right", "disparity"), axes),
            )
    finally:
        model.to(device)
    return path


def _describe(proto: ModelProto, info: ExportInfo, config_json: str) -> None:
    entries = {"format": FORMAT, "export": json.dumps(asdict(info)), "model_config": config_json}
    for key, value in entries.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value
    proto.doc_string = (
        f"left, right: RGB 0..255, {info.size}; disparity: pixels of the left image; "
        f"{info.iterations} iterations, {info.precision}"
    )


def _write(model: FoundationStereo, info: ExportInfo, folder: Path, target: Path) -> list[str]:
    """Write and verify the file in `folder`; the names, the weights' file, named by its content, first."""
    proto = onnx.load(_trace(model, info, folder / "traced.onnx"))
    if info.precision == "fp16":
        proto = to_half(proto)
    _describe(proto, info, model.config.model_dump_json())
    whole = folder / target.name
    if proto.ByteSize() > LARGEST_FILE:
        content = hashlib.sha256(json.dumps(asdict(info)).encode()).hexdigest()
        data = f"{target.stem}-{content[:12]}.data"
        onnx.save_model(proto, whole, save_as_external_data=True, location=data, size_threshold=1024)
        names = [data, target.name]
    else:
        onnx.save_model(proto, whole)
        names = [target.name]
    onnx.checker.check_model(str(whole))
    return names
