"""A backend whose renderer runs in a process of its own: a scene's stage under a layer for RTX.

Colour comes from RTX; its depth and ids are held against the truth, which stays ours.
"""

from __future__ import annotations

import os
import time

from fsd_gen.backends.base import StereoImages
from fsd_gen.rtx.childprocess import Launch
from fsd_gen.rtx.process import Check, Limits, RenderProcess
from fsd_gen.rtx.shooting import shoot
from fsd_gen.rtx.targets import target_of
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.staged import StagedScene


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
        """Both eyes, linear RGB (H, W, 3) float32. The renderer's noise takes no seed: `seed` has no say.

        Raises:
            BackendError, StageError, StageWriteError: this scene cannot be rendered.
            BackendUnavailableError: none can.
        """
        del seed
        started_s = time.process_time()
        target = target_of(self._process.hello(), os.environ)
        frames = shoot(staged, rig, settings, target, self._process.render)
        return StereoImages(
            left_hwc=frames.left_hwc,
            right_hwc=frames.right_hwc,
            seen=frames.seen,
            stage_cpu_s={"load": time.process_time() - started_s, "trace": self._process.cpu_s},
            backend=self.name,
            backend_version=target.version,
            variant="PathTracing",
            denoiser="optix" if settings.denoise else "",
        )

    def close(self) -> None:
        """End the renderer's process."""
        self._process.close()
