"""What a file is known again by: its size, and a hash of its first, middle and last `BLOCK` bytes.

A finished shard ends in a SHA-256 over all of its bytes (`fsd_gen.shards.seal`), so for shards the last block
stands for the whole content. Of other files a change that keeps the size and all three blocks goes unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.store.cache import block

BLOCK = 4096  # bytes
MOST_READ = 10_000  # files of one data set; a network drive opens so many in half a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMark:
    """A file's size in bytes and a hash of its blocks."""

    size: int
    content: str

    @classmethod
    def of(cls, path: Path) -> FileMark:
        """Raises OSError."""
        blocks = hashlib.sha256()
        size = path.stat().st_size
        for start in (0, (size - BLOCK) // 2, size - BLOCK):
            blocks.update(block(path, max(0, start), BLOCK))
        return cls(size=size, content=blocks.hexdigest())


def to_read(names: Sequence[str]) -> frozenset[str]:
    """Those of the files of a data set whose blocks are read: all, or so many, evenly spread."""
    count = min(len(names), MOST_READ)
    return frozenset(names[number * len(names) // count] for number in range(count))
