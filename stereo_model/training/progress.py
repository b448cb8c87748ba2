"""How a training goes, for the person who waits: never blank, and with the time that is left."""

from __future__ import annotations

import statistics
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

RECENT_STEPS = 20  # whose time tells how long is left


class StepClock:
    """How long the steps take, and so how long is left: the median of the last `RECENT_STEPS`."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._took: deque[float] = deque(maxlen=RECENT_STEPS)
        self._at = time.monotonic()

    def begin(self) -> None:
        """The next step begins now, whatever was before it."""
        self._at = time.monotonic()

    def stepped(self, step: int) -> float:
        """After `step`: the seconds that are left."""
        now = time.monotonic()
        self._took.append(now - self._at)
        self._at = now
        return statistics.median(self._took) * (self._total - step)


class Listener(Protocol):
    """Who is told what a training does before its first step."""

    def phase(self, what: str) -> None:
        """What is being done now, which may take a while."""

    def note(self, what: str) -> None:
        """What should be known."""


class Nobody:
    """A Listener that does not listen."""

    def phase(self, what: str) -> None:
        """Nothing."""

    def note(self, what: str) -> None:
        """Nothing."""


class Watcher(ABC):
    """Follows a training for people: what is done before the first step, then the steps. A Listener."""

    def __init__(self) -> None:
        self._clock = StepClock(0)
        self.total = 0
        self.done: int | None = None  # before the first step that was seen

    def begin(self, total: int) -> None:
        """There are to be so many steps."""
        self.total = total
        self._clock = StepClock(total)

    def phase(self, what: str) -> None:
        """What is being done now."""
        self._clock.begin()
        self._show_phase(what)

    @abstractmethod
    def note(self, what: str) -> None:
        """A line that stays."""

    def on_step(self, step: int, loss: float, rate: float) -> None:
        """An OnStep."""
        self.done = step - 1 if self.done is None else self.done
        left = spoken_s(self._clock.stepped(step))
        self._show(step, f"loss {loss:.3f}  rate {rate:.1e}  {left} left")

    @abstractmethod
    def _show_phase(self, what: str) -> None: ...

    @abstractmethod
    def _show(self, step: int, numbers: str) -> None: ...


class Lines(Watcher):
    """A line for each phase, and for a step every `every_s` seconds."""

    def __init__(self, say: Callable[[str], None], *, every_s: float) -> None:
        super().__init__()
        self._say, self._every_s = say, every_s
        self._said = -every_s

    def note(self, what: str) -> None:
        """A line."""
        self._say(what)

    def _show_phase(self, what: str) -> None:
        if self.total:  # before, nothing is known that would be worth a line
            self._say(f"{what} ...")

    def _show(self, step: int, numbers: str) -> None:
        if time.monotonic() - self._said > self._every_s or step == self.total:
            self._said = time.monotonic()
            self._say(f"step {step}/{self.total}: {numbers}")


class Bar(Watcher):
    """One line on a terminal that moves."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress
        self._task = progress.add_task("starting", total=None, numbers="")

    def note(self, what: str) -> None:
        """A line above the bar."""
        self._progress.console.print(what, highlight=False, markup=False, soft_wrap=True)

    def _show_phase(self, what: str) -> None:
        self._progress.update(self._task, description=what, refresh=True)

    def _show(self, step: int, numbers: str) -> None:
        self._progress.update(
            self._task, description="training", total=self.total, completed=step, numbers=numbers
        )


@contextmanager
def bar(console: Console) -> Iterator[Bar]:
    """A line on the terminal: what is done, for how long, steps, loss, learning rate, time left."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield Bar(progress)


def spoken_s(seconds: float) -> str:
    """A duration for people: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
