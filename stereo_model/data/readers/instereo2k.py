"""InStereo2K (Bao et al., 2020): real indoor pairs, 1080x860.

Encoding as in github.com/YuhuaXu/StereoDataset: 16-bit PNG of 100 x disparity, 0 = invalid. The training
scenes come in folders part1 to part6 below train, the test scenes lie directly below test.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

from stereo_model.data.base import Files, PairFiles, Truth
from stereo_model.data.encodings import read_png16
from stereo_model.data.tree import Tree

SCALE = 100


class InStereo2K(PairFiles):
    """`root` holds train and test; `split` names one of them. A scene is "train/part1/000100"."""

    kind = "instereo2k"
    layout = "train/part1/<scene>/{left,right,left_disp}.png and test/<scene>/{left,right,left_disp}.png"

    def __init__(
        self, root: str | os.PathLike[str], *, split: str = "train", allow_missing: bool = False
    ) -> None:
        self._split = split
        super().__init__(root, allow_missing=allow_missing)

    def _scenes(self, tree: Tree) -> Iterable[str]:
        for name in ("left.png", "right.png"):
            found = tree.glob(f"{glob.escape(self._split)}/**/{name}")
            yield from (image.removesuffix(f"/{name}") for image in found)

    def _files(self, scene: str) -> Files:
        return Files(left=f"{scene}/left.png", right=f"{scene}/right.png", truth=f"{scene}/left_disp.png")

    def _truth(self, files: Files) -> Truth:
        disparity_hw, valid_hw = read_png16(self.root / files.truth, scale=SCALE)
        return Truth(disparity_hw=disparity_hw, valid_hw=valid_hw)
