"""Middlebury's training pairs (evaluation 3, and the data sets of 2014 and 2021), and ETH3D's: one format.

Images im0.png and im1.png, truth disp0GT.pfm, or disp0.pfm in the data sets, in pixels of that resolution
with inf = unknown (vision.middlebury.edu/stereo/eval3/MiddEval3-newFeatures.html), mask0nocc.png 255 where
the pixel has truth and is visible in both views, 128 where it is occluded, 0 where it has no truth. The data
sets of 2014 and 2021 have no such mask: nothing is then known about occlusion. The disparity is the plain
difference of columns; calib.txt's `doffs` is needed only for depth, focal * baseline / (disparity + doffs).
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from stereo_model.data.base import DataOptionError, Files, PairFiles, Truth, finite_positive
from stereo_model.data.encodings import read_disparity_pfm, read_u8
from stereo_model.data.tree import Tree

RESOLUTIONS = ("Q", "H", "F")  # quarter, half, full
TRUTHS = ("disp0GT.pfm", "disp0.pfm")  # of the benchmark, of the data sets
MASK = "mask0nocc.png"
MASK_LIKE = ("*mask*.png", "*nocc*.png", "*occ*.png")  # other names that masks go by
VISIBLE = 255


class _MaskedPairs(PairFiles):
    """Pairs whose truth is a PFM, with a mask of what both views see, or none in any scene."""

    def __init__(
        self, root: str | os.PathLike[str], *, mask: str | None = MASK, allow_missing: bool = False
    ) -> None:
        """`mask`: the masks' name, None to do without."""
        self._mask = mask
        super().__init__(root, allow_missing=allow_missing)

    def _truth(self, files: Files) -> Truth:
        disparity_hw = read_disparity_pfm(self.root / files.truth)
        occluded_hw = read_u8(self.root / files.extra[0]) != VISIBLE if files.extra else None
        return Truth(
            disparity_hw=disparity_hw, valid_hw=finite_positive(disparity_hw), occluded_hw=occluded_hw
        )

    def _masks_in(self, tree: Tree, folder: str, *, expected: bool) -> tuple[str, ...]:
        """The masks' name in the scenes of `folder`; none where none is `expected` or it has another name.

        Sets `unmasked`, which says why nothing is known about occlusion.
        """
        if self._mask is None:
            self.unmasked = "opened with mask=null"
            return ()
        if self._mask != MASK or _first(tree, f"{folder}*/{self._mask}"):
            return (self._mask,)
        others = [name for name in (_first(tree, f"{folder}*/{like}") for like in MASK_LIKE) if name]
        if expected and not others:
            return (self._mask,)
        hint = f"; is {others[0]} one? mask={others[0].rpartition('/')[2]} reads it" if others else ""
        self.unmasked = f"its scenes hold no {MASK}{hint}"
        return ()


class Middlebury(_MaskedPairs):
    """`root` is MiddEval3, a scene "trainingQ/Adirondack"; or the data set of 2014 or 2021, a scene "chess1".

    In MiddEval3, `resolution` chooses Q (as when it is not given), H or F.
    """

    kind = "middlebury"
    layout = (
        "trainingQ/Adirondack/{im0.png,im1.png,disp0GT.pfm,mask0nocc.png}, likewise trainingH, trainingF; "
        "or {,data/}chess1/{im0.png,im1.png,disp0.pfm}"
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        resolution: str | None = None,
        mask: str | None = MASK,
        allow_missing: bool = False,
    ) -> None:
        """`resolution`: Q, H or F.

        Raises:
            DataOptionError: another resolution.
        """
        if resolution not in (None, *RESOLUTIONS):
            raise DataOptionError(f"resolution {resolution!r} should be one of {', '.join(RESOLUTIONS)}")
        self._resolution = resolution
        super().__init__(root, mask=mask, allow_missing=allow_missing)

    def _scenes(self, tree: Tree) -> Iterable[str]:
        folder = next((place for place in self._places() if self._images(tree, place)), None)
        if folder is None:
            return ()
        self._truth_name = next((name for name in TRUTHS if _first(tree, f"{folder}*/{name}")), TRUTHS[0])
        self._masks = self._masks_in(tree, folder, expected=self._truth_name == TRUTHS[0])
        return self._images(tree, folder)

    def _places(self) -> tuple[str, ...]:
        """Where the scenes' folders may lie, beginning with what was asked for."""
        evaluation = f"training{self._resolution or RESOLUTIONS[0]}/"
        return (evaluation,) if self._resolution else (evaluation, "", "data/")

    def _images(self, tree: Tree, folder: str) -> list[str]:
        images = (image for name in ("im0.png", "im1.png") for image in tree.glob(f"{folder}*/{name}"))
        return [image.rpartition("/")[0] for image in images]

    def _files(self, scene: str) -> Files:
        return Files(
            left=f"{scene}/im0.png",
            right=f"{scene}/im1.png",
            truth=f"{scene}/{self._truth_name}",
            extra=tuple(f"{scene}/{name}" for name in self._masks),
        )


class Eth3d(_MaskedPairs):
    """ETH3D's two-view training pairs (www.eth3d.net/datasets), grey. A scene is "delivery_area_1l"."""

    kind = "eth3d"
    layout = (
        "two_view_training/delivery_area_1l/{im0,im1}.png and "
        "two_view_training_gt/delivery_area_1l/{disp0GT.pfm,mask0nocc.png}"
    )

    def _scenes(self, tree: Tree) -> Iterable[str]:
        self._masks = self._masks_in(tree, "two_view_training_gt/", expected=True)
        for name in ("im0.png", "im1.png"):
            yield from (image.split("/")[1] for image in tree.glob(f"two_view_training/*/{name}"))

    def _files(self, scene: str) -> Files:
        return Files(
            left=f"two_view_training/{scene}/im0.png",
            right=f"two_view_training/{scene}/im1.png",
            truth=f"two_view_training_gt/{scene}/disp0GT.pfm",
            extra=tuple(f"two_view_training_gt/{scene}/{name}" for name in self._masks),
        )


def _first(tree: Tree, pattern: str) -> str | None:
    return next(tree.glob(pattern), None)
