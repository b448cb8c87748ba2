"""Several data sets as one, for those that are published in parts."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stereo_model.data.base import StereoFiles
from stereo_model.data.sample import Sample


class Joined(StereoFiles):
    """Several data sets in folders below one, one after the other, as one.

    The name of a part's folder begins the names of its scenes.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self._parts = self._open()
        self.skipped = tuple(f"{name}/{line}" for name, part in self._parts.items() for line in part.skipped)
        self._ends = np.cumsum([len(part) for part in self._parts.values()])

    @abstractmethod
    def _open(self) -> dict[str, StereoFiles]:
        """The parts by the name of their folder below `root`."""

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int, /) -> Sample:
        part, inner = self._locate(index)
        return self._parts[part][inner]

    def scene(self, index: int) -> str:
        part, inner = self._locate(index)
        return f"{part}/{self._parts[part].scene(inner)}"

    def files(self) -> Iterator[str]:
        for name, part in self._parts.items():
            yield from (f"{name}/{file}" for file in part.files())

    def files_of(self, index: int) -> tuple[str, ...]:
        part, inner = self._locate(index)
        return tuple(f"{part}/{file}" for file in self._parts[part].files_of(inner))

    def _locate(self, index: int) -> tuple[str, int]:
        place = int(np.searchsorted(self._ends, self._checked(index), side="right"))
        name = list(self._parts)[place]
        return name, int(index - self._ends[place] + len(self._parts[name]))
