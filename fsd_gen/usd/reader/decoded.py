"""Triangles of asset files, kept from one stage to the next, so that a worker decodes each asset once.

They take at most `LIMIT_BYTES` in each process; what was not used for longest goes first. An entry is found
by its file as it was (`Stamp`), so a file that has changed is read anew.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.polygons import Triangles
from fsd_gen.usd.reader.origins import Origin
from fsd_gen.usd.reader.primvars import Coordinates
from fsd_gen.usd.stamp import Stamp

LIMIT_BYTES = 256 * 2**20

Key = tuple[Stamp, Origin, Coordinates | None]  # file, mesh in it, the texture coordinates that go with it


class Decoded:
    """A bounded store of triangles; for reading only."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[Key, Triangles] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    @property
    def size_bytes(self) -> int:
        """What is kept."""
        return self._bytes

    def get(self, key: Key) -> Triangles | None:
        """The triangles, if they are kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: Key, triangles: Triangles) -> None:
        """Keep them, unless they alone are too many; what is kept can no longer be written to."""
        size = _size(triangles)
        if size > self._limit_bytes:
            return
        for array in _arrays(triangles):
            array.flags.writeable = False
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = triangles
            self._bytes += size
            while self._bytes > self._limit_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= _size(oldest)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


def _arrays(triangles: Triangles) -> list[NDArray[np.generic]]:
    given = (
        triangles.vertices_v3,
        triangles.faces_t3,
        triangles.uv_v2,
        triangles.normals_v3,
        triangles.polygon_t,
    )
    return [array for array in given if array is not None]


def _size(triangles: Triangles) -> int:
    return sum(array.nbytes for array in _arrays(triangles))


DECODED = Decoded()
