"""Virtual KITTI 2 (Cabon et al., 2020), 1242x375: depth in centimetres as 16-bit PNG, camera 0 left, 1 right.

Published at europe.naverlabs.com/research/proxy-virtual-worlds-vkitti-2; layout, intrinsics and baseline as
in the reader of github.com/gangweiX/IGEV-plusplus (MIT). The depth is along the optical axis. The sky has
the largest number, 655.35 m, and so has everything beyond: no truth there.
"""

from __future__ import annotations

from collections.abc import Iterable

from stereo_model.data.base import Files, PairFiles, Truth
from stereo_model.data.encodings import disparity_of_depth, read_u16
from stereo_model.data.tree import Tree

FOCAL_PX = 725.0087
BASELINE_CM = 53.2725
FARTHEST_CM = 0xFFFF


class VirtualKitti2(PairFiles):
    """`root` holds Scene01, Scene02, ... A scene is "Scene01/clone/00000"."""

    kind = "vkitti2"
    layout = (
        "Scene01/clone/frames/rgb/{Camera_0,Camera_1}/rgb_00000.jpg and "
        "Scene01/clone/frames/depth/Camera_0/depth_00000.png"
    )

    def _scenes(self, tree: Tree) -> Iterable[str]:
        for camera in ("Camera_0", "Camera_1"):
            for image in tree.glob(f"Scene*/*/frames/rgb/{camera}/rgb_*.jpg"):
                scene, variation, *_, name = image.removesuffix(".jpg").split("/")
                yield f"{scene}/{variation}/{name.removeprefix('rgb_')}"

    def _files(self, scene: str) -> Files:
        folder, _, frame = scene.rpartition("/")
        return Files(
            left=f"{folder}/frames/rgb/Camera_0/rgb_{frame}.jpg",
            right=f"{folder}/frames/rgb/Camera_1/rgb_{frame}.jpg",
            truth=f"{folder}/frames/depth/Camera_0/depth_{frame}.png",
        )

    def _truth(self, files: Files) -> Truth:
        depth_cm_hw = read_u16(self.root / files.truth)
        return Truth(
            disparity_hw=disparity_of_depth(depth_cm_hw, FOCAL_PX * BASELINE_CM),
            valid_hw=(depth_cm_hw > 0) & (depth_cm_hw < FARTHEST_CM),
        )
