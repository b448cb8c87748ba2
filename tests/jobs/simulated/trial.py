"""One seed, driven to its end, and what must hold then."""

from __future__ import annotations

from collections import Counter
from functools import partial

from jobs.farm.driver import Driver
from jobs.ledger import Ledger
from jobs.signals import StopRequest
from jobs.task import (
    WORKER_KINDS,
    Event,
    EventKind,
    FarmError,
    FarmHalted,
    FarmInterrupted,
    FarmReport,
    WorkerStartError,
)
from tests.jobs.simulated.cluster import SimulatedCluster
from tests.jobs.simulated.plan import Plan, draw

STOP_SLACK_S = 15.0  # beyond two grace periods: looks at the mailbox that are in vain take 2 s each
BEGUN = {EventKind.TASK_STARTED}
BACK = {EventKind.TASK_RETRIED, EventKind.TASK_PUT_BACK}
OVER = {EventKind.TASK_DONE, EventKind.TASK_FAILED}


class Broken(AssertionError):
    """A schedule that the driver does not stand."""

    def __init__(self, seed: int, why: BaseException) -> None:
        self.seed = seed
        command = f"python -m tests.jobs.simulated {seed}"
        super().__init__(f"seed {seed}: {type(why).__name__}: {why}\nrepeat it with: {command}")


class Witness:
    """Hears every event and holds the tasks to their order."""

    def __init__(self, plan: Plan, cluster: SimulatedCluster, *, aloud: bool = False) -> None:
        self._plan, self._cluster, self._aloud = plan, cluster, aloud
        self._running: dict[str, Event] = {}
        self._done: dict[str, int] = {}  # of each task, as its latest run tells
        self._sizes = {task.id: task.size for task in plan.tasks}
        self._resumable = {task.id for task in plan.tasks if task.resumable}
        self.over: dict[str, EventKind] = {}
        self.heard: Counter[object] = Counter()
        self.kinds: Counter[EventKind] = Counter()

    def hear(self, event: Event) -> None:
        if self._aloud:
            print(
                f"{self._cluster.now():9.2f} {event.worker:>4} {event.kind} {event.task_id} {event.message}"
            )
        self.kinds[event.kind] += 1
        if event.task_id:
            assert event.task_id not in self.over, f"{event.kind} of {event.task_id} after its end"
            self._follow(event)

    def _follow(self, event: Event) -> None:
        now = self._running.get(event.task_id)
        if event.kind in BEGUN:
            assert now is None, f"{event.task_id} is running and was begun again"
            assert event.attempt <= 1 + self._plan.config.max_retries, (
                f"{event.task_id}: attempt {event.attempt}"
            )
            self._running[event.task_id], self._done[event.task_id] = event, 0
        elif event.kind in WORKER_KINDS:
            told = f"{event.kind} of {event.task_id} by {event.worker}"
            assert now and now.worker == event.worker, f"{told} outside of its run"
            self.heard[event.data] += 1
            self._count(event)
        elif event.kind in BACK | OVER:
            abandoned = event.kind is EventKind.TASK_FAILED and "stays its own" in event.message
            assert now or abandoned, f"{event.kind} of {event.task_id}, which did not run"
            self._running.pop(event.task_id, None)
            self._judge(event, now)
            if event.kind in OVER:
                self.over[event.task_id] = event.kind

    def _count(self, event: Event) -> None:
        """What a run tells of its items comes in its order, where the mailbox was not killed meanwhile."""
        before, self._done[event.task_id] = self._done[event.task_id], event.done or 0
        assert self._cluster.letters.restarts or self._done[event.task_id] >= before, (
            f"{event.task_id}: {event.done} items told after {before}"
        )

    def _judge(self, event: Event, begun: Event | None) -> None:
        """By its end all of a task was told; a worker that told of an item spends no attempt by its death."""
        if self._cluster.letters.restarts or begun is None:
            return
        told = self._done[event.task_id]
        assert event.kind is not EventKind.TASK_DONE or told == self._sizes[event.task_id], (
            f"{event.task_id} is done, and {told} items of it were told"
        )
        died = any(word in event.message for word in ("process died", "reported nothing"))
        blamed = died and event.kind in (EventKind.TASK_RETRIED, EventKind.TASK_FAILED)
        if blamed and event.task_id in self._resumable:
            items = self._cluster.told[begun.worker]
            assert not items, f"{event.task_id}: a death after {items} new items was held against it"


def attempt(seed: int, *, aloud: bool = False) -> FarmReport:
    """Drive the schedule of this seed to its end; raises Broken where that is not as it must be."""
    plan, request = draw(seed), StopRequest()
    cluster = SimulatedCluster(plan, request)
    witness = Witness(plan, cluster, aloud=aloud)
    ledger = Ledger(plan.tasks, plan.config.max_retries)
    makers = {pool.name: partial(str, pool.name) for pool in plan.config.pools} or str
    cause: BaseException | None = None
    try:
        driver = Driver(makers, ledger, plan.config, witness.hear, request, cluster)
        try:
            driver.run()
        except (FarmInterrupted, FarmHalted, WorkerStartError, FarmError) as error:
            cause = error
        report = ledger.report(cluster.now())
        _check_end(plan, cluster, cause, report)
        _check_tasks(plan, cluster, witness, report)
        _check_items(plan, cluster, report)
        _check_blame(plan, report)
    except Exception as error:
        raise Broken(seed, error) from error
    return report


def _check_end(
    plan: Plan, cluster: SimulatedCluster, cause: BaseException | None, report: FarmReport
) -> None:
    """Why the loop ended, when, and what it left behind."""
    assert not isinstance(cause, WorkerStartError) or plan.bad_start or plan.death or plan.faults, cause
    assert not isinstance(cause, FarmError) or plan.broken_s is not None, cause
    assert cause or not report.unfinished, f"{report.unfinished} were left"
    if isinstance(cause, (FarmInterrupted, FarmHalted)):
        assert plan.stop_s is not None and report.unfinished
        took = cluster.now() - plan.stop_s
        most = 2 * plan.config.stop_grace_s + STOP_SLACK_S
        assert took <= most, f"the stop took {took:.1f} s, {most:.1f} s is the most"
    left = [process.name for process in cluster.processes if not process.let_go]
    assert not left, f"{left} were left behind"


def _check_tasks(plan: Plan, cluster: SimulatedCluster, witness: Witness, report: FarmReport) -> None:
    """Every task ended once, its events told so, and none was lost or came twice."""
    ended = Counter([*report.done, *report.failed, *report.unfinished])
    assert ended == Counter(task.id for task in plan.tasks), f"ends of tasks: {ended}"
    told = {kind: {task for task, end in witness.over.items() if end is kind} for kind in OVER}
    assert told[EventKind.TASK_DONE] == set(report.done)
    assert told[EventKind.TASK_FAILED] == set(report.failed)
    assert witness.kinds[EventKind.TASK_RETRIED] == report.retried
    if cluster.letters.restarts == 0:
        twice = [number for number, times in witness.heard.items() if times > 1]
        assert not twice, f"events {twice} came twice"
        lost = set(cluster.acknowledged) - set(witness.heard)
        assert report.unfinished or not lost, f"events {lost} were lost"


def _check_items(plan: Plan, cluster: SimulatedCluster, report: FarmReport) -> None:
    """A task that is done has each item once, and all of one kind; any other has the first ones."""
    for task in plan.tasks:
        items = cluster.store.items.get(task.id, [])
        assert [index for index, _ in items] == list(range(len(items))), f"{task.id} has {items}"
        assert len({kind for _, kind in items}) <= 1, f"{task.id} is of several kinds: {items}"
        assert not task.kind or all(kind == task.kind for _, kind in items), f"{task.id}: {items}"
        if task.id in report.done:
            assert len(items) == task.size == report.done[task.id], f"{task.id} is done with {items}"


def _check_blame(plan: Plan, report: FarmReport) -> None:
    """Where only the mailbox and drained nodes were at fault, no task pays for it."""
    innocent = {task.id for task in plan.tasks if task.payload.innocent}
    blamed = innocent & set(report.failed)
    assert not (plan.harmless and blamed), f"{blamed} were given up: {report.failed}"
    if plan.harmless and len(innocent) == len(plan.tasks):
        assert not report.retried, f"{report.retried} attempts were spent on nothing"
