"""MPI-Sintel stereo training data, 1024x436: both passes share one truth.

Layout, masks and packing as in the archive's README ("MPI-Sintel, Stereo Training Data", 2015). Disparities
are positive although it calls them negative; they are capped at 1024, which its packing wraps to 0, so 0
means no truth. Occluded and out-of-frame pixels have truth all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from stereo_model.data.base import Files, PairFiles, Truth, known_passes
from stereo_model.data.encodings import decode_sintel, read_u8, read_u8_rgb
from stereo_model.data.tree import Tree

PASSES = ("clean", "final")


class Sintel(PairFiles):
    """`root` is the unpacked archive. A scene is "clean/alley_1/frame_0001"."""

    kind = "sintel"
    layout = (
        "training/{clean,final}_{left,right}, training/disparities, training/occlusions and "
        "training/outofframe, each with alley_1/frame_0001.png"
    )

    def __init__(
        self, root: str | os.PathLike[str], *, passes: Sequence[str] = PASSES, allow_missing: bool = False
    ) -> None:
        """`passes`: "clean", "final" or both."""
        self._passes = known_passes(passes, PASSES)
        super().__init__(root, allow_missing=allow_missing)

    def _scenes(self, tree: Tree) -> Iterable[str]:
        for name in self._passes:
            for eye in ("left", "right"):
                for image in tree.glob(f"training/{name}_{eye}/*/frame_*.png"):
                    yield "/".join((name, *image.removesuffix(".png").split("/")[-2:]))

    def _files(self, scene: str) -> Files:
        name, _, frame = scene.partition("/")
        return Files(
            left=f"training/{name}_left/{frame}.png",
            right=f"training/{name}_right/{frame}.png",
            truth=f"training/disparities/{frame}.png",
            extra=(f"training/occlusions/{frame}.png", f"training/outofframe/{frame}.png"),
        )

    def _truth(self, files: Files) -> Truth:
        disparity_hw = decode_sintel(read_u8_rgb(self.root / files.truth))
        occlusion_hw, out_hw = (read_u8(self.root / name) for name in files.extra)
        return Truth(
            disparity_hw=disparity_hw,
            valid_hw=disparity_hw > 0,
            occluded_hw=(occlusion_hw != 0) | (out_hw != 0),
        )
