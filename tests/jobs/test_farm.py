from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from jobs.config import FarmConfig
from jobs.farm import ray_session, run_tasks
from jobs.farm.session import TRIES
from jobs.task import (
    ClusterUnreachableError,
    Event,
    EventKind,
    FarmCapacityError,
    FarmInterrupted,
    FarmReport,
    Task,
    WorkerStartError,
)
from tests.jobs.workers import Forgetful, NeverStarts, Script, Square

pytestmark = pytest.mark.usefixtures("local_ray")

TWO = FarmConfig(workers=2, max_retries=1)
ONE = replace(TWO, workers=1)
INLINE = replace(TWO, workers=0)
DEADLINE_S = 120.0

DRIVER = """
import sys
from pathlib import Path
from tests.jobs.workers import Forgetful
from functools import partial
from jobs.config import FarmConfig
from jobs.farm import run_tasks
from jobs.task import FarmInterrupted, Task

folder = sys.argv[1]
tasks = [Task(f"t{index}", ("linger", folder), size=1_000_000) for index in range(3)]
try:
    run_tasks(partial(Forgetful, folder), tasks, FarmConfig(workers=2), lambda event: None)
except FarmInterrupted as interruption:
    print("unfinished", *interruption.report.unfinished, flush=True)
    sys.exit(128 + interruption.signum)
"""


def run_and_listen(tasks: list[Task], config: FarmConfig = TWO) -> tuple[FarmReport, list[Event]]:
    events: list[Event] = []
    return run_tasks(Script, tasks, config, events.append), events


def wait_until(condition, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {DEADLINE_S:.0f} s"
        time.sleep(0.1)


@pytest.mark.parametrize(
    "config", [INLINE, pytest.param(ONE, marks=pytest.mark.slow), TWO], ids=["inline", "one", "two"]
)
def test_results_and_events_are_the_same_with_any_number_of_workers(config):
    tasks = [Task(f"t{number}", number) for number in range(8)]
    events: list[Event] = []
    report = run_tasks(Square, tasks, config, events.append)
    assert dict(report.done) == {f"t{number}": number**2 for number in range(8)}
    assert (report.failed, report.unfinished, report.retried) == ({}, (), 0)
    told = Counter((event.kind, event.task_id, event.message) for event in events if event.task_id)
    expected = Counter()
    for number in range(8):
        expected[(EventKind.TASK_STARTED, f"t{number}", "")] += 1
        expected[(EventKind.ITEM, f"t{number}", f"squared {number}")] += 1
        expected[(EventKind.TASK_DONE, f"t{number}", "")] += 1
    assert told == expected


def test_every_event_arrives_in_order_and_before_the_end_of_its_task():
    _, events = run_and_listen([Task("a", ("count", 300), size=300), Task("b", ("count", 300), size=300)])
    for task_id in "ab":
        own = [event for event in events if event.task_id == task_id]
        assert [event.kind for event in (own[0], own[-1])] == [EventKind.TASK_STARTED, EventKind.TASK_DONE]
        assert [event.done for event in own[1:-1]] == list(range(1, 301))
        assert own[-1].data == 300
        assert len({event.worker for event in own}) == 1


def test_a_killed_worker_costs_one_retry_of_its_task_and_nothing_else(tmp_path):
    fine = [Task(f"fine{index}", ("echo", index)) for index in range(4)]
    report, events = run_and_listen([Task("victim", ("die_once", str(tmp_path / "died"))), *fine])
    assert dict(report.done) == {"victim": "survived", "fine0": 0, "fine1": 1, "fine2": 2, "fine3": 3}
    assert report.retried == 1
    assert [event.kind for event in events if event.task_id == "victim"] == [
        EventKind.TASK_STARTED,
        EventKind.NOTE,  # reported just before the kill, and not lost
        EventKind.WORKER_LOST,
        EventKind.TASK_RETRIED,
        EventKind.TASK_STARTED,
        EventKind.TASK_DONE,
    ]


def test_tasks_that_kill_their_worker_or_return_what_cannot_travel_are_given_up():
    tasks = [Task("bad", ("die",)), Task("lock", ("unpicklable",)), Task("good", ("echo", 1))]
    report, _ = run_and_listen(tasks)
    assert dict(report.done) == {"good": 1}
    assert report.failed["bad"].attempts == 2
    assert "died" in report.failed["bad"].traceback
    assert "cannot pickle '_thread.lock' object" in report.failed["lock"].traceback


@pytest.mark.parametrize("config", [INLINE, TWO], ids=["inline", "two"])
def test_a_failing_task_is_reported_with_its_traceback_after_bounded_retries(config):
    report, events = run_and_listen([Task("bad", ("fail",)), Task("good", ("echo", 1))], config)
    assert dict(report.done) == {"good": 1}
    assert report.failed["bad"].attempts == 2
    assert report.failed["bad"].traceback.startswith("Traceback")
    assert "ArithmeticError: bad cannot be done" in report.failed["bad"].traceback
    assert [
        event.attempt for event in events if event.kind is EventKind.TASK_STARTED and event.task_id == "bad"
    ] == [1, 2]


@pytest.mark.parametrize(
    ("config", "fragile"),
    [(INLINE, True), (INLINE, False), (ONE, True)],
    ids=["inline, asked by the worker", "inline, by the item limit", "one, asked by the worker"],
)
def test_a_recycled_task_continues_where_it_stopped_without_a_retry(config, fragile, tmp_path):
    path = str(tmp_path / "lines.txt")
    task = Task("file", ("append_lines", path, fragile), size=5, resumable=True)
    limit = None if fragile else 2
    report, events = run_and_listen([task], replace(config, recycle_after=limit, max_retries=0))
    assert report.done["file"] == [f"line {index}" for index in range(5)]
    assert (report.recycled, report.retried) == (2, 0)
    assert [event.done for event in events if event.kind is EventKind.RESUMED] == [0, 2, 4]


@pytest.mark.parametrize(
    ("config", "how"),
    [
        (INLINE, "exit"),
        pytest.param(ONE, "exit", marks=pytest.mark.slow),
        (TWO, "kill"),
        (replace(ONE, stall_timeout_s=1.0), "hang"),
    ],
    ids=["inline, by exit", "one, by exit", "two, by a signal", "one, by stalling"],
)
def test_a_worker_that_dies_after_new_items_costs_its_task_no_retry(config, how, tmp_path):
    path = str(tmp_path / "lines.txt")
    task = Task("file", ("mortal_lines", path, 2, how), size=5, resumable=True)
    report, events = run_and_listen([task], replace(config, max_retries=0))
    assert report.done["file"] == [f"line {index}" for index in range(5)]
    assert (report.retried, report.recycled, dict(report.failed)) == (0, 0, {})
    own = [event for event in events if event.task_id == "file"]
    assert [event.done for event in own if event.kind is EventKind.RESUMED] == [0, 2, 4]
    assert [event.attempt for event in own if event.kind is EventKind.TASK_PUT_BACK] == [1, 1]


@pytest.mark.parametrize(("config", "how"), [(INLINE, "exit"), (ONE, "kill")], ids=["inline", "one"])
def test_a_worker_that_dies_without_new_items_costs_its_task_a_retry(config, how, tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("line 0\n")
    task = Task("file", ("mortal_lines", str(path), 0, how), size=3, resumable=True)
    report, _ = run_and_listen([task], replace(config, max_retries=1))
    assert report.failed["file"].attempts == 2
    assert path.read_text() == "line 0\n"


def test_a_worker_is_replaced_after_its_share_of_items():
    tasks = [Task(f"t{index}", ("pid",)) for index in range(4)]
    report, _ = run_and_listen(tasks, replace(ONE, recycle_after=2))
    assert sorted(Counter(report.done.values()).values()) == [2, 2]
    assert report.recycled == 2


def test_a_worker_is_replaced_when_it_holds_too_much_memory_and_inherits_the_environment():
    tasks = [Task("pid", ("pid",)), Task("colour", ("environment", "JOBS_TEST_COLOUR"))]
    config = replace(ONE, recycle_rss_mb=1, env={"JOBS_TEST_COLOUR": "blue"})
    report, events = run_and_listen(tasks, config)
    assert report.done["colour"] == "blue"
    assert report.recycled == 2
    assert any("the limit is 1 MiB" in event.message for event in events)


def test_a_silent_worker_is_killed_and_its_task_given_up():
    config = replace(TWO, stall_timeout_s=1.0, max_retries=0)
    report, _ = run_and_listen([Task("stuck", ("hang",)), Task("good", ("echo", 1))], config)
    assert dict(report.done) == {"good": 1}
    assert report.failed["stuck"].traceback == "the worker reported nothing for 1 s and was killed"


@pytest.mark.parametrize("config", [INLINE, ONE], ids=["inline", "one"])
def test_a_worker_that_cannot_start_is_one_error_with_its_traceback(config):
    with pytest.raises(WorkerStartError, match="OSError: no renderer on this machine"):
        run_tasks(NeverStarts, [Task("t")], config, lambda event: None)


@pytest.mark.parametrize("config", [INLINE, ONE], ids=["inline", "one"])
def test_workers_are_closed_at_the_end(config, tmp_path):
    run_tasks(partial(Forgetful, str(tmp_path)), [Task("t", ("echo", 1))], config, lambda event: None)
    assert len(list(tmp_path.glob("closed-*"))) == 1


def test_no_tasks_is_an_empty_report():
    report, events = run_and_listen([])
    assert (dict(report.done), dict(report.failed), events) == ({}, {}, [])


def test_an_error_in_the_listener_ends_the_farm():
    def listener(event: Event) -> None:
        raise LookupError("listener is broken")

    with pytest.raises(LookupError, match="listener is broken"):
        run_tasks(Script, [Task("t", ("echo", 1))], ONE, listener)


def test_too_hungry_workers_are_refused_before_anything_runs():
    with pytest.raises(FarmCapacityError, match="each needs 1 CPU and 64 GPUs, here are 2 CPUs, 0 GPUs and"):
        run_tasks(Script, [Task("t", ("echo", 1))], replace(ONE, gpus_per_worker=64), lambda event: None)


def test_rays_answer_to_sigterm_does_not_outlive_its_start():
    assert getattr(signal.getsignal(signal.SIGTERM), "__module__", "") != "ray._private.worker"


def test_workers_outlive_ctrl_c_and_are_closed_when_the_driver_is_told_to_stop(tmp_path):
    def interrupt():
        try:
            wait_until(lambda: len(working(tmp_path)) == 2, "the start of two workers")
            for one in psutil.Process().children(recursive=True):
                if one.name() != "sleep":  # Ctrl-C reaches every process of the terminal
                    one.send_signal(signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    tasks = [Task(f"t{index}", ("linger", str(tmp_path)), size=1_000_000) for index in range(3)]
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(FarmInterrupted) as interruption:
        run_tasks(partial(Forgetful, str(tmp_path)), tasks, TWO, lambda event: None)
    interrupting.join()
    assert interruption.value.signum == signal.SIGTERM
    assert interruption.value.report.unfinished == ("t0", "t1", "t2")
    pids = [text.split() for text in working(tmp_path)]
    assert {path.name for path in tmp_path.glob("closed-*")} == {f"closed-{worker}" for worker, _ in pids}
    left = [psutil.Process(int(pid)) for pair in pids for pid in pair if psutil.pid_exists(int(pid))]
    wait_until(lambda: gone(left), "the end of the workers and of what they started")


# -- whole processes -------------------------------------------------------------------------------------


@pytest.fixture
def driver(tmp_path):
    """A driver in a process group of its own with two workers in the middle of endless tasks."""
    path = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: len(working(tmp_path)) == 2 or process.poll() is not None, "the start of two workers")
    assert process.poll() is None, "the driver ended before its workers were at work"
    yield process
    process.kill()
    process.wait()


def working(folder: Path) -> list[str]:
    return [text for path in folder.glob("*.pids") if (text := path.read_text())]


def processes_below(process: subprocess.Popen, folder: Path) -> list[psutil.Process]:
    """Every process of the driver's farm, workers' children included."""
    found = psutil.Process(process.pid).children(recursive=True)
    assert {int(pid) for text in working(folder) for pid in text.split()} <= {child.pid for child in found}
    return found


def gone(processes: list[psutil.Process]) -> bool:
    return not [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_sigkill_of_the_driver_leaves_no_process_behind(driver, tmp_path):
    agents = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")  # Ray's own; they give up after a minute
    left = [one for one in processes_below(driver, tmp_path) if not one.cmdline()[0].startswith(agents)]
    driver.kill()
    wait_until(lambda: gone(left), "the end of every process of the farm")


@pytest.mark.slow
def test_workers_outlive_ctrl_c_until_the_driver_stops_and_closes_them(driver, tmp_path):
    left = processes_below(driver, tmp_path)
    workers = {text.split()[0] for text in working(tmp_path)}
    for one in left:
        if one.name() != "sleep":  # Ctrl-C reaches every process of the terminal; only the driver is to act
            one.send_signal(signal.SIGINT)
    driver.terminate()
    output, _ = driver.communicate(timeout=DEADLINE_S)
    assert output == "unfinished t0 t1 t2\n"
    assert driver.returncode == 128 + signal.SIGTERM
    assert {path.name for path in tmp_path.glob("closed-*")} == {f"closed-{pid}" for pid in workers}
    wait_until(lambda: gone(left), "the end of every process of the farm")


JOIN = """
import sys
from jobs.config import FarmConfig
from jobs.farm import ray_session

for address in sys.argv[1:]:
    try:
        with ray_session(FarmConfig(address=address)):
            pass
    except ConnectionError as error:
        print(type(error).__name__, error, sep=": ")
"""


def test_a_head_that_answers_and_refuses_is_told_apart_and_the_token_named_first(monkeypatch):
    refuses = "raise SystemExit('ConnectionError: Failed to connect')"
    monkeypatch.setattr("jobs.farm.session.PROBE", refuses)
    monkeypatch.setattr("jobs.farm.session.ray.is_initialized", lambda: False)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        with pytest.raises(ClusterUnreachableError) as refused, ray_session(FarmConfig(address=address)):
            pass
    said = str(refused.value)
    assert said.startswith(f"{address} answers, but Ray could not join there (ConnectionError: Failed to")
    assert "a cluster with a token refuses who has another or none (RAY_AUTH_MODE=token is not set" in said


def test_an_address_that_cannot_be_joined_is_one_clear_error():
    assert issubclass(ClusterUnreachableError, ConnectionError)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        said = subprocess.run(
            [sys.executable, "-c", JOIN, address],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        ).stdout.splitlines()
    (nobody,) = said
    assert nobody.startswith(f"ClusterUnreachableError: no Ray cluster to join at '{address}'")
    assert "ray start --head" in nobody
    with pytest.raises(ValueError, match='a Ray address is "auto" or "host:port".* got .ray://head:10001'):
        FarmConfig(address="ray://head:10001")


def test_a_cluster_that_goes_away_while_it_is_joined_is_given_up_after_one_try_and_told(monkeypatch):
    tries, answered = [], subprocess.CompletedProcess([], 0)

    def gone(**_: object) -> None:
        tries.append(os.environ[TRIES])
        raise RuntimeError("Failed to connect to GCS. Last connection error: ...")

    monkeypatch.delenv(TRIES, raising=False)
    monkeypatch.setattr("jobs.farm.session.ray.is_initialized", lambda: False)
    monkeypatch.setattr("jobs.farm.session.ray.shutdown", lambda: None)
    monkeypatch.setattr("jobs.farm.session._check_port", lambda address: None)
    monkeypatch.setattr("jobs.farm.session.subprocess.run", lambda *_, **__: answered)
    monkeypatch.setattr("jobs.farm.session.ray.init", gone)
    with (
        pytest.raises(ClusterUnreachableError, match="'head:6379' went away while it was joined; see to its"),
        ray_session(FarmConfig(address="head:6379")),
    ):
        raise AssertionError("there is no cluster")
    assert tries == ["1"]
