"""One slot from key to checked sample: draw, author, render, trace the truth, check, or draw again."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from assets_manifest.packs import AssetLibrary
from fsd_gen.backends.base import Backend, StereoImages
from fsd_gen.checks import Defect, check_sample
from fsd_gen.config import Config
from fsd_gen.develop import auto_exposure, develop, white_balance
from fsd_gen.render_scene import RenderScene
from fsd_gen.sample import RenderInfo, StereoSample
from fsd_gen.sampling import sample
from fsd_gen.scene import SceneSpec
from fsd_gen.slots import SlotKey, stable_hash
from fsd_gen.stage_author import write_stage
from fsd_gen.stage_reader import read_stage
from fsd_gen.truth import Truth, compute_truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of one draw of a slot: a sample, or the defects that rule it out."""

    key: SlotKey
    sample: StereoSample | None
    defects: tuple[Defect, ...]


@dataclass(slots=True)
class _Clock:
    """CPU seconds per stage."""

    cpu_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            self.cpu_s[name] = self.cpu_s.get(name, 0.0) + time.process_time() - start


def attempts(first: SlotKey, config: Config, library: AssetLibrary, backend: Backend) -> Iterator[Attempt]:
    """Draw a slot from attempt `first` on, until one passes its checks or `max_attempts` are used up."""
    for number in range(first.attempt, first.attempt + config.max_attempts):
        key = SlotKey(slot=first.slot, attempt=number)
        candidate = produce(sample(config, library, key), library, backend)
        defects = check_sample(candidate, config.check_limits())
        yield Attempt(key=key, sample=None if defects else candidate, defects=defects)
        if not defects:
            return


def produce(spec: SceneSpec, library: AssetLibrary, backend: Backend) -> StereoSample:
    """Render one scene and trace its truth; nothing is checked yet."""
    clock, wall_start, cpu_start = _Clock(), time.monotonic(), time.process_time()
    with clock.stage("author"):
        scene = build_scene(spec, library)
    with clock.stage("truth"):
        truth = compute_truth(scene, spec.rig)
    images = backend.render(scene, spec.rig, spec.settings, seed=noise_seed(spec))
    with clock.stage("develop"):
        exposure = auto_exposure(images.left_hwc, images.right_hwc, spec.settings.exposure_ev)
        gains_3 = white_balance(images.left_hwc, images.right_hwc) * np.float32(exposure)
        left_hwc, right_hwc = develop(images.left_hwc, gains_3), develop(images.right_hwc, gains_3)
    return StereoSample(
        left_hwc=left_hwc,
        right_hwc=right_hwc,
        disparity_left_hw=truth.disparity_left_hw,
        disparity_right_hw=truth.disparity_right_hw,
        flags_left_hw=truth.flags_left_hw,
        flags_right_hw=truth.flags_right_hw,
        spec=spec,
        render=_render_info(images, exposure, clock, wall_start, cpu_start),
    )


def trace_truth(spec: SceneSpec, library: AssetLibrary) -> Truth:
    """The truth of a scene without rendering it."""
    return compute_truth(build_scene(spec, library), spec.rig)


def build_scene(spec: SceneSpec, library: AssetLibrary) -> RenderScene:
    """Author the USD stage of a scene and read it back, so that what is rendered is what the stage says."""
    with tempfile.TemporaryDirectory(prefix="fsd-stage-") as folder:
        stage = write_stage(spec, Path(folder) / f"{spec.key.sample_id}.usdc", library.path)
        return read_stage(stage, spec.rig)


def noise_seed(spec: SceneSpec) -> int:
    """Seed of the renderer's noise; the same scene has the same noise."""
    return stable_hash(spec.seed, spec.key.slot, spec.key.attempt, "noise") % 2**31


def _render_info(
    images: StereoImages, exposure: float, clock: _Clock, wall_start: float, cpu_start: float
) -> RenderInfo:
    return RenderInfo(
        backend=images.backend,
        backend_version=images.backend_version,
        variant=images.variant,
        denoiser=images.denoiser,
        exposure=exposure,
        host_cpu_s=round(time.process_time() - cpu_start, 3),
        wall_s=round(time.monotonic() - wall_start, 3),
        stage_cpu_s={k: round(v, 3) for k, v in {**clock.cpu_s, **images.stage_cpu_s}.items()},
    )
