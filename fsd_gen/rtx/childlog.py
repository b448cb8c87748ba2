"""What a rendering process writes to its standard output and error: kept, but never without bound.

Kit writes much, and its last lines are the only witness of a crash. The file has no name unless a folder is
given, so that it goes with the worker.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from pathlib import Path

MOST_BYTES = 8 << 20
KEPT_BYTES = 256 << 10  # what remains when it is cut
TELLING = re.compile(r"error|fatal|exception|traceback|refused|denied|crash|signal", re.IGNORECASE)
TELLING_LINES, LINES = 3, 2
LONGEST = 500  # characters of a tail


class ChildLog:
    """A file that the process appends to and the worker cuts."""

    def __init__(self, folder: Path | None, name: str) -> None:
        if folder is None:
            self._file = tempfile.TemporaryFile("r+b", buffering=0)
            fcntl.fcntl(self._file, fcntl.F_SETFL, fcntl.fcntl(self._file, fcntl.F_GETFL) | os.O_APPEND)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / name).open("a+b", buffering=0)

    def fileno(self) -> int:
        """For the process to write to."""
        return self._file.fileno()

    def trim(self) -> None:
        """Keep the last lines alone, once the file is large. A few that are written meanwhile may be lost."""
        if os.fstat(self.fileno()).st_size <= MOST_BYTES:
            return
        kept = self._last(KEPT_BYTES)
        os.ftruncate(self.fileno(), 0)  # whoever appends goes on at the new end
        self._file.write(kept)

    def tail(self) -> str:
        """The last lines in one, those first that tell of an error."""
        text = self._last(KEPT_BYTES).decode(errors="replace")
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        last = lines[-LINES:]
        telling = [line for line in lines[:-LINES] if TELLING.search(line)][-TELLING_LINES:]
        return " | ".join([*telling, *last])[-LONGEST:]

    def whole(self) -> str:
        """All that is kept."""
        return self._last(MOST_BYTES + KEPT_BYTES).decode(errors="replace")

    def _last(self, size: int) -> bytes:
        end = os.fstat(self.fileno()).st_size
        return os.pread(self.fileno(), size, max(0, end - size))

    def close(self) -> None:
        """The process may go on writing; nobody will read it."""
        self._file.close()
