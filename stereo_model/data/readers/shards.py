"""The project's own HDF5 shards, read with h5py and hdf5plugin alone.

    left, right       u8  (N,H,W,3)  sRGB
    disparity_left    f32 (N,H,W)    pixels
    flags_left        u8  (N,H,W)    1 occluded, 2 out of frame, 4 sky, 8 transparent, 16 mirror-like,
                                     32 no truth
    slot, attempt     (N,)           name the sample

The sky is known to be at disparity 0, so it is valid. Files are opened on first access in each process, so
the data set may be pickled, forked and spawned freely.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter
import numpy as np

from stereo_model.data.base import DataFolderError, StereoFiles
from stereo_model.data.encodings import DataFileError, one_line
from stereo_model.data.sample import Sample

FORMAT = "fsd-gen stereo shard"
SCHEMA_VERSION = 1
NOT_VISIBLE = 1 | 2  # occluded, out of frame
NO_TRUTH = 32
MAX_OPEN = 64  # shards kept open per process
LAYOUT = "finished shards, 00000.h5, 00001.h5, ..."
# What damaged bytes raise: OSError for data, the others for metadata.
DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError, OverflowError, MemoryError)


class Shards(StereoFiles):
    """The samples of a folder of shards, or of one shard.

    A scene is "00000/0000003-a0": shard, slot, attempt.

    Raises:
        DataFolderError: no shard there, or no sample in them.
        DataFileError: one of them is damaged or of another format.
    """

    kind = "shards"

    def __init__(self, root: str | os.PathLike[str]) -> None:
        given = Path(root)
        if given.is_dir():
            paths = sorted(path for path in given.glob("*.h5") if path.is_file())
        else:
            paths = [given] if given.is_file() else []
        if not paths:
            raise DataFolderError(f"{given}: no shard (*.h5) here; expected {LAYOUT}")
        self.root = paths[0].parent
        self._paths = paths
        self._opened: dict[int, OrderedDict[int, h5py.File]] = {}  # by process id, then by shard
        self._where: list[tuple[int, int]] = []  # shard, row
        self._scenes: list[str] = []
        for shard, path in enumerate(paths):
            names = _sample_names(path)
            self._where += [(shard, row) for row in range(len(names))]
            self._scenes += [f"{path.stem}/{name}" for name in names]
        if not self._scenes:
            raise DataFolderError(f"{given}: {len(paths)} shards without a sample")

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int, /) -> Sample:
        shard, row = self._where[self._checked(index)]
        try:
            file = self._file(shard)
            left_hwc, right_hwc = file["left"][row], file["right"][row]
            disparity_hw, flags_hw = file["disparity_left"][row], file["flags_left"][row]
        except DAMAGE as error:
            raise DataFileError(f"{self._paths[shard]}: row {row} is damaged ({one_line(error)})") from error
        valid_hw = (flags_hw & NO_TRUTH) == 0
        return Sample(
            left=np.ascontiguousarray(left_hwc.transpose(2, 0, 1)),
            right=np.ascontiguousarray(right_hwc.transpose(2, 0, 1)),
            disparity=np.where(valid_hw, disparity_hw, 0).astype(np.float32),
            valid=valid_hw,
            occluded=valid_hw & ((flags_hw & NOT_VISIBLE) != 0),
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": {}}

    def scene(self, index: int) -> str:
        return self._scenes[self._checked(index)]

    def files(self) -> Iterator[str]:
        return (path.name for path in self._paths)

    def _file(self, shard: int) -> h5py.File:
        opened = self._opened.setdefault(os.getpid(), OrderedDict())
        file = opened.pop(shard, None) or h5py.File(self._paths[shard], "r")
        opened[shard] = file
        if len(opened) > MAX_OPEN:
            opened.popitem(last=False)[1].close()
        return file


def _sample_names(path: Path) -> list[str]:
    """ "0000003-a0" for every row of a shard that is what it should be."""
    try:
        with h5py.File(path, "r") as file:
            _refuse_others(file, path)
            return [f"{s:07d}-a{a}" for s, a in zip(file["slot"][:], file["attempt"][:], strict=True)]
    except DataFileError:
        raise
    except DAMAGE as error:
        raise DataFileError(f"{path}: not a readable shard ({one_line(error)})") from error


def _refuse_others(file: h5py.File, path: Path) -> None:
    found = file.attrs["format"].decode() if "format" in file.attrs else "nothing"
    if found != FORMAT or file.attrs["schema_version"] != SCHEMA_VERSION:
        raise DataFileError(f"{path}: its format is {found!r:.60}, expected {FORMAT!r} {SCHEMA_VERSION}")
    rows, height, width = file["disparity_left"].shape
    expected = {"left": (rows, height, width, 3), "flags_left": (rows, height, width)}
    expected |= {"right": expected["left"], "slot": (rows,), "attempt": (rows,)}
    for name, shape in expected.items():
        if file[name].shape != shape:
            raise DataFileError(f"{path}: dataset {name} has shape {file[name].shape}, expected {shape}")
