"""A backend whose renderer runs in a process of its own: a scene's stage under a layer for RTX.

Colour comes from RTX; its depth and ids are held against the truth, which stays ours. Every process is probed
before its first scene.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace

from fsd_gen.backends.base import BackendError, StereoImages
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx.child.contract import Hello
from fsd_gen.rtx.childprocess import Launch
from fsd_gen.rtx.probe import Probe, probe
from fsd_gen.rtx.process import Limits, RenderProcess
from fsd_gen.rtx.shooting import Render, shoot
from fsd_gen.rtx.targets import Target, target_of
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.staged import StagedScene

log = logging.getLogger(__name__)


class RtxBackend:
    """A renderer that lives as long as its worker, though its process may be started anew."""

    def __init__(self, launch: Launch, *, limits: Limits | None = None) -> None:
        self._process = RenderProcess(launch, limits=limits, check=self._check)
        self.name = launch.engine
        self._target: Target | None = None  # of the process that runs
        self._probe: Probe | None = None

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
        target = self._checked()
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

    def measure(self) -> Probe:
        """What the probe finds, right or not. Raises BackendUnavailableError where it finds nothing."""
        self._probe = None
        self._process.close()
        try:
            self._process.hello()
        except BackendUnavailableError:
            if self._probe is None:
                raise
        return self._measured()

    def _measured(self) -> Probe:
        if self._probe is None:
            raise AssertionError("a process that has come up was probed")
        return self._probe

    def _checked(self) -> Target:
        """The renderer that runs now, once it is known to render known stages as it should."""
        self._process.hello()
        if self._target is None:
            raise AssertionError("a process that has come up was probed")
        return self._target

    def _check(self, hello: Hello, render: Render) -> None:
        target = target_of(hello, os.environ)
        try:
            self._probe = probe(target, render)
        except BackendError as error:
            raise BackendUnavailableError(f"{target.named} shows no known scene: {error}") from error
        self._probe.refuse()
        if target.ids and not self._probe.ids:
            said = "; ".join(row.said for row in self._probe.id_rows)
            log.warning("%s tells things apart wrongly: %s; its ids are not compared", target.named, said)
        self._target = replace(target, lens=self._probe.lens, ids=self._probe.ids)

    def close(self) -> None:
        """End the renderer's process."""
        self._process.close()
