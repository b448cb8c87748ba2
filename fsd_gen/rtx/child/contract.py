"""What a worker asks of the rendering process, and what it gets back. Standard library and numpy only.

Depth is metres along the optical axis (planar Z); what no ray hits is inf, whatever the renderer said.
Colour is scene-linear RGB as the renderer gave it, times whatever factor its camera has: the worker divides
by the factor that its probe measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

COLOUR, DEPTH, IDS, NORMALS = "colour", "depth", "ids", "normals"
CHANNELS = (COLOUR, DEPTH, IDS, NORMALS)

Say = Callable[[str, float], None]
"""Called by an engine with what it begins now, and in how many seconds it will say the next thing or be done.
Whoever watches the process kills it when it does not keep its word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One render product of the stage: a camera's picture. The layer over the stage has authored it."""

    eye: str  # "left", "right", or the name of a view of the probe
    camera: str  # prim path of the UsdGeomCamera
    path: (
        str  # prim path of the RenderProduct for colour, and of that for depth, ids and normals; ovrtx alone
    )
    truth_path: str  # needs them: Replicator makes its own products from the camera


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One stage to render."""

    stage: str  # absolute path of the root layer; no path is ever used twice in a process
    width: int  # pixels of every product
    height: int
    products: tuple[Product, ...]
    spp: int  # samples per pixel
    max_bounces: int
    denoise: bool
    channels: tuple[str, ...] = CHANNELS
    load_limit_s: float = 300.0  # for stage, materials and textures
    step_limit_s: float = 300.0  # for one step


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one product gave."""

    eye: str
    colour_hwc: NDArray[np.float32]  # (H, W, 3)
    depth_hw: NDArray[np.float32] | None = None  # (H, W) metres, inf where nothing is
    ids_hw: NDArray[np.uint32] | None = None  # (H, W)
    labels: Mapping[int, str] = field(default_factory=dict)  # id -> prim path
    normals_hwc: NDArray[np.float32] | None = None  # (H, W, 3) world


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What the process says when it can render."""

    engine: str  # "replicator", "ovrtx"
    version: str  # of the renderer, "6.0.1", "0.5.1"
    python: str
    gpu: str  # name as the driver says it, or "" where unknown
    pid: int
    notes: tuple[str, ...] = ()  # what a person should know


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a job gave no pictures. `fatal`: this process renders no more."""

    # "load", "empty", "black", "stale", "flat", "unfinished", "timeout", "renderer", "memory"; "unavailable":
    # the renderer is not there, or not one that this package knows, and trying again is no use
    code: str
    message: str
    fatal: bool = False


class Engine(Protocol):
    """A renderer inside the child process; made once, on the main thread."""

    def hello(self) -> Hello:
        """Who it is."""
        ...

    def render(self, job: Job) -> tuple[View, ...]:
        """Every product of the job, all of one moment.

        Raises:
            EngineError: with the `Fault` that says why.
        """
        ...

    def close(self) -> None:
        """End the renderer; the process may end inside this call."""
        ...


class EngineError(RuntimeError):
    """A job gave no pictures."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault
