"""One slot from key to checked sample: draw, author, trace the truth, render, check, or draw again.

What is wrong with one scene (a file of it, its stage, the renderer's opinion of it) is a defect of the
attempt, like a failed check. What is wrong with the whole set-up (no renderer, no pack, no room) is an error.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from assets_manifest.library import AssetLibrary, MissingAssetError
from assets_manifest.meshes.errors import MeshError
from fsd_gen.backends.base import Backend, BackendError, SpendsElsewhere, StereoImages, check_images
from fsd_gen.backends.film import auto_exposure, develop, white_balance
from fsd_gen.backends.registry import draws_mdl
from fsd_gen.checks.defects import Defect, DefectCode
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.renderer import Agreement, agreement, renderer_defects
from fsd_gen.checks.sample import Examined, examine_images
from fsd_gen.checks.steady import steady_mask
from fsd_gen.checks.truth import check_truth
from fsd_gen.config import Config
from fsd_gen.production.blame import backend_blamed, style_blamed
from fsd_gen.production.errors import StyleError
from fsd_gen.production.shot import Shot
from fsd_gen.production.staging import staged_scene
from fsd_gen.scene.slots import SlotKey, stable_hash
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.sensor.expose import exposed
from fsd_gen.shards.channels import REQUIRED, Channel, optional_channels
from fsd_gen.shards.sample import RenderInfo, StereoSample
from fsd_gen.styles.compose import compose_scene, stratum_of
from fsd_gen.styles.registry import find_style
from fsd_gen.truth.maps import Truth, compute_truth
from fsd_gen.usd.errors import AssetFileError, StageError, StageWriteError
from fsd_gen.usd.staged import StagedScene
from fsd_gen.usd.unread import refuse_unread

CODE_OF_ERROR: dict[type[Exception], DefectCode] = {  # the first that fits
    MissingAssetError: DefectCode.BAD_ASSET,
    AssetFileError: DefectCode.BAD_ASSET,
    MeshError: DefectCode.BAD_ASSET,
    StageError: DefectCode.BAD_STAGE,
    StageWriteError: DefectCode.BAD_STAGE,
    BackendError: DefectCode.RENDERER_ERROR,
    StyleError: DefectCode.STYLE_ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of one draw of a slot: a sample, or the defects that rule it out."""

    key: SlotKey
    sample: StereoSample | None
    defects: tuple[Defect, ...]
    trace: str = ""  # traceback of a style's own fault
    remark: str = ""  # on a sample that passed: what the checks could not tell


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
    """A scene on its stage and with its truth, not rendered yet."""

    spec: SceneSpec
    staged: StagedScene
    truth: Truth
    channels: tuple[Channel, ...]
    clock: _Clock

    def sample(
        self, left_hwc: NDArray[np.uint8], right_hwc: NDArray[np.uint8], info: RenderInfo
    ) -> StereoSample:
        """The sample that these images make of it."""
        shot = Shot(
            spec=self.spec, scene=self.staged.flat, truth=self.truth, left_hwc=left_hwc, right_hwc=right_hwc
        )
        arrays = {channel.name: channel.of(shot) for channel in self.channels}
        return StereoSample.of_channels(arrays, spec=self.spec, render=info)

    def steady(self) -> NDArray[np.bool_]:
        """Where what the left eye sees looks alike from both. Raises AssetFileError."""
        return steady_mask(self.staged.flat, self.spec.rig, self.truth.hits_left)

    def blank(self) -> StereoSample:
        """The sample with black images, for the checks that only look at the truth."""
        black_hwc = np.zeros((self.spec.rig.height, self.spec.rig.width, 3), np.uint8)
        return replace(self, channels=REQUIRED).sample(black_hwc, black_hwc, BLANK)


def attempts(
    first: SlotKey,
    config: Config,
    library: AssetLibrary,
    backend: Backend,
    *,
    limits: CheckLimits | None = None,
    as_seen: Callable[[SceneSpec], SceneSpec] = lambda spec: spec,
) -> Iterator[Attempt]:
    """Draw a slot from attempt `first` on, until one passes its checks or `max_attempts` are used up.

    A scene whose truth cannot pass is not rendered. The sample's cost includes the refused attempts,
    and its story says what was wrong with them. For a mere look at the scenes, `as_seen` may change how they
    are seen, and `limits` what they are held to.
    """
    held_to = limits or config.check_limits()
    refused_cpu_s, refused = 0.0, list[tuple[str, ...]]()
    for number in range(first.attempt, first.attempt + config.max_attempts):
        key = SlotKey(slot=first.slot, attempt=number)
        start = _spent_s(backend)
        attempt = _attempt(key, config, library, backend, refused_cpu_s, held_to, as_seen)
        refused_cpu_s += _spent_s(backend) - start
        if attempt.sample is not None:
            info = replace(attempt.sample.render, refused=tuple(refused))
            yield replace(attempt, sample=replace(attempt.sample, render=info))
            return
        yield attempt
        refused.append(tuple(defect.code.value for defect in attempt.defects))


def _spent_s(backend: Backend) -> float:
    """CPU seconds of this process, and of the one that it lets render."""
    return time.process_time() + (backend.spent_s if isinstance(backend, SpendsElsewhere) else 0.0)


def _attempt(
    key: SlotKey,
    config: Config,
    library: AssetLibrary,
    backend: Backend,
    refused_cpu_s: float,
    limits: CheckLimits,
    as_seen: Callable[[SceneSpec], SceneSpec],
) -> Attempt:
    try:
        spec = as_seen(_composed(config, library, key))
        with draw(spec, library, config.channels) as draft:
            if defects := check_truth(draft.blank(), limits):
                return Attempt(key=key, sample=None, defects=defects)
            taken = expose(draft, backend, refused_cpu_s)
            steady_hw = draft.steady()
    except tuple(CODE_OF_ERROR) as error:
        trace = traceback.format_exc() if isinstance(error, StyleError) else ""
        return Attempt(key=key, sample=None, defects=(_defect_of(error),), trace=trace)
    found = examine_images(taken.ideal, limits, steady_hw)  # its truth has passed already
    if defects := (*renderer_defects(taken.agreement), *found.defects):
        return Attempt(key=key, sample=None, defects=defects)
    info = replace(taken.stored.render, judged_share=found.judged_share)
    sample = replace(taken.stored, render=info)
    return Attempt(key=key, sample=sample, defects=(), remark=_unjudged(found))


def _unjudged(found: Examined) -> str:
    """What is said of a pair whose pictures were not held against its truth; empty where they were."""
    if found.enough_judged:
        return ""
    return (
        f"images not held against the truth: {found.judged_share:.2%} of the left pixels are textured, dull "
        f"and seen by both eyes, {found.needed_share:.2%} in several places are needed"
    )


def _composed(config: Config, library: AssetLibrary, key: SlotKey) -> SceneSpec:
    """The scene of an attempt. Raises StyleError where its style fails to make one."""
    name = stratum_of(config, key.slot)
    with style_blamed(name, find_style(name).compose.__module__):
        spec = compose_scene(config, library, key)
    if not isinstance(spec, SceneSpec) or (spec.key, spec.stratum) != (key, name):
        what = f"{spec.stratum} {spec.key.sample_id}" if isinstance(spec, SceneSpec) else type(spec).__name__
        raise StyleError(f"style {name!r} made {what}, expected the scene {name} {key.sample_id}")
    return spec


def _defect_of(error: Exception) -> Defect:
    code = next(code for kind, code in CODE_OF_ERROR.items() if isinstance(error, kind))
    return Defect(code=code, detail=" ".join(str(error).split()))


@contextmanager
def draw(spec: SceneSpec, library: AssetLibrary, channels: Iterable[str] = ()) -> Iterator[Draft]:
    """The scene on its stage, which is gone after the block, and its truth.

    `channels` names the optional ones that its sample is to have.

    Raises:
        UnknownChannelError: one of them does not exist.
        MissingAssetError, StageError, StageWriteError: this scene cannot be staged.
    """
    stored = (*REQUIRED, *optional_channels(channels))
    clock = _Clock()
    with ExitStack() as until_the_end:
        with clock.stage("author"):
            staged = until_the_end.enter_context(staged_scene(spec, library))
        with clock.stage("truth"):
            truth = compute_truth(staged.flat, spec.rig)
        yield Draft(spec=spec, staged=staged, truth=truth, channels=stored, clock=clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A rendered sample twice: noise and blur are no defects of a pair, so the checks see it without them."""

    ideal: StereoSample  # as an ideal camera takes it
    stored: StereoSample  # as the scene's sensor does
    agreement: Agreement  # of the renderer's own depth and ids with the truth


def expose(draft: Draft, backend: Backend, refused_cpu_s: float = 0.0) -> Exposure:
    """Render a drawn scene and develop its images, once they are known to be images.

    Raises BackendError where they are not, or where the renderer fails; PluginError where it fails in a way
    that is not of its contract; UnreadMaterialError where the scene's world is not one for this renderer.
    """
    spec, clock = draft.spec, draft.clock
    if spec.world and spec.world.unknown_materials == "refuse" and not draws_mdl(backend.name):
        refuse_unread(draft.staged.flat.surfaces)
    with backend_blamed(backend.name, type(backend).__module__):
        images = backend.render(draft.staged, spec.rig, spec.settings, seed=noise_seed(spec))
    check_images(images, spec.rig)
    with clock.stage("truth"):
        agrees = agreement(draft.staged.flat, spec.rig, draft.truth, images.seen)
    with clock.stage("develop"):
        exposure = auto_exposure(images.left_hwc, images.right_hwc, spec.settings.exposure_ev)
        balance_3 = white_balance(images.left_hwc, images.right_hwc)
        gains_3 = balance_3 * np.float32(exposure)
        left_hwc, right_hwc = develop(images.left_hwc, gains_3), develop(images.right_hwc, gains_3)
        sensed = _sensed(spec, images, gains_3) or (left_hwc, right_hwc)
    info = _render_info(images, exposure, balance_3, clock, refused_cpu_s)
    ideal = draft.sample(left_hwc, right_hwc, replace(info, **asdict(agrees)))
    stored = replace(ideal, left_hwc=sensed[0], right_hwc=sensed[1])
    return Exposure(ideal=ideal, stored=stored, agreement=agrees)


def _sensed(
    spec: SceneSpec, images: StereoImages, gains_3: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """What the scene's sensor makes of both images; None where it is an ideal one."""
    if spec.sensor is None:
        return None
    return (
        exposed(spec, spec.sensor, images.left_hwc, gains_3, "left"),
        exposed(spec, spec.sensor, images.right_hwc, gains_3, "right"),
    )


def produce(
    spec: SceneSpec, library: AssetLibrary, backend: Backend, channels: Iterable[str] = ()
) -> StereoSample:
    """Draw and expose one scene, with these optional channels."""
    with draw(spec, library, channels) as draft:
        return expose(draft, backend).stored


def trace_truth(spec: SceneSpec, library: AssetLibrary) -> Truth:
    """The truth of a scene without rendering it."""
    with draw(spec, library) as draft:
        return draft.truth


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
