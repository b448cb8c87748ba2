"""KITTI 2012 and 2015 training pairs: sparse lidar truth, 16-bit PNG of 256 x disparity, 0 = none.

Layout and encoding as in the readmes of the two development kits (www.cvlibs.net/datasets/kitti,
stereo/flow 2012 and scene flow 2015). The disp_occ map has truth for all pixels, disp_noc only for those
visible in both views: a pixel in the first and not in the second is occluded. Only frames _10 have truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from stereo_model.data.base import Files, PairFiles, Truth
from stereo_model.data.encodings import read_png16
from stereo_model.data.tree import Tree


class _Kitti(PairFiles):
    """A scene is "000010_10"."""

    left: ClassVar[str]
    right: ClassVar[str]
    all_pixels: ClassVar[str]
    visible: ClassVar[str]

    def _scenes(self, tree: Tree) -> Iterable[str]:
        for folder in (self.left, self.right):
            for image in tree.glob(f"training/{folder}/*_10.png"):
                yield image.removesuffix(".png").rpartition("/")[2]

    def _files(self, scene: str) -> Files:
        return Files(
            left=f"training/{self.left}/{scene}.png",
            right=f"training/{self.right}/{scene}.png",
            truth=f"training/{self.all_pixels}/{scene}.png",
            extra=(f"training/{self.visible}/{scene}.png",),
        )

    def _truth(self, files: Files) -> Truth:
        disparity_hw, valid_hw = read_png16(self.root / files.truth)
        _, visible_hw = read_png16(self.root / files.extra[0])
        return Truth(disparity_hw=disparity_hw, valid_hw=valid_hw, occluded_hw=~visible_hw)


class Kitti2012(_Kitti):
    """KITTI 2012, the colour images."""

    kind = "kitti2012"
    left, right, all_pixels, visible = "colored_0", "colored_1", "disp_occ", "disp_noc"
    layout = "training/{colored_0,colored_1,disp_occ,disp_noc}/000000_10.png"


class Kitti2015(_Kitti):
    """KITTI 2015."""

    kind = "kitti2015"
    left, right, all_pixels, visible = "image_2", "image_3", "disp_occ_0", "disp_noc_0"
    layout = "training/{image_2,image_3,disp_occ_0,disp_noc_0}/000000_10.png"
