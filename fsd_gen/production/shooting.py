"""Any stage with two cameras, rendered and traced as it is: for stages that no style of ours composed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import Backend, check_images
from fsd_gen.backends.film import auto_exposure, develop, white_balance
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.truth.maps import Truth, compute_truth
from fsd_gen.usd.author import SUFFIXES
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.reader import read_stage, rig_of_stage
from fsd_gen.usd.reader.read import LEFT, RIGHT
from fsd_gen.usd.staged import StagedScene

SEED = 0  # of the renderer's noise
HALF_PX = 0.5  # a calibration counts from the centre of the upper left pixel, a rig from its corner


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


def calibration_text(rig: StereoRig) -> str:
    """K row by row, and the baseline in metres in a second line; (0, 0) is the centre of the first pixel.

    The text that FoundationStereo's K.txt has, and `stereo_model.inference.calibration` reads.
    """
    focal, cx, cy = rig.focal_px, rig.cx_px - HALF_PX, rig.cy_px - HALF_PX
    k_9 = (focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0)
    return f"{' '.join(map(repr, k_9))}\n{rig.baseline_m!r}\n"


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
) -> StagePair:
    """Both eyes of the stage at `time`, a time code (default: its startTimeCode).

    Raises:
        StageError: it cannot be rendered faithfully; says which prim and why.
        BackendError: the renderer could not do it.
    """
    eyes = {"left": left, "right": right}
    rig = rig_of_stage(path, width=width, height=height, time=time, **eyes)
    flat = read_stage(path, rig, time=time, **eyes)
    images = backend.render(StagedScene(path=path, flat=flat), rig, settings, SEED)
    check_images(images, rig)
    exposure = auto_exposure(images.left_hwc, images.right_hwc, settings.exposure_ev)
    gains_3 = white_balance(images.left_hwc, images.right_hwc) * np.float32(exposure)
    return StagePair(
        rig=rig,
        left_hwc=develop(images.left_hwc, gains_3),
        right_hwc=develop(images.right_hwc, gains_3),
        truth=compute_truth(flat, rig),
    )
