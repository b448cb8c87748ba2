"""The project's own HDF5 shards, read with h5py and hdf5plugin alone.

    left, right       u8  (N,H,W,3)  sRGB
    disparity_left    f32 (N,H,W)    pixels
    flags_left        u8  (N,H,W)    1 occluded, 2 out of frame, 4 sky, 8 transparent, 16 mirror-like,
                                     32 no truth
    slot, attempt     (N,)           name the sample

The sky is known to be at disparity 0, so it is valid. Chunks are tiles, so `part` decodes no more than
those that a crop touches. What is in which file is read from the index of their run where it fits
(`stereo_model.data.shards.columns`), else from the files. Shards are opened on first access in each process,
so the data set may be pickled, forked and spawned freely.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from jobs.store.cache import fetched_again
from stereo_model.data.base import DataFolderError, StereoFiles
from stereo_model.data.encodings import DataFileError, one_line
from stereo_model.data.filemark import FileMark
from stereo_model.data.sample import Sample
from stereo_model.data.shards.columns import Row, rows_of
from stereo_model.data.shards.files import DAMAGE, open_shard_file
from stereo_model.data.shards.find import FoundShard, Source, found_shards
from stereo_model.data.shards.keep import Keep
from stereo_model.data.shards.lists import Key, sample_name
from stereo_model.data.shards.verdicts import verdicts_near

NOT_VISIBLE = 1 | 2  # occluded, out of frame
NO_TRUTH = 32
MAX_OPEN = 64  # shards kept open per process
READ = ("left", "right", "disparity_left", "flags_left")  # of every sample
Window = tuple[int, slice, slice]  # a row of a shard, rows and columns of its images


class Shards(StereoFiles):
    """The samples of some shards: of a run, a folder, a shard, a list, a pattern, or several of those, as
    `stereo_model.data.shards.find` tells; of them those that `keep` wants (`stereo_model.data.shards.keep`).

    A scene is "00000/0000003-a0": shard, slot, attempt; the shard's folder comes before it where the shards
    lie in several.

    Raises:
        DataFolderError: no shard there, or no sample in them that is wanted.
        DataOptionError: `keep` asks for what does not exist.
        DataFileError: one of them is damaged or of another format; where the index names the samples, this is
            found when a sample of that shard is read.
    """

    kind = "shards"
    several = True

    def __init__(self, root: Source, keep: Mapping[str, Any] | Keep | None = None) -> None:
        found, wanted = found_shards(root), Keep.parse(keep)
        self._paths = [shard.path for shard in found]
        self.root = _common_folder(self._paths)
        self._opened: dict[int, OrderedDict[int, h5py.File]] = {}  # by process id, then by shard
        self._again: set[int] = set()  # shards of which this machine's copy was damaged
        rows = rows_of(self._paths, wanted.columns, _opened)
        if wanted.stratum is not None:
            wanted.require_strata(values["stratum"] for each in rows.values() for values in each)
        chosen = list(_chosen(found, rows, wanted))
        self._whole = len(chosen) == sum(map(len, rows.values()))
        self._where = [(shard, row) for shard, row, _ in chosen]  # shard, row
        self._sizes = [(values["height"], values["width"]) for *_, values in chosen]
        self._keys: list[Key] = [(values["slot"], values["attempt"]) for *_, values in chosen]
        if not chosen:
            raise DataFolderError(_nothing_left(root, rows, wanted))

    def __len__(self) -> int:
        return len(self._where)

    def __getitem__(self, index: int, /) -> Sample:
        height, width = self.size_hw(index)
        return self.part(index, (0, height), (0, width))

    def size_hw(self, index: int) -> tuple[int, int]:
        """Height and width of a sample in pixels."""
        return self._sizes[self._checked(index)]

    def part(self, index: int, rows: tuple[int, int], columns: tuple[int, int]) -> Sample:
        """These rows and columns of a sample, from the first to the last but one.

        Raises:
            DataFileError: the shard is damaged or of another format.
            ValueError: not rows or columns of the sample.
        """
        shard, row = self._where[self._checked(index)]
        for name, ends, size in zip(("rows", "columns"), (rows, columns), self.size_hw(index), strict=True):
            _require_inside(name, ends, size)
        try:
            arrays = self._read(shard, (row, slice(*rows), slice(*columns)))
        except DataFileError:
            if shard in self._again or not fetched_again(self._paths[shard]):
                raise
            self._again.add(shard)
            self._let_go(shard)
            arrays = self._read(shard, (row, slice(*rows), slice(*columns)))
        left_hwc, right_hwc, disparity_hw, flags_hw = arrays
        valid_hw = (flags_hw & NO_TRUTH) == 0
        return Sample(
            left=np.ascontiguousarray(left_hwc.transpose(2, 0, 1)),
            right=np.ascontiguousarray(right_hwc.transpose(2, 0, 1)),
            disparity=np.where(valid_hw, disparity_hw, 0).astype(np.float32),
            valid=valid_hw,
            occluded=valid_hw & ((flags_hw & NOT_VISIBLE) != 0),
        )

    def _read(self, shard: int, where: Window) -> list[NDArray[Any]]:
        """Left, right, disparity and flags."""
        file = self._file(shard)
        try:
            return [file[name][where] for name in READ]
        except DAMAGE as error:
            place = f"{self._paths[shard]}: row {where[0]}"
            raise DataFileError(f"{place} is damaged ({one_line(error)})") from error

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": {}}

    def scene(self, index: int) -> str:
        shard, _ = self._where[self._checked(index)]
        name = Path(self._relative(shard)).with_suffix("").as_posix()
        return f"{name}/{sample_name(self._keys[index])}"

    def files(self) -> Iterator[str]:
        return (self._relative(shard) for shard in range(len(self._paths)))

    def files_of(self, index: int) -> tuple[str, ...]:
        shard, _ = self._where[self._checked(index)]
        return (self._relative(shard),)

    def key(self, index: int) -> Key:
        """Slot and attempt of a sample."""
        return self._keys[self._checked(index)]

    def place(self, index: int) -> tuple[Path, int]:
        """The shard that holds a sample, and its row there."""
        shard, row = self._where[self._checked(index)]
        return self._paths[shard], row

    def digest_with(self, marks: Mapping[str, FileMark]) -> str:
        files = super().digest_with(marks)
        if self._whole:
            return files
        return hashlib.sha256(f"{files} {self._chosen_digest}".encode()).hexdigest()

    @cached_property
    def _chosen_digest(self) -> str:
        """Of the names of the samples, where they are not all that the shards hold."""
        names = "\n".join(self.scene(index) for index in range(len(self)))
        return hashlib.sha256(names.encode()).hexdigest()

    def _relative(self, shard: int) -> str:
        return Path(os.path.relpath(self._paths[shard], self.root)).as_posix()

    def _let_go(self, shard: int) -> None:
        if file := self._opened.setdefault(os.getpid(), OrderedDict()).pop(shard, None):
            file.close()

    def _file(self, shard: int) -> h5py.File:
        opened = self._opened.setdefault(os.getpid(), OrderedDict())
        file = opened.pop(shard, None) or _opened(self._paths[shard])
        opened[shard] = file
        if len(opened) > MAX_OPEN:
            opened.popitem(last=False)[1].close()
        return file


def _require_inside(name: str, ends: tuple[int, int], size: int) -> None:
    first, last = ends
    whole = all(isinstance(edge, int | np.integer) for edge in ends)
    if not whole or not 0 <= first < last <= size:
        raise ValueError(f"{name} {first}..{last} should be whole numbers, 0 <= first < last <= {size}")


def _chosen(
    found: Iterable[FoundShard], rows: Mapping[Path, list[Row]], wanted: Keep
) -> Iterator[tuple[int, int, Row]]:
    """Number of the shard, row and values of each sample that is meant and wanted, and that is there."""
    judged = cache(lambda folder: verdicts_near(folder / "shard"))
    for number, shard in enumerate(found):
        verdicts = judged(shard.path.parent) if wanted.verdict is not None else {}
        keys = [(values["slot"], values["attempt"]) for values in rows[shard.path]]
        _refuse_absent(shard, keys)
        for row, (key, values) in enumerate(zip(keys, rows[shard.path], strict=True)):
            if shard.holds(key) and wanted.accepts(values.__getitem__, verdicts.get(key)):
                yield number, row, values


def _refuse_absent(shard: FoundShard, keys: Iterable[Key]) -> None:
    absent = sorted((shard.only or frozenset()) - set(keys))
    if absent:
        raise DataFolderError(
            f"{shard.path}: {len(absent)} samples of a list are not in it, such as {sample_name(absent[0])}; "
            "the shard is another one than when the list was written: write the list again"
        )


def _nothing_left(root: Source, rows: Mapping[Path, list[Row]], wanted: Keep) -> str:
    where = f"{root if isinstance(root, str | os.PathLike) else ', '.join(map(str, root))}"
    samples = sum(map(len, rows.values()))
    if not samples:
        return f"{where}: {len(rows)} shards without a sample"
    strata = Counter(values["stratum"] for found in rows.values() for values in found if "stratum" in values)
    there = f"; the strata are {', '.join(sorted(strata))}" if strata else ""
    return f"{where}: none of {samples} samples in {len(rows)} shards passes {wanted or 'the list'}{there}"


def _common_folder(paths: list[Path]) -> Path:
    """The folder that all shards are below; the one that they are in, where it is one."""
    folders = {path.parent for path in paths}
    if len(folders) == 1:
        return folders.pop()
    return Path(os.path.commonpath([folder.absolute() for folder in folders]))


def _opened(path: Path) -> h5py.File:
    return open_shard_file(path)
