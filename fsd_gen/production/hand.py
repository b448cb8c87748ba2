"""A hand, seen from inside: a process that fills slots, and lets the process that it works for render.

    begin {make} ->   <- ready, or failed {error}
    order {key, shard} ->   <- step {step} ...   <- end {leaving}, or failed {error}
                            <- render {scene}   images {images or error, cpu_s} ->

It may be given its next order before it is done with one. It ends when the other process does, however that
ends, and when it holds much memory.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fsd_gen.backends.base import Backend, StereoImages
from fsd_gen.production.errors import RENDER_ERRORS
from fsd_gen.production.parcel import send_value, value_of
from fsd_gen.production.steps import Steps
from fsd_gen.production.watch import Alarm
from fsd_gen.rtx.child.wire import Message, Wire, WireClosedError, WireError
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.staged import StagedScene
from jobs.signals import never_stopped

MOST_BYTES = 4 << 30  # resident, between slots: what a library does not give back goes with its process
COMMAND = (sys.executable, "-c", "from fsd_gen.production.hand import serve; serve()")


Scene = tuple[StagedScene, StereoRig, RenderSettings, int]  # what a renderer is given


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A slot to fill."""

    key: SlotKey  # from this attempt on
    shard: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """What was raised at a slot, and is nothing of that scene."""

    error: Exception
    trace: str


class Fills(Protocol):
    """What fills slots."""

    def steps(self, key: SlotKey, shard: Path, *, beside: bool) -> Steps:
        """What comes of a slot; a sample is stored in the part of `shard`."""


class LentBackend:
    """The renderer of the process that this one works for."""

    def __init__(self, line: Line, name: str, version: str) -> None:
        self.name, self.version = name, version
        self.spent_s = 0.0  # CPU seconds over there
        self.alarm = Alarm()  # of the slot in work
        self._line = line

    def render(
        self, staged: StagedScene, rig: StereoRig, settings: RenderSettings, seed: int
    ) -> StereoImages:
        """Both eyes, once the renderer is free. Raises what the renderer raises."""
        self.alarm.stop()  # over there they have their own
        answer, cpu_s = self._line.ask((staged, rig, settings, seed))
        self.alarm()
        self.spent_s += cpu_s
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """It is not ours."""


Make = Callable[[Callable[[str, str], Backend]], Fills]
"""Makes what fills slots, in a hand; is given what lends the renderer of that name and version."""


class Line:
    """The hand's end of the socket pair."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._ahead: deque[Message] = deque()  # orders that came while images were waited for

    def lend(self, name: str, version: str) -> LentBackend:
        """The renderer at the other end."""
        return LentBackend(self, name, version)

    def next(self) -> Message:
        """The next order. Raises WireClosedError."""
        return self._ahead.popleft() if self._ahead else self._wire.receive()

    def ask(self, scene: Scene) -> tuple[StereoImages | Exception, float]:
        """The images of a scene, or what rendering it raised; and the CPU seconds that it took."""
        send_value(self._wire, "render", scene)
        while (message := self._wire.receive()).kind != "images":
            self._ahead.append(message)
        answer: StereoImages | Exception = value_of(message)
        cpu_s = message.body["cpu_s"]
        if not isinstance(cpu_s, float):
            raise WireError(f"expected CPU seconds, got {cpu_s!r}")
        return answer, cpu_s

    def tell(self, kind: str, value: object = None, **told: object) -> None:
        """Send a message."""
        send_value(self._wire, kind, value, **told)


def sendable(error: Exception) -> Exception:
    """The error, or one of its kind that can be pickled."""
    with suppress(Exception):  # another's class may raise anything
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    kind = next((kind for kind in RENDER_ERRORS if isinstance(error, kind)), None)
    text = " ".join(str(error).split())
    return kind(text) if kind else RuntimeError(f"{type(error).__name__}: {text}")


def serve() -> None:
    """Fill what is ordered over the socket that the first argument numbers, as long as the second is open."""
    never_stopped()  # the process that it works for is asked to stop, and stops it
    end, life = map(int, sys.argv[1:3])
    threading.Thread(target=_end_with, args=(life,), daemon=True).start()
    line = Line(Wire(socket.socket(fileno=end)))
    try:
        _work(line)
    except WireClosedError:
        os._exit(0)


def _work(line: Line) -> None:
    try:
        make: Make = value_of(line.next())
        filler = make(line.lend)
    except WireError:
        raise
    except Exception as error:  # a record for the process that it works for
        line.tell("failed", Failed(error=sendable(error), trace=traceback.format_exc()))
        return
    line.tell("ready")
    leaving = False
    while not leaving:
        leaving = _fill(filler, value_of(line.next()), line)


def _fill(filler: Fills, order: Order, line: Line) -> bool:
    """Fill a slot; whether this process ends now."""
    leaving = False
    try:
        for step in filler.steps(order.key, order.shard, beside=True):
            line.tell("step", step)
    except WireError:
        raise
    except Exception as error:  # a record for the process that it works for
        line.tell("failed", Failed(error=sendable(error), trace=traceback.format_exc()))
    else:
        leaving = _resident_bytes() > MOST_BYTES
        line.tell("end", leaving=leaving)
    return leaving


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _end_with(life: int) -> None:
    """End once nobody holds the other end any more; nothing that is stored can be lost."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGKILL)
