"""What a farm's events add up to, shown live: bars on a terminal, one line every few seconds elsewhere.

`Tally` is the pure sum of the events; items count once however often a task is retried. The rate covers
items finished in the last WINDOW_S seconds of this run; items found finished by an earlier run do not count.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jobs.task import Event, EventKind, Task

WINDOW_S = 600.0
SLICE_S = 1.0  # items of so long are one entry, so that a thousand workers cost no more than one
SHOWN_MESSAGES = 5
MESSAGE_KINDS = frozenset(
    {
        EventKind.NOTE,
        EventKind.WARNING,
        EventKind.TASK_RETRIED,
        EventKind.TASK_FAILED,
        EventKind.WORKER_STOPPED,
        EventKind.WORKER_LOST,
        EventKind.WAITING,
    }
)
# A line each, where there is no terminal.
SPOKEN = (EventKind.TASK_FAILED, EventKind.WARNING, EventKind.WORKER_LOST, EventKind.WAITING)
GONE = (EventKind.WORKER_STOPPED, EventKind.WORKER_LOST)

TROUBLE_STYLES = {"failed": "bold red", "retried": "", "lost_workers": "", "warnings": "yellow"}


class Tally:
    """Counts over all events seen so far. Times are seconds of one monotonic clock, given by the caller."""

    def __init__(self, tasks: Iterable[Task], now: float) -> None:
        self._sizes = {task.id: task.size for task in tasks}
        self._done: dict[str, int] = {}
        self._recent: deque[tuple[float, int]] = deque()  # slices: when each began, its items
        self._recent_items = 0
        self.started = now
        self.total_tasks = len(self._sizes)
        self.total_items = sum(self._sizes.values())
        self.done_items = 0  # those of earlier runs included
        self.done_tasks = self.failed_tasks = self.retries = self.warnings = self.workers = 0
        self.lost_workers = 0
        self.any_worker = False  # has been there
        self.messages: deque[str] = deque(maxlen=SHOWN_MESSAGES)

    def add(self, event: Event, now: float) -> None:
        """Count one event."""
        if event.kind in (EventKind.ITEM, EventKind.RESUMED) and event.done is not None:
            self._set_done(event.task_id, event.done, now if event.kind is EventKind.ITEM else None)
        elif event.kind is EventKind.TASK_STARTED:
            self._set_done(event.task_id, 0, None)
        elif event.kind is EventKind.TASK_DONE:
            self.done_tasks += 1
            self._set_done(event.task_id, self._sizes.get(event.task_id, 0), now)
        self.failed_tasks += event.kind is EventKind.TASK_FAILED
        self.retries += event.kind is EventKind.TASK_RETRIED
        self.warnings += event.kind is EventKind.WARNING
        self.workers += (event.kind is EventKind.WORKER_STARTED) - (event.kind in GONE)
        self.lost_workers += event.kind is EventKind.WORKER_LOST
        self.any_worker |= event.kind is EventKind.WORKER_STARTED
        if event.kind in MESSAGE_KINDS and event.message:
            self.messages.append(_one_line(event))

    def troubles(self) -> dict[str, int]:
        """What went wrong, by name; what did not is not named."""
        counts = {
            "failed": self.failed_tasks,
            "retried": self.retries,
            "lost_workers": self.lost_workers,
            "warnings": self.warnings,
        }
        return {name: count for name, count in counts.items() if count}

    def rate(self, now: float) -> float | None:
        """Items per second lately; None while no item has been finished."""
        while self._recent and self._recent[0][0] < now - WINDOW_S:
            self._recent_items -= self._recent.popleft()[1]
        span = min(now - self.started, WINDOW_S)
        return self._recent_items / span if self._recent_items > 0 and span > 0 else None

    def eta_s(self, now: float) -> float | None:
        """Seconds to go at the present rate; None if that is unknown."""
        rate = self.rate(now)
        return None if rate is None else max(0, self.total_items - self.done_items) / rate

    def _set_done(self, task_id: str, done: int, counted_at: float | None) -> None:
        new = done - self._done.get(task_id, 0)
        self._done[task_id] = done
        self.done_items += new
        if counted_at is not None and new != 0:
            self._count_recent(new, counted_at)

    def _count_recent(self, items: int, at: float) -> None:
        self._recent_items += items
        if self._recent and at - self._recent[-1][0] < SLICE_S:
            began, before = self._recent[-1]
            self._recent[-1] = began, before + items
        else:
            self._recent.append((at, items))


class ProgressDisplay:
    """Context manager and event sink: `with ProgressDisplay(tasks) as show: run_tasks(..., on_event=show)`.

    On a terminal a live display, elsewhere a line every `line_every_s` seconds and one at the end.
    """

    def __init__(
        self,
        tasks: Iterable[Task],
        *,
        item: str = "samples",
        task: str = "tasks",
        line_every_s: float = 30.0,
        console: Console | None = None,
        quiet: bool = False,  # there is nothing to show
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console or Console()
        self._clock = clock
        self._names = (item, task)
        self._line_every_s = line_every_s
        self._quiet = quiet
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._live: Live | None = None
        self._ticker: threading.Thread | None = None
        self.tally = Tally(tasks, clock())

    def __call__(self, event: Event) -> None:
        with self._lock:
            self.tally.add(event, self._clock())
        if self._live is None and event.kind in SPOKEN:
            self._print(_one_line(event))

    def __enter__(self) -> ProgressDisplay:
        if self._quiet:
            return self
        if self._console.is_terminal:
            self._live = Live(get_renderable=self.panel, console=self._console, refresh_per_second=4)
            self._live.start()
        else:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._live is not None:
            self._live.stop()
        if self._ticker is not None:
            self._ticker.join()
            self._print(self.line())

    def line(self) -> str:
        """The present state in `key=value` words."""
        with self._lock:
            tally, now = self.tally, self._clock()
            item, task = self._names
            return (
                f"{item}={tally.done_items}/{tally.total_items} "
                f"{task}={tally.done_tasks}/{tally.total_tasks} "
                f"rate={_rate_text(tally.rate(now))} eta={_duration(tally.eta_s(now))} "
                f"elapsed={_duration(now - tally.started)} {self._workers('workers={}')}"
                + "".join(f" {name}={count}" for name, count in tally.troubles().items())
            )

    def panel(self) -> RenderableType:
        """The present state as bars, numbers and the last messages."""
        with self._lock:
            tally, now = self.tally, self._clock()
            bars = Table.grid(padding=(0, 1))
            rows = ((tally.done_items, tally.total_items), (tally.done_tasks, tally.total_tasks))
            for name, (done, total) in zip(self._names, rows, strict=True):
                bar = ProgressBar(total=max(total, 1), completed=done, width=40)
                bars.add_row(name, bar, f"{done}/{total}")
            numbers = Text(
                f"{_rate_text(tally.rate(now))}  eta {_duration(tally.eta_s(now))}  "
                f"elapsed {_duration(now - tally.started)}  {self._workers('{} workers')}"
            )
            for name, count in tally.troubles().items():
                numbers.append(f"  {count} {name.replace('_', ' ')}", style=TROUBLE_STYLES[name])
            return Group(bars, numbers, *(Text(message, style="dim") for message in tally.messages))

    def _workers(self, form: str) -> str:
        """How many there are; before the first of them, that they are being started."""
        return form.format(self.tally.workers) if self.tally.any_worker else "starting workers"

    def _tick(self) -> None:
        while not self._ended.wait(self._line_every_s):
            self._print(self.line())

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


def _one_line(event: Event) -> str:
    """The event in a line: of a traceback, the exception."""
    lines = event.message.strip().splitlines() or [""]
    gist = lines[-1] if lines[0].startswith(("Traceback", "a worker did not start")) else lines[0]
    where = f" {event.task_id}" if event.task_id else ""
    return f"{event.kind.replace('_', ' ')}{where}: {gist}"


def _rate_text(rate: float | None) -> str:
    if rate is None:
        return "?/s"
    return f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"


def _duration(seconds: float | None) -> str:
    return "?" if seconds is None else str(timedelta(seconds=round(seconds)))
