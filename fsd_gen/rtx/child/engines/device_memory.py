"""Arrays in the memory of a GPU, read through DLPack and the driver: no CUDA library for Python is needed.

ovrtx gives some render variables on the GPU only. Layouts are those of dlpack.h 0.8 and cuda.h 12.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

CUDA = 2  # kDLCUDA
KINDS = {0: "i", 1: "u", 2: "f"}  # kDLInt, kDLUInt, kDLFloat


class DeviceMemoryError(RuntimeError):
    """An array cannot be read from the GPU."""


class _Device(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("number", ctypes.c_int32)]


class _Type(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("ndim", ctypes.c_int32),
        ("dtype", _Type),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


def copy_from_gpu(source: Any) -> NDArray[Any]:
    """A copy in our memory of what `source`, which has `__dlpack__`, holds on a GPU; its work is waited for.

    Raises:
        DeviceMemoryError: it is laid out in an unknown way, or the driver refuses.
    """
    capsule = source.__dlpack__()
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    tensor = _Tensor.from_address(pointer(capsule, b"dltensor"))
    values = _room_for(tensor)
    if values.size:
        _copy(tensor, values)
    return values


def _room_for(tensor: _Tensor) -> NDArray[Any]:
    shape = [tensor.shape[axis] for axis in range(tensor.ndim)]
    kind = tensor.dtype
    if tensor.device.type != CUDA or kind.code not in KINDS or kind.bits % 8:
        raise DeviceMemoryError(
            f"expected numbers on a GPU, got type {kind.code} of {kind.bits} bits, "
            f"device {tensor.device.type}"
        )
    packed = [math.prod(shape[axis + 1 :]) for axis in range(tensor.ndim)]
    if tensor.strides and [tensor.strides[axis] for axis in range(tensor.ndim)] != packed:
        raise DeviceMemoryError(f"an array of shape {shape} has gaps between its rows")
    lanes = [kind.lanes] if kind.lanes > 1 else []
    return np.empty([*shape, *lanes], f"{KINDS[kind.code]}{kind.bits // 8}")


def _copy(tensor: _Tensor, values: NDArray[Any]) -> None:
    driver = ctypes.CDLL("libcuda.so.1")
    device, context = ctypes.c_int(), ctypes.c_void_p()
    number = ctypes.c_int(tensor.device.number)
    _call(driver, "cuInit", ctypes.c_uint(0))
    _call(driver, "cuDeviceGet", ctypes.byref(device), number)
    _call(driver, "cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    try:
        _call(driver, "cuCtxSetCurrent", context)
        _call(driver, "cuCtxSynchronize")
        start = ctypes.c_uint64((tensor.data or 0) + tensor.byte_offset)
        _call(
            driver,
            "cuMemcpyDtoH_v2",
            values.ctypes.data_as(ctypes.c_void_p),
            start,
            ctypes.c_size_t(values.nbytes),
        )
    finally:
        _call(driver, "cuDevicePrimaryCtxRelease_v2", device)


def _call(driver: ctypes.CDLL, name: str, *arguments: Any) -> None:
    if code := getattr(driver, name)(*arguments):
        raise DeviceMemoryError(f"{name} of the NVIDIA driver failed with CUDA error {code}")
