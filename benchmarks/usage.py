"""CPU seconds of a command with all that it starts, also where nobody waits for it, as with Ray's workers."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

LOOK_S = 0.25  # what a process uses after the last look at it is not seen
SET_CHILD_SUBREAPER = 36  # of prctl(2)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command took."""

    wall_s: float
    cpu_s: float  # user and system
    code: int


@dataclass(slots=True)
class _Book:
    """The latest times of every process that was seen, by its id and start."""

    cpu_s: dict[tuple[int, float], float] = field(default_factory=dict)

    def look(self) -> None:
        for process in psutil.Process().children(recursive=True):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            self.cpu_s[process.pid, process.create_time()] = times.user + times.system


def usage_of(command: Sequence[str]) -> Usage:
    """Run the command to its end. Linux only: orphans become children of this process."""
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    begun, book = time.monotonic(), _Book()
    child = subprocess.Popen(command)
    while (code := child.poll()) is None:
        book.look()
        time.sleep(LOOK_S)
    wall_s = time.monotonic() - begun
    _reap()
    return Usage(wall_s, sum(book.cpu_s.values()), code)


def _reap() -> None:
    """Let go of the orphans that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
