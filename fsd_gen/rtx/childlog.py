"""What a rendering process writes to its standard output and error: kept, but never without bound.

Kit writes much, and its last lines are the only witness of a crash. The file has no name unless a folder is
given, so that it goes with the worker.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from jobs.files import open_own

APPEND = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
MOST_BYTES = 8 << 20
KEPT_BYTES = 256 << 10  # what remains when it is cut
TELLING = re.compile(r"error|fatal|exception|traceback|refused|denied|crash|signal", re.IGNORECASE)
TELLING_LINES, LINES = 3, 2
LONGEST = 500  # characters of a tail


class ChildLog:
    """A file that the process appends to and the worker cuts."""

    def __init__(self, folder: Path | None, name: str) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open_own(folder / name, os.O_CREAT | APPEND, 0o644)
            return
        unused, path = tempfile.mkstemp(prefix="fsd-rtx-", suffix=".log")
        self._file = os.open(path, APPEND)
        os.close(unused)
        os.unlink(path)

    def fileno(self) -> int:
        """For the process to write to."""
        return self._file

    def trim(self) -> None:
        """Keep the last lines alone, once the file is large. A few that are written meanwhile may be lost."""
        if os.fstat(self._file).st_size <= MOST_BYTES:
            return
        kept = self._last(KEPT_BYTES)
        os.ftruncate(self._file, 0)  # whoever appends goes on at the new end
        os.write(self._file, kept)

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
        end = os.fstat(self._file).st_size
        return os.pread(self._file, size, max(0, end - size))

    def close(self) -> None:
        """The process may go on writing; nobody will read it."""
        os.close(self._file)
