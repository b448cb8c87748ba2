"""The keeper of a rendering process: starts it, gives it scenes, starts it again, and knows when to give up.

What goes wrong at one scene is a BackendError, and the next scene may do better. What goes wrong at the
start, or at scene after scene, is the machine's: a BackendUnavailableError. Memory that a renderer does not
give back goes with its process, which is renewed between scenes.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fsd_gen.backends.base import BackendError
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx.child.contract import EngineError, Hello, Job, View
from fsd_gen.rtx.childprocess import ChildLostError, ChildProcess, Launch

log = logging.getLogger(__name__)

GIB = 1 << 30
START_S, SCENES, MEMORY_GIB = "FSD_RTX_START_S", "FSD_RTX_SCENES", "FSD_RTX_MEMORY_GIB"  # environment
REMEDY = (
    "`fsd-gen doctor` says what this machine lacks, `fsd-gen selftest --backend {engine}` what its pictures "
    "are like, and FSD_RTX_LOGS=FOLDER keeps the renderer's own words"
)
FINAL = ("load",)  # faults of the stage itself, which another try repeats

Render = Callable[[Job], tuple[View, ...]]
Check = Callable[[Hello, Render], None]
"""Called with every process that has come up, before its first scene. Raises BackendUnavailableError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a process is given up, renewed, or not started again."""

    start_s: float = 1800.0  # the first start of a machine compiles shaders
    close_s: float = 60.0
    starts: int = 3  # in a row that fail
    tries: int = 2  # at one scene, each in a process of its own
    lost_scenes: int = 3  # in a row: then it is no scene's fault
    scenes: int = 200  # of one process
    resident_bytes: int = 24 * GIB  # of one process, between scenes

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Limits:
        """What the environment says, for machines that need other limits.

        Raises BackendUnavailableError where it says no number.
        """
        standard = cls()
        return cls(
            start_s=_number(environ, START_S, standard.start_s),
            scenes=int(_number(environ, SCENES, standard.scenes)),
            resident_bytes=int(GIB * _number(environ, MEMORY_GIB, standard.resident_bytes / GIB)),
        )


def _number(environ: Mapping[str, str], name: str, standard: float) -> float:
    text = environ.get(name, "")
    if not text:
        return standard
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 1 <= number < math.inf:
        raise BackendUnavailableError(f"{name}={text}: expected a number of 1 or more")
    return number


class RenderProcess:
    """A renderer in a process of its own, which is started when it is first needed."""

    def __init__(self, launch: Launch, *, limits: Limits | None = None, check: Check | None = None) -> None:
        self._launch = launch
        self._limits = limits or Limits()
        self._check = check
        self._child: ChildProcess | None = None
        self._hello: Hello | None = None
        self._scenes = 0  # of this process
        self._lost_scenes = 0  # in a row
        self.cpu_s = 0.0  # that the last scene took there

    def hello(self) -> Hello:
        """Who renders. Raises BackendUnavailableError."""
        self._running()
        if self._hello is None:
            raise AssertionError("a running process has said hello")
        return self._hello

    @property
    def pid(self) -> int | None:
        """Group of the process that runs now."""
        return self._child.pid if self._child else None

    def render(self, job: Job) -> tuple[View, ...]:
        """The views of one scene.

        Raises:
            BackendError: this scene gives none.
            BackendUnavailableError: no scene does any more.
        """
        why: list[str] = []
        for _ in range(self._limits.tries):
            try:
                views = self._try(job)
            except ChildLostError as error:
                self._drop()
                why.append(str(error))
            except EngineError as error:
                if not error.fault.fatal and error.fault.code in FINAL:
                    raise BackendError(_told(self._launch.engine, error)) from error
                self._drop()
                why.append(_told(self._launch.engine, error))
            else:
                self._lost_scenes = 0
                return views
            log.warning("%s", why[-1])
        raise self._scene_lost(why)

    def close(self) -> None:
        """End the process. What it rendered has been read long since, so that nothing of that can be lost."""
        if self._child is not None and self._child.alive:
            if odd := self._child.close(self._limits.close_s):
                log.warning("%s", odd)
            self._drop()

    # -- one scene

    def _try(self, job: Job) -> tuple[View, ...]:
        child = self._running()
        before_s = child.cpu_s
        views = child.render(job)
        self.cpu_s = child.cpu_s - before_s
        self._scenes += 1
        if self._scenes >= self._limits.scenes:
            self._renew(f"has rendered {self._scenes} scenes")
        elif child.resident_bytes >= self._limits.resident_bytes:
            self._renew(f"holds {child.resident_bytes / GIB:.1f} GiB")
        return views

    def _scene_lost(self, why: list[str]) -> BackendError | BackendUnavailableError:
        self._lost_scenes += 1
        reasons = "; then: ".join(dict.fromkeys(why))
        if self._lost_scenes < self._limits.lost_scenes:
            return BackendError(reasons)
        return BackendUnavailableError(
            f"{self._launch.engine} rendered none of the last {self._lost_scenes} scenes here; "
            f"of the last: {reasons}; {REMEDY.format(engine=self._launch.engine)}"
        )

    # -- the process

    def _running(self) -> ChildProcess:
        if self._child is not None and self._child.alive:
            return self._child
        why: list[str] = []
        for _ in range(self._limits.starts):
            try:
                return self._start()
            except ChildLostError as error:
                why.append(str(error))
            except EngineError as error:
                why.append(_told(self._launch.engine, error))
                if error.fault.code == "unavailable":
                    break
            self._drop()
            log.warning("%s", why[-1])
        reasons = "; then: ".join(dict.fromkeys(why))
        if len(why) == 1:  # it said itself what to do
            raise BackendUnavailableError(reasons)
        remedy = REMEDY.format(engine=self._launch.engine)
        raise BackendUnavailableError(f"{reasons} (started {len(why)} times); {remedy}")

    def _start(self) -> ChildProcess:
        child = ChildProcess(self._launch)
        self._child, self._scenes = child, 0
        try:
            self._hello = child.hello(self._limits.start_s)
            for note in self._hello.notes:
                log.warning("%s: %s", self._launch.engine, note)
            if self._check is not None:
                self._check(self._hello, child.render)
        except BaseException:
            self._drop()
            raise
        return child

    def _renew(self, why: str) -> None:
        """End the process; the next scene starts another."""
        log.info("%s process %s and is renewed", self._launch.engine, why)
        self.close()

    def _drop(self) -> None:
        if self._child is not None:
            self._child.kill()
        self._child = None


def _told(engine: str, error: EngineError) -> str:
    return f"{engine}: {error.fault.code}: {' '.join(error.fault.message.split())}"
