"""What is said of a run at work, finished, killed and failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fsd_gen.production.standing import Standing
from fsd_gen.report.sheet import Sheet, sheet
from jobs.status.model import Prices
from jobs.status.reading import Pulse, Session, sessions
from jobs.status.writer import StatusWriter
from jobs.task import Event, EventKind, FarmError, Task


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A driver that has not ended: one worker at a shard, one lost there."""
    writer = StatusWriter(tmp_path, [Task("shards/00000", size=2)], what="shards")
    with writer:
        for name in ("vm:1", "vm:2"):
            writer(Event(kind=EventKind.WORKER_STARTED, worker=name, pool="b"))
            writer(Event(kind=EventKind.TASK_STARTED, worker=name, task_id="shards/00000"))
        lost = "vm:1 of pool b: the worker's process died"
        writer(Event(kind=EventKind.WORKER_LOST, worker="vm:1", task_id="shards/00000", message=lost))
    (found,) = sessions(tmp_path)
    return found


def shown(session: Session, pulse: Pulse, ended: str = "", *, done: int = 0) -> Sheet:
    status = replace(session.status, ended=ended, complete=ended == "ended")
    run = Standing(
        place="run",
        shards_wanted=1,
        shards_done=0,
        slots_wanted=2,
        slots_done=done,
        sessions=(Session(status, pulse),),
        holder="",
        prices=Prices(),
    )
    return sheet(run)


def test_a_lost_worker_is_counted_and_listed_with_the_shard_that_it_was_at(session: Session) -> None:
    told = shown(session, "at work")
    assert "1 workers lost, 0 warnings" in told.lines[1]
    tables = {table.title: table.rows for table in told.tables}
    assert [row[:3] for row in tables["Workers"]] == [("vm:2", "b", "00000")]  # without its folder
    (row,) = tables["Warnings and lost workers"]
    assert row[:3] == ("worker lost", "00000", "vm:1 of pool b: the worker's process died")


def test_workers_of_a_killed_driver_are_not_called_at_work_now(session: Session) -> None:
    told = shown(session, "silent")
    assert told.title == "run: killed"
    assert "Workers, when the driver was last heard of" in [table.title for table in told.tables]


@pytest.mark.parametrize(
    ("ended", "done", "state", "says"),
    [
        ("ended", 2, "finished", "took 0:00:00"),
        ("failed: no Ray cluster to join", 0, "failed", "failed: no Ray cluster to join"),
        ("stopped: it has cost 2", 1, "stopped", "stopped: it has cost 2"),
    ],
)
def test_how_a_driver_ended_is_the_state_of_its_run(
    session: Session, ended: str, done: int, state: str, says: str
) -> None:
    told = shown(session, "ended", ended, done=done)
    assert told.title == f"run: {state}"
    assert any(line.endswith(says) for line in told.lines) and not any(
        "so far" in line for line in told.lines
    )


def test_what_the_farm_itself_says_is_told_without_the_name_of_its_class(tmp_path: Path) -> None:
    with pytest.raises(FarmError), StatusWriter(tmp_path, [], what="shards"):
        raise FarmError("Ray did not start")
    assert sessions(tmp_path)[-1].status.ended == "failed: Ray did not start"
