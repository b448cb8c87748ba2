"""A file of a run in a store, read without fetching it: blocks come when they are asked for; some are kept.

For whoever wants a little of a large file, such as the columns of a shard or one of its samples. Nothing of
it is put into the cache of this machine.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from pathlib import Path

from jobs.files import MIB
from jobs.store.base import ObjectStore
from jobs.store.cache import placeholder_at
from jobs.store.room import Placeholder

BLOCK = MIB // 8  # a shard's columns are in 80 KiB, a pair of 1280x720 in about 3 MB
MOST_BLOCKS = 256  # that are kept


class RangedFile(io.RawIOBase):
    """The content that a placeholder stands for. `problem` is what the store said, if it refused anything."""

    def __init__(self, found: Placeholder) -> None:
        from jobs.store.objects import open_objects

        super().__init__()
        self.problem: OSError | None = None  # a library in between may turn it into an error of its own
        self._store: ObjectStore = open_objects(found.url)
        self._kept = found.kept
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()  # by number; what was used last is last

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes from the beginning."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """See io.IOBase."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._kept.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # as io says it
        """See io.RawIOBase. Raises StoreError."""
        wanted = min(len(buffer), max(0, self._kept.size - self._at))
        first, last = self._at // BLOCK, (self._at + wanted - 1) // BLOCK
        if wanted > 0:
            self._bring(first, last)
            content = b"".join(self._blocks[number] for number in range(first, last + 1))
            begin = self._at - first * BLOCK
            buffer[:wanted] = content[begin : begin + wanted]
            self._at += wanted
            self._let_go()
        return wanted

    def _bring(self, first: int, last: int) -> None:
        """Have the blocks from first to last: those that are missing come in one request for each gap."""
        number = first
        while number <= last:
            if number in self._blocks:
                self._blocks.move_to_end(number)
                number += 1
                continue
            stop = number + 1
            while stop <= last and stop not in self._blocks:
                stop += 1
            content = self._asked(number * BLOCK, (stop - number) * BLOCK)
            for each in range(number, stop):
                self._blocks[each] = content[(each - number) * BLOCK : (each - number + 1) * BLOCK]
            number = stop

    def _asked(self, start: int, count: int) -> bytes:
        try:
            return self._store.block(self._kept, start, count)
        except OSError as error:
            self.problem = error
            raise

    def _let_go(self) -> None:
        while len(self._blocks) > MOST_BLOCKS:
            self._blocks.popitem(last=False)


def ranged_file(path: Path) -> RangedFile | None:
    """The content of a file of a run in a store that is not on this machine; None for any other file."""
    found = placeholder_at(path) if path.is_file() else None
    return None if found is None else RangedFile(found)
