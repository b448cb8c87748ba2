"""Lists of samples: a text file, one sample a line, that can be kept, compared and handed on.

    # a line that begins with a number sign says nothing
    ../shards/00000.h5:0000003-a0        a shard, and the slot and attempt of one of its samples
    ../shards/00001.h5                   all of it

Paths are relative to the folder of the list, so that a run may be moved with its lists.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from jobs.files import write_text_atomic
from stereo_model.data.base import DataFolderError

SUFFIX = ".txt"
MOST_BYTES = 1 << 30  # of a list; some ten million samples
Key = tuple[int, int]  # slot, attempt
_SAMPLE = re.compile(r"(?P<path>.+):(?P<slot>\d{1,18})-a(?P<attempt>\d{1,9})")


class SampleListError(DataFolderError):
    """A text file that is no list of samples."""


def sample_name(key: Key) -> str:
    """Slot and attempt as everywhere: "0000003-a0"."""
    return f"{key[0]:07d}-a{key[1]}"


def read_list(path: Path) -> list[tuple[Path, Key | None]]:
    """What the lines name: a path, and a sample of that shard or None for all that is there.

    Raises:
        SampleListError: not a text, a line that is none, or not a single sample.
    """
    entries = [
        _entry(path, number, line)
        for number, text in enumerate(_lines(path), start=1)
        if (line := text.strip()) and not line.startswith("#")
    ]
    if not entries:
        raise SampleListError(f"{path}: names no sample; expected lines such as shards/00000.h5:0000003-a0")
    return entries


def list_text(folder: Path, samples: Iterable[tuple[Path, Key]], *, title: str) -> str:
    """The text of a list that lies in `folder`; `title` becomes its first line."""
    lines = (
        f"{os.path.relpath(shard.absolute(), folder.absolute())}:{sample_name(key)}" for shard, key in samples
    )
    return "\n".join([f"# {title}", *(Path(line).as_posix() for line in lines)]) + "\n"


def write_list(path: Path, samples: Iterable[tuple[Path, Key]], *, title: str) -> None:
    """Write a list, whole or not at all."""
    write_text_atomic(path, list_text(path.parent, samples, title=title))


def _lines(path: Path) -> list[str]:
    if path.stat().st_size > MOST_BYTES:
        raise SampleListError(f"{path}: larger than any list of samples; expected a text of some MB")
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise SampleListError(f"{path}: not a text; expected a list of samples") from None


def _entry(path: Path, number: int, line: str) -> tuple[Path, Key | None]:
    found = _SAMPLE.fullmatch(line)
    name = found["path"] if found else line
    if "\0" in name or (found is None and re.search(r"\.h5:", line)):
        raise SampleListError(
            f"{path}: line {number}: {line[:80]!r} is no sample; expected a line such as "
            "shards/00000.h5:0000003-a0, or a shard alone"
        )
    place = Path(os.path.normpath(path.parent / name))
    return place, (int(found["slot"]), int(found["attempt"])) if found else None
