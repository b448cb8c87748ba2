"""What Ray and dying workers say: for the run's log; on the terminal the farm has a line of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.extras import extra
from jobs.veiled import veiled

with extra("farm"):
    from ray._private import worker as ray_worker  # there is no public way to have Ray's messages

KEPT = 100  # messages that nobody has fetched; a farm in trouble says the same again and again
READ_BYTES = 1 << 16  # of the end of a worker's file
LAST = 80  # lines of it: a crash puts stacks under its name
LONGEST = 200  # characters of a line
FATAL = ("Fatal Python error", "*** SIG")  # what Python and Ray put above the stack of a crash

_heard: deque[str] = deque(maxlen=KEPT)


@contextmanager
def rays_messages_kept() -> Iterator[None]:
    """Inside the block Ray's notices to this driver (deaths, nodes, memory) are kept, not printed."""
    printed = ray_worker.print_to_stdstream
    ray_worker.print_to_stdstream = _keep
    try:
        yield
    finally:
        ray_worker.print_to_stdstream = printed
        _heard.clear()


def _keep(data: Mapping[str, Any], ignore_prefix: bool) -> None:
    """In place of Ray's own, called by threads of Ray."""
    _heard.extend(" ".join(line.split()) for line in data["lines"])


def fetched() -> list[str]:
    """What Ray has said since the last call."""
    messages = []
    while _heard:
        messages.append(_heard.popleft())
    return messages


def last_lines(logs: Path, pid: int) -> list[str]:
    """The last lines that the worker with this pid wrote to standard error, by Ray's folder of logs."""
    for file in logs.glob(f"worker-*-{pid}.err"):
        if not file.is_file():
            continue
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - READ_BYTES))
            lines = [_plain(line) for line in opened.read().decode(errors="replace").splitlines()]
        return [line[:LONGEST] for line in lines if line.strip() and not line.startswith(":")][-LAST:]
    return []


def _plain(line: str) -> str:
    """A line without what moves a terminal's cursor, and without the secrets of URLs."""
    return veiled("".join(letter if letter.isprintable() else " " for letter in line))


def gist_of(lines: list[str]) -> str:
    """Of a crash what it was, else the last line. `lines` are not empty."""
    return next((line.strip() for line in lines if any(mark in line for mark in FATAL)), lines[-1].strip())
