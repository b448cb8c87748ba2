"""How far a round is: bars on a terminal, lines in a log; neither is silent for long, whatever takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from curation.cli.console import err
from curation.rounds.world import OnProgress, StageProgress

FIRST = "reading the run"  # before any stage

Clock = Callable[[], float]


@contextmanager
def progress() -> Iterator[OnProgress]:
    """A bar per stage and model on a terminal; elsewhere a line when a stage begins and now and then."""
    if not err.is_terminal:
        with Lines() as lines:
            yield lines
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TimeLeftColumn(),
    )
    with Progress(*columns, console=err) as display:
        yield Bars(display)


# ---------------------------------------------------------------- how long


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a stage goes, from the moment at which this process took it up. Times in seconds.

    What is done first includes starting up, so it counts only until there is more.
    """

    began: float
    first: int  # what was done then
    at: float  # of the newest event
    done: int
    total: int
    warm: bool = False  # what was done first is left out

    @classmethod
    def of(cls, now: StageProgress, at: float) -> Pace:
        """The pace of a stage that begins, or goes on, with an event."""
        return cls(began=at, first=now.done, at=at, done=now.done, total=now.total)

    def after(self, now: StageProgress, at: float) -> Pace:
        """The pace with one more event. A training that goes on where it stopped begins with it."""
        if now.unit == "steps" and now.loss is None:
            return Pace.of(now, at)
        next_ = replace(self, at=at, done=now.done, total=now.total)
        if self.warm or not self.first < self.done < now.done:
            return next_
        return replace(next_, began=self.at, first=self.done, warm=True)

    def each_s(self) -> float | None:
        """Seconds for one more; None while nothing was done."""
        return (self.at - self.began) / (self.done - self.first) if self.done > self.first else None

    def left_s(self, moment: float) -> float | None:
        """Seconds to go; None while nothing was done."""
        each = self.each_s()
        return None if each is None else max(0.0, (self.total - self.done) * each - (moment - self.at))

    def left(self, moment: float) -> str:
        """In words."""
        seconds = self.left_s(moment)
        return "estimating" if seconds is None else f"about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """A time in words, as exact as anybody wants it: 40 s, 12 min, 3 h 20 min, 2 d 4 h."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


# ---------------------------------------------------------------- on a terminal


class TimeLeftColumn(ProgressColumn):
    """The time left by a task's `pace`."""

    def render(self, task: Task) -> Text:
        pace = task.fields.get("pace")
        return Text("" if pace is None or task.finished else pace.left(time.monotonic()))


class Bars:
    """Progress for terminals."""

    def __init__(self, display: Progress, clock: Clock = time.monotonic) -> None:
        self._display, self._clock = display, clock
        self._bars: dict[str, TaskID] = {}
        self._paces: dict[str, Pace] = {}
        self._first: TaskID | None = display.add_task(FIRST, total=None, unit="", loss="", pace=None)

    def __call__(self, now: StageProgress) -> None:
        if self._first is not None:
            self._display.remove_task(self._first)
            self._first = None
        name, at = stage_name(now), self._clock()
        pace = self._paces[name].after(now, at) if name in self._paces else Pace.of(now, at)
        self._paces[name] = pace
        loss = "" if now.loss is None else f"loss {now.loss:.3f}"
        if name not in self._bars:
            self._bars[name] = self._display.add_task(
                name, total=now.total, unit=now.unit, loss=loss, pace=pace
            )
        bar = self._bars[name]
        self._display.update(bar, completed=now.done, total=now.total, loss=loss, pace=pace)


# ---------------------------------------------------------------- in a log


class Lines:
    """Progress for logs: a line for each new stage, then one every `EVERY_S` seconds, news or not."""

    EVERY_S = 30.0
    LOOK_S = 1.0  # how often the time is looked at

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stage, self._pace, self._now = FIRST, None, None  # type: str, Pace | None, StageProgress | None
        self._began = self._said = clock()
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Lines:
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._ticker.join()

    def __call__(self, now: StageProgress) -> None:
        with self._lock:
            stage, at = stage_name(now), self._clock()
            new = stage != self._stage
            going_on = not new and self._pace is not None
            self._pace = self._pace.after(now, at) if going_on and self._pace else Pace.of(now, at)
            self._stage, self._now = stage, now
            if new:
                self._began = at
            if new or at - self._said >= self.EVERY_S or now.done == now.total:
                self._say(at)

    def look(self) -> None:
        """Say how far it is if nothing was said for long."""
        with self._lock:
            if (at := self._clock()) - self._said >= self.EVERY_S:
                self._say(at)

    def _tick(self) -> None:
        while not self._ended.wait(self.LOOK_S):
            self.look()

    def _say(self, at: float) -> None:
        self._said = at
        words = [f"for {duration(at - self._began)}"] if at - self._began >= 1 else []
        if self._now is None or self._pace is None:
            err.print(", ".join([self._stage, *words]), highlight=False, soft_wrap=True)
            return
        now = self._now
        loss = "" if now.loss is None else f" loss={now.loss:.3f}"
        if now.done < now.total:
            words.append(self._pace.left(at))
        text = ", ".join([f"{self._stage}: {now.done}/{now.total} {now.unit}{loss}", *words])
        err.print(text, highlight=False, soft_wrap=True)


def stage_name(now: StageProgress) -> str:
    """The name of a stage, with the model that it is about."""
    return f"round {now.round}: {now.stage} {now.note}".rstrip()
