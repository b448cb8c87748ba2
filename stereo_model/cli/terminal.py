"""What a command says, and how it fails: one line where the user can do something, a traceback for a bug."""

from __future__ import annotations

import functools
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, ParamSpec, TextIO, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jobs.commandline import FAILED, REFUSED, UrlConsole
from jobs.locks import RunLockedError
from jobs.signals import STOPPED, interruptible
from jobs.system_errors import explain

P = ParamSpec("P")
R = TypeVar("R")

SPEAK_EVERY_S = 30.0  # between a training's lines of progress where there is no terminal
REPEAT_S = 10.0  # between such lines of what is over within minutes
OURS = ("stereo_model", "jobs")  # packages whose errors say what to do

out = UrlConsole()
err = UrlConsole(stderr=True)


def say(text: str) -> None:
    """A line of a result."""
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """A line beside the results."""
    err.print(text, highlight=False, markup=False, soft_wrap=True)


def clear_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Show errors that say what to do as one line: exit code 2 for bad input, 1 for work that failed.

    These are the project's own errors, of which those that derive from RuntimeError or ArithmeticError tell
    of failed work, and what the operating system says. Anything else is a bug and shows its traceback.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with interruptible(), our_warnings():
                return command(*args, **kwargs)
        except KeyboardInterrupt as stop:
            warn(str(stop) or "stopped")
            raise typer.Exit(STOPPED) from None
        except (ValueError, TypeError, OSError, ImportError, RuntimeError, ArithmeticError) as error:
            if type(error).__module__.partition(".")[0] not in OURS and not _from_the_system(error):
                raise
            text = explain(error) if isinstance(error, OSError) else str(error)
            fail(text, failed=_is_failed_work(error))

    return wrapped


def fail(text: str, *, failed: bool) -> NoReturn:
    """End the command with an error of one line: work that failed, or else bad input."""
    err.print("error:", " ".join(text.split()), style="red", soft_wrap=True, highlight=False, markup=False)
    raise typer.Exit(FAILED if failed else REFUSED) from None


@contextmanager
def our_warnings() -> Iterator[None]:
    """Show warnings of this package as a line beside the results, without the place in the code."""
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if category.__module__.partition(".")[0] in OURS:
                warn(f"warning: {message}")
            else:
                shown(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


class Counter:
    """How many of some things are done; on a terminal a bar."""

    def __init__(self, what: str, total: int, progress: Progress | None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._progress = progress
        self._task = None if progress is None else progress.add_task(what, total=total)

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)

    def __str__(self) -> str:
        return f"{self._what}: {self._done}/{self._total}"


@contextmanager
def counter(what: str, total: int) -> Iterator[Counter]:
    """Count `total` things while the block runs: a bar on a terminal, elsewhere a line now and then."""
    if not err.is_terminal:
        count = Counter(what, total, None)
        with _repeated(lambda waited_s: f"{count}, after {waited_s:.0f} s"):
            yield count
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        yield Counter(what, total, progress)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Something that takes long and has no parts: moves on a terminal, elsewhere a line now and then."""
    if err.is_terminal:
        with err.status(what):
            yield
        return
    with _repeated(lambda waited_s: f"{what}, for {waited_s:.0f} s now"):
        yield


@contextmanager
def _repeated(line: Callable[[float], str]) -> Iterator[None]:
    """Say a line every REPEAT_S seconds, given the seconds so far, whatever the block is busy with."""
    ended, began = threading.Event(), time.monotonic()

    def repeat() -> None:
        while not ended.wait(REPEAT_S):
            warn(line(time.monotonic() - began))

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _is_failed_work(error: Exception) -> bool:
    """Whether work was begun and failed; a folder in use and a full GPU are the environment's."""
    failed = isinstance(error, (RuntimeError, ArithmeticError)) and not isinstance(error, RunLockedError)
    return failed and not _from_the_system(error)


def _from_the_system(error: Exception) -> bool:
    """Whether it is about files, disks or a full GPU, not about our code."""
    return isinstance(error, OSError) or type(error).__name__ == "OutOfMemoryError"
