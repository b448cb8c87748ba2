"""Files of tensors: read without running code, written whole or not at all, and fitted to a model by name."""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from jobs.contents import FOLDER, NO_FILE, SAFETENSORS, TORCH_ZIP, contents
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
_UNREADABLE: tuple[type[Exception], ...] = (
    *(RuntimeError, EOFError, LookupError, OSError, ValueError, TypeError, AttributeError, MemoryError),
    *(struct.error, zipfile.BadZipFile, safetensors.SafetensorError),
)
LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # of torch.save before it wrote zip archives
MOST_RECORDS = 1_000_000  # of one zip
CHUNK_BYTES = 1 << 20  # read at once when a record's checksum is computed
# What zipfile raises for a record that is damaged, or whose entry in the archive's list is.
_DAMAGED_RECORD = (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, NotImplementedError)


class CheckpointError(ValueError):
    """A checkpoint cannot be read, or does not fit the model it claims to hold."""


def read_file(path: str | Path) -> Any:
    """What a file of weights holds, by its content: PyTorch's or safetensors, tensors on the CPU.

    Raises CheckpointError in one line that says what the file is where it is something else.
    """
    path = Path(path)
    what = contents(path)
    if what == NO_FILE:
        raise CheckpointError(f"{path}: no such file")
    if what == SAFETENSORS:
        return _read(path, lambda: load_file(path))
    if what == TORCH_ZIP:
        _refuse_odd_zip(path)
        _refuse_damaged(path)
    elif what == FOLDER or not _is_legacy(path):
        raise CheckpointError(
            f"{path}: is {what}: truncated or not a file of weights (.pth of PyTorch, or .safetensors)"
        )
    return _read(path, lambda: torch.load(path, map_location="cpu", weights_only=True))


def _read(path: Path, load: Callable[[], Any]) -> Any:
    try:
        with torch.serialization.safe_globals(_SCALARS):
            return load()
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path}: {_unpickling_reason(str(error))}") from None
    except _UNREADABLE as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        more = "" if "weights_only" in reason else f" ({reason})"  # torch advises to load it unsafely
        raise CheckpointError(f"{path}: unreadable, truncated or not a file of weights{more}") from None


def _is_legacy(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(LEGACY_MAGIC)) == LEGACY_MAGIC


def _refuse_odd_zip(path: Path) -> None:
    """PyTorch stores its records as they are; compressed ones may be a thousand times what they seem."""
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
    if len(records) > MOST_RECORDS:
        raise CheckpointError(f"{path}: holds {len(records)} records, at most {MOST_RECORDS} are read")
    odd = [record.filename for record in records if record.compress_type != zipfile.ZIP_STORED]
    if odd or sum(record.file_size for record in records) > path.stat().st_size:
        raise CheckpointError(
            f"{path}: its records are compressed or overlap, which torch.save never does; not loaded"
        )


def _refuse_damaged(path: Path) -> None:
    """PyTorch compares no checksum when it loads a zip: a flipped bit would become another weight."""
    with zipfile.ZipFile(path) as archive:
        for record in archive.infolist():
            try:
                with archive.open(record) as content:
                    while content.read(CHUNK_BYTES):
                        pass
            except _DAMAGED_RECORD:
                raise CheckpointError(
                    f"{path}: damaged (record {record.filename} has another checksum); restore the file from "
                    "a copy"
                ) from None


def require_tensors(value: Any, *, source: str) -> dict[str, Tensor]:
    """`value` as a mapping from names to plain tensors with values, or CheckpointError."""
    if not isinstance(value, Mapping) or not all(isinstance(item, Tensor) for item in value.values()):
        raise CheckpointError(f"{source}: expected a mapping from names to tensors")
    for name, tensor in value.items():
        if not isinstance(name, str):
            raise CheckpointError(f"{source}: expected names of tensors, found the key {name!r:.60}")
        if odd := _oddness(tensor):
            raise CheckpointError(f"{source}: {name} is {odd}, expected a plain tensor of real numbers")
    return dict(value)


def _oddness(tensor: Tensor) -> str | None:
    if tensor.layout != torch.strided:
        return f"a sparse tensor ({tensor.layout})"
    if tensor.device.type != "cpu":
        return f"a tensor without values (on the device {tensor.device})"
    if tensor.is_quantized or tensor.is_complex():
        return f"of type {tensor.dtype}"
    return None


def load_weights(model: nn.Module, weights: Mapping[str, Tensor], *, source: str) -> None:
    """Load weights strictly. Raises CheckpointError naming keys and shapes; the model is then unchanged."""
    refuse_misfits(weights, shapes_of(model), source=source)
    model.load_state_dict(weights, strict=True)


def shapes_of(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight and buffer."""
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


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
    """What torch found, without its advice to load the file unsafely."""
    found = re.search(r"GLOBAL ([\w.]+)", message) or re.search(r"class ([\w.]+)", message)
    if found is None:
        return "unreadable, truncated or not a file of weights: a pickle that holds more than plain tensors"
    return f"not a file of plain tensors: it holds {found[1]}, which is not loaded as it may run code"


def _listed(what: str, items: Iterable[str]) -> str:
    names = list(items)
    if not names:
        return ""
    more = f" and {len(names) - NAMED_KEYS} more" if len(names) > NAMED_KEYS else ""
    return f"{what}: {', '.join(names[:NAMED_KEYS])}{more}"
