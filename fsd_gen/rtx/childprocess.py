"""One rendering process, from its start to its end, as a worker sees it.

The process tells what it begins and how long that may take; what does not keep its word is killed, with all
that it started. How it ended is told by a guard beside it, which wrappers like python.sh cannot hide, and
which ends it when the worker is gone.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from fsd_gen.rtx.child.arrays import unpack
from fsd_gen.rtx.child.contract import EngineError, Fault, Hello, Job, View
from fsd_gen.rtx.child.wire import Message, Wire, WireClosedError, WireError, WireTimeoutError
from fsd_gen.rtx.childlog import ChildLog

GUARD = Path(__file__).with_name("child") / "guard.py"
LAST_WORDS_S = 10.0  # for the guard to tell how the process ended
DYING_S = 10.0
MIB = 1 << 20


class ChildLostError(RuntimeError):
    """The process ended, or was ended; `code` says how: "start", "hang", "crash", "exit", "protocol"."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a rendering process is started."""

    engine: str  # "replicator", "ovrtx"
    python: tuple[str, ...]  # the interpreter, as a command
    config: Mapping[str, object]  # of the engine, plain values
    environ: Mapping[str, str]  # all of it
    logs: Path | None = None  # folder for its output; None: kept without a name, as long as it runs


class ChildProcess:
    """A running process. Every method that may raise ChildLostError leaves none behind when it does."""

    def __init__(self, launch: Launch) -> None:
        self._engine = launch.engine
        self._log = ChildLog(launch.logs, f"{launch.engine}-{os.getpid()}-{time.time_ns()}.log")
        self._doing, self._until, self._beat_at = "starting the interpreter", 0.0, time.monotonic()
        self._up = False  # it has said hello
        self.resident_bytes = 0
        self.cpu_s = 0.0  # of all its life
        ours, theirs = socket.socketpair()
        self._status, told = os.pipe()
        try:
            self._popen = self._spawn(launch, theirs.fileno(), told)
        except OSError as error:
            ours.close()
            os.close(self._status)
            self._log.close()
            raise ChildLostError(
                "start", f"{launch.python[0]} cannot be started: {error.strerror}"
            ) from error
        finally:
            theirs.close()
            os.close(told)
        self._wire = Wire(ours)
        self._config = launch.config

    def _spawn(self, launch: Launch, link: int, told: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*launch.python, str(GUARD), str(told), str(link), launch.engine],
            stdin=subprocess.DEVNULL,
            stdout=self._log.fileno(),
            stderr=self._log.fileno(),
            env=dict(launch.environ),
            cwd="/",  # python.sh puts the working folder on the path of modules
            pass_fds=(link, told),
            start_new_session=True,  # a group of its own, so that all of it can be killed
        )

    @property
    def pid(self) -> int:
        """Of the first of its processes, and of their group."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Not known to have ended."""
        return self._status >= 0

    # -- what it can be asked

    def hello(self, limit_s: float) -> Hello:
        """Wait until it can render.

        Raises:
            ChildLostError: it did not come up.
            EngineError: it says why it cannot.
        """
        self._send("begin", {"config": dict(self._config)})
        self._until = time.monotonic() + limit_s
        answer = self._answer(("hello", "refused"), fixed=True)
        if answer.kind == "refused":
            fault = _fault(answer.body)
            tail = f"; its last words: {self._log.tail()}" if fault.code == "renderer" else ""
            self.kill()
            raise EngineError(Fault(code=fault.code, message=fault.message + tail, fatal=True))
        try:
            hello = _hello(answer.body)
        except (KeyError, TypeError) as error:
            raise self._lost("protocol", f"said hello in an unknown way: {error}") from error
        self._up = True
        return hello

    def render(self, job: Job) -> tuple[View, ...]:
        """The views of a job.

        Raises:
            ChildLostError: it did not survive it.
            EngineError: it gave no pictures.
        """
        self._doing, self._beat_at = "a new scene", time.monotonic()
        self._until = self._beat_at + job.load_limit_s
        self._send("render", {"job": asdict(job)})
        answer = self._answer(("views", "fault"))
        views = self._views(answer)
        with suppress(ChildLostError):  # what it gave is here already; that it ended is seen by `alive`
            self._send("taken")
        if answer.kind == "fault":
            raise EngineError(_fault(answer.body))
        return views

    def close(self, limit_s: float) -> str:
        """Ask it to end, and end it where it does not. What was odd about that, or ""."""
        self._doing, self._until = "closing", time.monotonic() + limit_s
        try:
            self._send("close")
            self._answer(("bye",), fixed=True)
            return self._ended_well(limit_s)
        except ChildLostError as error:
            return str(error)
        finally:
            self.kill()

    def _ended_well(self, limit_s: float) -> str:
        """Wait for the end that it announced; nothing can be lost any more."""
        if not self._end_is_told(limit_s):
            return f"{self._engine} hung in close for {limit_s:.0f} s and was killed; nothing is lost"
        end = self._how_it_ended()
        if end == "exit 0":
            return ""
        return f"{self._engine} ended its close with {_in_words(end)}; nothing is lost"

    def kill(self) -> None:
        """End the whole group at once. May be called again."""
        if not self.alive:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # a driver may hold a dying process
            self._popen.wait(DYING_S)
        self._wire.close()
        os.close(self._status)
        self._status = -1
        self._log.close()

    # -- listening

    def _send(self, kind: str, body: Mapping[str, object] | None = None) -> None:
        try:
            self._wire.send(kind, body)
        except WireTimeoutError as error:
            raise self._hung() from error
        except WireClosedError as error:
            raise self._gone() from error

    def _answer(self, kinds: tuple[str, ...], *, fixed: bool = False) -> Message:
        """The next message of these kinds; what it begins meanwhile moves a deadline that is not `fixed`."""
        while True:
            message = self._next()
            if message.kind in kinds:
                self._note_cost(message)
                return message
            if message.kind == "phase":
                self._begun(message, fixed)
            elif message.kind == "beat":
                self._beat_at = time.monotonic()
                self._note_cost(message)
                self._log.trim()
            else:
                message.close_files()
                raise self._lost("protocol", f"answered {message.kind!r}, expected {' or '.join(kinds)}")

    def _begun(self, message: Message, fixed: bool) -> None:
        self._doing = str(message.body.get("name"))
        limit_s = message.body.get("limit_s")
        if not fixed and isinstance(limit_s, int | float):
            self._until = time.monotonic() + limit_s

    def _note_cost(self, message: Message) -> None:
        resident, cpu_s = message.body.get("resident"), message.body.get("cpu_s")
        if isinstance(resident, int) and isinstance(cpu_s, float):
            self.resident_bytes, self.cpu_s = resident, cpu_s

    def _next(self) -> Message:
        left_s = self._until - time.monotonic()
        ready = _readable(left_s, self._wire.fileno(), self._status)
        if not ready:
            raise self._hung()
        try:
            if self._wire.fileno() in ready:  # what it said before it ended is heard first
                return self._wire.receive(max(left_s, 1.0))
        except WireTimeoutError as error:
            raise self._hung() from error
        except WireClosedError as error:
            raise self._gone() from error
        except WireError as error:
            raise self._lost("protocol", f"does not speak our protocol: {error}") from error
        raise self._gone()

    def _views(self, answer: Message) -> tuple[View, ...]:
        try:
            if answer.kind != "views":
                return ()
            if len(answer.files) != 1:
                raise WireError(f"expected one descriptor with the pictures, got {len(answer.files)}")
            return unpack(answer.body.get("views"), answer.files[0])
        except WireError as error:
            raise self._lost("protocol", str(error)) from error
        finally:
            answer.close_files()

    # -- ends

    def _hung(self) -> ChildLostError:
        silent_s = time.monotonic() - self._beat_at
        python = "its Python still runs" if silent_s < 10 else f"nothing of it spoke for {silent_s:.0f} s"
        return self._lost("hang", f"hangs in: {self._doing} ({python}); killed")

    def _gone(self) -> ChildLostError:
        self._end_is_told(LAST_WORDS_S)
        end = self._how_it_ended()
        code = "crash" if end.startswith("signal") else "exit"
        return self._lost(code, f"ended with {_in_words(end)} in: {self._doing}")

    def _lost(self, code: str, what: str) -> ChildLostError:
        tail = self._log.tail()
        self.kill()
        when, words = "" if self._up else "did not come up: ", f"; its last words: {tail}" if tail else ""
        return ChildLostError(code if self._up else "start", f"{self._engine} process {when}{what}{words}")

    def _end_is_told(self, limit_s: float) -> bool:
        return bool(_readable(limit_s, self._status))

    def _how_it_ended(self) -> str:
        """What the guard told; "" where it could not."""
        if not self._end_is_told(0):
            return ""
        return os.read(self._status, 64).decode(errors="replace").strip()


def _readable(limit_s: float, *descriptors: int) -> set[int]:
    """Those of which something can be read, or whose other end is closed, within the time."""
    poll = select.poll()  # not `select`, which takes no descriptor beyond 1023
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(max(limit_s, 0.0) * 1000)}


def _hello(body: Mapping[str, object]) -> Hello:
    pid, notes = body["pid"], body["notes"]
    if not isinstance(pid, int) or not isinstance(notes, list):
        raise TypeError(f"pid {pid!r}, notes {notes!r}")
    engine, version, python, gpu = (str(body[name]) for name in ("engine", "version", "python", "gpu"))
    return Hello(
        engine=engine, version=version, python=python, gpu=gpu, pid=pid, notes=tuple(map(str, notes))
    )


def _fault(body: Mapping[str, object]) -> Fault:
    told = body.get("fault")
    if not isinstance(told, dict):
        return Fault(code="renderer", message=f"a fault that cannot be read: {told!r}", fatal=True)
    return Fault(
        code=str(told.get("code")), message=str(told.get("message")), fatal=bool(told.get("fatal", True))
    )


def _in_words(end: str) -> str:
    kind, _, number = end.partition(" ")
    if kind == "exit":
        return f"exit code {number}" + (" without having said why" if number == "0" else "")
    if kind == "signal":
        names = {str(each.value): each.name for each in signal.Signals}
        return names.get(number, f"signal {number}") + (", as when memory runs out" if number == "9" else "")
    return "its guard killed"
