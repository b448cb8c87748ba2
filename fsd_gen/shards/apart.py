"""`verify_shard` in a process of its own, because a damaged or hostile file may crash or hang HDF5 itself.

One child verifies shard after shard. What it dies of, what it takes too long over and what asks for more
memory than it may have is a `Problem` of that shard; the next one gets a new child.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from fsd_gen.shards.verify import Problem, verify_shard
from jobs.store.cache import fetched_again, held

START_S = 60.0  # for the child's imports
LEAST_S = 60.0  # for any shard ...
S_PER_MIB = 1.0  # ... and for every MiB of it: a hundred times what one core needs
HEADROOM_BYTES = 2 << 30  # of address space, beyond what the child's libraries take and the shard's own size
COMMAND = (sys.executable, "-c", "from fsd_gen.shards.apart import serve; serve()")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What verifying one shard apart came to."""

    path: Path
    problems: tuple[Problem, ...]
    crashed: bool = False  # the child died of it
    seconds: float  # without the child's start
    peak_bytes: int | None  # largest memory of the child so far; None where it died


def verify_shard_apart(path: str | os.PathLike[str], *, deep: bool = True) -> list[Problem]:
    """As `verify_shard`, in bounded time and memory: whatever the file does to HDF5, this process goes on."""
    (finding,) = verify_apart([path], deep=deep)
    return list(finding.problems)


def verify_apart(paths: Iterable[str | os.PathLike[str]], *, deep: bool = True) -> Iterator[Finding]:
    """One finding per shard, in order. Damage never raises."""
    with _Child() as child:
        for path in map(Path, paths):
            found = child.verify(held(path), deep=deep)
            if found.problems and fetched_again(path):  # then it is the store's that is judged
                found = child.verify(path, deep=deep)
            yield found


class _Child:
    """A process that verifies shards, started when there is something to do, and again after a crash."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._said.close()

    def verify(self, path: Path, *, deep: bool) -> Finding:
        """What verifying `path` came to."""
        process = self._started()
        began, limit_s = time.monotonic(), time_limit_s(path)
        answer = self._ask(process, {"path": os.fspath(path), "deep": deep}, limit_s)
        seconds = time.monotonic() - began
        if answer is not None:
            for warning in answer["warnings"]:
                log.warning("%s", warning)
            problems = tuple(Problem(file=path, **each) for each in answer["problems"])
            return Finding(path=path, problems=problems, seconds=seconds, peak_bytes=answer["peak_bytes"])
        what = self._end_of(process, limit_s)
        problem = Problem(file=path, row=None, dataset=None, what=what)
        return Finding(path=path, problems=(problem,), crashed=True, seconds=seconds, peak_bytes=None)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            paths = os.pathsep.join(path for path in sys.path if path)
            self._process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=os.environ | {"PYTHONPATH": paths},
                start_new_session=True,  # Ctrl-C is answered here, not by a traceback of the child
            )
            if not _wait_for_line(self._process, START_S):
                raise RuntimeError(f"the process that verifies shards did not start: {self._last_words()}")
        return self._process

    def _ask(
        self, process: subprocess.Popen[bytes], question: dict[str, Any], limit_s: float
    ) -> dict[str, Any] | None:
        """The child's answer, or None when it died or took too long."""
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
        line = _wait_for_line(process, limit_s)
        answer: dict[str, Any] | None = json.loads(line) if line else None
        return answer

    def _end_of(self, process: subprocess.Popen[bytes], limit_s: float) -> str:
        """Why there was no answer; the child is gone afterwards."""
        with suppress(subprocess.TimeoutExpired):  # a pipe closes a moment before its process is gone
            process.wait(1)
        code = process.poll()
        self._end()
        if code is None:
            return (
                f"not read through within {limit_s:.0f} s, which no sound shard of its size takes; given up"
            )
        cause = signal.Signals(-code).name if code < 0 else f"exit code {code}: {self._last_words()}"
        return f"reading it crashed the HDF5 library ({cause}); it is damaged, or made to do so"

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with process:  # closes its pipes and waits
                pass


def time_limit_s(path: Path) -> float:
    """How long verifying the shard at `path` may take."""
    return LEAST_S + S_PER_MIB * (path.stat().st_size / (1 << 20) if path.is_file() else 0)


def _wait_for_line(process: subprocess.Popen[bytes], limit_s: float) -> bytes:
    """The next line that the child writes, or nothing when it ended or took too long."""
    assert process.stdout is not None
    end, line = time.monotonic() + limit_s, b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
        piece = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
        if not piece:
            return b""
        line += piece
    return line


# ---------------------------------------------------------------- in the child


class _Kept(logging.Handler):
    """Keeps the warnings of one shard."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def serve() -> None:
    """Verify what is asked for on standard input, one JSON line each, until it ends."""
    warnings = _Kept()
    logging.getLogger().addHandler(warnings)
    own_bytes = _address_space_bytes()
    print("ready", flush=True)
    for line in sys.stdin.buffer:
        question = json.loads(line)
        _limit_memory(own_bytes, Path(question["path"]))
        problems = verify_shard(question["path"], deep=question["deep"])
        answer = {
            "problems": [{"row": p.row, "dataset": p.dataset, "what": p.what} for p in problems],
            "warnings": warnings.messages,
            "peak_bytes": peak_memory_bytes(),
        }
        print(json.dumps(answer), flush=True)
        warnings.messages = []


def peak_memory_bytes() -> int:
    """The most memory that this process has had at once."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says begins with the memory of the process that started this one
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found is not None:
            return int(found[1]) << 10
    unit = 1 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _address_space_bytes() -> int | None:
    """What this process has mapped; None where the system does not say (then memory is not limited)."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else None


def _limit_memory(own_bytes: int | None, path: Path) -> None:
    if own_bytes is not None:
        size = path.stat().st_size if path.is_file() else 0
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = own_bytes + HEADROOM_BYTES + size
        resource.setrlimit(resource.RLIMIT_AS, (wanted if most < 0 else min(wanted, most), most))
