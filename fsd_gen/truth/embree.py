"""Embree by its C interface: float32 rays against triangles, many rays a call.

The library is the one that `embreex` brings; its own Python classes copy triangle by triangle and know no
packets. Two ways to ask, over the same tree:

`nearest` walks the tree ray by ray. Where two triangles lie at the very same float32 distance, which of them
is named depends on the order of that walk, so this is the one whose answers are the truth.
`nearest_of_bundle` walks it with a packet of rays that go the same way, three times as fast. Distances
are the same to the bit; of triangles at the same distance it may name another one.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.extras import extra, install

with extra("render"):
    from embreex import rtcore_scene

Float32s = NDArray[np.float32]
Component = NDArray[np.floating] | float  # one of x, y, z: (N,), or the same for all rays
Components = tuple[Component, Component, Component]

AT_ONCE = 1 << 16  # rays in memory as packets: they stay in the cache
LANES = 16  # rays in a packet
SINGLY = 14  # with no more than this many of 16, Embree goes through the tree ray by ray
ROWS = 22  # float32s per ray: RTCRayHit16 with one instance level and room for its instance's primitive
ORIGIN, NEAR, DIRECTION, TIME, FAR, MASK, ID, FLAGS, U, V, PRIMITIVE, GEOMETRY = (
    *(0, 3, 4, 7, 8, 9, 10, 11),
    *(15, 16, 17, 18),
)
NATIVE_PACKETS = {16: 34, 8: 33, 4: 32}  # width -> RTC_DEVICE_PROPERTY_NATIVE_RAY*_SUPPORTED
VERSION_MAJOR, EMBREE = 1, 4  # RTC_DEVICE_PROPERTY_VERSION_MAJOR, and whose structures these are
COHERENT = 1 << 16  # RTC_RAY_QUERY_FLAG_COHERENT
TRIANGLES, INDICES, VERTICES, UINT3, FLOAT3, ROBUST = 0, 0, 1, 0x5003, 0x9003, 1 << 2

NO_FLOATS = np.empty(0, np.float32)

_Pointer = ctypes.c_void_p


class EmbreeError(RuntimeError):
    """Embree could not take the triangles."""


class _Arguments(ctypes.Structure):
    """RTCIntersectArguments."""

    _fields_ = (
        ("flags", ctypes.c_int),
        ("features", ctypes.c_uint),
        ("context", _Pointer),
        ("filter", _Pointer),
        ("intersect", _Pointer),
        ("min_width", ctypes.c_float),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """Per ray: the nearest triangle (-1: none, and nothing else is defined), how far, and where on it."""

    primitive_n: NDArray[np.int64]
    t_n: Float32s  # in units of the ray's direction
    u_n: Float32s  # weight of the triangle's second corner
    v_n: Float32s  # and of its third

    @classmethod
    def of_parts(cls, parts: Sequence[Nearest]) -> Nearest:
        """Those of all parts, one after the other; of no part, those of no ray."""
        none = cls(primitive_n=np.empty(0, np.int64), t_n=NO_FLOATS, u_n=NO_FLOATS, v_n=NO_FLOATS)
        names = ("primitive_n", "t_n", "u_n", "v_n")
        return cls(
            **{name: np.concatenate([getattr(each, name) for each in (none, *parts)]) for name in names}
        )


class TriangleCaster:
    """Triangles in an acceleration structure. One thread at a time."""

    def __init__(self, vertices_v3: NDArray[np.floating], faces_t3: NDArray[np.int32]) -> None:
        """Raises EmbreeError."""
        self._vertices = np.empty((len(vertices_v3) + 1, 3), np.float32)  # the last one is read 16 bytes wide
        self._vertices[:-1] = vertices_v3
        self._vertices[-1] = 0
        self._faces = np.ascontiguousarray(faces_t3, np.int32)
        self._scene = _new_scene(self._vertices, self._faces)
        weakref.finalize(self, _c("rtcReleaseScene"), self._scene)
        self._packets: dict[int, _Packets] = {}

    def nearest(self, origins: Components, directions: Components) -> Nearest:
        """The nearest triangles of rays, each ray by itself."""
        return self._cast(_Packets.of_single_rays, 0, origins, directions, np.inf)

    def nearest_of_bundle(
        self, origins: Components, directions: Components, reach: float = np.inf
    ) -> Nearest:
        """The same within `reach`, in units of the directions, for rays whose neighbours go the same way."""
        return self._cast(_Packets.of_bundles, COHERENT, origins, directions, reach)

    def _cast(
        self,
        packing: Callable[[int], _Packets],
        flags: int,
        origins: Components,
        directions: Components,
        reach: float,
    ) -> Nearest:
        rays = count_of(*origins, *directions)
        packets = self._packets.get(flags)
        if packets is None or packets.room < min(rays, AT_ONCE):
            packets = self._packets[flags] = packing(min(rays, AT_ONCE))
        parts = []
        for start in range(0, rays, AT_ONCE):
            count = min(AT_ONCE, rays - start)
            packets.fill(_part(origins, start), _part(directions, start), count, reach)
            if len(self._faces):
                packets.run(self._scene, flags, count)
            parts.append(packets.found(count))
        return parts[0] if len(parts) == 1 else Nearest.of_parts(parts)


def _part(components: Components, start: int) -> Components:
    x, y, z = (
        each if np.ndim(each) == 0 else np.asarray(each)[start : start + AT_ONCE] for each in components
    )
    return x, y, z


def count_of(*components: Component) -> int:
    """For how many rays these are; 1 where all of them are plain numbers."""
    return next((np.size(component) for component in components if np.ndim(component)), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packets:
    """Memory of many RTCRayHit16 (or 8, or 4), of whose lanes the first `used` hold rays."""

    lanes: int
    used: int
    floats: Float32s  # (packets, ROWS, lanes), every packet on a multiple of 64 bytes

    @classmethod
    def of_single_rays(cls, rays: int) -> _Packets:
        return cls.with_room(rays, LANES, SINGLY)

    @classmethod
    def of_bundles(cls, rays: int) -> _Packets:
        return cls.with_room(rays, native_lanes(), native_lanes())

    @classmethod
    def with_room(cls, rays: int, lanes: int, used: int) -> _Packets:
        shape = (-(-rays // used), ROWS, lanes)
        size = 4 * int(np.prod(shape))
        memory = np.zeros(size + 64, np.uint8)
        start = -memory.ctypes.data % 64
        floats = memory[start : start + size].view(np.float32).reshape(shape)
        return cls(lanes=lanes, used=used, floats=floats)

    @property
    def room(self) -> int:
        """For how many rays there is room."""
        return len(self.floats) * self.used

    def fill(self, origins: Components, directions: Components, rays: int, reach: float) -> None:
        """Write rays in, nothing found yet."""
        count = -(-rays // self.used)
        words = self.floats.view(np.uint32)
        for axis in range(3):
            self._put(ORIGIN + axis, origins[axis], rays)
            self._put(DIRECTION + axis, directions[axis], rays)
        self.floats[:count, FAR] = reach
        self.floats[count - 1, FAR, rays - (count - 1) * self.used :] = -1.0  # lanes without a ray
        words[:count, MASK] = 0xFFFFFFFF
        words[:count, PRIMITIVE:] = 0xFFFFFFFF

    def _put(self, row: int, values: Component, rays: int) -> None:
        whole, rest = divmod(rays, self.used)
        if np.ndim(values) == 0:
            self.floats[: whole + (rest > 0), row] = values
            return
        values_n = np.asarray(values)
        self.floats[:whole, row, : self.used] = values_n[: whole * self.used].reshape(whole, self.used)
        if rest:
            self.floats[whole, row, :rest] = values_n[whole * self.used :]

    def run(self, scene: int, flags: int, rays: int) -> None:
        """Find the nearest triangles of all rays."""
        count, step = -(-rays // self.used), ROWS * self.lanes * 4
        first = self.floats.ctypes.data
        places = range(first, first + count * step, step)
        valid = _valid_lanes(self.used)
        arguments = _Arguments(flags=flags, features=0xFFFFFFFF)
        intersect = _c(f"rtcIntersect{self.lanes}")
        calls = map(
            intersect, repeat(valid.ctypes.data), repeat(scene), places, repeat(ctypes.addressof(arguments))
        )
        deque(calls, maxlen=0)  # a loop without Python's own steps between the calls

    def found(self, rays: int) -> Nearest:
        """What the rays met."""
        count = -(-rays // self.used)

        def row(number: int) -> Float32s:
            return self.floats[:count, number, : self.used].reshape(-1)[:rays]

        return Nearest(
            primitive_n=row(PRIMITIVE).view(np.int32).astype(np.int64), t_n=row(FAR), u_n=row(U), v_n=row(V)
        )


@cache
def native_lanes() -> int:
    """The widest packet that Embree walks as one on this processor; 16 where it knows none."""
    native = [
        lanes for lanes, number in NATIVE_PACKETS.items() if _c("rtcGetDeviceProperty")(_device(), number)
    ]
    return max(native, default=LANES)


@cache
def _valid_lanes(used: int) -> NDArray[np.int32]:
    """RTC's mask: -1 for a lane in use. Aligned to 64 bytes."""
    memory = np.zeros(2 * LANES, np.int32)
    start = -memory.ctypes.data % 64 // 4
    valid = memory[start : start + LANES]
    valid[:used] = -1
    return valid


def _new_scene(vertices_v3: Float32s, faces_t3: NDArray[np.int32]) -> int:
    """A committed scene that reads both arrays in place."""
    device = _device()
    scene: int = _c("rtcNewScene")(device)
    _c("rtcSetSceneFlags")(scene, ROBUST)
    if len(faces_t3):
        mesh = _c("rtcNewGeometry")(device, TRIANGLES)
        share = _c("rtcSetSharedGeometryBuffer")
        share(mesh, VERTICES, 0, FLOAT3, vertices_v3.ctypes.data, 0, 12, len(vertices_v3) - 1)
        share(mesh, INDICES, 0, UINT3, faces_t3.ctypes.data, 0, 12, len(faces_t3))
        _c("rtcCommitGeometry")(mesh)
        _c("rtcAttachGeometry")(scene, mesh)
        _c("rtcReleaseGeometry")(mesh)
    _c("rtcCommitScene")(scene)
    if code := _c("rtcGetDeviceError")(device):
        raise EmbreeError(
            f"Embree refused {len(faces_t3)} triangles of {len(vertices_v3) - 1} vertices (RTCError {code})"
        )
    return scene


@cache
def _device() -> int:
    """One for the process, without threads of its own: a worker has one CPU."""
    device: int | None = _c("rtcNewDevice")(b"threads=1")
    if device is None:
        raise EmbreeError("Embree made no device: expected a processor with SSE2")
    if (major := _c("rtcGetDeviceProperty")(device, VERSION_MAJOR)) != EMBREE:
        raise EmbreeError(f"embreex brings Embree {major}, {EMBREE} is expected: {install('render')}")
    return device


SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {  # name -> result, arguments
    "rtcNewDevice": (_Pointer, (ctypes.c_char_p,)),
    "rtcGetDeviceError": (ctypes.c_int, (_Pointer,)),
    "rtcGetDeviceProperty": (ctypes.c_ssize_t, (_Pointer, ctypes.c_int)),
    "rtcNewScene": (_Pointer, (_Pointer,)),
    "rtcReleaseScene": (None, (_Pointer,)),
    "rtcSetSceneFlags": (None, (_Pointer, ctypes.c_int)),
    "rtcCommitScene": (None, (_Pointer,)),
    "rtcNewGeometry": (_Pointer, (_Pointer, ctypes.c_int)),
    "rtcReleaseGeometry": (None, (_Pointer,)),
    "rtcCommitGeometry": (None, (_Pointer,)),
    "rtcAttachGeometry": (ctypes.c_uint, (_Pointer, _Pointer)),
    "rtcSetSharedGeometryBuffer": (
        None,
        (
            *(_Pointer, ctypes.c_int, ctypes.c_uint, ctypes.c_int),
            *(_Pointer, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_size_t),
        ),
    ),
    "rtcIntersect4": (None, (_Pointer, _Pointer, _Pointer, _Pointer)),
    "rtcIntersect8": (None, (_Pointer, _Pointer, _Pointer, _Pointer)),
    "rtcIntersect16": (None, (_Pointer, _Pointer, _Pointer, _Pointer)),
}


@cache
def _c(name: str) -> Callable[..., Any]:
    """A function of Embree, found through the extension module that is linked to it."""
    symbol = getattr(_library(), name)
    symbol.restype, symbol.argtypes = SIGNATURES[name]
    function: Callable[..., Any] = symbol
    return function


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(rtcore_scene.__file__)
