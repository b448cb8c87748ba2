"""A backend whose renderer runs in a process of its own: the scene's stage under a layer for RTX, rendered there.

Colour comes from RTX; nothing else of its pictures becomes truth.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import BackendError, StereoImages
from fsd_gen.rtx.child.contract import View
from fsd_gen.rtx.childprocess import Launch
from fsd_gen.rtx.layer import RtxStage, author_rtx_layer
from fsd_gen.rtx.process import Check, Limits, RenderProcess
from fsd_gen.rtx.targets import target_of
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.staged import StagedScene

EYES = ("left", "right")


class RtxBackend:
    """A renderer that lives as long as its worker, though its process may be started anew."""

    def __init__(self, launch: Launch, *, limits: Limits | None = None, check: Check | None = None) -> None:
        self._process = RenderProcess(launch, limits=limits, check=check)
        self.name = launch.engine

    @property
    def version(self) -> str:
        """Of the renderer, as it says itself; starts it. Raises BackendUnavailableError."""
        return self._process.hello().version

    def render(
        self, staged: StagedScene, rig: StereoRig, settings: RenderSettings, seed: int
    ) -> StereoImages:
        """Both eyes, linear RGB (H, W, 3) float32. The renderer's noise has no seed, so that `seed` has no say.

        Raises:
            BackendError, StageError, StageWriteError: this scene cannot be rendered.
            BackendUnavailableError: none can.
        """
        del seed
        start_s = time.process_time()
        target = target_of(self._process.hello(), os.environ)
        with TemporaryDirectory(prefix="fsd-rtx-") as folder:  # never beside a stage: that may be a user's
            stage = author_rtx_layer(staged, rig, settings, target, Path(folder))
            author_s = time.process_time() - start_s
            views = {view.eye: view for view in self._process.render(stage.job(settings))}
        if set(views) != set(EYES):
            raise BackendError(f"{target.named}: expected both eyes, got {sorted(views)}")
        return StereoImages(
            left_hwc=_linear(views["left"], stage),
            right_hwc=_linear(views["right"], stage),
            stage_cpu_s={"load": author_s, "trace": self._process.cpu_s},
            backend=self.name,
            backend_version=target.version,
            variant="PathTracing",
            denoiser="optix" if settings.denoise else "",
        )

    def close(self) -> None:
        """End the renderer's process."""
        self._process.close()


def _linear(view: View, stage: RtxStage) -> NDArray[np.float32]:
    """The rig's part of a picture, without the camera's exposure."""
    (left, top), rig = stage.crop, stage.rig
    seen_hwc = view.colour_hwc[top : top + rig.height, left : left + rig.width]
    return np.ascontiguousarray(seen_hwc / np.float32(stage.scale))
