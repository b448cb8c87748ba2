"""What becomes of a process at one slot: what hangs there is ended in bounded time, and what ended is told.

What hangs cannot be asked to stop, so the process ends itself, and leaves the stack of every thread in a file
of the shard's part; so does one that crashes (segmentation fault, abort ...). Whoever goes on with the part
finds it there: the slot is tried once more, then given up. A process that just vanishes, by a call of `_exit`
or SIGKILL, leaves an empty file. That may be anybody's doing, so only the farm's count of such deaths in a
row tells a scene that kills from a machine that fails.

A process that works on a slot beside others (`production.hands`) leaves a file of another name. Where all of
them vanish at once, nobody knows at whose slot: each is then tried alone, which will tell.
"""

from __future__ import annotations

import faulthandler
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fsd_gen.checks.defects import DefectCode
from jobs.files import open_to_append

MOST_STACKS = 2  # of one slot; once may be the machine's fault
MOST_DEATHS = 5  # in a row, without a word; a few may be the fault of the machine, or of who kills processes
WORDS_S = 1.0  # time for last words, where the hanging code lets Python speak
SUFFIX = ".hung.txt"
BESIDE_SUFFIX = ".beside.txt"  # of a slot that was worked on beside others
HUNG = "Timeout ("  # what `faulthandler` begins with after a hang
HEADS = re.compile(rf"^(?={re.escape(HUNG)}|Fatal Python error: )", re.MULTILINE)


class Watch:
    """Watches over the slots of one shard's part; `limit_s` None bounds no time. `who` is the renderer."""

    def __init__(self, part: Path, who: str, limit_s: float | None) -> None:
        self._part = part
        self._who = who
        self._limit_s = limit_s

    def stacks(self, slot: int) -> list[str]:
        """What every thread did when a process hung or crashed at `slot`, for each time one did."""
        paths = [path for path in (self._path(slot), self._beside(slot)) if path.exists()]
        texts = [path.read_text(errors="replace") for path in paths]
        return [stack for text in texts for stack in HEADS.split(text) if HEADS.match(stack)]

    def cut_short(self, slot: int) -> bool:
        """Whether the latest process that worked at `slot` alone, or left its stack, ended there."""
        beside = self._beside(slot)
        return self._path(slot).exists() or (beside.exists() and beside.stat().st_size > 0)

    def suspects(self) -> frozenset[int]:
        """Slots that were in work when a process ended, alone or beside others."""
        found = [*self._part.glob(f"*{SUFFIX}"), *self._part.glob(f"*{BESIDE_SUFFIX}")]
        return frozenset(int(path.name.partition(".")[0]) for path in found)

    @contextmanager
    def over(self, slot: int, *, beside: bool = False) -> Iterator[Alarm]:
        """End this process when the block does not call what it is given for `limit_s` seconds."""
        path = self._beside(slot) if beside else self._path(slot)
        with open_to_append(path) as file, _crashes_told_to(file.fileno()):
            try:
                yield from self._timed(slot, file.fileno())
            finally:
                _remove_if_empty(path)

    @contextmanager
    def over_rendering(self, slot: int) -> Iterator[Alarm]:
        """The same for the renderer of a slot that another process works on, whose file it is."""
        with open_to_append(self._beside(slot)) as file, _crashes_told_to(file.fileno()):
            yield from self._timed(slot, file.fileno())

    def acquit(self, slot: int) -> None:
        """The process that worked on `slot` beside others is known to have ended: it is no suspect."""
        _remove_if_empty(self._beside(slot))

    def _timed(self, slot: int, fd: int) -> Iterator[Alarm]:
        if self._limit_s is None:
            yield Alarm()
            return
        alarm = _Clockwork(self._limit_s, f"slot {slot}: {self._who} did not come to an end", fd)
        try:
            alarm()
            yield alarm
        finally:
            alarm.stop()

    def _path(self, slot: int) -> Path:
        return self._part / f"{slot:07d}{SUFFIX}"

    def _beside(self, slot: int) -> Path:
        return self._part / f"{slot:07d}{BESIDE_SUFFIX}"


def _remove_if_empty(path: Path) -> None:
    with suppress(FileNotFoundError):
        if not path.stat().st_size:
            path.unlink()


def code_of(stack: str) -> DefectCode:
    """Whether a process hung or crashed, by its stack."""
    return DefectCode.HUNG if stack.startswith(HUNG) else DefectCode.CRASHED


@contextmanager
def _crashes_told_to(fd: int) -> Iterator[None]:
    """Have the stacks of a crash written to `fd` instead of where they were before, stderr or nowhere."""
    before = faulthandler.is_enabled()
    faulthandler.enable(file=fd)
    try:
        yield
    finally:
        faulthandler.disable()
        if before and sys.__stderr__ is not None:
            faulthandler.enable(file=sys.__stderr__)


class Alarm:
    """Called whenever there is a sign of life; this one never rings."""

    def __call__(self) -> None:
        """Wind up."""

    def stop(self) -> None:
        """Until it is called again, nobody expects a sign of life."""


class _Clockwork(Alarm):
    """Says on stderr what is wrong, where it can, then writes the stacks to `fd` and ends the process."""

    def __init__(self, limit_s: float, what: str, fd: int) -> None:
        self._limit_s, self._what, self._fd = limit_s, what, fd
        self._words = threading.Timer(0, lambda: None)

    def __call__(self) -> None:
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
