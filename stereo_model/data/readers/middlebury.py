"""Middlebury's training pairs, version 3 of its evaluation, and ETH3D's two-view pairs: one format.

Images im0.png and im1.png, truth disp0GT.pfm in pixels of that resolution with inf = unknown
(vision.middlebury.edu/stereo/eval3/MiddEval3-newFeatures.html), mask0nocc.png 255 where the pixel has truth
and is visible in both views, 128 where it is occluded, 0 where it has no truth. The disparity is the plain
difference of columns; calib.txt's `doffs` is needed only for depth, focal * baseline / (disparity + doffs).
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from stereo_model.data.base import DataOptionError, Files, PairFiles, Truth, finite_positive
from stereo_model.data.encodings import read_pfm, read_u8
from stereo_model.data.tree import Tree

RESOLUTIONS = ("Q", "H", "F")  # quarter, half, full
VISIBLE = 255


class _MaskedPairs(PairFiles):
    """Pairs whose truth is a PFM, with a mask of what both views see."""

    def _truth(self, files: Files) -> Truth:
        disparity_hw = read_pfm(self.root / files.truth)
        return Truth(
            disparity_hw=disparity_hw,
            valid_hw=finite_positive(disparity_hw),
            occluded_hw=read_u8(self.root / files.extra[0]) != VISIBLE,
        )


class Middlebury(_MaskedPairs):
    """`root` is MiddEval3. A scene is "trainingQ/Adirondack"."""

    kind = "middlebury"
    layout = "trainingQ/Adirondack/{im0.png,im1.png,disp0GT.pfm,mask0nocc.png}, likewise trainingH, trainingF"

    def __init__(self, root: str | os.PathLike[str], *, resolution: str = "Q") -> None:
        """`resolution`: Q, H or F.

        Raises:
            DataOptionError: another resolution.
        """
        if resolution not in RESOLUTIONS:
            raise DataOptionError(f"resolution {resolution!r} should be one of {', '.join(RESOLUTIONS)}")
        self._resolution = resolution
        super().__init__(root)

    def _scenes(self, tree: Tree) -> Iterable[str]:
        return (name.removesuffix("/im0.png") for name in tree.glob(f"training{self._resolution}/*/im0.png"))

    def _files(self, scene: str) -> Files:
        return Files(
            left=f"{scene}/im0.png",
            right=f"{scene}/im1.png",
            truth=f"{scene}/disp0GT.pfm",
            extra=(f"{scene}/mask0nocc.png",),
        )


class Eth3d(_MaskedPairs):
    """ETH3D's two-view training pairs (www.eth3d.net/datasets), grey. A scene is "delivery_area_1l"."""

    kind = "eth3d"
    layout = (
        "two_view_training/delivery_area_1l/{im0,im1}.png and "
        "two_view_training_gt/delivery_area_1l/{disp0GT.pfm,mask0nocc.png}"
    )

    def _scenes(self, tree: Tree) -> Iterable[str]:
        return (name.split("/")[1] for name in tree.glob("two_view_training/*/im0.png"))

    def _files(self, scene: str) -> Files:
        return Files(
            left=f"two_view_training/{scene}/im0.png",
            right=f"two_view_training/{scene}/im1.png",
            truth=f"two_view_training_gt/{scene}/disp0GT.pfm",
            extra=(f"two_view_training_gt/{scene}/mask0nocc.png",),
        )
