"""What ovrtx's `SemanticIdMap` says: the label of every id of a picture of ids.

It is not documented; the layout is the one that IsaacLab's renderer reads: entries of 24 bytes (an id of four
words, of which the first is the pixel's, then length and start of its text), the texts, and at the very end
the number of entries. All numbers are 32 bits, little-endian; starts count from the first byte of all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.rtx.child.buffers import Refusal

ENTRY = np.dtype([("id", "<u4", (4,)), ("length", "<u4"), ("start", "<u4")])
COUNT = 4  # bytes at the end


def labels_of(raw: NDArray[Any]) -> dict[int, str] | Refusal:
    """Label by id, or why the buffer is no such map. An empty one is that of a picture without labels."""
    told = np.ascontiguousarray(raw).view(np.uint8).tobytes() if raw.size else b""
    if not told:
        return {}
    count = int.from_bytes(told[-COUNT:], "little")
    if COUNT + count * ENTRY.itemsize > len(told):
        return Refusal(code="flat", message=f"{len(told)} bytes cannot hold {count} labels")
    labels = {}
    for entry in np.frombuffer(told, ENTRY, count):
        start, length = int(entry["start"]), int(entry["length"])
        if start + length > len(told) - COUNT:
            message = f"a label at {start} of {length} bytes lies beyond {len(told)} bytes"
            return Refusal(code="flat", message=message)
        labels[int(entry["id"][0])] = told[start : start + length].rstrip(b"\0").decode(errors="replace")
    return labels
