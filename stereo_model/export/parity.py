"""Whether an exported file says what the model says. Alone imports onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from jobs.extras import extra
from stereo_model.export.errors import ExportError
from stereo_model.export.onnx import ExportInfo, Precision, read_export_info
from stereo_model.network.config import SIZE_MULTIPLE
from stereo_model.network.model import FoundationStereo
from stereo_model.weights.checkpoint import model_digest

with extra("onnx"):
    import onnxruntime

TOLERANCE: dict[Precision, float] = {"fp32": 0.001, "fp16": 0.1}
"""Largest mean difference from the torch model on `check_parity`'s pairs, pixels."""

OFF_PX = 1.0  # a pixel that differs by more is off
MOST_OFF: dict[Precision, float] = {"fp32": 0.0001, "fp16": 0.01}
"""Largest share of pixels that are off. Not none: where two disparities are as likely as each other, rounding
decides between them, and such a pixel may differ by any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityCase:
    """Difference between the exported file and the torch model on one made-up batch, in pixels."""

    batch: int
    height: int
    width: int
    mean: float
    worst: float
    off: float  # share of the pixels that differ by more than OFF_PX


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """All cases; the file passes if the mean difference and the share of pixels off are allowed in each."""

    cases: tuple[ParityCase, ...]
    tolerance: float  # of the mean, pixels
    most_off: float  # of the share

    @property
    def passed(self) -> bool:
        """Differences that are no numbers do not pass."""
        return all(case.mean <= self.tolerance and case.off <= self.most_off for case in self.cases)


def check_parity(
    model: FoundationStereo,
    path: str | Path,
    *,
    sizes: Sequence[tuple[int, int]] | None = None,  # (H, W) pixels
    batch: int = 1,
    seed: int = 0,
    tolerance: float | None = None,  # of the mean, pixels; by default that of the file's precision
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
        cases=tuple(cases),
        tolerance=TOLERANCE[info.precision] if tolerance is None else tolerance,
        most_off=MOST_OFF[info.precision],
    )


def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors; warnings speak of missing half precision kernels on the CPU
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


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
        batch=batch,
        height=height,
        width=width,
        mean=float(error.mean()),
        worst=float(error.max()),
        off=float((~(error <= OFF_PX)).mean()),
    )


def _made_up_pair(batch: int, height: int, width: int, *, shift: int, seed: int) -> tuple[Tensor, Tensor]:
    """Smooth random textures (B,3,H,W) 0..255; the right one shows each point `shift` pixels further left."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, height // 8, (width + shift) // 8 + 1, generator=rng)
    wide = F.interpolate(coarse * 255.0, size=(height, width + shift), mode="bilinear")
    return wide[..., :width].contiguous(), wide[..., shift:].contiguous()
