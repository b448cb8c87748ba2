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
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from fsd_gen.rtx.child.buffers import Refusal, digest_of, paths_of, picture
from fsd_gen.rtx.child.contract import (
    COLOUR,
    DEPTH,
    IDS,
    NORMALS,
    EngineError,
    Fault,
    Hello,
    Job,
    Product,
    Say,
    View,
)
from fsd_gen.rtx.child.engines.installed import find_version, gpu_name, gpu_notes
from fsd_gen.rtx.child.engines.kit_settings import launch_config, scene_settings
from fsd_gen.rtx.child.versions import VersionRefusedError, replicator_version

HDR = "HdrColor"
ANNOTATORS: Mapping[str, tuple[str, Mapping[str, object] | None]] = {
    COLOUR: (HDR, None),
    DEPTH: ("distance_to_image_plane", None),
    IDS: ("instance_id_segmentation_fast", {"colorize": False}),
    NORMALS: ("normals", None),
}
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

    @classmethod
    def of(cls, told: Mapping[str, object]) -> ReplicatorConfig:
        """From a message. Raises EngineError where a key is unknown or a value of another type."""
        types = {field.name: type(field.default) for field in fields(cls)}
        for key, value in told.items():
            if types.get(key) is not type(value):
                raise _unavailable(f"the replicator process has no setting {key} = {value!r}")
        return cls(**dict(told))  # type: ignore[arg-type]  # checked above


def make_engine(config: Mapping[str, object], say: Say) -> ReplicatorEngine:
    """Start Isaac Sim. Raises EngineError where it cannot be had."""
    return ReplicatorEngine(ReplicatorConfig.of(config), say)


def _unavailable(message: str) -> EngineError:
    return EngineError(Fault(code="unavailable", message=message, fatal=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kit:
    """What of Kit is used; it can be imported once SimulationApp is made."""

    usd: Any  # omni.usd
    rep: Any  # omni.replicator.core
    settings: Any  # carb.settings.ISettings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shot:
    """One product of a job with its annotators, by channel."""

    product: Product
    render_product: Any
    annotators: Mapping[str, Any]


class ReplicatorEngine:
    """One SimulationApp, which a process can have once."""

    def __init__(self, config: ReplicatorConfig, say: Say) -> None:
        self._config = config
        self._say = say
        self._found = find_version()
        try:
            self._version = replicator_version(self._found, assume=config.assume)
        except VersionRefusedError as error:
            raise _unavailable(str(error)) from error
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
            raise _unavailable(
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
            job = _patient(job, self._config.cold_factor)
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
    def _shots(self, job: Job) -> Iterator[tuple[_Shot, ...]]:
        """Products and annotators of the job, destroyed after it, before another stage is opened."""
        shots: list[_Shot] = []
        try:
            for product in job.products:
                shots.append(self._shot(product, job))
            for shot in shots:  # attaching switches updates on again, so that this comes after all of it
                shot.render_product.hydra_texture.set_updates_enabled(False)
            yield tuple(shots)
        except EngineError as error:
            self._destroy_after(error, shots)
            raise
        self._destroy(shots)

    def _shot(self, product: Product, job: Job) -> _Shot:
        render_product = self._render_product(product, job)
        annotators = {}
        for channel in job.channels:
            annotators[channel] = self._annotator(*ANNOTATORS[channel])
            annotators[channel].attach(render_product)
        return _Shot(product=product, render_product=render_product, annotators=annotators)

    def _render_product(self, product: Product, job: Job) -> Any:
        size = (job.width, job.height)
        try:
            return self._kit.rep.create.render_product(
                product.camera, size, name=f"fsd_{product.eye}", render_vars=[HDR]
            )
        except ValueError as error:
            message = f"Replicator took no camera at <{product.camera}>: {error}"
            raise EngineError(Fault(code="load", message=message)) from error

    def _annotator(self, name: str, parameters: Mapping[str, object] | None) -> Any:
        registry = self._kit.rep.AnnotatorRegistry
        keywords = {} if parameters is None else {"init_params": dict(parameters)}
        try:
            return registry.get_annotator(name, **keywords)
        except Exception as error:  # Replicator's own errors derive from Exception alone
            if type(error).__name__ != "AnnotatorRegistryError" or name != HDR:
                raise
        registry.register_annotator_from_aov(aov=HDR, output_data_type=np.float16, output_channels=4)
        return registry.get_annotator(name)

    def _destroy(self, shots: list[_Shot]) -> None:
        self._say("destroying render products", UNLOAD_LIMIT_S)
        self._kit.rep.orchestrator.wait_until_complete()
        for shot in shots:
            for annotator in shot.annotators.values():
                annotator.detach()
            shot.render_product.destroy()

    def _destroy_after(self, error: EngineError, shots: list[_Shot]) -> None:
        """What went wrong first is what counts; where nothing can be destroyed, this process is done for."""
        try:
            self._destroy(shots)
        except Exception:  # Replicator's own errors derive from Exception alone
            traceback.print_exc()
            raise EngineError(replace(error.fault, fatal=True)) from error

    # -- the step

    def _captured(self, job: Job, shots: tuple[_Shot, ...]) -> tuple[View, ...]:
        _update(shots, True)
        self._step(job, self._config.warm_subframes)
        refusal = Refusal(code="empty", message="nothing was read")
        for _ in range(self._config.tries):
            self._step(job, self._config.subframes)
            found = self._views(job, shots)
            if not isinstance(found, Refusal):
                _update(shots, False)
                return found
            refusal = found
        message = f"after {self._config.tries} steps: {refusal.message}"
        raise EngineError(Fault(code=refusal.code, message=message))

    def _step(self, job: Job, subframes: int) -> None:
        self._say("step", job.step_limit_s)
        self._kit.rep.orchestrator.step(rt_subframes=subframes, delta_time=0.0)

    def _views(self, job: Job, shots: tuple[_Shot, ...]) -> tuple[View, ...] | Refusal:
        self._say("reading annotators", job.step_limit_s)
        views = []
        for shot in shots:
            view = _view(shot, job)
            if isinstance(view, Refusal):
                return view
            views.append(view)
        if digest_of(tuple(views)) == self._before and not job.may_repeat:
            return Refusal(code="stale", message="the very pixels of the scene before")
        return tuple(views)


def _patient(job: Job, factor: float) -> Job:
    return replace(job, load_limit_s=factor * job.load_limit_s, step_limit_s=factor * job.step_limit_s)


def _update(shots: tuple[_Shot, ...], enabled: bool) -> None:
    for shot in shots:
        shot.render_product.hydra_texture.set_updates_enabled(enabled)


def _view(shot: _Shot, job: Job) -> View | Refusal:
    pictures: dict[str, Any] = {}
    labels: dict[int, str] = {}
    for channel, annotator in shot.annotators.items():
        data = annotator.get_data()
        if isinstance(data, Mapping):
            labels = paths_of(data.get("info", {}).get("idToLabels"))
            data = data.get("data")
        found = picture(data, channel, job.width, job.height)
        if isinstance(found, Refusal):
            name = ANNOTATORS[channel][0]
            return Refusal(code=found.code, message=f"{name} of {shot.product.camera}: {found.message}")
        pictures[channel] = found
    return View(
        eye=shot.product.eye,
        colour_hwc=pictures[COLOUR],
        depth_hw=pictures.get(DEPTH),
        ids_hw=pictures.get(IDS),
        labels=labels,
        normals_hwc=pictures.get(NORMALS),
    )


def _import_kit() -> _Kit:
    import carb.settings
    import omni.replicator.core as rep
    import omni.usd

    return _Kit(usd=omni.usd, rep=rep, settings=carb.settings.get_settings())
