"""Workers for the farm's tests: what they do is decided by the payload, so that any process can make them."""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from jobs.task import Event, EventKind, Recycle, Report, Task


class Square:
    """Squares the payload, reporting it as one item."""

    def run(self, task: Task, report: Report) -> int:
        report(Event(kind=EventKind.ITEM, done=1, message=f"squared {task.payload}"))
        return task.payload**2

    def close(self) -> None:
        pass


class Script:
    """Runs the payload `(verb, *arguments)`; the verbs are the ways a task can go."""

    def run(self, task: Task, report: Report) -> object:
        verb, *arguments = task.payload
        return getattr(self, verb)(task, report, *arguments)

    def close(self) -> None:
        pass

    def echo(self, task: Task, report: Report, value: object) -> object:
        return value

    def count(self, task: Task, report: Report, times: int) -> int:
        for done in range(1, times + 1):
            report(Event(kind=EventKind.ITEM, done=done))
        return times

    def fail(self, task: Task, report: Report) -> None:
        raise ArithmeticError(f"{task.id} cannot be done")

    def die_once(self, task: Task, report: Report, marker: str) -> str:
        """Report an item, then die by SIGKILL, unless the marker shows that this has happened."""
        if Path(marker).exists():
            return "survived"
        Path(marker).touch()
        report(Event(kind=EventKind.NOTE, message="last words"))
        self._kill()

    def crash_once(self, task: Task, report: Report, marker: str) -> int:
        """Crash as a renderer does, unless the marker shows that this has happened; then count."""
        if not Path(marker).exists():
            Path(marker).touch()
            report(Event(kind=EventKind.ITEM, done=1))
            print("the renderer was warned", file=sys.stderr, flush=True)
            faulthandler.enable()
            os.kill(os.getpid(), signal.SIGSEGV)
        for done in range(1, 11):
            time.sleep(0.1)
            report(Event(kind=EventKind.ITEM, done=done))
        return 10

    def die(self, task: Task, report: Report) -> None:
        self._kill()

    def die_silently_until(self, task: Task, report: Report, deaths: int) -> int:
        """Vanish, as code does that calls `_exit`, until the farm counts so many deaths in a row."""
        if task.deaths < deaths:
            os._exit(9)
        return task.deaths

    def crawl(self, task: Task, report: Report, item_s: float) -> str:
        """Report every item after so many seconds; say by which pool's environment it was done."""
        for done in range(1, task.size + 1):
            time.sleep(item_s)
            report(Event(kind=EventKind.ITEM, done=done))
        return os.environ.get("JOBS_TEST_POOL", "")

    def pid(self, task: Task, report: Report) -> int:
        report(Event(kind=EventKind.ITEM, done=1))
        return os.getpid()

    def append_lines(self, task: Task, report: Report, path: str, fragile: bool) -> list[str]:
        """Write one line an item, continuing an unfinished file; ask for a fresh worker after two items."""
        file = Path(path)
        lines = file.read_text().splitlines() if file.exists() else []
        report(Event(kind=EventKind.RESUMED, done=len(lines)))
        for index in range(len(lines), task.size):
            with file.open("a") as out:
                out.write(f"line {index}\n")
            report(Event(kind=EventKind.ITEM, done=index + 1))
            if fragile and index + 1 - len(lines) == 2 and index + 1 < task.size:
                raise Recycle("two items are enough")
        return file.read_text().splitlines()

    def mortal_lines(self, task: Task, report: Report, path: str, life: int, how: str) -> list[str]:
        """`append_lines` by a worker that dies after each `life` items: by "exit", "kill" or "hang"."""
        file = Path(path)
        lines = file.read_text().splitlines() if file.exists() else []
        report(Event(kind=EventKind.RESUMED, done=len(lines)))
        for index in range(len(lines), task.size):
            if index - len(lines) == life:
                {"exit": sys.exit, "kill": self._kill, "hang": self._sleep}[how]()
            with file.open("a") as out:
                out.write(f"line {index}\n")
            report(Event(kind=EventKind.ITEM, done=index + 1))
        return file.read_text().splitlines()

    def _kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _sleep(self) -> None:
        time.sleep(600)

    def give_up(self, task: Task, report: Report) -> Recycle:
        return Recycle("never content")

    def unpicklable(self, task: Task, report: Report) -> object:
        return threading.Lock()

    def hang(self, task: Task, report: Report) -> None:
        self._sleep()

    def environment(self, task: Task, report: Report, name: str) -> str | None:
        return os.environ.get(name)

    def linger(self, task: Task, report: Report, folder: str) -> None:
        """Start a child, leave both pids in `folder`, and go on reporting for ever."""
        child = subprocess.Popen(["sleep", "600"])
        (Path(folder) / f"{task.id}.pids").write_text(f"{os.getpid()} {child.pid}")
        for done in range(1_000_000):
            report(Event(kind=EventKind.ITEM, done=done))
            time.sleep(0.05)


class Forgetful(Script):
    """Leaves a file when it is closed, named after its process."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def close(self) -> None:
        (self._folder / f"closed-{os.getpid()}").touch()


class SlowStarter(Script):
    """Takes a while to start, as a renderer does, and for each item."""

    def __init__(self, start_s: float) -> None:
        time.sleep(start_s)

    def count(self, task: Task, report: Report, times: int) -> int:
        for done in range(1, times + 1):
            time.sleep(0.1)
            report(Event(kind=EventKind.ITEM, done=done))
        return times


class NeverStarts:
    """No process can hold this worker."""

    def __init__(self) -> None:
        raise OSError("no renderer on this machine")
