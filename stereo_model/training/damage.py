"""Files of the training data that could not be read: repaired, they are the same data as before.

    damaged.jsonl   in the run folder: part, file and mark of each file that stopped the training

A data set is known by the names and marks of its files (`stereo_model.data.filemark`), so that a damaged file
is another one once it is whole again. Data whose other files are as they were is still the data of the run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.files import write_text_atomic
from stereo_model.data.base import StereoFiles
from stereo_model.data.encodings import DataFileError
from stereo_model.data.filemark import FileMark
from stereo_model.data.mixture import Part
from stereo_model.data.sample import StereoDataset

DAMAGED = "damaged.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedFile:
    """A file as it was when it could not be read."""

    part: str  # of the mixture
    file: str  # relative to the data set's root
    size: int  # bytes
    content: str = ""  # hash of its blocks; "" in records of before it was taken

    @property
    def mark(self) -> FileMark:
        """What it was known by."""
        return FileMark(size=self.size, content=self.content)


def note_damaged(run_dir: Path, parts: Iterable[Part], drawn: Iterable[tuple[int, int]]) -> list[DamagedFile]:
    """Record the files of those of the drawn samples (part, index) that cannot be read."""
    parts = list(parts)
    found = [file for part, index in drawn for file in _unreadable(parts[part], index)]
    if not found:
        return []
    noted = {(file.part, file.file): file for file in (*read_damaged(run_dir), *found)}
    lines = "".join(json.dumps(asdict(file)) + "\n" for file in noted.values())
    write_text_atomic(run_dir / DAMAGED, lines)
    return found


def read_damaged(run_dir: Path) -> list[DamagedFile]:
    """What is recorded; nothing where there is no record."""
    path = run_dir / DAMAGED
    if not path.exists():
        return []
    return [DamagedFile(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def forget_damaged(run_dir: Path) -> None:
    """Once a state knows the repaired files."""
    (run_dir / DAMAGED).unlink(missing_ok=True)


def digests_before_repair(run_dir: Path, sets: Mapping[str, StereoDataset]) -> dict[str, str] | None:
    """The digest of each data set with the recorded files as they were; None without a record."""
    damaged = read_damaged(run_dir)
    if not damaged:
        return None
    return {
        name: dataset.digest_with({file.file: file.mark for file in damaged if file.part == name})
        for name, dataset in sets.items()
        if isinstance(dataset, StereoFiles)
    }


def _unreadable(part: Part, index: int) -> list[DamagedFile]:
    dataset = part.dataset
    if not isinstance(dataset, StereoFiles):
        return []
    try:
        dataset[index]
    except DataFileError:
        marks = {name: _mark(dataset.root / name) for name in dataset.files_of(index)}
        return [DamagedFile(part=part.name, file=name, **asdict(mark)) for name, mark in marks.items()]
    return []


def _mark(path: Path) -> FileMark:
    return FileMark.of(path) if path.is_file() else FileMark(size=0, content="")
