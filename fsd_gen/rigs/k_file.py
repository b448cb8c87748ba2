"""Calibrations in files: K and the baseline in two lines (FoundationStereo's), or Middlebury's calib.txt."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from fsd_gen.scene.rig import StereoRig
from stereo_model.inference.calibration import read_calibration

log = logging.getLogger(__name__)


def read_k_file(path: Path, *, baseline_given: bool) -> dict[str, Any]:
    """The fields of the config's `rig` that the file gives; without a baseline where one is given beside it.

    Raises:
        CalibrationError: it cannot be read; a ValueError that names the file and what it lacks.
    """
    found = read_calibration(path, baseline_m=1.0 if baseline_given else None)
    if found.doffs_px:
        log.warning(
            "%s: the right camera's principal point lies %g px beside the left one's; both eyes are rendered "
            "with the left one's, so disparities are larger by that much than this camera's",
            path,
            found.doffs_px,
        )
    names = ("fx", "fy", "cx", "cy", *(() if baseline_given else ("baseline_m",)))
    size = {} if found.width is None else {"width": found.width, "height": found.height}
    return {name: getattr(found, name) for name in names} | size


def k_text(rig: StereoRig) -> str:
    """K, row by row, and the baseline in metres: what `fsd-gen` and `fsd-stereo infer` read back."""
    numbers = (rig.focal_px, 0, rig.cx_px - 0.5, 0, rig.fy_px, rig.cy_px - 0.5, 0, 0, 1)
    return " ".join(f"{number:.10g}" for number in numbers) + f"\n{rig.baseline_m:.10g}\n"
