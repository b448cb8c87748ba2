"""Arrays that are said to be on a GPU: capsules of DLPack whose pointer only the driver may follow."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

CUDA = 2


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


CODES = {"i": 0, "u": 1, "f": 2}
_kept: list[Any] = []  # as long as the process runs: capsules do not own what they point to here


def gpu_capsule(
    values: np.ndarray, *, device_type: int = CUDA, strides: tuple[int, ...] | None = None
) -> Any:
    shape = (ctypes.c_int64 * values.ndim)(*values.shape)
    steps = (ctypes.c_int64 * values.ndim)(*strides) if strides else None
    tensor = _Tensor(
        data=values.ctypes.data,
        device_type=device_type,
        ndim=values.ndim,
        code=CODES[values.dtype.kind],
        bits=8 * values.itemsize,
        lanes=1,
        shape=shape,
        strides=steps,
    )
    _kept.append((values, shape, steps, tensor))
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return make(ctypes.addressof(tensor), b"dltensor", None)
