"""Falling Things (Tremblay et al., 2018), 960x540: depth in 0.1 mm, stereo baseline 6 cm.

Layout and units as in the archive's readme (research.nvidia.com/sites/default/files/pubs/
2018-06_Falling-Things/readme_0.txt). The depth is along the optical axis; 0 and the largest number, beyond
6.55 m, mean no truth.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from stereo_model.data.base import Files, PairFiles, Truth
from stereo_model.data.encodings import DataFileError, disparity_of_depth, read_u16
from stereo_model.data.text import read_text
from stereo_model.data.tree import Tree

BASELINE = 600  # in the depth's unit of 0.1 mm
FARTHEST = 0xFFFF  # farther things share this number


class FallingThings(PairFiles):
    """`root` holds `single` and `mixed`, or one. A scene is "single/025_mug_16k/kitchen_0/000000"."""

    kind = "fallingthings"
    layout = (
        "{single/025_mug_16k,mixed}/kitchen_0/ with 000000.{left,right}.jpg, 000000.left.depth.png and "
        "_camera_settings.json"
    )

    def _scenes(self, tree: Tree) -> Iterable[str]:
        for ending in (".left.jpg", ".right.jpg"):
            yield from (image.removesuffix(ending) for image in tree.glob(f"**/*{ending}"))

    def _files(self, scene: str) -> Files:
        folder, _, _ = scene.rpartition("/")
        return Files(
            left=f"{scene}.left.jpg",
            right=f"{scene}.right.jpg",
            truth=f"{scene}.left.depth.png",
            extra=(f"{folder}/_camera_settings.json".lstrip("/"),),
        )

    def _truth(self, files: Files) -> Truth:
        depth_hw = read_u16(self.root / files.truth)
        focal_px = _focal_px(self.root / files.extra[0])
        return Truth(
            disparity_hw=disparity_of_depth(depth_hw, focal_px * BASELINE),
            valid_hw=(depth_hw > 0) & (depth_hw < FARTHEST),
        )


def _focal_px(path: Path) -> float:
    """Focal length in pixels of the left camera, which comes first."""
    try:
        settings = json.loads(read_text(path))
        focal_px = float(settings["camera_settings"][0]["intrinsic_settings"]["fx"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataFileError(
            f"{path}: no camera_settings[0].intrinsic_settings.fx ({type(error).__name__}: {error})"
        ) from error
    if not focal_px > 0:
        raise DataFileError(f"{path}: focal length {focal_px} pixels, expected a positive number")
    return focal_px
