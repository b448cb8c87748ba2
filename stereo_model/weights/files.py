"""Files of tensors: read without running code, written whole or not at all, and fitted to a model by name."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from jobs.files import part_file

NAMED_KEYS = 3  # how many offending keys an error names

# Counters in training checkpoints are often NumPy scalars; building one runs no foreign code. The older name
# of the module is the one that NumPy 1 wrote.
_MAKE_SCALAR = np.float64(0).__reduce__()[0]
_SCALARS: list[Any] = [
    np.dtype,
    *{type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "u8", "?")},
    *((_MAKE_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]
_UNREADABLE = (RuntimeError, EOFError, KeyError, OSError, zipfile.BadZipFile, safetensors.SafetensorError)


class CheckpointError(ValueError):
    """A checkpoint cannot be read, or does not fit the model it claims to hold."""


def read_file(path: str | Path) -> Any:
    """What a `.pth` or `.safetensors` file holds, tensors on the CPU. Raises CheckpointError in one line."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with torch.serialization.safe_globals(_SCALARS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path}: {_unpickling_reason(str(error))}") from error
    except _UNREADABLE as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"{path}: unreadable, truncated or not a file of weights ({reason})") from error


def require_tensors(value: Any, *, source: str) -> dict[str, Tensor]:
    """`value` as a mapping from names to tensors, or CheckpointError."""
    if not isinstance(value, Mapping) or not all(isinstance(item, Tensor) for item in value.values()):
        raise CheckpointError(f"{source}: expected a mapping from names to tensors")
    return dict(value)


def load_weights(model: nn.Module, weights: Mapping[str, Tensor], *, source: str) -> None:
    """Load weights strictly. Raises CheckpointError naming keys and shapes; the model is then unchanged."""
    own = model.state_dict()
    refuse_misfits(weights, {key: tuple(value.shape) for key, value in own.items()}, source=source)
    model.load_state_dict(weights, strict=True)


def refuse_misfits(
    weights: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], *, source: str
) -> None:
    """Raise CheckpointError unless `weights` has the expected keys and shapes, no more and no less."""
    complaints = [
        _listed("missing", (key for key in expected if key not in weights)),
        _listed("unexpected", (key for key in weights if key not in expected)),
        _listed(
            "of another shape",
            (
                f"{key} {tuple(weights[key].shape)} instead of {shape}"
                for key, shape in expected.items()
                if key in weights and tuple(weights[key].shape) != shape
            ),
        ),
    ]
    found = [complaint for complaint in complaints if complaint]
    if found:
        raise CheckpointError(f"{source}: the weights do not fit the model: {'; '.join(found)}")


def write_atomically(payload: Mapping[str, Any], target: Path) -> None:
    """Save beside the target, verify the bytes, then rename; a crash leaves the old file or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with part_file(target) as part:
        with part.open("wb") as file:
            torch.save(dict(payload), file)
        _verify(part, target)


def _verify(part: Path, target: Path) -> None:
    with zipfile.ZipFile(part) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise CheckpointError(
            f"{target}: {damaged} came back damaged after writing; the disk may be failing or full"
        )


def _unpickling_reason(message: str) -> str:
    found = re.search(r"GLOBAL ([\w.]+)", message)
    if found is None:
        return f"unreadable, truncated or not a file of weights ({message.strip().splitlines()[0]})"
    return f"not a file of plain tensors: it holds {found[1]}, which is not loaded as it may run code"


def _listed(what: str, items: Iterable[str]) -> str:
    names = list(items)
    if not names:
        return ""
    more = f" and {len(names) - NAMED_KEYS} more" if len(names) > NAMED_KEYS else ""
    return f"{what}: {', '.join(names[:NAMED_KEYS])}{more}"
