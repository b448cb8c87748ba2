"""Pictures in anonymous memory: written by the rendering process, read by the worker, named nowhere.

`memfd_create` memory belongs to whoever holds a descriptor of it. It is no file of /dev/shm, whose size
containers limit to 64 MB, and the kernel frees it however either side ends.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.rtx.child.contract import View
from fsd_gen.rtx.child.wire import WireError

FIELDS = {  # of a View, with their kind and channels (0: no axis of channels)
    "colour_hwc": ("float32", 3),
    "depth_hw": ("float32", 0),
    "ids_hw": ("uint32", 0),
    "normals_hwc": ("float32", 3),
}
LARGEST_SIDE = 1 << 15  # pixels


def pack(views: Sequence[View]) -> tuple[list[dict[str, object]], int]:
    """What describes the views in a message, and the descriptor of the memory that holds their arrays."""
    memory = os.memfd_create("fsd-views", os.MFD_CLOEXEC)
    told: list[dict[str, object]] = []
    start = 0
    try:
        for view in views:
            arrays: dict[str, object] = {}
            for name in FIELDS:
                values = getattr(view, name)
                if values is not None:
                    arrays[name] = {"start": start, "shape": list(values.shape)}
                    start += _write(memory, values)
            labels = [list(pair) for pair in view.labels.items()]
            told.append({"eye": view.eye, "arrays": arrays, "labels": labels})
    except BaseException:
        os.close(memory)
        raise
    return told, memory


def _write(memory: int, values: NDArray[np.float32] | NDArray[np.uint32]) -> int:
    rest = memoryview(np.ascontiguousarray(values)).cast("B")
    size = len(rest)
    while rest:
        rest = rest[os.write(memory, rest) :]
    return size


def unpack(told: object, memory: int) -> tuple[View, ...]:
    """The views that `pack` described. The descriptor stays open.

    Raises:
        WireError: the description is none, or the memory holds less than it says.
    """
    try:
        if not isinstance(told, list):
            raise TypeError(f"expected a list of views, got {type(told).__name__}")
        return tuple(_view(each, memory) for each in told)
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"the description of the pictures cannot be read: {error!r}") from error


def _view(told: Mapping[str, object], memory: int) -> View:
    arrays, labels = told["arrays"], told["labels"]
    if not isinstance(arrays, dict) or not isinstance(labels, list) or "colour_hwc" not in arrays:
        raise ValueError(f"expected colour and labels, got {arrays!r}")
    if unknown := set(arrays) - set(FIELDS):
        raise ValueError(f"unknown arrays {sorted(unknown)}")
    values = {name: _read(name, place, memory) for name, place in arrays.items()}
    return View(
        eye=str(told["eye"]),
        colour_hwc=values["colour_hwc"],
        depth_hw=values.get("depth_hw"),
        ids_hw=values.get("ids_hw"),
        labels={int(key): str(path) for key, path in labels},
        normals_hwc=values.get("normals_hwc"),
    )


def _read(name: str, place: Mapping[str, object], memory: int) -> NDArray[Any]:
    start, shape = place["start"], place["shape"]
    kind, channels = FIELDS[name]
    if not isinstance(start, int) or not isinstance(shape, list) or len(shape) != 2 + (channels > 0):
        raise ValueError(f"{name} at {place!r}")
    sides_fit = all(isinstance(side, int) and 0 < side <= LARGEST_SIDE for side in shape)
    if not sides_fit or (channels and shape[2] != channels):
        raise ValueError(f"{name} of shape {shape}")
    values = np.empty(shape, kind)
    _fill(memoryview(values).cast("B"), memory, start)
    return values


def _fill(rest: memoryview, memory: int, start: int) -> None:
    """Read by `preadv`, not through a mapping: memory that is shorter than told ends no process."""
    while rest:
        got = os.preadv(memory, [rest], start)
        if not got:
            raise ValueError(f"{len(rest)} bytes are missing")
        rest, start = rest[got:], start + got
