"""Your own pairs: one folder per scene, with left.*, right.* and disp.png, disp.pfm or disp.npy.

    <scene>/left.png, right.png     any picture Pillow reads
    <scene>/disp.png                16-bit, 256 x disparity, 0 = no truth
    <scene>/disp.pfm, disp.npy      float pixels of the left view; inf, NaN, 0 and below = no truth
    <scene>/nocc.png                optional: 255 where visible in both views

Without nocc.png a sample has no `occluded`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stereo_model.data.base import DataFolderError, Files, PairFiles, Truth, finite_positive
from stereo_model.data.encodings import UNREADABLE, DataFileError, one_line, read_pfm, read_png16, read_u8
from stereo_model.data.tree import Tree

PICTURES = ("png", "jpg", "jpeg", "webp", "ppm", "pgm", "bmp", "tif", "tiff")
TRUTHS = ("png", "pfm", "npy")
MASK = "nocc.png"
VISIBLE = 255


class Folder(PairFiles):
    """A scene is the name of its folder."""

    kind = "folder"
    layout = "<scene>/left.png, <scene>/right.png and <scene>/disp.{png,pfm,npy}, optionally <scene>/nocc.png"

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._by_scene: dict[str, Files] = {}
        super().__init__(root)

    def _scenes(self, tree: Tree) -> Iterable[str]:
        stems = {"left": PICTURES, "right": PICTURES, "disp": TRUTHS}
        names = {f"{stem}.{suffix}" for stem, suffixes in stems.items() for suffix in suffixes}
        found = (path.split("/") for path in tree.glob("*/*"))
        for scene in dict.fromkeys(folder for folder, name in found if name in names):
            left, right, truth = (_only(tree, scene, stem, stems[stem]) for stem in stems)
            mask = f"{scene}/{MASK}"
            extra = (mask,) if tree.has(mask) else ()
            self._by_scene[scene] = Files(left=left, right=right, truth=truth, extra=extra)
            yield scene

    def _files(self, scene: str) -> Files:
        return self._by_scene[scene]

    def _truth(self, files: Files) -> Truth:
        disparity_hw, valid_hw = _read_disparity(self.root / files.truth)
        occluded_hw = read_u8(self.root / files.extra[0]) != VISIBLE if files.extra else None
        return Truth(disparity_hw=disparity_hw, valid_hw=valid_hw, occluded_hw=occluded_hw)


def _only(tree: Tree, scene: str, stem: str, suffixes: tuple[str, ...]) -> str:
    """The one file of that stem, or the first spelling of it where there is none."""
    found = [f"{scene}/{stem}.{suffix}" for suffix in suffixes if tree.has(f"{scene}/{stem}.{suffix}")]
    if len(found) > 1:
        raise DataFolderError(f"{tree.root}: both {' and '.join(found)}; a scene has one {stem}")
    return found[0] if found else f"{scene}/{stem}.{suffixes[0]}"


def _read_disparity(path: Path) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    if path.suffix == ".png":
        return read_png16(path)
    disparity_hw = read_pfm(path) if path.suffix == ".pfm" else _read_npy(path)
    return disparity_hw, finite_positive(disparity_hw)


def _read_npy(path: Path) -> NDArray[np.float32]:
    try:
        values = np.load(path, allow_pickle=False)
    except UNREADABLE as error:
        raise DataFileError(f"{path}: not a readable numpy array ({one_line(error)})") from error
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind != "f":
        raise DataFileError(f"{path}: expected one array of floats, (H,W) pixels")
    return values.astype(np.float32)
