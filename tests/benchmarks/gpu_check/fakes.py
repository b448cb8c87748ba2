"""Parts that go wrong, for the tests of the runner; each runs in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

from benchmarks.gpu_check.part import CannotRunError, CheckFailedError, Context, Row


def works(context: Context) -> Iterator[Row]:
    yield {"case": "first", "seconds": 1.5}
    print("between the rows")
    yield {"case": "second", "seconds": float("nan")}


def hangs(context: Context) -> Iterator[Row]:
    yield {"case": "measured before"}
    print("about to hang")
    child = subprocess.Popen(["sleep", "600"])  # what it started must end as well
    (context.out / "grandchild").write_text(str(child.pid))
    time.sleep(600)


def crashes(context: Context) -> Iterator[Row]:
    yield {"case": "measured before"}
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


def dies(context: Context) -> Iterator[Row]:
    yield {"case": "measured before"}
    print("about to die")
    os.kill(os.getpid(), signal.SIGSEGV)


def says_nothing(context: Context) -> Iterator[Row]:
    yield from ()


def refuses(context: Context) -> Iterator[Row]:
    raise CannotRunError("the moon is not full")
    yield {}


def finds_fault(context: Context) -> Iterator[Row]:
    yield {"case": "looked"}
    raise CheckFailedError("2 of 3 are wrong")


def tells_its_time(context: Context) -> Iterator[Row]:
    yield {"case": "time", "left_s": context.left_s()}
