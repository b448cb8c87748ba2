"""Pools of workers on one Ray: who does what, what is said of missing ones, and machines that go."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import pytest

from jobs.config import FarmConfig, Needs, Pool
from jobs.farm import run_tasks
from jobs.farm.crew import Crew
from jobs.farm.mailbox import WorkerSide
from jobs.farm.ray_cluster import RayCluster
from jobs.task import Event, EventKind, FarmCapacityError, FarmReport, Task, WorkerStartError
from tests.jobs.workers import NeverStarts, Script

ONE = FarmConfig(workers=1, max_retries=0)
FAST = Pool(name="fast", kind="fast", workers=1, env={"JOBS_TEST_POOL": "fast"})
SLOW = Pool(name="slow", kind="slow", workers=1, env={"JOBS_TEST_POOL": "slow"})
BOTH = FarmConfig(pools=(FAST, SLOW), max_retries=0)


pytestmark = pytest.mark.usefixtures("local_ray")


def run(tasks: list[Task], config: FarmConfig, **makers: type) -> tuple[FarmReport, list[Event]]:
    events: list[Event] = []
    return run_tasks(makers or Script, tasks, config, events.append), events


def test_a_task_goes_to_any_pool_that_is_idle_unless_it_is_of_one_kind() -> None:
    anybodys = [Task(f"t{index}", ("crawl", 0.3), size=2) for index in range(6)]
    own = [Task("own", ("crawl", 0.01), kind="slow")]
    report, _ = run(anybodys + own, BOTH, fast=Script, slow=Script)
    assert set(report.done.values()) == {"fast", "slow"} and report.done["own"] == "slow"


def test_where_one_pool_cannot_start_the_other_does_its_work_but_not_what_is_its_own() -> None:
    tasks = [Task("any", ("crawl", 0.01)), Task("own", ("crawl", 0.01), kind="fast")]
    report, _ = run(tasks, BOTH, fast=NeverStarts, slow=Script)
    assert dict(report.done) == {"any": "slow"}
    assert "no worker of fast started" in report.failed["own"].traceback
    assert "no renderer on this machine" in report.failed["own"].traceback


def test_only_where_no_pool_starts_there_is_nothing_to_be_done() -> None:
    with pytest.raises(WorkerStartError, match="no renderer on this machine"):
        run([Task("a", ("echo", 1)), Task("b", ("echo", 1))], BOTH, fast=NeverStarts, slow=NeverStarts)


def test_a_task_for_a_kind_that_no_pool_has_is_refused() -> None:
    with pytest.raises(ValueError, match="tasks wait for workers of rapid, and no pool has any"):
        run([Task("a", kind="rapid")], BOTH, fast=Script, slow=Script)


def test_fewer_workers_than_were_asked_for_are_said_and_none_of_a_pool_is_refused() -> None:
    tasks = [Task(f"t{index}", ("echo", index)) for index in range(5)]
    _, events = run(tasks, replace(ONE, workers=5))
    told = [event.message for event in events if event.kind is EventKind.WAITING]
    assert told == ["2 workers fit here, not 5: each needs 1 CPU and 0 GPUs"]
    hungry = replace(SLOW, needs=Needs(memory_gib=1e6))
    with pytest.raises(FarmCapacityError, match=r"pool slow fits: each needs 1 CPU, 0 GPUs and 1e\+06 GiB"):
        run(tasks, FarmConfig(pools=(FAST, hungry)), fast=Script, slow=Script)


def test_sigterm_stops_a_worker_after_its_item_and_costs_the_task_nothing() -> None:
    events: list[Event] = []

    def listen(event: Event) -> None:
        first = not any(each.kind is EventKind.ITEM for each in events)
        events.append(event)
        if first and event.kind is EventKind.ITEM:
            os.kill(int(event.worker.split(":")[1]), signal.SIGTERM)

    report = run_tasks(Script, [Task("t", ("crawl", 0.2), size=4)], ONE, listen)
    assert (dict(report.done), report.retried, dict(report.failed)) == ({"t": ""}, 0, {})
    told = [event for event in events if event.kind is EventKind.TASK_PUT_BACK]
    assert [event.message for event in told] == ["SIGTERM: this machine is being taken away"]
    assert len({event.worker for event in events if event.kind is EventKind.WORKER_STARTED}) == 2


def test_deaths_that_a_task_tolerates_spend_no_attempt_and_are_counted_for_its_worker() -> None:
    task = Task("t", ("die_silently_until", 2), resumable=True, tolerates=2)
    report, events = run([task], ONE)
    assert (dict(report.done), report.retried) == ({"t": 2}, 0)
    lost = [event for event in events if event.kind is EventKind.WORKER_LOST]
    assert [event.task_id for event in lost] == ["t", "t"]
    assert all(event.message.startswith(f"{event.worker}: the worker's process died (pid ") for event in lost)


def test_missing_workers_are_told_once_a_minute_and_those_with_a_place_apart() -> None:
    crew = Crew(replace(FAST, needs=Needs(gpus=0.5)), Script, 3)
    crew.slots[0].phase = "busy"
    for slot in crew.slots[1:]:
        slot.phase, slot.hired = "starting", 100.0
    assert [len(crew.unsaid(now)) for now in (150.0, 161.0, 200.0, 222.0)] == [0, 2, 0, 2]
    there, needs = "pool fast: 1 of 3 workers are there", "have no place yet: each needs 1 CPU and 0.5 GPUs"
    assert crew.missing(2, 0) == f"{there}, 2 {needs}"
    assert crew.missing(2, 1) == f"{there}, 1 have a place and are starting, 1 {needs}"
    assert crew.missing(2, 2) == f"{there}, 2 have a place and are starting"
    crew.grow(5)
    assert [slot.phase for slot in crew.vacancies(5)] == ["empty", "empty"]
    assert crew.vacancies(2) == []


def test_ray_says_which_workers_have_a_place_and_which_wait_for_one() -> None:
    cluster = RayCluster()
    mailbox = cluster.mailbox()
    both = replace(FAST, needs=Needs(cpus=2), env={})  # the whole machine
    seats = [cluster.hire(WorkerSide(mailbox), ONE, both, ()) for _ in range(3)]
    try:
        cluster.wait([seat.start(Script) for seat in seats], timeout_s=0)
        deadline = time.monotonic() + 30
        while (placed := cluster.placed(seats)) == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert placed == 1 and cluster.placed([]) == 0
    finally:
        for seat in seats:
            seat.kill()
        cluster.kill(mailbox)
