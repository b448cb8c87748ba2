"""Scene Flow: FlyingThings3D, Monkaa and Driving (Mayer et al., CVPR 2016), 960x540.

Layout and the list of unused files as on lmb.informatik.uni-freiburg.de/resources/datasets/
SceneFlowDatasets.en.html, folders as its archives unpack. Disparities are PFM in pixels, positive for the
left view. The separate "FlyingThings3D subset" has other folders and negative disparities and is refused.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from stereo_model.data.base import (
    DataFolderError,
    Files,
    PairFiles,
    StereoFiles,
    Truth,
    finite_positive,
    known_passes,
)
from stereo_model.data.encodings import read_disparity_pfm
from stereo_model.data.joined import Joined
from stereo_model.data.text import read_text
from stereo_model.data.tree import Tree

PASSES = ("cleanpass", "finalpass")
UNUSED = "all_unused_files.txt"  # published with FlyingThings3D: frames too hard or broken


class _SceneFlowSet(PairFiles):
    """One of the three sets. A scene is "<pass>/<folders>/<frame>"."""

    folders: ClassVar[str]  # pattern of the folders between pass and left/right

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        passes: Sequence[str] = PASSES[:1],
        split: str = "TRAIN",
        allow_missing: bool = False,
    ) -> None:
        """`passes`: "cleanpass", "finalpass" or both."""
        self._passes = known_passes(passes, PASSES)
        self._split = split
        super().__init__(root, allow_missing=allow_missing)

    def _scenes(self, tree: Tree) -> Iterable[str]:
        unused = _unused(self.root / UNUSED)
        folders = self.folders.format(split=glob.escape(self._split))
        for name in self._passes:
            for eye in ("left", "right"):
                for image in tree.glob(f"frames_{name}/{folders}/{eye}/*.png"):
                    _, *middle, _, frame = image.removesuffix(".png").split("/")
                    if "/".join((*middle, frame)) not in unused:
                        yield "/".join((name, *middle, frame))

    def _files(self, scene: str) -> Files:
        name, _, rest = scene.partition("/")
        folder, _, frame = rest.rpartition("/")
        return Files(
            left=f"frames_{name}/{folder}/left/{frame}.png",
            right=f"frames_{name}/{folder}/right/{frame}.png",
            truth=f"disparity/{folder}/left/{frame}.pfm",
        )

    def _truth(self, files: Files) -> Truth:
        disparity_hw = read_disparity_pfm(self.root / files.truth)
        return Truth(disparity_hw=disparity_hw, valid_hw=finite_positive(disparity_hw))


class FlyingThings3D(_SceneFlowSet):
    """FlyingThings3D, `split` TRAIN or TEST; frames listed in an `all_unused_files.txt` are left out."""

    kind = "flyingthings3d"
    folders = "{split}/*/*"
    layout = "frames_cleanpass/TRAIN/A/0000/{left,right}/0006.png and disparity/TRAIN/A/0000/left/0006.pfm"


class _OneSplit(_SceneFlowSet):
    """A set that is not parted into TRAIN and TEST."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        passes: Sequence[str] = PASSES[:1],
        allow_missing: bool = False,
    ) -> None:
        super().__init__(root, passes=passes, allow_missing=allow_missing)


class Monkaa(_OneSplit):
    """Monkaa; it has one split."""

    kind = "monkaa"
    folders = "*"
    layout = "frames_cleanpass/eating_x2/{left,right}/0048.png and disparity/eating_x2/left/0048.pfm"


class Driving(_OneSplit):
    """Driving; it has one split."""

    kind = "driving"
    folders = "*/*/*"
    layout = (
        "frames_cleanpass/15mm_focallength/scene_forwards/fast/{left,right}/0001.png and "
        "disparity/15mm_focallength/scene_forwards/fast/left/0001.pfm"
    )


class SceneFlow(Joined):
    """All three sets, from folders FlyingThings3D, Monkaa and Driving below `root`.

    A scene is "FlyingThings3D/cleanpass/TRAIN/A/0000/0006". The FlyingThings3D part is its TRAIN split.
    """

    kind = "sceneflow"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        passes: Sequence[str] = PASSES[:1],
        allow_missing: bool = False,
    ) -> None:
        self._passes, self._allow_missing = passes, allow_missing
        super().__init__(root)

    def _open(self) -> dict[str, StereoFiles]:
        sets: dict[str, type[_SceneFlowSet]] = {
            "FlyingThings3D": FlyingThings3D,
            "Monkaa": Monkaa,
            "Driving": Driving,
        }
        missing = [name for name in sets if not (self.root / name).is_dir()]
        if missing:
            raise DataFolderError(
                f"{self.root}: no folder {', '.join(missing)}; sceneflow expects {', '.join(sets)}; "
                "use flyingthings3d, monkaa or driving for a single set"
            )
        return {
            name: kind(self.root / name, passes=self._passes, allow_missing=self._allow_missing)
            for name, kind in sets.items()
        }


def _unused(path: Path) -> frozenset[str]:
    """Frames as "TRAIN/A/0004/0008" of lines like "TRAIN/A/0004/left/0008.png"; none without the file."""
    if not path.is_file():
        return frozenset()
    lines = (line.strip() for line in read_text(path).splitlines())
    parts = (line.rsplit(".", 1)[0].split("/") for line in lines if line)
    return frozenset("/".join((*names[:-2], names[-1])) for names in parts)
