"""The Ray farm, and the only module that knows Ray.

Each slot of the farm holds one long-lived actor, which holds one warm worker and runs one task at a time in
the main thread of its process. Around the actors stand one driver loop and one mailbox:

    driver  --run(attempt)-->  actor  --put(event)-->  mailbox  --take()-->  driver

A worker's `report` returns once the mailbox has the event, so events outlive the worker, and the mailbox
answers whether the farm is stopping. It never waits for the driver: a slow driver does not slow rendering.
Before the driver settles a task it empties the mailbox, so a task's last events precede its end.

A slot goes   empty -> starting -> idle <-> busy -> closing -> empty.   An actor that dies, raises or wears
out is replaced; whatever a task did to its process (a poisoned GPU context, a leak) ends with that process.
"""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import socket
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import ray
from ray.exceptions import RayError
from ray.job_config import JobConfig
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from jobs.host import WorkerHost, process_name
from jobs.inline import run_inline
from jobs.ledger import Attempt, Ledger, Outcome
from jobs.signals import StopRequest, stop_requested
from jobs.task import (
    Event,
    EventKind,
    FarmConfig,
    FarmInterrupted,
    FarmReport,
    MakeWorker,
    Task,
    WorkerStartError,
)

TICK_S = 0.5  # the longest the driver goes without looking at signals and deadlines
START_TRIES = 3  # starts that may fail in a row before a slot is given up
SLOW_START_S = 60.0  # after so long without a worker, and each time again, the driver says so
CONNECT_TIMEOUT_S = 5.0
JOIN_TIMEOUT_S = 45.0
OBJECT_STORE_BYTES = 128 << 20  # only small values travel; Ray moves it out of a smaller /dev/shm by itself
LOCAL_RAY = {
    "process_group_cleanup_enabled": True,  # what a worker started dies with it
    "prestart_worker_first_driver": False,  # workers idle beside our actors would only cost memory
}
PROBE = (
    "import sys, ray; ray.init(address=sys.argv[1], include_dashboard=False, log_to_driver=False, "
    "logging_level='ERROR')"
)


class ClusterUnreachableError(ConnectionError):
    """There is no Ray cluster to join at the given address."""


class FarmCapacityError(ValueError):
    """Not even one worker fits on this machine."""


class FarmError(RuntimeError):
    """The farm itself broke, not a task."""


def run_tasks(
    make_worker: MakeWorker,
    tasks: Iterable[Task],
    config: FarmConfig,
    on_event: Callable[[Event], None],
) -> FarmReport:
    """Run every task on some worker and return what came of them; order and number of workers change nothing.

    `make_worker` is an importable callable (or a `functools.partial` of one), called once in each worker
    process. `on_event` is called in this process, one event at a time. A task that keeps failing is reported
    and stops nothing else. Raises FarmInterrupted on SIGINT or SIGTERM, WorkerStartError if no worker starts,
    ClusterUnreachableError and FarmCapacityError before anything ran. Uses a Ray that this process has
    already initialised (see `ray_session`), else starts one and stops it again.
    """
    if config.workers == 0:
        return run_inline(make_worker, tasks, config, on_event)
    ledger = Ledger(tasks, config.max_retries)
    if not ledger.outstanding:
        return ledger.report(0.0)
    with ray_session(config), stop_requested() as request:
        return _Driver(make_worker, ledger, config, on_event, request).run()


@contextmanager
def ray_session(config: FarmConfig) -> Iterator[None]:
    """Keep one Ray for several `run_tasks`: a local one, or a connection to `config.address`.

    Inside another session, or with a Ray initialised by the caller, it changes nothing.
    """
    if ray.is_initialized():
        yield
        return
    _prepare_environment(local=config.address is None)
    if config.address is None:
        _start_local(config)
    else:
        _join(config.address, config)
    try:
        yield
    finally:
        ray.shutdown()


def _prepare_environment(*, local: bool) -> None:
    """What Ray reads from the environment, for as long as this process lives; the caller's settings win."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    if local and "RAY_AUTH_TOKEN_PATH" not in os.environ:
        # Ray guards a local cluster with a token, by default kept in the home folder, which may be read-only
        # or shared. Ours lives and dies with this process; Ray caches it, so it must not change.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))


def _start_local(config: FarmConfig) -> None:
    """Start a Ray for this process alone; it ends with this process, however that ends.

    After SIGKILL of this process, workers and what they started are gone within seconds; two small agents of
    Ray's own, which hold no resources, give up a minute later.
    """
    wanted = None if config.workers is None else max(1, math.ceil(config.workers * config.cpus_per_worker))
    ray.init(
        address="local",
        num_cpus=wanted,
        include_dashboard=False,
        log_to_driver=config.verbose,
        logging_level="INFO" if config.verbose else "ERROR",
        object_store_memory=OBJECT_STORE_BYTES,
        job_config=JobConfig(_py_driver_sys_path=_own_import_path()),
        _node_ip_address="127.0.0.1",
        _system_config=LOCAL_RAY,
    )


def _own_import_path() -> list[str]:
    """Folders that this process imports from beyond what its Python always has: workers get them too."""
    standard = (sys.prefix + os.sep, sys.base_prefix + os.sep)
    return [folder for folder in sys.path if os.path.isdir(folder) and not folder.startswith(standard)]


def _join(address: str, config: FarmConfig) -> None:
    """Connect to an existing cluster. A child process tries first: Ray itself ends a process that it cannot
    connect, after minutes, instead of raising an error."""
    if address != "auto":
        _check_port(address)
    try:
        probe = subprocess.run(
            [sys.executable, "-c", PROBE, address], capture_output=True, text=True, timeout=JOIN_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise _unreachable(address, f"no answer in {JOIN_TIMEOUT_S:.0f} s") from error
    if probe.returncode != 0:
        raise _unreachable(address, (probe.stderr.strip().splitlines() or ["no reason given"])[-1])
    ray.init(
        address=address,
        log_to_driver=config.verbose,
        logging_level="INFO" if config.verbose else "ERROR",
    )


def _check_port(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise ClusterUnreachableError(
            f'a Ray address is "auto" or "host:port" (of the head, usually port 6379), got {address!r}'
        )
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def _unreachable(address: str, reason: str) -> ClusterUnreachableError:
    return ClusterUnreachableError(
        f"no Ray cluster to join at {address!r} ({reason}); start its head with "
        "`ray start --head --port=6379`, use the Ray and Python versions, RAY_AUTH_MODE and token of the "
        "cluster, or leave the address out to run on this machine"
    )


@ray.remote(num_cpus=0)
class _Mailbox:
    """Events on their way from workers to the driver. Never blocks a worker."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._first = 0  # running number of the leftmost event
        self._arrived = asyncio.Event()
        self._stopping = False

    async def put(self, event: Event) -> bool:
        """Keep `event`; True if the farm is stopping."""
        self._events.append(event)
        self._arrived.set()
        return self._stopping

    async def stop(self) -> None:
        self._stopping = True

    async def take(self, seen: int, wait: bool) -> tuple[int, list[Event]]:
        """Forget the first `seen` events ever put; return the rest with the running number of their first."""
        while self._events and self._first < seen:
            self._events.popleft()
            self._first += 1
        if not self._events and wait:
            self._arrived.clear()
            await self._arrived.wait()
        return self._first, list(self._events)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Birth:
    """How the start of a worker went."""

    worker: str  # "host:pid"
    failure: str = ""  # traceback


@ray.remote(max_restarts=0, max_task_retries=0)
class _Actor:
    """The process of one worker."""

    def __init__(self, mailbox: Any, config: FarmConfig) -> None:
        self._mailbox = mailbox
        self._config = config
        self._host: WorkerHost | None = None

    def start(self, make_worker: MakeWorker) -> _Birth:
        limits = {"recycle_after": self._config.recycle_after, "recycle_rss_mb": self._config.recycle_rss_mb}
        try:
            self._host = WorkerHost(make_worker, self._send, **limits)
        except Exception:  # a record for the driver, which decides
            return _Birth(worker=process_name(), failure=traceback.format_exc())
        return _Birth(worker=process_name())

    def run(self, attempt: Attempt) -> Outcome:
        return self._host.run(attempt)

    def close(self) -> None:
        self._host.close()

    def _send(self, event: Event) -> bool:
        return ray.get(self._mailbox.put.remote(event))


class _Slot:
    """Place for one worker, as the driver sees it."""

    def __init__(self) -> None:
        self.phase: Literal["empty", "starting", "idle", "busy", "closing", "given_up"] = "empty"
        self.actor: Any = None
        self.call: ray.ObjectRef | None = None  # what the actor is doing
        self.attempt: Attempt | None = None
        self.worker = ""
        self.since = 0.0  # monotonic seconds of the last sign of life
        self.killed_for = ""
        self.failed_starts = 0

    def enter(self, phase: str, call: ray.ObjectRef | None = None) -> None:
        self.phase, self.call, self.since = phase, call, time.monotonic()

    def kill(self) -> None:
        if self.actor is not None:
            with suppress(RayError):
                ray.kill(self.actor)


class _Driver:
    """The loop of one `run_tasks`."""

    def __init__(
        self,
        make_worker: MakeWorker,
        ledger: Ledger,
        config: FarmConfig,
        on_event: Callable[[Event], None],
        request: StopRequest,
    ) -> None:
        self._make_worker = make_worker
        self._ledger = ledger
        self._config = config
        self._on_event = on_event
        self._request = request
        self._slots = [_Slot() for _ in range(min(_worker_count(config), ledger.waiting))]
        self._mailbox = _Mailbox.options(scheduling_strategy=_this_node()).remote()
        self._seen = 0
        self._poll = self._mailbox.take.remote(0, True)

    def run(self) -> FarmReport:
        started = time.monotonic()
        try:
            while self._ledger.outstanding and self._request.signum is None:
                self._hand_out()
                self._step(TICK_S)
                self._enforce_deadlines()
            if self._request.signum is not None:
                self._stop_workers()
            self._close_idle()
        finally:
            for slot in self._slots:
                slot.kill()
            ray.kill(self._mailbox)
        report = self._ledger.report(time.monotonic() - started)
        if self._request.signum is not None and report.unfinished:
            raise FarmInterrupted(self._request.signum, report)
        return report

    # -- giving work -------------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        for slot in self._slots:
            if slot.phase == "idle" and self._ledger.waiting:
                self._give_task(slot)
        starting = sum(slot.phase == "starting" for slot in self._slots)
        empty = [slot for slot in self._slots if slot.phase == "empty"]
        for slot in empty[: max(0, self._ledger.waiting - starting)]:
            self._start_worker(slot)

    def _give_task(self, slot: _Slot) -> None:
        slot.attempt = self._ledger.take()
        self._tell(_about(slot.attempt, EventKind.TASK_STARTED), slot)
        slot.enter("busy", slot.actor.run.remote(slot.attempt))

    def _start_worker(self, slot: _Slot) -> None:
        options: dict[str, Any] = {
            "num_cpus": self._config.cpus_per_worker,
            "num_gpus": self._config.gpus_per_worker,
        }
        if self._config.env:
            options["runtime_env"] = {"env_vars": dict(self._config.env)}
        slot.actor = _Actor.options(**options).remote(self._mailbox, self._config)
        slot.killed_for = ""
        slot.enter("starting", slot.actor.start.remote(self._make_worker))

    # -- hearing back ------------------------------------------------------------------------------------

    def _step(self, timeout_s: float) -> None:
        """Wait for something to happen, at most `timeout_s`, and deal with it."""
        calls = {slot.call: slot for slot in self._slots if slot.call is not None}
        ready, _ = ray.wait([self._poll, *calls], num_returns=1, timeout=timeout_s)
        if not ready:
            return
        self._empty_mailbox()
        for call in ready:
            if call in calls:
                self._answer(calls[call])

    def _empty_mailbox(self) -> None:
        """Pass on every event that has arrived, and ask for the next ones."""
        try:
            first, events = ray.get(self._mailbox.take.remote(self._seen, False))
            if ray.wait([self._poll], timeout=0)[0]:
                self._poll = self._mailbox.take.remote(first + len(events), True)
        except RayError as error:
            raise FarmError(f"the farm's mailbox died; run again to resume: {error}") from error
        self._seen = first + len(events)
        by_name = {slot.worker: slot for slot in self._slots}
        for event in events:
            if event.worker in by_name:
                by_name[event.worker].since = time.monotonic()
            self._on_event(event)

    def _answer(self, slot: _Slot) -> None:
        """The call that `slot` was making has ended."""
        try:
            answer = ray.get(slot.call)
        except RayError as error:  # the process died, or the answer could not travel
            answer = slot.killed_for or str(error)
        if slot.phase == "starting":
            self._after_start(slot, answer)
        elif slot.phase == "busy":
            self._after_run(slot, answer)
        else:
            self._clear(slot)

    def _after_start(self, slot: _Slot, answer: _Birth | str) -> None:
        failure = answer if isinstance(answer, str) else answer.failure
        if not failure:
            slot.worker, slot.failed_starts = answer.worker, 0
            slot.enter("idle")
            self._tell(Event(kind=EventKind.WORKER_STARTED), slot)
            return
        slot.failed_starts += 1
        self._tell(Event(kind=EventKind.WARNING, message=f"a worker did not start:\n{failure}"), slot)
        self._clear(slot)
        if slot.failed_starts >= START_TRIES:
            slot.phase = "given_up"
        if all(other.phase == "given_up" for other in self._slots):
            raise WorkerStartError(f"no worker started in {START_TRIES} tries each; the last one:\n{failure}")

    def _after_run(self, slot: _Slot, answer: Outcome | str) -> None:
        died = isinstance(answer, str)
        outcome = Outcome(end="failed", reason=answer) if died else answer
        self._tell(self._ledger.settle(slot.attempt, outcome), slot)
        slot.attempt = None
        worn = outcome.worn_out or (outcome.reason if outcome.end == "recycle" else "")
        if worn:
            self._ledger.count_recycled()
        if outcome.end == "done" and not worn:
            slot.enter("idle")
            return
        self._tell(Event(kind=EventKind.WORKER_STOPPED, message=worn or _gist(outcome.reason)), slot)
        if died:
            self._clear(slot)
        else:
            slot.enter("closing", slot.actor.close.remote())

    def _clear(self, slot: _Slot) -> None:
        slot.kill()
        slot.actor, slot.worker = None, ""
        slot.enter("empty")

    def _tell(self, event: Event, slot: _Slot) -> None:
        self._on_event(replace(event, worker=slot.worker))

    # -- time --------------------------------------------------------------------------------------------

    def _enforce_deadlines(self) -> None:
        now, stall = time.monotonic(), self._config.stall_timeout_s
        for slot in self._slots:
            silent = now - slot.since
            if slot.phase == "busy" and stall is not None and silent > stall and not slot.killed_for:
                slot.killed_for = f"the worker reported nothing for {stall:g} s and was killed"
                slot.kill()
            elif slot.phase == "closing" and silent > self._config.stop_grace_s:
                slot.kill()
            elif slot.phase == "starting" and silent > SLOW_START_S:
                slot.since = now
                self._tell(Event(kind=EventKind.NOTE, message=_slow_start(self._config)), slot)

    def _stop_workers(self) -> None:
        """Ask the busy workers to stop at their next report; after the grace period their tasks are put back
        all the same."""
        ray.get(self._mailbox.stop.remote())
        deadline = time.monotonic() + self._config.stop_grace_s
        while any(slot.phase == "busy" for slot in self._slots) and time.monotonic() < deadline:
            self._step(min(TICK_S, max(0.0, deadline - time.monotonic())))
        self._empty_mailbox()
        for slot in self._slots:
            if slot.phase == "busy":
                outcome = Outcome(end="stopped", reason="killed: it did not stop within the grace period")
                self._tell(self._ledger.settle(slot.attempt, outcome), slot)

    def _close_idle(self) -> None:
        """Let workers free what they hold, within the grace period."""
        closing = [slot.call for slot in self._slots if slot.phase == "closing"]
        for slot in self._slots:
            if slot.phase == "idle":
                self._tell(Event(kind=EventKind.WORKER_STOPPED, message="the farm is done"), slot)
                closing.append(slot.actor.close.remote())
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=self._config.stop_grace_s)


def _about(attempt: Attempt, kind: EventKind) -> Event:
    return Event(kind=kind, task_id=attempt.task.id, attempt=attempt.number)


def _gist(reason: str) -> str:
    """The last line of a traceback; Ray's own messages put theirs first."""
    lines = reason.strip().splitlines() or [""]
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def _this_node() -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _worker_count(config: FarmConfig) -> int:
    """How many workers to aim for; on a joined cluster those that do not fit yet wait for room."""
    fitting = sum(_fitting(node["Resources"], config) for node in ray.nodes() if node["Alive"])
    if fitting == 0 and config.address is None:
        total = ray.cluster_resources()
        raise FarmCapacityError(
            f"no worker fits: each needs {config.cpus_per_worker:g} CPUs and {config.gpus_per_worker:g} "
            f"GPUs, here are {total.get('CPU', 0):g} CPUs and {total.get('GPU', 0):g} GPUs; lower the "
            "needs of a worker, or join a cluster with `address`"
        )
    return config.workers or max(1, fitting)


def _fitting(resources: dict[str, float], config: FarmConfig) -> int:
    fitting = resources.get("CPU", 0) // config.cpus_per_worker
    if config.gpus_per_worker > 0:
        fitting = min(fitting, resources.get("GPU", 0) // config.gpus_per_worker)
    return int(fitting)


def _slow_start(config: FarmConfig) -> str:
    free = ray.available_resources()
    return (
        f"still waiting for a worker to start: it needs {config.cpus_per_worker:g} CPUs and "
        f"{config.gpus_per_worker:g} GPUs, free are {free.get('CPU', 0):g} and {free.get('GPU', 0):g}"
    )
