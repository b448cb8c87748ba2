"""What a status says of workers in processes of their own."""

from __future__ import annotations

import pytest

from jobs.config import FarmConfig, Needs, Pool
from jobs.farm import run_tasks
from jobs.status.book import Claim
from jobs.status.model import Progress
from jobs.status.reading import sessions
from jobs.status.writer import StatusWriter
from jobs.task import Event, EventKind, FarmHalted, Task
from tests.jobs.workers import SlowStarter


@pytest.fixture(scope="module")
def seen(tmp_path_factory, local_ray) -> tuple[Progress, Progress]:
    """Two workers of a pool that were halted after some items: at an item, and in the end."""
    folder = tmp_path_factory.mktemp("run")
    tasks = [Task(name, ("count", 500), size=500, resumable=True) for name in "ab"]
    pool = Pool(name="slow", workers=2, needs=Needs(cpus=1))
    farm = FarmConfig(pools=(pool,), recycle_rss_mb=10_000)
    at_work: list[Progress] = []

    def on_event(event: Event) -> None:
        writer(event)
        if event.kind is EventKind.ITEM and (event.done or 0) >= 3:
            at_work.append(writer._status("", complete=False).progress)

    with (
        pytest.raises(FarmHalted, match="enough"),
        StatusWriter(folder, tasks, claims={"slow": Claim(cpus=1)}) as writer,
    ):
        makers = {"slow": _maker}
        run_tasks(makers, tasks, farm, on_event, lambda: "enough" if at_work else "")
    (session,) = sessions(folder)
    assert session.status.ended == "stopped: enough; 2 tasks unfinished"
    return at_work[0], session.status.progress


def _maker() -> SlowStarter:
    return SlowStarter(0.0)


def test_workers_are_told_by_pool_with_their_memory(seen):
    at_work, _ = seen
    assert {worker.pool for worker in at_work.workers} == {"slow"}
    assert any((worker.resident_mb or 0) > 10 and worker.done >= 3 for worker in at_work.workers)


def test_a_limit_lets_the_workers_stop_and_all_that_they_did_is_counted(seen):
    at_work, last = seen
    assert last.workers == () and last.items_made >= at_work.items_made >= 3
    (used,) = last.used
    assert used.pool == "slow" and used.worker_s > 0.3 and last.tasks_failed == 0
