"""Made pictures as PNG files that are quick to write and to read: their pixels are stored, not deflated.

A scene's pictures are written once, read once or twice and thrown away with its stage: compressing noise
costs more than all of that, and saves half of the bytes for seconds.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # of grey, RGB, RGBA
STORED = 0  # zlib's level


def save_picture(path: Path, pixels_hwc: NDArray[np.uint8]) -> Path:
    """Write (H, W, 1), RGB or RGBA bytes, row 0 at the top."""
    height, width, channels = pixels_hwc.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each begins with its filter's number: none
    rows[:, 1:] = pixels_hwc.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)
    body = zlib.compress(rows.tobytes(), STORED)
    path.write_bytes(SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b""))
    return path


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
