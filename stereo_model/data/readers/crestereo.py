"""CREStereo's synthetic training set (Li et al., CVPR 2022), 1920x1080.

Names and encoding as in github.com/megvii-research/CREStereo (README, "Disparity Format"; dataset.py):
16-bit PNG of 32 x disparity, 0 = no truth.
"""

from __future__ import annotations

from collections.abc import Iterable

from stereo_model.data.base import Files, PairFiles, Truth
from stereo_model.data.encodings import read_png16
from stereo_model.data.tree import Tree

SCALE = 32


class CreStereo(PairFiles):
    """`root` holds tree, shapenet, reflective and hole, or some of them. A scene is "tree/0/<name>"."""

    kind = "crestereo"
    layout = "tree/<name>_left.jpg, <name>_right.jpg and <name>_left.disp.png, also shapenet, ..."

    def _scenes(self, tree: Tree) -> Iterable[str]:
        for ending in ("_left.jpg", "_right.jpg"):
            yield from (image.removesuffix(ending) for image in tree.glob(f"**/*{ending}"))

    def _files(self, scene: str) -> Files:
        return Files(left=f"{scene}_left.jpg", right=f"{scene}_right.jpg", truth=f"{scene}_left.disp.png")

    def _truth(self, files: Files) -> Truth:
        disparity_hw, valid_hw = read_png16(self.root / files.truth, scale=SCALE)
        return Truth(disparity_hw=disparity_hw, valid_hw=valid_hw)
