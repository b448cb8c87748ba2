from __future__ import annotations

import io

import pytest
from rich.console import Console

from jobs.progress import ProgressDisplay, Tally
from jobs.task import Event, EventKind, Task

TASKS = [Task("a", size=10), Task("b", size=10)]


def item(task_id: str, done: int, kind: EventKind = EventKind.ITEM) -> Event:
    return Event(kind=kind, task_id=task_id, done=done)


def test_items_count_once_however_often_a_task_is_retried():
    tally = Tally(TASKS, 0.0)
    for done in (1, 2, 3):
        tally.add(item("a", done), 1.0)
    tally.add(Event(kind=EventKind.TASK_RETRIED, task_id="a", message="died"), 1.0)
    tally.add(Event(kind=EventKind.TASK_STARTED, task_id="a", attempt=2), 1.0)
    assert tally.done_items == 0
    for done in range(1, 11):
        tally.add(item("a", done), 2.0)
    tally.add(Event(kind=EventKind.TASK_DONE, task_id="a"), 2.0)
    assert (tally.done_items, tally.done_tasks, tally.retries) == (10, 1, 1)


def test_resumed_items_are_done_but_do_not_make_the_farm_look_fast():
    tally = Tally(TASKS, 0.0)
    tally.add(item("a", 8, EventKind.RESUMED), 0.0)
    assert tally.rate(10.0) is None and tally.eta_s(10.0) is None
    tally.add(item("a", 9), 5.0)
    tally.add(item("a", 10), 10.0)
    assert tally.done_items == 10
    assert tally.rate(10.0) == pytest.approx(0.2)  # 2 items in 10 s
    assert tally.eta_s(10.0) == pytest.approx(50.0)  # 10 more


def test_the_rate_is_that_of_the_last_ten_minutes():
    tally = Tally([Task("a", size=100)], 0.0)
    tally.add(item("a", 50), 1.0)
    tally.add(item("a", 56), 1000.0)
    assert tally.rate(1000.0) == pytest.approx(6 / 600)


def test_a_task_that_reports_no_items_is_complete_when_done():
    tally = Tally(TASKS, 0.0)
    tally.add(Event(kind=EventKind.TASK_DONE, task_id="a"), 4.0)
    assert (tally.done_items, tally.rate(4.0)) == (10, 2.5)


def test_away_from_a_terminal_progress_is_plain_lines():
    out, now = io.StringIO(), [0.0]
    show = ProgressDisplay(TASKS, console=Console(file=out), clock=lambda: now[0])
    with show:
        now[0] = 4.0
        show(Event(kind=EventKind.WORKER_STARTED, worker="host:1"))
        show(item("a", 8))
        show(Event(kind=EventKind.TASK_FAILED, task_id="b", message="Traceback\n  x\nOSError: [red]no[/red]"))
    assert out.getvalue().splitlines() == [
        "task failed b: OSError: [red]no[/red]",
        "samples=8/20 tasks=0/2 rate=2.0/s eta=0:00:06 elapsed=0:00:04 workers=1 failed=1",
    ]


def test_until_there_is_a_worker_they_are_being_started():
    show = ProgressDisplay(TASKS, console=Console(file=io.StringIO()), clock=lambda: 0.0)
    assert show.line().endswith("elapsed=0:00:00 starting workers")
    show(Event(kind=EventKind.WORKER_STARTED, worker="host:1"))
    assert show.line().endswith("workers=1")
    show(Event(kind=EventKind.WORKER_STOPPED, worker="host:1"))
    assert show.line().endswith("workers=0")


def test_a_lost_worker_is_a_line_at_once_and_counted():
    console = Console(file=io.StringIO(), width=200)
    show = ProgressDisplay([Task("a")], console=console)
    show(Event(kind=EventKind.WORKER_STARTED, worker="host:1"))
    show(Event(kind=EventKind.WORKER_LOST, worker="host:1", task_id="a", message="host:1: it died"))
    assert console.file.getvalue() == "worker lost a: host:1: it died\n"
    assert show.line().endswith("workers=0 lost_workers=1")


def test_where_nothing_is_to_be_done_nothing_is_shown():
    console = Console(file=io.StringIO())
    with ProgressDisplay([], console=console, quiet=True):
        pass
    assert console.file.getvalue() == ""


def test_on_a_terminal_progress_is_live_bars_and_the_last_messages():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, color_system=None)
    with ProgressDisplay(TASKS, console=console, item="views", task="shards") as show:
        show(item("a", 8))
        for number in range(7):
            show(Event(kind=EventKind.NOTE, task_id="a", message=f"message {number}"))
    last = out.getvalue().rsplit("\x1b[2K", 1)[-1] if "\x1b[2K" in out.getvalue() else out.getvalue()
    assert "message 6" in last
    text = out.getvalue()
    assert "views" in text and "8/20" in text and "shards" in text and "0/2" in text and "━" in text


def test_items_of_a_second_count_together_and_leave_the_window_together():
    tally = Tally([Task("a", size=100_000)], 0.0)
    for done in range(1, 10_001):
        tally.add(item("a", done), done / 100)  # for 100 s
    assert tally.rate(600.0) == pytest.approx(10_000 / 600)
    assert tally.rate(650.0) == pytest.approx(5_000 / 600, rel=0.03)
    assert tally.rate(701.0) is None
