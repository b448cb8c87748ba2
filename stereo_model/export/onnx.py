"""Export to ONNX: one file with the whole network at a fixed number of iterations. Alone imports onnx.

    inputs   left, right   (B,3,H,W) float32, RGB 0..255, H and W multiples of 32
    output   disparity     (B,1,H,W) float32, pixels of the left image

B, H and W are free; H and W can be fixed, which lets a compiler plan for them. The graph holds standard
operators of opset 17 alone. With precision `fp16` convolutions and matrix products and what lies directly
between them work in half precision; norms, softmaxes, correlations, lookups, the disparity and both ends of
the graph stay in float32.

The file's metadata say what it is: configuration and digests of the model, iterations, size, precision.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from jobs.files import sync_file, sync_folder
from stereo_model.export.trace import PlainShapes, TraceableStereo, holds_for_every_size
from stereo_model.network.config import SIZE_MULTIPLE
from stereo_model.network.model import FoundationStereo
from stereo_model.weights.checkpoint import model_digest

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

Precision = Literal["fp32", "fp16"]

FORMAT = "stereo_model/onnx/1"
OPSET = 17
TRACED_HW = (128, 160)  # pixels; for a file that takes any size
INSTALL = "pip install 'fsd-gen[onnx]'"
LARGEST_FILE = 2**31 - 2**20  # bytes; beyond protobuf's limit the weights go to a file of their own
TOLERANCE: dict[Precision, float] = {"fp32": 0.001, "fp16": 0.1}
"""Largest mean difference from the torch model on `check_parity`'s pairs, pixels."""

HALF_ALWAYS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
HALF_BETWEEN = frozenset(  # where every input is half already
    "Add Concat Expand Flatten Gather Identity LeakyRelu Mul Pad Relu Reshape Sigmoid Slice Split Squeeze "
    "Sub Tanh Transpose Unsqueeze".split()
)


class ExportError(ValueError):
    """A model cannot be exported as asked, or an exported file cannot be used."""


class MissingExtraError(ImportError):
    """The packages for ONNX are not installed."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityCase:
    """Difference between the exported file and the torch model on one made-up batch, in pixels."""

    batch: int
    height: int
    width: int
    mean: float
    worst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """All cases; the file passes if the mean difference of each is within the tolerance."""

    cases: tuple[ParityCase, ...]
    tolerance: float  # pixels

    @property
    def passed(self) -> bool:
        return all(case.mean <= self.tolerance for case in self.cases)


def export_onnx(
    model: FoundationStereo,
    path: str | Path,
    *,
    height: int = TRACED_HW[0],  # pixels, multiples of 32
    width: int = TRACED_HW[1],
    iterations: int | None = None,
    precision: Precision = "fp32",
    dynamic: bool = True,
) -> ExportInfo:
    """Write the model as ONNX, atomically; weights of more than 2 GB go to a second file beside it.

    `dynamic` leaves height and width free, unless the model has a prior of a kind that is not known here; the
    size given is then only the one that is traced, and a small one saves time and memory. Raises ExportError
    or MissingExtraError, each in one line.
    """
    target = Path(path)
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
    onnx = _onnx()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.", suffix=".part") as folder:
        proto = onnx.load(_trace(model, info, Path(folder) / "traced.onnx"))
        if precision == "fp16":
            proto = _to_half(proto)
        _describe(proto, info, model.config.model_dump_json())
        _publish(proto, info, Path(folder), target)
    return info


def read_export_info(path: str | Path) -> ExportInfo:
    """What an exported file says about itself. Raises ExportError for anything else."""
    onnx = _onnx()
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


def check_parity(
    model: FoundationStereo,
    path: str | Path,
    *,
    sizes: Sequence[tuple[int, int]] | None = None,  # (H, W) pixels
    batch: int = 1,
    seed: int = 0,
    tolerance: float | None = None,  # pixels; by default that of the file's precision
) -> ParityReport:
    """Run the file in onnxruntime on the CPU and compare it with the torch model it was made from.

    By default at the exported size and, where the size is free, at another one. The pairs are smooth random
    textures of which the right one is shifted, so that there is something to match.
    """
    info = read_export_info(path)
    if model_digest(model) != info.weights_digest:
        raise ExportError(f"{path}: was made from another model; its weights differ from the given one's")
    wanted = sizes if sizes is not None else _default_sizes(info)
    if any(size != (info.height, info.width) for size in wanted) and not info.dynamic:
        raise ExportError(f"{path}: takes {info.size} only, cannot be checked at {list(wanted)}")
    session = _session(Path(path))
    cases = [_compare(model, session, info, (batch, *size), seed) for size in wanted]
    return ParityReport(
        cases=tuple(cases), tolerance=TOLERANCE[info.precision] if tolerance is None else tolerance
    )


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


def _onnx() -> ModuleType:
    try:
        import onnx
    except ImportError:
        raise MissingExtraError(f"exported files need the package onnx: {INSTALL}") from None
    return onnx


def _onnxruntime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError(f"running an exported file needs onnxruntime: {INSTALL}") from None
    return onnxruntime


def _trace(model: FoundationStereo, info: ExportInfo, path: Path) -> Path:
    """Write the traced graph to `path`, with large weights in files beside it."""
    axes = {0: "batch", 2: "height", 3: "width"} if info.dynamic else {0: "batch"}
    example = torch.full((1, 3, info.height, info.width), 128.0)
    was_training, device = model.training, model.pixel_mean.device
    model.cpu().eval()
    try:
        with warnings.catch_warnings(), torch.no_grad(), PlainShapes():
            warnings.simplefilter("ignore")  # on what tracing fixes; check_parity looks at the result
            torch.onnx.export(
                TraceableStereo(model, info.iterations).eval(),
                (example, example),
                str(path),
                dynamo=False,  # torch.export is lost in the symbolic sizes of dozens of strided convolutions
                opset_version=info.opset,
                input_names=["left", "right"],
                output_names=["disparity"],
                dynamic_axes={name: axes for name in ("left", "right", "disparity")},
            )
    finally:
        model.to(device).train(was_training)
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


def _publish(proto: ModelProto, info: ExportInfo, folder: Path, target: Path) -> None:
    """Write, verify and move into place: the weights' file first, under a name of its own content."""
    onnx = _onnx()
    part = folder / target.name
    if proto.ByteSize() > LARGEST_FILE:
        content = hashlib.sha256(json.dumps(asdict(info)).encode()).hexdigest()
        data = f"{target.stem}-{content[:12]}.data"
        onnx.save_model(proto, part, save_as_external_data=True, location=data, size_threshold=1024)
        names = [data, part.name]
    else:
        onnx.save_model(proto, part)
        names = [part.name]
    onnx.checker.check_model(str(part))
    for name in names:
        sync_file(folder / name)
        os.replace(folder / name, target.parent / name)
    sync_folder(target.parent)


# ---------------------------------------------------------------- half precision


def _to_half(proto: ModelProto) -> ModelProto:
    """The graph with HALF_ALWAYS, and HALF_BETWEEN them, in half precision; the ends stay float32."""
    conversion = _HalfPrecision(_onnx(), proto)
    for node in proto.graph.node:
        conversion.add(node)
    return conversion.result()


class _HalfPrecision:
    """One pass over a graph in its order, casting where precisions meet, each value at most once each way.

    Weights are stored in the precision they are used in; one too large for half is an ExportError.
    """

    def __init__(self, onnx: Any, proto: ModelProto) -> None:
        self._onnx = onnx
        self._proto = proto
        inferred = onnx.shape_inference.infer_shapes(proto).graph
        values = (*inferred.value_info, *inferred.input, *inferred.output)
        single = onnx.TensorProto.FLOAT
        self._weights = {w.name: w for w in proto.graph.initializer if w.data_type == single}
        self._floats = {v.name for v in values if v.type.tensor_type.elem_type == single} | set(self._weights)
        self._fixed = set(self._weights)  # floats that do not depend on the images
        self._half: set[str] = set()  # values in half precision
        self._casts: dict[tuple[str, bool], str] = {}
        self._nodes: list[NodeProto] = []
        self._outputs = {output.name for output in proto.graph.output}

    def add(self, node: NodeProto) -> None:
        """Take in the next node, with its inputs in the precision it works in."""
        inputs = [name for name in node.input if name in self._floats]
        half = self._works_in_half(node, inputs)
        for place, name in enumerate(node.input):
            if name in self._floats and (name in self._half) != half:
                node.input[place] = self._cast(name, half)
        produced = [name for name in node.output if name in self._floats]
        if half:
            self._half.update(produced)
        if node.op_type == "Constant" or (inputs and all(name in self._fixed for name in inputs)):
            self._fixed.update(produced)
        self._nodes.append(node)

    def result(self) -> ModelProto:
        """The graph of the nodes taken in."""
        graph = self._proto.graph
        used = {name for node in self._nodes for name in node.input}
        weights = [weight for weight in (*graph.initializer, *self._weights.values()) if weight.name in used]
        weights = list({weight.name: weight for weight in weights}.values())
        nodes = list(self._nodes)
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(nodes)
        graph.initializer.extend(weights)
        return self._proto

    def _works_in_half(self, node: NodeProto, inputs: Sequence[str]) -> bool:
        if self._outputs & set(node.output):
            return False
        if node.op_type in HALF_ALWAYS:
            return True
        computed = [name for name in inputs if name not in self._fixed]
        return node.op_type in HALF_BETWEEN and bool(computed) and all(n in self._half for n in computed)

    def _cast(self, name: str, half: bool) -> str:
        """The name of the value in the other precision; made at its first use."""
        if (name, half) not in self._casts:
            new = f"{name}_{'half' if half else 'single'}"
            if name in self._weights:
                self._weights[new] = self._half_weight(name, new)
            else:
                kind = self._onnx.TensorProto.FLOAT16 if half else self._onnx.TensorProto.FLOAT
                self._nodes.append(self._onnx.helper.make_node("Cast", [name], [new], name=new, to=kind))
            self._casts[name, half] = new
        return self._casts[name, half]

    def _half_weight(self, name: str, new: str) -> TensorProto:
        array = self._onnx.numpy_helper.to_array(self._weights[name])
        if np.abs(array[np.isfinite(array)]).max(initial=0.0) > np.finfo(np.float16).max:
            raise ExportError(f"weight {name} has values beyond half precision; export with precision fp32")
        return self._onnx.numpy_helper.from_array(array.astype(np.float16), new)


# ---------------------------------------------------------------- parity


def _session(path: Path) -> Any:
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors; warnings speak of missing half precision kernels on the CPU
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _default_sizes(info: ExportInfo) -> tuple[tuple[int, int], ...]:
    own = (info.height, info.width)
    return (own, (info.height + SIZE_MULTIPLE, 3 * info.width)) if info.dynamic else (own,)


def _compare(
    model: FoundationStereo,
    session: Any,
    info: ExportInfo,
    shape_bhw: tuple[int, int, int],
    seed: int,
) -> ParityCase:
    left, right = _made_up_pair(*shape_bhw, shift=min(16, info.max_disparity // 2), seed=seed)
    found = session.run(None, {"left": left.numpy(), "right": right.numpy()})[0]
    device = model.pixel_mean.device
    wanted = model.predict(left.to(device), right.to(device), iterations=info.iterations)
    error = np.abs(found.astype(np.float64) - wanted.float().cpu().numpy())
    batch, height, width = shape_bhw
    return ParityCase(
        batch=batch, height=height, width=width, mean=float(error.mean()), worst=float(error.max())
    )


def _made_up_pair(batch: int, height: int, width: int, *, shift: int, seed: int) -> tuple[Tensor, Tensor]:
    """Smooth random textures (B,3,H,W) 0..255; the right one shows each point `shift` pixels further left."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, height // 8, (width + shift) // 8 + 1, generator=rng)
    wide = F.interpolate(coarse * 255.0, size=(height, width + shift), mode="bilinear")
    return wide[..., :width].contiguous(), wide[..., shift:].contiguous()
