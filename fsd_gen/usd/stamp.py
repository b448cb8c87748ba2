"""A file as it was, by what its file system says of it: whether what was read of it still holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file as it was: another file at its place, or another content, has another one."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int  # which, unlike when it was modified, nobody can set

    @classmethod
    def of(cls, path: str | Path) -> Self | None:
        """Of the file or folder at `path`; None if there is none that can be asked."""
        try:
            found = os.stat(path)
        except OSError:
            return None
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
