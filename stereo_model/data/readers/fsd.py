"""The FoundationStereo Dataset (FSD), 1280x720: JPEG images, disparities packed into 24-bit PNG.

Layout and packing as its authors describe them (github.com/NVlabs/FoundationStereo, "FSD Dataset", and issue
173; the same packing on the card of nvidia/ffs_stereo4d). Code 0 means no truth, as in NVIDIA's own reader
(github.com/NVIDIA/tao_pytorch_backend, depth_net). FSD has no occlusion masks and no camera parameters.
"""

from __future__ import annotations

from collections.abc import Iterable

from stereo_model.data.base import Files, PairFiles, Truth
from stereo_model.data.encodings import decode_fsd, read_u8_rgb
from stereo_model.data.tree import Tree


class Fsd(PairFiles):
    """`root` is any folder above, or at, the `dataset/data` folders. A scene is ".../dataset/data/0000"."""

    kind = "fsd"
    layout = (
        "manipulation_v5_realistic_kitchen_2500_1/dataset/data/{left,right}/rgb/0000.jpg and "
        "left/disparity/0000.png beside left/rgb"
    )

    def _scenes(self, tree: Tree) -> Iterable[str]:
        for eye in ("left", "right"):
            for image in tree.glob(f"**/{eye}/rgb/*.jpg"):
                *folders, _, _, frame = image.removesuffix(".jpg").split("/")
                yield "/".join((*folders, frame))

    def _files(self, scene: str) -> Files:
        *folders, frame = scene.split("/")
        at = "/".join((*folders, ""))
        return Files(
            left=f"{at}left/rgb/{frame}.jpg",
            right=f"{at}right/rgb/{frame}.jpg",
            truth=f"{at}left/disparity/{frame}.png",
        )

    def _truth(self, files: Files) -> Truth:
        disparity_hw = decode_fsd(read_u8_rgb(self.root / files.truth))
        return Truth(disparity_hw=disparity_hw, valid_hw=disparity_hw > 0)
