"""One slot from key to checked sample: draw, author, render, trace the truth, check, or draw again."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.library import AssetLibrary
from fsd_gen.backends.base import Backend, StereoImages
from fsd_gen.backends.film import auto_exposure, develop, white_balance
from fsd_gen.checks.checks import Defect, check_sample, check_truth
from fsd_gen.config import Config
from fsd_gen.scene.slots import SlotKey, stable_hash
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.shards.sample import RenderInfo, StereoSample
from fsd_gen.styles.registry import compose_scene
from fsd_gen.truth.maps import Truth, compute_truth
from fsd_gen.usd.author import write_stage
from fsd_gen.usd.flat_scene import RenderScene
from fsd_gen.usd.reader import read_stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of one draw of a slot: a sample, or the defects that rule it out."""

    key: SlotKey
    sample: StereoSample | None
    defects: tuple[Defect, ...]


@dataclass(slots=True)
class _Clock:
    """CPU seconds per stage."""

    started: float = field(default_factory=time.monotonic)
    cpu_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            self.cpu_s[name] = self.cpu_s.get(name, 0.0) + time.process_time() - start


BLANK = RenderInfo(
    backend="",
    backend_version="",
    variant="",
    denoiser="",
    exposure=1.0,
    host_cpu_s=0.0,
    wall_s=0.0,
    stage_cpu_s={},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A scene with its truth, not rendered yet."""

    spec: SceneSpec
    scene: RenderScene
    truth: Truth
    clock: _Clock

    def sample(
        self, left_hwc: NDArray[np.uint8], right_hwc: NDArray[np.uint8], info: RenderInfo
    ) -> StereoSample:
        """The sample that these images make of it."""
        return StereoSample(
            left_hwc=left_hwc,
            right_hwc=right_hwc,
            disparity_left_hw=self.truth.disparity_left_hw,
            disparity_right_hw=self.truth.disparity_right_hw,
            flags_left_hw=self.truth.flags_left_hw,
            flags_right_hw=self.truth.flags_right_hw,
            spec=self.spec,
            render=info,
        )

    def blank(self) -> StereoSample:
        """The sample with black images, for the checks that only look at the truth."""
        black_hwc = np.zeros((self.spec.rig.height, self.spec.rig.width, 3), np.uint8)
        return self.sample(black_hwc, black_hwc, BLANK)


def attempts(first: SlotKey, config: Config, library: AssetLibrary, backend: Backend) -> Iterator[Attempt]:
    """Draw a slot from attempt `first` on, until one passes its checks or `max_attempts` are used up.

    A scene whose truth cannot pass is not rendered. The sample's cost includes the refused attempts.
    """
    limits, refused_cpu_s = config.check_limits(), 0.0
    for number in range(first.attempt, first.attempt + config.max_attempts):
        key = SlotKey(slot=first.slot, attempt=number)
        start = time.process_time()
        draft = draw(compose_scene(config, library, key), library)
        defects = check_truth(draft.blank(), limits)
        candidate = None
        if not defects:
            candidate = expose(draft, backend, refused_cpu_s)
            defects = check_sample(candidate, limits)
        yield Attempt(key=key, sample=None if defects else candidate, defects=defects)
        if not defects:
            return
        refused_cpu_s += time.process_time() - start


def draw(spec: SceneSpec, library: AssetLibrary) -> Draft:
    """Author a scene and trace its truth."""
    clock = _Clock()
    with clock.stage("author"):
        scene = build_scene(spec, library)
    with clock.stage("truth"):
        truth = compute_truth(scene, spec.rig)
    return Draft(spec=spec, scene=scene, truth=truth, clock=clock)


def expose(draft: Draft, backend: Backend, refused_cpu_s: float = 0.0) -> StereoSample:
    """Render a drawn scene and develop its images; nothing is checked yet."""
    spec, clock = draft.spec, draft.clock
    images = backend.render(draft.scene, spec.rig, spec.settings, seed=noise_seed(spec))
    with clock.stage("develop"):
        exposure = auto_exposure(images.left_hwc, images.right_hwc, spec.settings.exposure_ev)
        balance_3 = white_balance(images.left_hwc, images.right_hwc)
        gains_3 = balance_3 * np.float32(exposure)
        left_hwc, right_hwc = develop(images.left_hwc, gains_3), develop(images.right_hwc, gains_3)
    return draft.sample(left_hwc, right_hwc, _render_info(images, exposure, balance_3, clock, refused_cpu_s))


def produce(spec: SceneSpec, library: AssetLibrary, backend: Backend) -> StereoSample:
    """Draw and expose one scene."""
    return expose(draw(spec, library), backend)


def trace_truth(spec: SceneSpec, library: AssetLibrary) -> Truth:
    """The truth of a scene without rendering it."""
    return draw(spec, library).truth


def build_scene(spec: SceneSpec, library: AssetLibrary) -> RenderScene:
    """Author the USD stage of a scene and read it back, so that what is rendered is what the stage says."""
    with tempfile.TemporaryDirectory(prefix="fsd-stage-") as folder:
        stage = write_stage(spec, Path(folder) / f"{spec.key.sample_id}.usdc", library.path)
        return read_stage(stage, spec.rig)


def noise_seed(spec: SceneSpec) -> int:
    """Seed of the renderer's noise; the same scene has the same noise."""
    return stable_hash(spec.seed, spec.key.slot, spec.key.attempt, "noise") % 2**31


def _render_info(
    images: StereoImages, exposure: float, balance_3: NDArray[np.float32], clock: _Clock, refused_cpu_s: float
) -> RenderInfo:
    stages = {**clock.cpu_s, **images.stage_cpu_s} | ({"refused": refused_cpu_s} if refused_cpu_s else {})
    return RenderInfo(
        backend=images.backend,
        backend_version=images.backend_version,
        variant=images.variant,
        denoiser=images.denoiser,
        exposure=exposure,
        host_cpu_s=round(sum(stages.values()), 3),
        wall_s=round(time.monotonic() - clock.started, 3),
        stage_cpu_s={name: round(cpu_s, 3) for name, cpu_s in stages.items()},
        white_balance=tuple(round(float(gain), 6) for gain in balance_3),
    )
