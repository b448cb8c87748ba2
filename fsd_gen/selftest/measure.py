"""A backend on the known scenes: its depth against the caster, its images against the reference."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import Backend, BackendError, check_images
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.checks.renderer import MAX_OFF, agreement
from fsd_gen.rtx.probe import Probe, probe_backend
from fsd_gen.scene.spec import RenderSettings, SceneSpec
from fsd_gen.selftest.scenes import KnownScene, known_scenes
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.author import write_stage
from fsd_gen.usd.reader import read_stage
from fsd_gen.usd.staged import StagedScene

SETTINGS = RenderSettings(spp=144, max_depth=9, rr_depth=9, denoise=False)
PARTS = (4, 6)  # rows and columns of the parts whose means are compared
DIM = 0.05  # of the picture's mean: darker parts are held to that
REFERENCE = "reference.json"


@runtime_checkable
class Measured(Protocol):
    """A backend that has a probe of its own, and may refuse to render because of it."""

    def measure(self) -> Probe:
        """What its probe finds; nothing is refused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneResult:
    """How one known scene came out; `problem` where it did not."""

    name: str
    problem: str = ""
    depth_off_share: float | None = None
    instance_off_share: float | None = None
    worst: float | None = None  # largest deviation of a part's mean from the reference, relative
    tolerance: float = 0.0

    @property
    def right(self) -> bool:
        """Rendered, near the reference, and with the caster's depth where it gives any."""
        seen = self.depth_off_share is None or self.depth_off_share <= MAX_OFF
        return not self.problem and seen and self.worst is not None and self.worst <= self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Selftest:
    """All that was found."""

    probe: Probe | None  # None: it could not be measured; `problem` says why
    problem: str
    scenes: tuple[SceneResult, ...]

    @property
    def right(self) -> bool:
        """Whether the backend may be believed."""
        probed = self.probe is not None and all(row.right for row in self.probe.rows)
        return probed and all(scene.right for scene in self.scenes)


def selftest(backend: Backend) -> Selftest:
    """Probe a backend and render the known scenes with it. Raises nothing that the backend may raise."""
    found, problem = None, ""
    try:
        found = backend.measure() if isinstance(backend, Measured) else probe_backend(backend)
    except (BackendError, BackendUnavailableError) as error:
        problem = str(error)
    reference = stored_reference()
    scenes = tuple(_result(backend, scene, reference[scene.name]) for scene in known_scenes())
    return Selftest(probe=found, problem=problem, scenes=scenes)


def stored_reference() -> dict[str, NDArray[np.float64]]:
    """Mean radiance (rows, columns, 3) of the parts of each scene's left picture."""
    text = files(__package__).joinpath(REFERENCE).read_text()
    return {name: np.array(parts) for name, parts in json.loads(text).items()}


def parts_of(image_hwc: NDArray[np.float32]) -> NDArray[np.float64]:
    """Means (rows, columns, 3) over the parts of a picture."""
    rows, columns = PARTS
    height, width, _ = image_hwc.shape
    split = image_hwc.astype(np.float64).reshape(rows, height // rows, columns, width // columns, 3)
    means_rc3: NDArray[np.float64] = split.mean(axis=(1, 3))
    return means_rc3


def _result(backend: Backend, scene: KnownScene, reference_rc3: NDArray[np.float64]) -> SceneResult:
    with TemporaryDirectory(prefix="fsd-selftest-") as folder:
        try:
            return _rendered(backend, scene, reference_rc3, _staged(scene.spec, Path(folder)))
        except (BackendError, BackendUnavailableError) as error:
            return SceneResult(name=scene.name, problem=str(error))


def _staged(spec: SceneSpec, folder: Path) -> StagedScene:
    path = write_stage(spec, folder / "stage.usdc", _no_assets)
    return StagedScene(path=path, flat=read_stage(path, spec.rig))


def _no_assets(asset: str) -> NoReturn:
    raise AssertionError(f"a known scene has no assets, got {asset}")


def _rendered(
    backend: Backend, scene: KnownScene, reference_rc3: NDArray[np.float64], staged: StagedScene
) -> SceneResult:
    rig = scene.spec.rig
    images = backend.render(staged, rig, SETTINGS, seed=0)
    check_images(images, rig)
    agrees = agreement(staged.flat, rig, compute_truth(staged.flat, rig), images.seen)
    off_rc3 = np.abs(parts_of(images.left_hwc) - reference_rc3)
    worst = float((off_rc3 / np.maximum(reference_rc3, DIM * reference_rc3.mean())).max())
    return SceneResult(
        name=scene.name,
        depth_off_share=agrees.depth_off_share,
        instance_off_share=agrees.instance_off_share,
        worst=worst,
        tolerance=scene.tolerance,
    )


def make_reference(backend: Backend, spp: int) -> str:
    """The text of the reference, of Mitsuba with many samples."""
    parts = {}
    for scene in known_scenes():
        with TemporaryDirectory(prefix="fsd-selftest-") as folder:
            staged = _staged(scene.spec, Path(folder))
            images = backend.render(staged, scene.spec.rig, SETTINGS.but(spp=spp), seed=1)
        parts[scene.name] = parts_of(images.left_hwc).round(5).tolist()
    return json.dumps(parts, separators=(",", ":")) + "\n"
