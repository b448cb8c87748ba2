"""Stereo cameras by name, from what their makers publish.

A rig of yours differs from its data sheet by a few per cent: where it is calibrated, give that (`k_file`).
Focal lengths in pixels are the lens's focal length by the width of a pixel, of images that are rectified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fsd_gen.rigs.lens import Lens
from fsd_gen.sections import suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class RigPreset:
    """A camera that one can buy, or that took a benchmark."""

    lens: Lens  # at its native size
    baseline_m: float
    source: str

    def settings(self) -> dict[str, Any]:
        """The fields of the config's `rig` that it gives."""
        names = ("fx", "fy", "cx", "cy", "width", "height")
        lens = {name: getattr(self.lens, name) for name in names}
        return {"baseline_m": self.baseline_m, **lens, "fit": "crop"}


def _centred(focal_px: float, width: int, height: int) -> Lens:
    middle = {"cx": (width - 1) / 2, "cy": (height - 1) / 2}
    return Lens(fx=focal_px, fy=focal_px, width=width, height=height, **middle)


PRESETS = {
    # 2.12 mm lens over 2 um pixels, 1080p mode; lenses 120 mm apart
    "zed2": RigPreset(
        lens=_centred(1060.0, 1920, 1080), baseline_m=0.12, source="Stereolabs, ZED 2 data sheet"
    ),
    # OV9282: 2.35 mm over 3 um; 75 mm apart
    "oak-d": RigPreset(
        lens=_centred(783.3333, 1280, 800), baseline_m=0.075, source="Luxonis, OAK-D spec sheet"
    ),
    # imagers of module D430: 1.93 mm over 3 um; 50 mm apart
    "realsense-d435": RigPreset(
        lens=_centred(643.3333, 1280, 800),
        baseline_m=0.05,
        source="Intel, RealSense D400 series data sheet 337029",
    ),
    # imagers of module D450: 1.93 mm over 3 um; 95 mm apart
    "realsense-d455": RigPreset(
        lens=_centred(643.3333, 1280, 800),
        baseline_m=0.095,
        source="Intel, RealSense D400 series data sheet 337029",
    ),
    # P_rect_02 and P_rect_03 of the benchmark's commonest calibration: (44.85728 + 339.5242) / 721.5377
    "kitti": RigPreset(
        lens=Lens(fx=721.5377, fy=721.5377, cx=609.5593, cy=172.854, width=1242, height=375),
        baseline_m=0.532725,
        source="KITTI 2012/2015, calib_cam_to_cam.txt, colour cameras",
    ),
    # full size; the right camera's principal point is 131 px further right there, not here
    "middlebury": RigPreset(
        lens=Lens(fx=3997.684, fy=3997.684, cx=1176.728, cy=1011.728, width=2964, height=1988),
        baseline_m=0.193001,
        source="Middlebury 2014, calib.txt of Motorcycle",
    ),
}


def find_preset(name: str) -> RigPreset:
    """The camera called `name`. Raises ValueError with the nearest name where there is none."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}{suggestion(name, PRESETS)}")
    return PRESETS[name]
