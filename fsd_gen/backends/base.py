"""What a render backend is: it takes a staged scene and gives both eyes' linear images.

The scene is there twice: as a stage *file*, for renderers that read USD, and as plain values, for those that
are handed arrays. A backend takes whichever it likes, loads it once, renders it from the left and the right
camera of the rig and keeps nothing of it afterwards. Its images follow from (scene, rig, settings, seed)
alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.staged import StagedScene


class BackendError(RuntimeError):
    """The renderer could not turn this scene into images; another scene may do better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenByRenderer:
    """What the renderer itself says that one eye sees first; held against the truth, never stored as it."""

    depth_hw: NDArray[np.float32]  # plane depth Z, metres; inf where nothing is
    ids_hw: NDArray[np.uint32] | None = None
    labels: Mapping[int, str] = field(default_factory=dict)  # id -> prim path


@dataclass(frozen=True, slots=True, kw_only=True)
class StereoImages:
    """Both eyes, scene-linear RGB: no exposure, no tone curve."""

    left_hwc: NDArray[np.float32]
    right_hwc: NDArray[np.float32]
    stage_cpu_s: Mapping[str, float]  # CPU seconds of "load", "trace" and "denoise", all threads
    backend: str  # "mitsuba"
    backend_version: str
    variant: str  # "llvm_ad_rgb"
    denoiser: str  # "oidn 2.5.1", or "" for none
    seen: tuple[SeenByRenderer, SeenByRenderer] | None = None  # by the left and the right eye; None: not told


def check_images(images: StereoImages, rig: StereoRig) -> None:
    """Refuse images that no camera could have taken, before they are developed.

    Raises:
        BackendError: an image is not float32, has another size than the rig, or values that are not finite.
    """
    expected = (rig.height, rig.width, 3)
    for eye, image_hwc in (("left", images.left_hwc), ("right", images.right_hwc)):
        if image_hwc.dtype != np.float32 or image_hwc.shape != expected:
            found = f"{image_hwc.dtype} {image_hwc.shape}"
            raise BackendError(f"{images.backend}: {eye} image is {found}, expected float32 {expected}")
        if not np.isfinite(image_hwc).all():
            wrong = int((~np.isfinite(image_hwc)).any(axis=2).sum())
            raise BackendError(f"{images.backend}: {wrong} pixels of the {eye} image are not finite")


class Backend(Protocol):
    """A renderer that lives as long as its worker."""

    @property
    def name(self) -> str:
        """What the registry calls it."""
        ...

    @property
    def version(self) -> str:
        """Version of the renderer."""
        ...

    def render(
        self, staged: StagedScene, rig: StereoRig, settings: RenderSettings, seed: int
    ) -> StereoImages:
        """Both eyes of the scene; the same arguments give the same images.

        The stage file is there until the sample is stored or refused, and is gone after that.

        Raises:
            BackendError: this scene cannot be rendered.
            AssetFileError: one of its files cannot be read.
        """
        ...

    def close(self) -> None:
        """Give back what the backend holds; it renders no more."""
        ...


@runtime_checkable
class SpendsElsewhere(Protocol):
    """A backend that lets another process of ours render."""

    spent_s: float  # CPU seconds of it for this one, so far
