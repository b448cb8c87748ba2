"""`omni.replicator.core` in Isaac Sim: a stage is opened, both eyes rendered in one step, arrays read.

The order of calls is the one that NVIDIA's own examples have: SimulationApp before any other import,
settings again after every stage, products and annotators before the first step, products destroyed before
the next stage. There is no writer: annotators are read, and every buffer is looked at before it is
believed.
"""

from __future__ import annotations

import os
import platform
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from fsd_gen.rtx.child.buffers import Refusal, digest_of
from fsd_gen.rtx.child.contract import EngineError, Fault, Hello, Job, Say, View
from fsd_gen.rtx.child.engines.installed import find_version, gpu_name, gpu_notes
from fsd_gen.rtx.child.engines.kit_products import Shot, destroy, make_shot, update, view_of
from fsd_gen.rtx.child.engines.kit_settings import launch_config, scene_settings
from fsd_gen.rtx.child.engines.shared import config_of, patient, unavailable
from fsd_gen.rtx.child.versions import VersionRefusedError, replicator_version

SETTLE_UPDATES = 3  # after the last asset has come
UNLOAD_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicatorConfig:
    """What the worker says of this process; scenes say the rest."""

    gpu: int = 0  # as Vulkan counts them
    width: int = 1280  # of Kit's own viewport, which is not updated
    height: int = 720
    assume: str = ""  # version to take an unknown one for
    warm_subframes: int = 4  # of the step that is thrown away: textures and shaders arrive
    subframes: int = 2
    tries: int = 8  # steps, until every buffer is a picture
    cold_factor: float = 6.0  # on every limit of the first scene, in which shaders are compiled


def make_engine(config: Mapping[str, object], say: Say) -> ReplicatorEngine:
    """Start Isaac Sim. Raises EngineError where it cannot be had."""
    return ReplicatorEngine(config_of(ReplicatorConfig, "replicator", config), say)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kit:
    """What of Kit is used; it can be imported once SimulationApp is made."""

    usd: Any  # omni.usd
    rep: Any  # omni.replicator.core
    settings: Any  # carb.settings.ISettings


class ReplicatorEngine:
    """One SimulationApp, which a process can have once."""

    def __init__(self, config: ReplicatorConfig, say: Say) -> None:
        self._config = config
        self._say = say
        self._found = find_version()
        try:
            self._version = replicator_version(self._found, assume=config.assume)
        except VersionRefusedError as error:
            raise unavailable(str(error)) from error
        self._app = self._started()
        self._kit = _import_kit()
        self._kit.rep.orchestrator.set_capture_on_play(False)
        self._before = b""  # digest of the scene before
        self._cold = True

    def _started(self) -> Any:
        self._say("importing isaacsim", 600.0)
        try:
            from isaacsim import SimulationApp
        except ModuleNotFoundError as error:
            raise unavailable(
                f"this Python has no module {error.name!r}; FSD_ISAAC_PYTHON must name isaac-sim/python.sh, "
                "or the python of a venv with isaacsim[all,extscache]"
            ) from error
        config = self._config
        launch = launch_config(
            version=self._version, gpu=config.gpu, width=config.width, height=config.height
        )
        self._say("starting Kit", 3600.0)
        app = SimulationApp(launch)
        if not app.is_running():  # versions without `start_up_checked` say it no other way
            raise RuntimeError("SimulationApp was made, but is not running; the log says why")
        return app

    def hello(self) -> Hello:
        """Which Isaac Sim this is."""
        name = gpu_name(self._config.gpu)
        return Hello(
            engine="replicator",
            version=self._found or self._version.name,
            python=platform.python_version(),
            gpu=name,
            pid=os.getpid(),
            notes=(*self._version.notes, *gpu_notes(name)),
        )

    def render(self, job: Job) -> tuple[View, ...]:
        """Every product of the job, in one step. Raises EngineError; Kit's own errors pass."""
        if self._cold:
            job = patient(job, self._config.cold_factor)
        self._open(job)
        self._say("making render products", job.load_limit_s)
        with self._shots(job) as shots:
            views = self._captured(job, shots)
        self._before, self._cold = digest_of(views), False
        return views

    def close(self) -> None:
        """End Kit, and with `fast_shutdown` this process."""
        self._app.close(wait_for_replicator=True)

    # -- the stage

    def _open(self, job: Job) -> None:
        self._say("opening the stage", job.load_limit_s)
        context = self._kit.usd.get_context()
        if not context.open_stage(job.stage):
            raise EngineError(Fault(code="load", message=f"Kit could not open {job.stage}"))
        self._apply(job)
        self._load(context, job)
        self._apply(job)

    def _apply(self, job: Job) -> None:
        for path, value in scene_settings(job, self._config.subframes).items():
            self._kit.settings.set(path, value)

    def _load(self, context: Any, job: Job) -> None:
        until = time.monotonic() + job.load_limit_s
        self._say("loading assets", 1.5 * job.load_limit_s)
        self._app.update()
        while left := context.get_stage_loading_status()[2]:
            if time.monotonic() > until:
                message = f"{left} assets were still loading after {job.load_limit_s:.0f} s"
                raise EngineError(Fault(code="load", message=message))
            self._app.update()
        for _ in range(SETTLE_UPDATES):
            self._app.update()

    # -- products

    @contextmanager
    def _shots(self, job: Job) -> Iterator[tuple[Shot, ...]]:
        """Products and annotators of the job, destroyed after it, before another stage is opened."""
        shots: list[Shot] = []
        try:
            for product in job.products:
                shots.append(make_shot(self._kit.rep, product, job))
            update(shots, False)
            yield tuple(shots)
        except EngineError as error:
            self._destroy_after(error, shots)
            raise
        self._destroy(shots)

    def _destroy(self, shots: list[Shot]) -> None:
        self._say("destroying render products", UNLOAD_LIMIT_S)
        self._kit.rep.orchestrator.wait_until_complete()
        destroy(shots)

    def _destroy_after(self, error: EngineError, shots: list[Shot]) -> None:
        """What went wrong first is what counts; where nothing can be destroyed, this process is done for."""
        try:
            self._destroy(shots)
        except Exception:  # Replicator's own errors derive from Exception alone
            traceback.print_exc()
            raise EngineError(replace(error.fault, fatal=True)) from error

    # -- the step

    def _captured(self, job: Job, shots: tuple[Shot, ...]) -> tuple[View, ...]:
        update(shots, True)
        self._step(job, self._config.warm_subframes)
        refusal = Refusal(code="empty", message="nothing was read")
        for _ in range(self._config.tries):
            self._step(job, self._config.subframes)
            found = self._views(job, shots)
            if not isinstance(found, Refusal):
                update(shots, False)
                return found
            refusal = found
        message = f"after {self._config.tries} steps: {refusal.message}"
        raise EngineError(Fault(code=refusal.code, message=message))

    def _step(self, job: Job, subframes: int) -> None:
        self._say("step", job.step_limit_s)
        self._kit.rep.orchestrator.step(rt_subframes=subframes, delta_time=0.0)

    def _views(self, job: Job, shots: tuple[Shot, ...]) -> tuple[View, ...] | Refusal:
        self._say("reading annotators", job.step_limit_s)
        views = []
        for shot in shots:
            view = view_of(shot, job)
            if isinstance(view, Refusal):
                return view
            views.append(view)
        if digest_of(tuple(views)) == self._before:
            return Refusal(code="stale", message="the very pixels of the scene before")
        return tuple(views)


def _import_kit() -> _Kit:
    import carb.settings
    import omni.replicator.core as rep
    import omni.usd

    return _Kit(usd=omni.usd, rep=rep, settings=carb.settings.get_settings())
