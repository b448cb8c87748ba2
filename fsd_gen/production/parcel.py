"""Values for another process of ours: pickled into anonymous memory, arrays as they are.

What is unpickled here comes over a socket pair from a process that this one started, or was started by.
"""

from __future__ import annotations

import mmap
import os
import pickle
from array import array
from itertools import accumulate
from typing import Any

from fsd_gen.rtx.child.wire import Message, Wire, WireError

AVAILABLE = hasattr(os, "memfd_create")  # Linux alone has anonymous memory with a descriptor
ALIGNED = 64  # bytes; what vector instructions like
PLACE_BYTES = 16  # two whole numbers


def send_value(wire: Wire, kind: str, value: object, **told: object) -> None:
    """A message with a value. Raises what pickling does, WireClosedError and WireTimeoutError.

    The message itself is short, whatever the value, so that it finds room while nobody listens.
    """
    memory = os.memfd_create("fsd-parcel", os.MFD_CLOEXEC)
    try:
        pieces = _packed(value, memory)
        wire.send(kind, {**told, "pieces": pieces}, (memory,))
    finally:
        os.close(memory)


def value_of(message: Message) -> Any:
    """The value that came with a message, whose descriptors are closed. Arrays may be written to."""
    pieces = message.body.get("pieces")
    if not isinstance(pieces, int) or len(message.files) != 1:
        raise WireError(f"{message.kind!r} came without a value")
    view = memoryview(mmap.mmap(message.files[0], 0, access=mmap.ACCESS_COPY))
    message.close_files()
    places = view[: PLACE_BYTES * pieces].cast("q").tolist()
    text, *arrays = [
        view[start : start + size] for start, size in zip(places[::2], places[1::2], strict=True)
    ]
    return pickle.loads(text, buffers=arrays)


def _packed(value: object, memory: int) -> int:
    """Write a value: where its pieces lie, start and size each; the pickle; its arrays. How many pieces."""
    buffers: list[pickle.PickleBuffer] = []
    text = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    pieces = [memoryview(text), *(buffer.raw() for buffer in buffers)]
    table = PLACE_BYTES * len(pieces)
    starts = list(accumulate(map(len, pieces), _after, initial=_after(0, table)))
    places = [number for pair in zip(starts, map(len, pieces), strict=False) for number in pair]
    os.ftruncate(memory, starts[-1])
    with mmap.mmap(memory, starts[-1]) as room:
        room[:table] = array("q", places).tobytes()
        for start, piece in zip(starts, pieces, strict=False):
            room[start : start + len(piece)] = piece
    return len(pieces)


def _after(start: int, size: int) -> int:
    """Where the next piece may lie."""
    return -(-(start + size) // ALIGNED) * ALIGNED
