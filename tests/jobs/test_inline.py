from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.config import FarmConfig
from jobs.extras import install
from jobs.inline import run_inline
from jobs.task import Event, EventKind, FarmInterrupted, Task
from tests.jobs.workers import Script

ROOT = Path(__file__).parents[2]
INLINE = FarmConfig(workers=0, max_retries=0)


class Stubborn(Script):
    """Catches every Exception, as code around a fallible item does; its payload lists the items done."""

    def run(self, task, report):
        report(Event(kind=EventKind.RESUMED, done=len(task.payload)))
        for done in range(len(task.payload) + 1, task.size + 1):
            task.payload.append(done)
            try:
                report(Event(kind=EventKind.ITEM, done=done))
            except Exception:
                pytest.fail("control flow must not look like an error")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_task_at_its_next_report_and_leaves_handlers_as_they_were(signum):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    items: list[int] = []

    def listen(event: Event) -> None:
        if event.kind is EventKind.ITEM:
            items.append(event.done)
            if event.done == 3:
                os.kill(os.getpid(), signum)

    tasks = [Task("quick", ("echo", 1)), Task("long", ("count", 9), size=9), Task("never", ("echo", 2))]
    with pytest.raises(FarmInterrupted) as caught:
        run_inline(Script, tasks, INLINE, listen)
    assert items == [1, 2, 3]
    assert caught.value.signum == signum
    assert dict(caught.value.report.done) == {"quick": 1}
    assert caught.value.report.unfinished == ("long", "never")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_workers_that_catch_every_exception_still_recycle():
    config = FarmConfig(workers=0, max_retries=0, recycle_after=2)
    done: list[int] = []
    report = run_inline(Stubborn, [Task("a", done, size=5, resumable=True)], config, lambda event: None)
    assert done == [1, 2, 3, 4, 5]
    assert (report.recycled, dict(report.failed)) == (2, {})


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (Event(kind=EventKind.TASK_DONE), "a worker reports"),
        (Event(kind=EventKind.ITEM), "needs a `done` of at least 0, got None"),
    ],
)
def test_a_report_that_makes_no_sense_fails_the_task(event, complaint):
    class Confused(Script):
        def run(self, task, report):
            report(event)

    report = run_inline(Confused, [Task("a")], INLINE, lambda event: None)
    assert complaint in report.failed["a"].traceback


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers": -1},
        {"cpus_per_worker": 0},
        {"gpus_per_worker": -1},
        {"max_retries": -1},
        {"recycle_after": 0},
        {"recycle_rss_mb": 0},
        {"stall_timeout_s": 0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_settings_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FarmConfig(**wrong)


def test_without_workers_nothing_needs_ray():
    code = (
        "import sys; sys.modules['ray'] = sys.modules['psutil'] = None\n"
        "from jobs.farm import ray_session, run_tasks\n"
        "from jobs.config import FarmConfig\nfrom jobs.task import Task\n"
        "from tests.jobs.workers import Square\n"
        "with ray_session(config := FarmConfig(workers=0)):\n"
        "    print(run_tasks(Square, [Task('a', 3)], config, lambda event: None).done)\n"
        "try:\n"
        "    run_tasks(Square, [Task('a', 3)], FarmConfig(), lambda event: None)\n"
        "except ImportError as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "{'a': 9}",
        f"MissingExtraError ray is not installed; it comes with: {install('farm')}",
    ], done.stderr
