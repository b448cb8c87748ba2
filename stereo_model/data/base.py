"""What every data set is to the rest of the code: a length, samples by index, a name per sample, a digest.

Most published data sets are folders of files, three or four per pair. `PairFiles` does all of it for them;
a data set states where its files are (`_scenes`, `_files`) and how its truth is written (`_truth`). Only
the scenes' names are kept, in one array, so a million pairs cost some ten megabytes and fork cheaply.
All files of all pairs are looked for once, when the data set is opened; pixels are read on access.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stereo_model.data.encodings import DataFileError
from stereo_model.data.filemark import FileMark, to_read
from stereo_model.data.pictures import read_rgb_pair
from stereo_model.data.sample import Sample
from stereo_model.data.tree import Tree

_NAMED_AT_MOST = 3  # files in one error message


class DataFolderError(ValueError):
    """A folder does not hold the data set it should."""


class DataOptionError(ValueError):
    """A data set has no such option, or an option's value is not possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where the files of one pair are, relative to the data set's root."""

    left: str
    right: str
    truth: str
    extra: tuple[str, ...] = ()  # masks, camera settings: all must exist

    def all(self) -> tuple[str, ...]:
        return (self.left, self.right, self.truth, *self.extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a data set knows about the left image of a pair."""

    disparity_hw: NDArray[np.float32]  # pixels; anything where not valid
    valid_hw: NDArray[np.bool_]
    occluded_hw: NDArray[np.bool_] | None = None  # not visible in the right image; anything where not valid


class StereoFiles(ABC):
    """A stereo data set on disk. May be pickled, forked and spawned freely.

    `kind` is its name in `stereo_model.data.registry`, `root` the folder it was opened from.
    """

    kind: ClassVar[str]
    several: ClassVar[bool] = False  # whether it may be opened from several places at once
    root: Path
    skipped: tuple[str, ...] = ()  # one line for each scene that was left out, with what it lacks
    unmasked: str | None = None  # why nothing is known about occlusion, where a reader can tell

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int, /) -> Sample:
        """The sample in place `index`, 0 <= index < len.

        Raises:
            IndexError: there is no such sample.
            DataFileError: a file is damaged, or the files of a pair do not fit together.
        """

    @abstractmethod
    def scene(self, index: int) -> str:
        """Unique, path-like name of a sample, for example "cleanpass/TRAIN/A/0000/0006"."""

    @abstractmethod
    def files(self) -> Iterator[str]:
        """Names of the files the data set consists of, relative to `root`; some may come twice."""

    def files_of(self, index: int) -> tuple[str, ...]:
        """Those of `files` that a sample is read from, as far as the data set tells."""
        return ()

    def digest(self) -> str:
        """SHA-256 over the sorted names and sizes of all files and the blocks of up to 10,000 of them, evenly
        spread: their first, middle and last 4 KiB, and so the seals of shards (`stereo_model.data.filemark`).

        Other names, sizes or blocks give another digest. Bytes that change elsewhere, in a file that keeps
        its size, do not. Raises DataFileError for a file that is not there any more.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return self.digest_with({})

    def digest_with(self, marks: Mapping[str, FileMark]) -> str:
        """What `digest` would be if these files were as marked."""
        total = hashlib.sha256()
        names = sorted(set(self.files()))
        read = to_read(names)
        for name in names:
            mark = marks.get(name)
            if name in read:
                mark = mark or self._mark(name)
                total.update(f"{name}\0{mark.size}\0{mark.content}\n".encode())
            else:
                total.update(f"{name}\0{self._size(name) if mark is None else mark.size}\n".encode())
        return total.hexdigest()

    def _mark(self, name: str) -> FileMark:
        try:
            return FileMark.of(self.root / name)
        except OSError as error:
            raise DataFileError(f"{self.root / name}: {error.strerror}") from error

    def _size(self, name: str) -> int:
        try:
            return os.stat(self.root / name).st_size
        except OSError as error:
            raise DataFileError(f"{self.root / name}: {error.strerror}") from error

    def _checked(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.root}: no sample {index}, there are {len(self)}")
        return int(index)


class PairFiles(StereoFiles):
    """A data set of single files, several per pair.

    Scenes of which a file is missing are refused, or with `allow_missing` left out and listed in `skipped`.

    Raises:
        DataFolderError: the folder is missing, holds no whole pair, or a file of a pair is missing.
    """

    layout: ClassVar[str]  # what `root` should hold, for the error message

    def __init__(self, root: str | os.PathLike[str], *, allow_missing: bool = False) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise DataFolderError(f"{self.root}: no such folder; {self.kind} expects {self.layout}")
        tree = Tree(self.root)
        scenes = self._each_once(tree, self._scenes(tree))
        if not scenes:
            raise DataFolderError(f"{self.root}: no {self.kind} pair here; expected {self.layout}")
        missing = {scene: self._missing_of(tree, scene) for scene in scenes}
        whole = [scene for scene in scenes if not missing[scene]]
        if not whole or not allow_missing:
            self._refuse_missing(missing)
        self.skipped = tuple(f"{scene}: no {', '.join(missing[scene])}" for scene in scenes if missing[scene])
        self._spelled = dict(self._other_spellings(tree, whole))
        self._names = np.array([os.fsencode(scene) for scene in whole])

    @abstractmethod
    def _scenes(self, tree: Tree) -> Iterable[str]:
        """Names of all scenes of which the left or the right image is there, in a fixed order; some twice."""

    @abstractmethod
    def _files(self, scene: str) -> Files:
        """The files of a scene, from its name alone."""

    @abstractmethod
    def _truth(self, files: Files) -> Truth:
        """Read the truth of a pair."""

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int, /) -> Sample:
        files = self._there(self.scene(index))
        left_hwc, right_hwc = read_rgb_pair(self.root / files.left, self.root / files.right)
        return self._sample(files, left_hwc, right_hwc, self._truth(files))

    def scene(self, index: int) -> str:
        return os.fsdecode(self._names[self._checked(index)])

    def files(self) -> Iterator[str]:
        for name in self._names:
            yield from self._there(os.fsdecode(name)).all()

    def files_of(self, index: int) -> tuple[str, ...]:
        return self._there(self.scene(index)).all()

    def _there(self, scene: str) -> Files:
        """The files of a scene as they are spelled on the disk."""
        files = self._files(scene)
        if not self._spelled:
            return files
        left, right, truth, *extra = (self._spelled.get(name, name) for name in files.all())
        return Files(left=left, right=right, truth=truth, extra=tuple(extra))

    def _each_once(self, tree: Tree, scenes: Iterable[str]) -> list[str]:
        """The scenes in order; of names that mean the same files, in other spelling, only the first."""
        spellings: dict[str, list[str]] = {}
        for scene in dict.fromkeys(scenes):
            spellings.setdefault(scene.lower(), []).append(scene)
        kept: list[str] = []
        for names in spellings.values():
            by_files = {self._spellings(tree, name): name for name in reversed(names)}
            kept += names if len(names) == 1 else reversed(by_files.values())
        return kept

    def _spellings(self, tree: Tree, scene: str) -> tuple[str | None, ...]:
        return tuple(tree.spelled(name) for name in self._files(scene).all())

    def _missing_of(self, tree: Tree, scene: str) -> list[str]:
        return [name for name in self._files(scene).all() if not tree.has(name)]

    def _other_spellings(self, tree: Tree, scenes: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Files that differ in upper and lower case from what their data set calls them."""
        for name in (name for scene in scenes for name in self._files(scene).all()):
            found = tree.spelled(name)
            if found is not None and found != name:
                yield name, found

    def _refuse_missing(self, missing: Mapping[str, Sequence[str]]) -> None:
        unique = sorted({name for names in missing.values() for name in names})
        if unique:
            named = ", ".join(unique[:_NAMED_AT_MOST]) + (", ..." if len(unique) > _NAMED_AT_MOST else "")
            raise DataFolderError(
                f"{self.root}: {len(unique)} files of {len(missing)} {self.kind} pairs are missing: {named}; "
                f"expected {self.layout}; allow_missing=true leaves such pairs out"
            )

    def _sample(
        self, files: Files, left_hwc: NDArray[np.uint8], right_hwc: NDArray[np.uint8], truth: Truth
    ) -> Sample:
        size = left_hwc.shape[:2]
        maps = {files.right: right_hwc.shape[:2], files.truth: truth.disparity_hw.shape}
        if truth.occluded_hw is not None:
            maps[f"the masks of {files.left}"] = truth.occluded_hw.shape
        for name, found in maps.items():
            if found != size:
                raise DataFileError(
                    f"{self.root}: {name} has {found[0]} rows x {found[1]} columns, {files.left} has "
                    f"{size[0]} x {size[1]}; the files of a pair must be of one size"
                )
        self._refuse_negative(files, truth)
        sample = Sample(
            left=np.ascontiguousarray(left_hwc.transpose(2, 0, 1)),
            right=np.ascontiguousarray(right_hwc.transpose(2, 0, 1)),
            disparity=np.where(truth.valid_hw, truth.disparity_hw, 0).astype(np.float32),
            valid=truth.valid_hw,
        )
        if truth.occluded_hw is not None:
            sample["occluded"] = truth.occluded_hw & truth.valid_hw
        return sample

    def _refuse_negative(self, files: Files, truth: Truth) -> None:
        if not truth.valid_hw.any() and (truth.disparity_hw < 0).any():
            raise DataFileError(
                f"{self.root / files.truth}: negative disparities; expected left column minus right column, "
                "which is positive. Is it the map of the right view, or another edition of the data set?"
            )


def finite_positive(disparity_hw: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a float map has truth: inf, NaN, 0 and negative values mean there is none."""
    return np.isfinite(disparity_hw) & (disparity_hw > 0)


def known_passes(passes: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The passes in the data set's own order, so that the same choice always gives the same order.

    Raises:
        DataOptionError: none, or one that the data set does not have.
    """
    chosen = (passes,) if isinstance(passes, str) else tuple(passes)
    if not chosen or not set(chosen) <= set(known):
        raise DataOptionError(f"passes {chosen} should be some of {', '.join(known)}")
    return tuple(name for name in known if name in chosen)
