"""ovrtx, Omniverse RTX as a library: a stage is opened, its products are rendered in one step, and read.

What is rendered stands in the stage: the layer over it has, for each camera, a path-traced product for colour
and a real-time one for depth and normals, which path tracing is not documented to give. All of them are
stepped together: a product that was left out is dear to bring back.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fsd_gen.rtx.child.buffers import Refusal, digest_of
from fsd_gen.rtx.child.contract import EngineError, Fault, Hello, Job, Say, View
from fsd_gen.rtx.child.engines.installed import gpu_name, gpu_notes
from fsd_gen.rtx.child.engines.ovrtx_frames import UNFINISHED, FrameReader, products_of
from fsd_gen.rtx.child.engines.ovrtx_stages import AttachedStage, OwnStage, StageHolder
from fsd_gen.rtx.child.engines.shared import config_of, patient, unavailable
from fsd_gen.rtx.child.versions import RENDER_VARS, VersionRefusedError, ovrtx_version

ENGINE = "ovrtx"
SKIP_USD_CHECK = "OVRTX_SKIP_USD_CHECK"  # no pxr is ever imported in this process, whatever is installed
START_LIMIT_S = 3600.0
WANTED = {  # fields of RendererConfig, where this version has them
    "log_level": "warn",
    "keep_system_alive": True,
    "suppress_deprecation_warnings": True,
    "texture_streaming_mode": "synchronous",
    "enable_geometry_streaming": False,
    "selection_outline_enabled": False,
    "read_gpu_transforms": False,  # True spoils textures before 0.5 (IsaacLab issue 6625)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OvrtxConfig:
    """What the worker says of this process; scenes say the rest."""

    gpu: str = (
        "0"  # number or UUID, as nvidia-smi takes it; that no other is seen is CUDA_VISIBLE_DEVICES' task
    )
    assume: str = ""  # version to take an unknown one for
    ovstage: bool = False
    warm_steps: int = 8  # of every product, in which real-time rendering settles
    again: bool = True  # path tracing begins anew after these: what came late is in none of its samples
    tries: int = 8  # steps that bring nothing new
    grace_s: float = 30.0  # for ovrtx to keep its own time limits
    cold_factor: float = 6.0  # on every limit of the first scene, in which shaders are compiled


def make_engine(config: Mapping[str, object], say: Say) -> OvrtxEngine:
    """Start ovrtx. Raises EngineError where it cannot be had."""
    return OvrtxEngine(config_of(OvrtxConfig, ENGINE, config), say)


class OvrtxEngine:
    """One renderer, which shows one stage after the other."""

    def __init__(self, config: OvrtxConfig, say: Say) -> None:
        self._config, self._say = config, say
        self._found, self._gpu = find_version(), gpu_name(config.gpu)
        try:
            self._row = ovrtx_version(self._found, gpu=self._gpu, assume=config.assume)
        except VersionRefusedError as error:
            raise unavailable(str(error)) from error
        self._ovrtx = _imported("ovrtx", say)
        ovstage = self._ovstage()
        self._say("creating the renderer", START_LIMIT_S)
        self._renderer = self._ovrtx.Renderer(renderer_config(self._ovrtx.RendererConfig))
        self._stages: StageHolder = (
            OwnStage(self._renderer) if ovstage is None else AttachedStage(self._renderer, ovstage)
        )
        self._reader = FrameReader(self._ovrtx.Device, self._row)
        self._left_waiting: list[Any] = []  # operations that took too long: they block whoever forgets them
        self._before = b""  # digest of the scene before
        self._cold = True

    def _ovstage(self) -> Any:
        if not self._config.ovstage:
            return None
        if not self._row.attach_ovstage:
            raise unavailable(f"ovrtx {self._found} takes no stage of ovstage; unset FSD_OVRTX_OVSTAGE")
        return _imported("ovstage", self._say)

    def hello(self) -> Hello:
        """Which ovrtx this is."""
        return Hello(
            engine=ENGINE,
            version=self._found,
            python=platform.python_version(),
            gpu=self._gpu,
            pid=os.getpid(),
            notes=(*self._row.notes, *gpu_notes(self._gpu)),
        )

    def render(self, job: Job) -> tuple[View, ...]:
        """Every product of the job, of one step. Raises EngineError; ovrtx's own errors pass."""
        if unknown := set(job.channels) - set(RENDER_VARS):
            raise EngineError(Fault(code="load", message=f"ovrtx gives no {', '.join(sorted(unknown))}"))
        if self._cold:
            job = patient(job, self._config.cold_factor)
        self._open(job)
        self._warm(job)
        views = self._captured(job)
        self._before, self._cold = digest_of(views), False
        return views

    def close(self) -> None:
        """End the renderer."""
        self._stages.close()
        if self._row.destroy:
            self._renderer.destroy()
        del self._renderer

    # -- the stage

    def _open(self, job: Job) -> None:
        self._say("opening the stage", job.load_limit_s + self._config.grace_s)
        try:
            if (operation := self._stages.open(job.stage)) is not None:
                self._waited(operation, job.load_limit_s, "to open the stage")
        except RuntimeError as error:
            if isinstance(error, EngineError):
                raise
            said = " ".join(str(error).split())
            raise EngineError(
                Fault(code="load", message=f"ovrtx could not open {job.stage}: {said}")
            ) from error

    def _warm(self, job: Job) -> None:
        """Steps that are thrown away: everything loads in the first one, and real-time rendering settles."""
        self._step(job, job.load_limit_s, "first step")
        for _ in range(self._config.warm_steps):
            self._step(job, job.step_limit_s, "warm-up step")
        if self._config.again:
            self._renderer.reset(time=0.0)

    # -- the step

    def _captured(self, job: Job) -> tuple[View, ...]:
        bad, before = 0, Refusal(code="empty", message="nothing was read")
        for _ in range(self._config.tries + job.spp):
            found = self._views(job, self._step(job, job.step_limit_s, "step"))
            if not isinstance(found, Refusal):
                return found
            bad += found.code != UNFINISHED or found == before  # samples that came meanwhile are no failure
            before = found
            if bad >= self._config.tries:
                break
        raise EngineError(Fault(code=before.code, message=f"after {bad} steps: {before.message}"))

    def _step(self, job: Job, limit_s: float, name: str) -> Any:
        self._say(name, 2 * limit_s + self._config.grace_s)
        pending = self._waited(self._stages.step(_asked(job)), limit_s, f"for a {name}")
        return self._within(
            pending, pending.fetch(timeout_ns=_ns(limit_s)), limit_s, f"for the frames of a {name}"
        )

    def _waited(self, operation: Any, limit_s: float, what: str) -> Any:
        return self._within(operation, operation.wait(timeout_ns=_ns(limit_s)), limit_s, what)

    def _within(self, operation: Any, result: Any, limit_s: float, what: str) -> Any:
        """What an operation gave; None is how ovrtx says that the time is over."""
        if result is None:
            self._left_waiting.append(operation)
            message = f"ovrtx took longer than {limit_s:.0f} s {what}"
            raise EngineError(Fault(code="timeout", message=message, fatal=True))
        return result

    def _views(self, job: Job, outputs: Any) -> tuple[View, ...] | Refusal:
        self._say("reading render variables", job.step_limit_s + self._config.grace_s)
        views = []
        for product in job.products:
            view = self._reader.view(product, job, outputs)
            if isinstance(view, Refusal):
                return view
            views.append(view)
        if digest_of(tuple(views)) == self._before:
            return Refusal(code="stale", message="the very pixels of the scene before")
        return tuple(views)


def _asked(job: Job) -> set[str]:
    """Every product of the job: one that is left out of a step is dear to bring back."""
    return {path for product in job.products for path, _ in products_of(product, job)}


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


# -- what is there


def find_version() -> str:
    """Of the ovrtx that this Python has. Raises EngineError where it has none."""
    try:
        return version("ovrtx")
    except PackageNotFoundError as error:
        raise _missing("ovrtx") from error


def _missing(name: str) -> EngineError:
    return unavailable(
        f"this Python has no {name}; `pip install {name}` into it, or let FSD_OVRTX_PYTHON name the "
        "python of a venv that has it"
    )


def _imported(name: str, say: Say) -> Any:
    say(f"importing {name}", 600.0)
    os.environ.setdefault(SKIP_USD_CHECK, "1")
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise _missing(error.name or name) from error
    except (ImportError, RuntimeError) as error:
        raise unavailable(f"{name} cannot be imported: {' '.join(str(error).split())}") from error


def renderer_config(cls: Any) -> Any:
    """A RendererConfig of what we want and this version has: its fields differ from version to version."""
    known = {field.name for field in fields(cls)}
    return cls(**{name: value for name, value in WANTED.items() if name in known})
