"""Messages between a worker and its rendering process: a frame of JSON over a socket pair, files beside it.

A frame is `fsdw`, the protocol's number (2 bytes), the length of the text (4 bytes), and the text: one JSON
object whose `kind` says what it is. Large arrays travel in anonymous memory (`arrays`), whose descriptor
goes with the frame: nothing of it has a name, so that nothing is left behind by whoever is killed.

    worker -> process   begin {engine, config}   render {job}   taken {}   close {}
    process -> worker   phase {name, limit_s}   beat {resident, cpu_s}   hello {..., resident, cpu_s}
                        refused {fault}   views {views, resident, cpu_s} + descriptor
                        fault {fault, resident, cpu_s}   bye {}
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

PROTOCOL = 1
MAGIC = b"fsdw"
HEAD = struct.Struct("!4sHI")
MAX_BYTES = 64 << 20  # of a message's text: the labels of a huge stage are a few MB
MAX_FILES = 4
SEND_S = 60.0  # nobody leaves a message lying longer than this


class WireError(RuntimeError):
    """The other side does not speak this protocol."""


class WireClosedError(WireError):
    """The other side is gone."""


class WireTimeoutError(WireError):
    """Nothing came in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One frame. Who receives it owns its descriptors."""

    kind: str
    body: Mapping[str, object]
    files: tuple[int, ...] = ()

    def close_files(self) -> None:
        """Close every descriptor that came with it."""
        for descriptor in self.files:
            os.close(descriptor)


class Wire:
    """One end of the socket pair; any thread may send, one receives."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._sending = threading.Lock()

    def fileno(self) -> int:
        """For `select`."""
        return self._end.fileno()

    def send(self, kind: str, body: Mapping[str, object] | None = None, files: tuple[int, ...] = ()) -> None:
        """Raises WireClosedError where nobody is there any more, WireTimeoutError where nobody listens."""
        text = json.dumps({**(body or {}), "kind": kind}).encode()
        frame = HEAD.pack(MAGIC, PROTOCOL, len(text)) + text
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        with self._sending:
            self._end.settimeout(SEND_S)
            try:
                sent = self._end.sendmsg([frame], ancillary)
                if rest := frame[sent:]:  # else: who has got all of it may be gone by now
                    self._end.sendall(rest)
            except TimeoutError as error:
                raise WireTimeoutError(f"nobody took {kind!r} within {SEND_S:.0f} s") from error
            except OSError as error:
                raise WireClosedError(f"nobody is there to take {kind!r}") from error

    def receive(self, limit_s: float | None = None) -> Message:
        """The next message, within `limit_s` seconds (None: as long as it takes).

        Raises:
            WireClosedError, WireTimeoutError: there is none.
            WireError: what came is no message of this protocol.
        """
        until = None if limit_s is None else time.monotonic() + limit_s
        files: list[int] = []
        try:
            return self._message(until, files)
        except WireError:
            for descriptor in files:
                os.close(descriptor)
            raise

    def _message(self, until: float | None, files: list[int]) -> Message:
        magic, protocol, length = HEAD.unpack(self._exactly(HEAD.size, until, files))
        if magic != MAGIC:
            raise WireError(f"expected a message that begins with {MAGIC!r}, got {magic!r}")
        if protocol != PROTOCOL:
            raise WireError(f"expected protocol {PROTOCOL}, the other side speaks {protocol}")
        if length > MAX_BYTES:
            raise WireError(f"expected a message of at most {MAX_BYTES} bytes, got {length}")
        return _parsed(self._exactly(length, until, files), tuple(files))

    def _exactly(self, size: int, until: float | None, files: list[int]) -> bytes:
        got = bytearray()
        while len(got) < size:
            self._end.settimeout(None if until is None else max(until - time.monotonic(), 1e-3))
            try:
                part, ancillary, _, _ = self._end.recvmsg(
                    size - len(got), socket.CMSG_SPACE(MAX_FILES * 4), socket.MSG_CMSG_CLOEXEC
                )
            except TimeoutError as error:
                raise WireTimeoutError("nothing came in time") from error
            except OSError as error:
                raise WireClosedError("the other side is gone") from error
            files.extend(_descriptors(ancillary))
            if not part:
                raise WireClosedError("the other side is gone")
            got += part
        return bytes(got)

    def close(self) -> None:
        """The other side sees that nobody is here any more."""
        self._end.close()


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)


def _parsed(text: bytes, files: tuple[int, ...]) -> Message:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise WireError(f"expected JSON, got {text[:40]!r}") from error
    kind = body.pop("kind", None) if isinstance(body, dict) else None
    if not isinstance(kind, str):
        raise WireError(f"expected a JSON object with a kind, got {text[:40]!r}")
    return Message(kind=kind, body=body, files=files)
