"""A bound in time on the work at one slot, for whatever hangs there: a renderer, a driver, a file system.

What hangs cannot be asked to stop, so the process ends itself, and leaves the stack of every thread in a file
of the shard's part. Whoever goes on with the part finds it there: the slot is tried once more, then given up.
A process that is killed from outside leaves an empty file, which counts for nothing.
"""

from __future__ import annotations

import faulthandler
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_HANGS = 2  # of one slot; once may be the machine's fault
WORDS_S = 1.0  # time for last words, where the hanging code lets Python speak
SUFFIX = ".hung.txt"
HEAD = "Timeout ("  # what `faulthandler` begins with


class Watch:
    """Watches over the slots of one shard's part; `limit_s` None watches nothing. `who` is the renderer."""

    def __init__(self, part: Path, who: str, limit_s: float | None) -> None:
        self._part = part
        self._who = who
        self._limit_s = limit_s

    def stacks(self, slot: int) -> list[str]:
        """What every thread did when the work at `slot` hung, for each time it did."""
        path = self._path(slot)
        text = path.read_text(errors="replace") if path.exists() else ""
        return [HEAD + stack for stack in text.split(HEAD)[1:]]

    @contextmanager
    def over(self, slot: int) -> Iterator[Callable[[], None]]:
        """End this process when the block does not call what it is given for `limit_s` seconds."""
        if self._limit_s is None:
            yield lambda: None
            return
        path = self._path(slot)
        with path.open("a") as file:
            alarm = _Alarm(self._limit_s, f"slot {slot}: {self._who} did not come to an end", file.fileno())
            try:
                alarm.wind_up()
                yield alarm.wind_up
            finally:
                alarm.stop()
        if not path.stat().st_size:
            path.unlink()

    def _path(self, slot: int) -> Path:
        return self._part / f"{slot:07d}{SUFFIX}"


class _Alarm:
    """Says on stderr what is wrong, where it can, then writes the stacks to `fd` and ends the process."""

    def __init__(self, limit_s: float, what: str, fd: int) -> None:
        self._limit_s, self._what, self._fd = limit_s, what, fd
        self._words = threading.Timer(0, lambda: None)

    def wind_up(self) -> None:
        self.stop()
        faulthandler.dump_traceback_later(self._limit_s + WORDS_S, exit=True, file=self._fd)
        self._words = threading.Timer(self._limit_s, self._speak)
        self._words.daemon = True
        self._words.start()

    def stop(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        self._words.cancel()

    def _speak(self) -> None:
        message = f"{self._what} in {self._limit_s:.0f} s; this process ends, and the same command goes on"
        print(message, file=sys.stderr, flush=True)
