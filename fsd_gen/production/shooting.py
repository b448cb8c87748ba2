"""Any stage with two cameras, rendered and traced as it is: for stages that no style of ours composed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import Backend, check_images
from fsd_gen.backends.film import auto_exposure, develop, white_balance
from fsd_gen.backends.registry import draws_mdl
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings, UnknownMaterials
from fsd_gen.truth.maps import Truth, compute_truth
from fsd_gen.usd.author import SUFFIXES
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.reader import left_camera, read_stage, rig_of_stage
from fsd_gen.usd.reader.read import LEFT, RIGHT
from fsd_gen.usd.staged import StagedScene
from fsd_gen.usd.units import measure_of
from fsd_gen.usd.unread import refuse_unread, tell_opaque

SEED = 0  # of the renderer's noise


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePair:
    """Both eyes of a stage, sRGB, and what is true of them."""

    rig: StereoRig
    left_hwc: NDArray[np.uint8]
    right_hwc: NDArray[np.uint8]
    truth: Truth


def stage_in(place: Path) -> Path:
    """The stage that `place` means: the file itself, or the only one in a folder, as `fsd-gen stage` makes.

    Raises:
        StageError: the folder holds none, or several.
    """
    if not place.is_dir():
        return place
    found = sorted(path for path in place.iterdir() if path.suffix in SUFFIXES and path.is_file())
    if not found:
        raise StageError(f"{place}: no stage in this folder; expected one file {', '.join(SUFFIXES)}")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise StageError(f"{place}: holds several stages ({names}); name one of them")
    return found[0]


def shoot_stage(
    path: Path,
    backend: Backend,
    settings: RenderSettings,
    *,
    width: int,
    height: int,
    left: str = LEFT,
    right: str = RIGHT,
    time: float | None = None,
    rig: StereoRig | None = None,
    unknown_materials: UnknownMaterials = "refuse",
) -> StagePair:
    """Both eyes of the stage at `time`, a time code (default: its startTimeCode).

    A `rig` stands where the left camera does, or the stage's only one, and looks where that looks; the
    stage's own lenses and its right camera are not asked.

    Raises:
        AssetFileError: it does not say its unit or up axis.
        StageError: it cannot be rendered faithfully, or has no light; says which prim and why.
        BackendError: the renderer could not do it.
    """
    measure_of(path)  # refuses a stage that does not say its unit and axis
    if rig is None:
        rig = rig_of_stage(path, width=width, height=height, time=time, left=left, right=right)
        flat = read_stage(path, rig, time=time, left=left, right=right)
    else:
        flat = read_stage(path, None, time=time, left=left_camera(path, left))
    if draws_mdl(backend.name):
        tell_opaque(path, flat.surfaces)
    elif unknown_materials == "refuse":
        refuse_unread(flat.surfaces)
    if not flat.gives_light():  # a picture would be noise that exposure raises
        raise StageError(f"{path}: nothing in the stage gives light; add a light, such as a DomeLight")
    images = backend.render(StagedScene(path=path, flat=flat, time=time), rig, settings, SEED)
    check_images(images, rig)
    exposure = auto_exposure(images.left_hwc, images.right_hwc, settings.exposure_ev)
    gains_3 = white_balance(images.left_hwc, images.right_hwc) * np.float32(exposure)
    return StagePair(
        rig=rig,
        left_hwc=develop(images.left_hwc, gains_3),
        right_hwc=develop(images.right_hwc, gains_3),
        truth=compute_truth(flat, rig),
    )
