"""What a session tells of itself, from events to the judgement whether its driver lives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobs.config import FarmConfig
from jobs.farm import run_tasks
from jobs.status.book import Book, Claim
from jobs.status.budget import Budget, UntilError, until
from jobs.status.model import Eta, Prices, Used
from jobs.status.reading import StatusFileError, read_status, sessions, status_files
from jobs.status.spread import Spread, eta
from jobs.status.writer import StatusWriter
from jobs.store.mirror import local_place
from jobs.task import ClusterUnreachableError, Event, EventKind, FarmHalted, Task
from tests.jobs.workers import Script

TASKS = [Task("a", size=4), Task("b", size=4)]


def told(kind: EventKind, task: str = "", **more: object) -> Event:
    return Event(kind=kind, task_id=task, worker="node:7", **more)


@pytest.fixture
def book() -> Book:
    """A worker of a GPU pool made two items in 4 s and 8 s, and refused a draw in between."""
    book = Book(TASKS, 0.0, {"gpu": Claim(cpus=4, gpus=1)})
    book.add(told(EventKind.WORKER_STARTED, pool="gpu"), 10.0)
    book.add(told(EventKind.TASK_STARTED, "a"), 10.0)
    book.add(told(EventKind.ITEM, "a", done=1, resident_mb=300), 14.0)
    book.add(told(EventKind.NOTE, "a", counts={("refused", "flags"): 1}), 20.0)
    book.add(told(EventKind.ITEM, "a", done=2, counts={("stage_cpu_s", "truth"): 1.5}), 22.0)
    return book


def test_a_worker_is_told_with_its_task_its_memory_and_since_when(book):
    (worker,) = book.progress(25.0).workers
    assert (worker.host, worker.pool, worker.task, worker.done, worker.size) == ("node", "gpu", "a", 2, 4)
    assert (worker.for_s, worker.silent_s, worker.resident_mb) == (15.0, 3.0, 300)


def test_what_is_counted_beside_items_is_summed_by_label(book):
    assert book.progress(25.0).counts == {"refused": {"flags": 1}, "stage_cpu_s": {"truth": 1.5}}


def test_a_worker_costs_from_its_start_to_its_end(book):
    book.add(told(EventKind.WORKER_STOPPED), 3610.0)
    used = book.used(9999.0)
    assert used == (Used(pool="gpu", cpus=4, gpus=1, worker_s=3600.0),)
    assert Prices(cpu_hour=0.5, gpu_hour=2).cost(used) == pytest.approx(4.0)
    assert Prices(worker_hour=3).cost(used) == pytest.approx(3.0)


def test_rates_and_the_time_left_come_from_items_of_this_session(book):
    progress = book.progress(22.0)
    assert (progress.items_done, progress.items_made, progress.items_total) == (2, 2, 8)
    assert progress.rate_overall == pytest.approx(2 / 22)
    assert progress.eta.seconds == pytest.approx(66.0)  # 6 more
    assert progress.eta.low < 66.0 < progress.eta.high


def test_items_that_an_earlier_session_made_are_not_taken_for_this_one(book):
    book.add(told(EventKind.TASK_STARTED, "b"), 30.0)
    book.add(told(EventKind.RESUMED, "b", done=3), 30.0)
    progress = book.progress(30.0)
    assert (progress.items_done, progress.items_made) == (5, 2)


def test_a_failure_is_told_by_the_last_line_of_its_traceback(book):
    trace = "Traceback (most recent call last):\n  File\nOSError: no disk"
    book.add(told(EventKind.TASK_FAILED, "a", attempt=3, message=trace), 30.0)
    (failure,) = book.progress(31.0).failures
    assert (failure.task, failure.last, failure.attempt, failure.final) == ("a", "OSError: no disk", 3, True)
    assert failure.ago_s == 1.0


def test_a_worker_that_died_is_told_at_once_and_no_longer_listed(book):
    book.add(told(EventKind.WARNING, "a", message="slot 4: overexposed"), 23.0)
    book.add(told(EventKind.WORKER_LOST, "a", message="node:7 of pool gpu: died"), 24.0)
    progress = book.progress(25.0)
    assert (progress.workers, progress.workers_lost, progress.warnings) == ((), 1, 1)
    warning, lost = progress.incidents
    assert (warning.kind, warning.last, warning.ago_s) == ("warning", "slot 4: overexposed", 2.0)
    assert (lost.kind, lost.worker, lost.task) == ("worker lost", "node:7", "a")
    assert (lost.last, lost.ago_s) == ("node:7 of pool gpu: died", 1.0)
    assert book.used(9999.0)[0].worker_s == 14.0  # it costs no more


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (ClusterUnreachableError("no Ray cluster"), "failed: no Ray cluster"),
        (KeyError("slot"), "failed: KeyError: 'slot'"),
    ],
)
def test_how_a_session_failed_is_a_sentence_and_an_error_of_python_keeps_its_name(tmp_path, error, ended):
    with pytest.raises(type(error)), StatusWriter(tmp_path, TASKS, what="shards"):
        raise error
    assert sessions(tmp_path)[-1].status.ended == ended


def test_equal_times_leave_no_doubt_and_one_shard_cannot_be_shared():
    spread = Spread()
    for _ in range(10):
        spread.add(2.0)
    assert eta(10, 1, 5.0, spread) == Eta(seconds=2.0, low=2.0, high=2.0)
    assert eta(10, 10, 5.0, spread).seconds == 20.0
    assert eta(0, 0, None, spread) == Eta(seconds=0.0, low=0.0, high=0.0)
    assert eta(3, 3, None, Spread()) is None


def test_the_interval_holds_the_true_time_nineteen_times_of_twenty():
    import random

    held, draw = 0, random.Random(1)
    for _ in range(400):
        spread = Spread()
        for _ in range(40):
            spread.add(draw.expovariate(1.0))
        found = eta(100, 1, 1 / spread.mean, spread)
        held += found.low <= sum(draw.expovariate(1.0) for _ in range(100)) <= found.high
    assert 0.92 < held / 400 < 0.98


def test_a_finished_session_is_read_back_as_it_was_written(tmp_path):
    with StatusWriter(tmp_path, TASKS, what="shards", prices=Prices(worker_hour=2)) as writer:
        writer(told(EventKind.WORKER_STARTED))
        assert sessions(tmp_path)[-1].pulse == "at work"
    (session,) = sessions(tmp_path)
    assert (session.pulse, session.status.ended, session.status.complete) == ("ended", "ended", True)
    assert session.status.what == "shards" and session.status.prices == Prices(worker_hour=2)


DIES = """
import os, signal, sys
from pathlib import Path
from jobs.status.writer import StatusWriter
from jobs.task import Task
with StatusWriter(Path(sys.argv[1]), [Task("a", size=4)]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_driver_leaves_its_last_state_and_is_known_to_be_gone(tmp_path):
    assert subprocess.run([sys.executable, "-c", DIES, str(tmp_path)]).returncode == -signal.SIGKILL
    (session,) = sessions(tmp_path)
    assert (session.pulse, session.status.progress.items_total) == ("silent", 4)


@pytest.mark.parametrize(("beats", "pulse"), [(True, "at work"), (False, "silent")])
def test_elsewhere_a_driver_lives_while_its_file_changes_whatever_the_clocks_say(tmp_path, beats, pulse):
    with StatusWriter(tmp_path, TASKS) as writer:
        written = json.loads(writer.path.read_text())
    written |= {"ended": "", "written": "2001-01-01T00:00:00+00:00", "every_s": 1.0}
    written["driver"] |= {"host": "far", "boot": "another"}
    writer.path.write_text(json.dumps(written))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        written["beat"] += beats
        writer.path.write_text(json.dumps(written))

    assert sessions(tmp_path, sleep)[-1].pulse == pulse
    assert sum(slept) <= 3.0


@pytest.mark.parametrize(("beats", "pulse"), [(True, "at work"), (False, "silent")])
def test_the_status_of_a_run_in_a_store_is_fetched_again_and_waiting_is_told(bucket, tmp_path, beats, pulse):
    with StatusWriter(tmp_path, TASKS) as writer:
        written = json.loads(writer.path.read_text())
    written |= {"ended": "", "every_s": 30.0}
    written["driver"] |= {"host": "far", "boot": "another", "pid": 7}
    key, slept, said = f"run/status/{writer.path.name}", [], []
    bucket.write(key, json.dumps(written).encode())
    bucket.write("run/config.sha256", b"0\n")

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if beats and sum(slept) > 10:
            bucket.write(key, json.dumps(written | {"beat": written["beat"] + 1}).encode())

    assert sessions(local_place(f"{bucket.url}/run"), sleep, said.append)[-1].pulse == pulse
    assert sum(slept) == (12 if beats else 76)
    assert said == ["waiting for a sign of the driver (process 7 on far, another machine), at most 73 s more"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "no status file"),
        ("[]", "no status file"),
        ('{"version": 1}', "no status file"),
    ],
)
def test_what_is_no_status_file_is_one_line(tmp_path, content, told):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(StatusFileError, match=told) as error:
        read_status(path)
    assert "\n" not in str(error.value)


def test_a_status_file_of_another_version_is_refused_by_it(tmp_path):
    with StatusWriter(tmp_path, TASKS) as writer:
        pass
    later = json.loads(writer.path.read_text()) | {"version": 2}
    writer.path.write_text(json.dumps(later))
    with pytest.raises(StatusFileError, match="is of version 2, this program reads 1"):
        read_status(writer.path)


def test_a_pipe_among_the_status_files_is_not_waited_for(tmp_path):
    (tmp_path / "status").mkdir()
    os.mkfifo(tmp_path / "status/x.json")
    with pytest.raises(StatusFileError, match="x.json: is no ordinary file"):
        sessions(tmp_path)


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity"])
def test_a_status_file_with_a_number_that_is_none_is_refused(tmp_path, number):
    with StatusWriter(tmp_path, TASKS) as writer:
        pass
    stored = json.loads(writer.path.read_text())
    stored["progress"]["elapsed_s"] = "HERE"
    writer.path.write_text(json.dumps(stored).replace('"HERE"', number))
    with pytest.raises(StatusFileError, match="move it away"):
        read_status(writer.path)


def test_a_status_that_cannot_be_written_stops_no_run(tmp_path):
    (tmp_path / "status").write_text("in the way")
    with StatusWriter(tmp_path, TASKS) as writer:
        writer(told(EventKind.WORKER_STARTED))
    assert "status" in writer.problem and status_files(tmp_path) == []


def test_a_limit_stops_the_farm_after_the_item_at_work_and_the_rest_is_unfinished():
    made: list[int] = []

    def count(event: Event) -> None:
        if event.kind is EventKind.ITEM:
            made.append(event.done)

    tasks = [Task("a", ("count", 5), size=5), Task("b", ("count", 5), size=5)]
    with pytest.raises(FarmHalted, match="enough; 2 tasks unfinished") as stop:
        run_tasks(Script, tasks, FarmConfig(workers=0), count, lambda: "enough" if len(made) >= 3 else "")
    assert made == [1, 2, 3] and stop.value.report.unfinished == ("a", "b")


def test_a_limit_that_is_reached_with_the_last_item_stops_nothing():
    report = run_tasks(
        Script, [Task("a", ("echo", 1))], FarmConfig(workers=0), lambda event: None, lambda: ""
    )
    assert report.done == {"a": 1}


NOW = datetime(2026, 3, 1, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("18:30", NOW + timedelta(minutes=30)),
        ("17:30", NOW + timedelta(hours=23, minutes=30)),
        ("+8h", NOW + timedelta(hours=8)),
        ("+1d2h30m", NOW + timedelta(days=1, hours=2, minutes=30)),
        ("2026-03-02T08:00", NOW + timedelta(hours=14)),
        ("2026-03-01T20:00+01:00", NOW + timedelta(hours=1)),
    ],
)
def test_a_time_is_named_by_the_clock_a_span_or_its_date(text, when, zone):
    zone("UTC")
    assert until(text, NOW) == when


@pytest.fixture
def zone(monkeypatch) -> Iterator[Callable[[str], None]]:
    """Sets the time zone of this machine."""

    def put(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


def test_a_time_by_the_clock_holds_across_the_change_from_summer_time(zone):
    zone("CET-1CEST,M3.5.0,M10.5.0/3")  # as in Berlin
    now = datetime(2026, 10, 24, 18, 0, tzinfo=UTC).astimezone()  # 20:00 there; the clocks change that night
    assert until("18:30", now) == datetime(2026, 10, 25, 17, 30, tzinfo=UTC)
    assert until("20:30", now) == datetime(2026, 10, 24, 18, 30, tzinfo=UTC)
    assert until("2026-12-01T18:30", now) == datetime(2026, 12, 1, 17, 30, tzinfo=UTC)
    assert until("+1d", now) - now == timedelta(days=1)
    assert str(until("18:30", now)).startswith("2026-10-25 18:30")


@pytest.mark.parametrize("text", ["", "soon", "25:00", "+", "8h", "2026-03-01T17:59", "+0s", "+99999999999d"])
def test_what_names_no_time_to_come_is_refused(text):
    with pytest.raises(UntilError):
        until(text, NOW)
    with pytest.raises(UntilError, match="expected a time such as"):
        until("+", NOW)


def test_a_budget_is_reached_by_the_clock_or_by_the_cost():
    limits = Budget(prices=Prices(worker_hour=1), max_cost=5.0, until=NOW)
    early = NOW - timedelta(seconds=1)
    assert limits.reached(lambda: 4.9, early) == ""
    assert limits.reached(lambda: 5.0, early) == "it has cost 5.00, of 5 that it may"
    assert replace(limits, spent=4.0).reached(lambda: 1.5, early) == "it has cost 5.50, of 5 that it may"
    assert "2026-03-01 18:00:00" in limits.reached(lambda: 0.0, NOW)
    with pytest.raises(ValueError, match="needs prices"):
        Budget(max_cost=1.0)
    assert replace(limits, max_cost=None).reached(lambda: 9.0, early) == ""


def test_the_process_that_writes_can_be_found(tmp_path):
    with StatusWriter(tmp_path, TASKS) as writer:
        assert read_status(writer.path).driver.pid == os.getpid()
