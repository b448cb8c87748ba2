"""Your own pairs: one folder per scene, with left.*, right.* and disp.png, .pfm, .npy or .npz.

    <scene>/left.png, right.png     any picture Pillow reads
    <scene>/disp.png                16-bit, `scale` (256) x disparity, 0 = no truth
    <scene>/disp.pfm, .npy, .npz    float pixels of the left view; inf, NaN, 0 and below = no truth
    <scene>/nocc.png                optional: 255 where visible in both views

Without nocc.png a sample has no `occluded`. An .npz holds one array, or one named "disparity" or "disp".
"""

from __future__ import annotations

import hashlib
import math
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.contents import NUMPY_ARCHIVE, NUMPY_ARRAY, contents
from stereo_model.data.base import DataFolderError, DataOptionError, Files, PairFiles, Truth, finite_positive
from stereo_model.data.encodings import (
    KITTI_SCALE,
    UNREADABLE,
    DataFileError,
    one_line,
    read_disparity_pfm,
    read_png16,
    read_u8,
)
from stereo_model.data.filemark import FileMark
from stereo_model.data.tree import Tree

PICTURES = ("png", "jpg", "jpeg", "webp", "ppm", "pgm", "bmp", "tif", "tiff")
TRUTHS = ("png", "pfm", "npy", "npz")
STEMS = {"left": PICTURES, "right": PICTURES, "disp": TRUTHS}
KNOWN = frozenset(suffix for suffixes in STEMS.values() for suffix in suffixes)
ARRAY_NAMES = ("disparity", "disp")  # in an .npz of several
MASK = "nocc.png"
VISIBLE = 255


class Folder(PairFiles):
    """A scene is the name of its folder. A folder of other pictures counts as a scene without its files."""

    kind = "folder"
    layout = (
        "<scene>/left.png, <scene>/right.png and <scene>/disp.{png,pfm,npy,npz}, optionally <scene>/nocc.png"
    )

    def __init__(
        self, root: str | os.PathLike[str], *, scale: float = KITTI_SCALE, allow_missing: bool = False
    ) -> None:
        """`scale`: what disp.png stores for a disparity of one pixel.

        Raises:
            DataOptionError: a scale that is no positive number.
        """
        if not isinstance(scale, int | float) or isinstance(scale, bool) or not 0 < scale < math.inf:
            raise DataOptionError(f"scale {scale!r} should be a positive number, such as 256, 128 or 64")
        self._scale = float(scale)
        self._by_scene: dict[str, Files] = {}
        super().__init__(root, allow_missing=allow_missing)
        bare = [
            self.scene(index) for index in range(len(self)) if not self._by_scene[self.scene(index)].extra
        ]
        if bare:
            self.unmasked = f"{len(bare)} of {len(self)} scenes hold no {MASK}, such as {bare[0]}"

    def _scenes(self, tree: Tree) -> Iterable[str]:
        found = (path.split("/") for path in tree.glob("*/*"))
        for scene in dict.fromkeys(folder for folder, name in found if _suffix(name) in KNOWN):
            left, right, truth = (_only(tree, scene, stem, STEMS[stem]) for stem in STEMS)
            mask = f"{scene}/{MASK}"
            extra = (mask,) if tree.has(mask) else ()
            self._by_scene[scene] = Files(left=left, right=right, truth=truth, extra=extra)
            yield scene

    def _files(self, scene: str) -> Files:
        return self._by_scene[scene]

    def digest_with(self, marks: Mapping[str, FileMark]) -> str:
        """Files that are read with another scale are other data."""
        files = super().digest_with(marks)
        if self._scale == KITTI_SCALE:
            return files
        return hashlib.sha256(f"{files} scale {self._scale!r}".encode()).hexdigest()

    def _truth(self, files: Files) -> Truth:
        disparity_hw, valid_hw = _read_disparity(self.root / files.truth, self._scale)
        occluded_hw = read_u8(self.root / files.extra[0]) != VISIBLE if files.extra else None
        return Truth(disparity_hw=disparity_hw, valid_hw=valid_hw, occluded_hw=occluded_hw)


def _only(tree: Tree, scene: str, stem: str, suffixes: tuple[str, ...]) -> str:
    """The one file of that stem, or the first spelling of it where there is none."""
    found = [f"{scene}/{stem}.{suffix}" for suffix in suffixes if tree.has(f"{scene}/{stem}.{suffix}")]
    if len(found) > 1:
        raise DataFolderError(f"{tree.root}: both {' and '.join(found)}; a scene has one {stem}")
    return found[0] if found else f"{scene}/{stem}.{suffixes[0]}"


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _read_disparity(path: Path, scale: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    suffix = _suffix(path.name)
    if suffix == "png":
        return read_png16(path, scale=scale)
    disparity_hw = read_disparity_pfm(path) if suffix == "pfm" else _read_numpy(path)
    return disparity_hw, finite_positive(disparity_hw)


def _read_numpy(path: Path) -> NDArray[np.float32]:
    try:
        values = np.load(path, allow_pickle=False)
        if isinstance(values, np.lib.npyio.NpzFile):
            with values:
                values = values[_name_in(values.files, path)]
    except (*UNREADABLE, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(f"{path}: {_no_array(path, error)}") from error
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind != "f":
        raise DataFileError(f"{path}: expected one array of floats, (H,W) pixels")
    return values.astype(np.float32)


def _no_array(path: Path, error: Exception) -> str:
    """Why a file gives no array, without numpy's advice to load it unsafely."""
    if "pickle" not in str(error) and not isinstance(error, EOFError):
        return f"not a readable numpy array ({one_line(error)})"
    what = contents(path)
    if what in (NUMPY_ARRAY, NUMPY_ARCHIVE):
        what += " of Python objects, which are not loaded as they may run code"
    return f"is {what}; expected an .npy or .npz of floats, (H,W) pixels"


def _name_in(names: Sequence[str], path: Path) -> str:
    """Which array of an .npz is the disparity: the only one, or the one of a usual name."""
    usual = [name for name in names if name in ARRAY_NAMES]
    chosen = list(names) if len(names) == 1 else usual
    if len(chosen) != 1:
        raise DataFileError(
            f"{path}: holds {', '.join(names) or 'no array'}; expected one array, or one of them named "
            f"{' or '.join(ARRAY_NAMES)}"
        )
    return chosen[0]
