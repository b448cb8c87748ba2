"""How far a round is: bars on a terminal, lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from curation.cli.console import err
from curation.rounds.world import OnProgress, StageProgress


@contextmanager
def progress() -> Iterator[OnProgress]:
    """A bar per stage and model on a terminal; elsewhere a line when a stage begins and now and then."""
    if not err.is_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as display:
        yield Bars(display)


class Bars:
    """Progress for terminals."""

    def __init__(self, display: Progress) -> None:
        self._display = display
        self._bars: dict[str, TaskID] = {}

    def __call__(self, now: StageProgress) -> None:
        name = _name(now)
        if name not in self._bars:
            self._bars[name] = self._display.add_task(name, total=now.total, unit=now.unit, loss="")
        loss = "" if now.loss is None else f"loss {now.loss:.3f}"
        self._display.update(self._bars[name], completed=now.done, total=now.total, loss=loss)


class Lines:
    """Progress for logs: a line for each new stage, then one every `EVERY_S` seconds."""

    EVERY_S = 30.0

    def __init__(self) -> None:
        self._stage, self._said = "", 0.0

    def __call__(self, now: StageProgress) -> None:
        stage, moment = _name(now), time.monotonic()
        if stage == self._stage and moment - self._said < self.EVERY_S:
            return
        self._stage, self._said = stage, moment
        loss = "" if now.loss is None else f" loss={now.loss:.3f}"
        err.print(f"{stage}: {now.done}/{now.total} {now.unit}{loss}", highlight=False, soft_wrap=True)


def _name(now: StageProgress) -> str:
    return f"round {now.round}: {now.stage} {now.note}".rstrip()
