"""The project's own HDF5 shards, read with h5py and hdf5plugin alone.

    left, right       u8  (N,H,W,3)  sRGB
    disparity_left    f32 (N,H,W)    pixels
    flags_left        u8  (N,H,W)    1 occluded, 2 out of frame, 4 sky, 8 transparent, 16 mirror-like,
                                     32 no truth
    slot, attempt     (N,)           name the sample

The sky is known to be at disparity 0, so it is valid. A chunk is a band of rows, so `rows` reads no more than
the bands that a crop touches. What is in which file is read from the run's index, index/samples.parquet
beside the folder, where it lists just these files and is no older than they; else from the files. Shards are
opened on first access in each process, so the data set may be pickled, forked and spawned freely.
"""

from __future__ import annotations

import logging
import os
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
INDEX = Path("index") / "samples.parquet"  # within a run
INDEXED = ("shard", "row", "slot", "attempt")  # its columns that are read
NOT_VISIBLE = 1 | 2  # occluded, out of frame
NO_TRUTH = 32
MAX_OPEN = 64  # shards kept open per process
LAYOUT = "finished shards, 00000.h5, 00001.h5, ..."
# What damaged bytes raise: OSError for data, the others for metadata.
DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError, OverflowError, MemoryError)

log = logging.getLogger(__name__)


class Shards(StereoFiles):
    """The samples of a folder of shards, or of one shard.

    A scene is "00000/0000003-a0": shard, slot, attempt.

    Raises:
        DataFolderError: no shard there, or no sample in them.
        DataFileError: one of them is damaged or of another format; where the index names the samples, this is
            found when a sample of that shard is read.
    """

    kind = "shards"

    def __init__(self, root: str | os.PathLike[str]) -> None:
        given = Path(root)
        self._paths = _shards_at(given)
        self.root = self._paths[0].parent
        self._opened: dict[int, OrderedDict[int, h5py.File]] = {}  # by process id, then by shard
        self._where: list[tuple[int, int]] = []  # shard, row
        self._scenes: list[str] = []
        listed = _indexed_names(self._paths)
        for shard, path in enumerate(self._paths):
            names = _sample_names(path) if listed is None else listed[path.name]
            self._where += [(shard, row) for row in range(len(names))]
            self._scenes += [f"{path.stem}/{name}" for name in names]
        if not self._scenes:
            raise DataFolderError(f"{given}: {len(self._paths)} shards without a sample")

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int, /) -> Sample:
        return self.rows(index, 0, self.size_hw(index)[0])

    def size_hw(self, index: int) -> tuple[int, int]:
        """Height and width of a sample in pixels. Raises as `rows`."""
        shard, _ = self._where[self._checked(index)]
        _, height, width = self._file(shard)["disparity_left"].shape
        return height, width

    def rows(self, index: int, top: int, bottom: int) -> Sample:
        """Rows `top` .. `bottom` - 1 of a sample.

        Raises:
            DataFileError: the shard is damaged or of another format.
        """
        shard, row = self._where[self._checked(index)]
        file, band = self._file(shard), slice(top, bottom)
        try:
            left_hwc, right_hwc = file["left"][row, band], file["right"][row, band]
            disparity_hw, flags_hw = file["disparity_left"][row, band], file["flags_left"][row, band]
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
        file = opened.pop(shard, None) or _opened(self._paths[shard])
        opened[shard] = file
        if len(opened) > MAX_OPEN:
            opened.popitem(last=False)[1].close()
        return file


def _shards_at(given: Path) -> list[Path]:
    """The shard, or those of a folder by name. Raises DataFolderError if there is none."""
    if given.is_dir():
        paths = sorted(path for path in given.glob("*.h5") if path.is_file())
    else:
        paths = [given] if given.is_file() else []
    if not paths:
        raise DataFolderError(f"{given}: no shard (*.h5) here; expected {LAYOUT}")
    return paths


def _indexed_names(paths: Sequence[Path]) -> dict[str, list[str]] | None:
    """The names of every shard's samples by row, from the index of the run; None where it does not fit."""
    folder = paths[0].parent.absolute()
    index = folder.parent / INDEX
    if not index.is_file():
        return None
    if index.stat().st_mtime_ns < max(path.stat().st_mtime_ns for path in paths):
        log.info("index=%s older than its shards, which are read instead", index)
        return None
    try:
        columns = _index_columns(index)
    except (OSError, ValueError) as error:  # what pyarrow raises
        log.warning("index=%s unreadable (%s); the shards are read instead", index, one_line(error))
        return None
    names = _names_by_shard(columns, folder.name)
    return names if set(names) == {path.name for path in paths} else None


def _index_columns(index: Path) -> Mapping[str, list[Any]]:
    import pyarrow.parquet  # takes a while to load, and only shards of a run have an index

    table: Mapping[str, list[Any]] = pyarrow.parquet.read_table(index, columns=list(INDEXED)).to_pydict()
    missing = [name for name in INDEXED if name not in table]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}")
    return table


def _names_by_shard(columns: Mapping[str, list[Any]], folder: str) -> dict[str, list[str]]:
    """ "0000003-a0" for every row of the shards in this folder of the run; rows with gaps give none."""
    rows: dict[str, dict[int, str]] = defaultdict(dict)
    for shard, row, slot, attempt in zip(*(columns[name] for name in INDEXED), strict=True):
        parent, _, name = shard.rpartition("/")
        if parent == folder:
            rows[name][row] = f"{slot:07d}-a{attempt}"
    whole = {name: found for name, found in rows.items() if set(found) == set(range(len(found)))}
    return {name: [found[row] for row in sorted(found)] for name, found in whole.items()}


def _sample_names(path: Path) -> list[str]:
    """ "0000003-a0" for every row of a shard that is what it should be."""
    with _opened(path) as file:
        try:
            return [f"{s:07d}-a{a}" for s, a in zip(file["slot"][:], file["attempt"][:], strict=True)]
        except DAMAGE as error:
            raise DataFileError(f"{path}: not a readable shard ({one_line(error)})") from error


def _opened(path: Path) -> h5py.File:
    """The file, if it is a shard. Raises DataFileError."""
    try:
        file = h5py.File(path, "r")
    except DAMAGE as error:
        raise DataFileError(f"{path}: not a readable shard ({one_line(error)})") from error
    try:
        _refuse_others(file, path)
    except DataFileError:
        file.close()
        raise
    except DAMAGE as error:
        file.close()
        raise DataFileError(f"{path}: not a readable shard ({one_line(error)})") from error
    return file


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
