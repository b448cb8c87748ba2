"""Whatever process of a farm dies, and however early: the work is done, or one clear line says why not."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest
import ray

from jobs.config import FarmConfig
from jobs.farm import driver as driving
from jobs.farm import roster, run_tasks
from jobs.farm.services import OwnServices
from jobs.task import Event, EventKind, FarmError, Task, WorkerStartError
from tests.jobs.workers import Script, SlowStarter

TWO = FarmConfig(workers=2, max_retries=2)
TASKS = [Task(f"t{index}", ("count", 5), size=5, resumable=True) for index in range(4)]
ALL_DONE = {task.id: 5 for task in TASKS}
Victims = Callable[[int], list[psutil.Process]]  # those of a driver, by its pid
LIMIT_S = 90.0  # a dying farm is heard of long before

DRIVER = """
from functools import partial
from jobs.config import FarmConfig
from jobs.farm import run_tasks
from jobs.task import FarmError, Task
from tests.jobs.workers import SlowStarter

tasks = [Task(f"t{index}", ("count", 10), size=10, resumable=True) for index in range(4)]
try:
    report = run_tasks(partial(SlowStarter, 1.0), tasks, FarmConfig(workers=2), lambda event: None)
    print("RESULT", sorted(report.done.items()), dict(report.failed), flush=True)
except FarmError as error:
    print("RESULT", error, flush=True)
"""


def processes_named(start: str, below: int | None = None) -> list[psutil.Process]:
    """Living processes of our farm whose command line or name begins with `start`."""
    found = []
    for process in psutil.Process(below).children(recursive=True):
        try:
            named = process.name().startswith(start) or " ".join(process.cmdline()).startswith(start)
            if named and process.status() != psutil.STATUS_ZOMBIE:  # of an earlier test
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


class KillOnce:
    """Listener that kills the processes called `victim` at the first event of `kind`; keeps all events."""

    def __init__(self, kind: EventKind, victim: str) -> None:
        self._kind, self._victim = kind, victim
        self.killed: list[psutil.Process] = []
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if event.kind is self._kind and not self.killed:
            self.killed = processes_named(self._victim)
            for process in self.killed:
                process.kill()


@contextmanager
def killing_the_first(victim: str) -> Iterator[None]:
    """Kill one process called `victim` as soon as there is one."""

    def kill() -> None:
        while not over.wait(0.02):
            if found := processes_named(victim):
                found[0].kill()
                return

    over = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()


@pytest.mark.usefixtures("local_ray")
def test_the_death_of_the_mailbox_loses_no_task_and_stops_nothing() -> None:
    listener = KillOnce(EventKind.ITEM, "ray::Mailbox")
    report = run_tasks(partial(SlowStarter, 0.0), TASKS, TWO, listener)
    assert len(listener.killed) == 1
    assert (dict(report.done), dict(report.failed), report.retried) == (ALL_DONE, {}, 0)
    for task in TASKS:
        counts = [event.done for event in listener.events if event.task_id == task.id and event.done]
        assert counts == sorted(set(counts)), "no event comes twice"


@pytest.mark.usefixtures("local_ray")
def test_a_workers_death_is_our_line_with_its_last_words_and_rays_is_for_the_log_alone(tmp_path, capfd):
    events: list[Event] = []
    tasks = [Task("t0", ("crash_once", str(tmp_path / "crashed")), size=10, resumable=True)]
    report = run_tasks(Script, tasks, FarmConfig(workers=1), events.append)
    assert dict(report.done) == {"t0": 10}
    (lost,) = [event.message for event in events if event.kind is EventKind.WORKER_LOST]
    line, *words = lost.splitlines()
    death = (
        r"\S+:(\d+): the worker's process died \(pid \1\): .*; it last said: .*(SIGSEGV|Seg.* fault).*is kept"
    )
    assert re.fullmatch(death, line), line
    assert "the renderer was warned" in words
    (rays,) = [event.message for event in events if event.kind is EventKind.CLUSTER]
    assert rays.startswith("A worker died or was killed")
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("local_ray")
def test_a_worker_killed_while_it_starts_is_replaced_and_its_death_is_one_line() -> None:
    events: list[Event] = []
    with killing_the_first("ray::Actor.start"):
        report = run_tasks(partial(SlowStarter, 0.5), TASKS[:1], FarmConfig(workers=1), events.append)
    assert dict(report.done) == {"t0": 5}
    (warning,) = [event.message for event in events if event.kind is EventKind.WARNING]
    assert re.fullmatch(
        r"a worker did not start:\nthe worker's process died \(pid \d+\): it was killed, .* or crashed",
        warning,
    )


@pytest.mark.usefixtures("local_ray")
def test_a_worker_that_hangs_while_it_starts_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "START_LIMIT_S", 1.0)
    monkeypatch.setattr(driving, "START_TRIES", 1)
    with pytest.raises(WorkerStartError, match="the worker did not start within 1 s and was killed"):
        run_tasks(partial(SlowStarter, 600.0), TASKS, FarmConfig(workers=1), lambda event: None)


def test_a_service_of_ray_that_ended_is_named(tmp_path: Path) -> None:
    shutil.copy(shutil.which("sleep") or "/bin/sleep", tmp_path / "gcs_server")
    with subprocess.Popen([tmp_path / "gcs_server", "60"]) as service:
        services = OwnServices()
        services.check()
        service.kill()
        service.wait()
        with pytest.raises(FarmError, match=r"gcs_server \(pid \d+\) ended; .* Run the same command again"):
            services.check()


def test_a_ray_that_does_not_start_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed_out(**settings: object) -> None:
        raise Exception("The current node timed out during startup.\nPerhaps.")

    monkeypatch.setattr(ray, "init", timed_out)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)  # of the Ray that other tests share
    with pytest.raises(
        FarmError, match=r"^Ray did not start .* \(The current .* startup\.\); .* command again"
    ):
        run_tasks(partial(SlowStarter, 0.0), TASKS, TWO, lambda event: None)


# -- whole farms, killed from outside ----------------------------------------------------------------------


def drive_and_kill(victims: Victims, wait_s: float) -> tuple[str, str]:
    """Start a farm, kill one of `victims` `wait_s` after there are any; who that was, and the result."""
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            name = _kill_one(process, victims, wait_s)
            output, _ = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
    return name, next((line for line in output.splitlines() if line.startswith("RESULT")), output[-300:])


def _kill_one(
    process: subprocess.Popen[str], victims: Callable[[int], list[psutil.Process]], wait_s: float
) -> str:
    while process.poll() is None and not victims(process.pid):
        time.sleep(0.02)
    time.sleep(wait_s)
    found = victims(process.pid) if process.poll() is None else []
    if not found:
        return "nobody"
    victim = random.Random(wait_s).choice(found)
    name = victim.cmdline()[0][:20]
    victim.kill()
    return name


def python_workers(pid: int) -> list[psutil.Process]:
    """Every process that Ray runs Python code of ours in, also those that have not said so yet."""
    found = [*processes_named("ray::", pid)]
    found += [one for one in psutil.Process(pid).children(recursive=True) if _is_unnamed_worker(one)]
    return [one for one in found if "Agent" not in one.name()]


def _is_unnamed_worker(process: psutil.Process) -> bool:
    try:
        return any(part.endswith("default_worker.py") for part in process.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_a_process_killed_at_a_random_early_moment_changes_no_result(number: int) -> None:
    name, result = drive_and_kill(python_workers, random.Random(number).uniform(0.0, 3.5))
    assert result == f"RESULT {[(f't{index}', 10) for index in range(4)]} {{}}", name


@pytest.mark.slow
@pytest.mark.parametrize("service", ["raylet", "gcs_server"])
def test_a_service_of_ray_killed_is_one_clear_error_within_a_minute(service: str) -> None:
    begun = time.monotonic()
    _, result = drive_and_kill(lambda pid: processes_named(service, pid) and _if_busy(service, pid), 1.0)
    assert re.match(rf"RESULT Ray's process {service} \(pid \d+\) ended", result)
    assert time.monotonic() - begun < 60


def _if_busy(service: str, pid: int) -> list[psutil.Process]:
    """The service, once a worker is up."""
    return processes_named(service, pid) if processes_named("ray::Actor", pid) else []
