"""The soak sees what it is there for, strikes whom it names, and repeats its plans."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.soak.book import Book, kills, problems
from tests.soak.plan import HOW, ONLY_FARM, WEATHER, Plan, drawn
from tests.soak.processes import MARK, by_role, processes_of, shared_memory, unowned_segments
from tests.soak.strikes import Striker
from tests.soak.verdict import Verdict, compared

REFERENCE = {"0": ["0000000-a0", "image", "truth"], "1": ["0000001-a1", "image", "truth"]}


def plan(number: int, seed: int = 1) -> Plan:
    return drawn(seed, number, how=HOW, weather=WEATHER)


def record(**changes: object) -> dict:
    plain = {"verdict": Verdict(samples=2).as_json(), "struck": [], "stuck": "", "odd": [], "leftovers": []}
    plain |= {
        "plan": {"number": 0, "how": "farm", "weather": "calm"},
        "endings": [0],
        "seconds": 1,
        "gone_s": 0,
    }
    return plain | changes


def test_a_seed_repeats_the_plans_of_its_runs_and_every_kind_comes_up():
    plans = [plan(number) for number in range(300)]
    assert plans == [plan(number) for number in range(300)] != [plan(number, 2) for number in range(300)]
    assert {each.how for each in plans} == set(HOW) and {each.weather for each in plans} == set(WEATHER)
    assert all(each.workers for each in plans if each.weather in ONLY_FARM)


@pytest.mark.parametrize(
    ("found", "double", "quarantined", "wrong"),
    [
        (REFERENCE, 0, {}, {}),
        ({"0": REFERENCE["0"]}, 0, {}, {"lost": 1}),
        ({"0": REFERENCE["0"]}, 0, {1: {"crashed"}}, {"quarantined_for_deaths": 1}),
        ({"0": REFERENCE["0"]}, 0, {1: {"hung"}}, {"lost": 1}),
        (REFERENCE, 1, {}, {"double": 1}),
        (REFERENCE | {"1": ["0000001-a2", "image", "truth"]}, 0, {}, {"different": 1}),
        (REFERENCE | {"2": ["0000002-a0", "image", "truth"]}, 0, {}, {"different": 1}),
    ],
)
def test_a_run_that_lost_doubled_or_changed_a_sample_is_told_from_one_that_did_not(
    found, double, quarantined, wrong
):
    verdict = compared(found, double, quarantined, REFERENCE)
    told = {name: value for name, value in verdict.as_json().items() if value and name != "samples"}
    assert told == wrong
    assert verdict.clean is (not wrong or "quarantined_for_deaths" in wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": Verdict(lost=1).as_json()},
        {"verdict": Verdict(verify="exit code 1").as_json()},
        {"verdict": Verdict(parts=("run/.a.part",)).as_json()},
        {"stuck": "no new sample for 300 s"},
        {"odd": ["said-001.txt: a traceback"]},
        {"leftovers": ["process 7 (worker)"]},
    ],
)
def test_whatever_is_wrong_with_a_run_is_a_problem(change):
    assert problems(record()) == []
    assert len(problems(record(**change))) == 1


def test_all_processes_killed_at_once_count_as_one_kill(tmp_path):
    struck = [
        {"kind": "workers", "killed": 3},
        {"kind": "everything", "killed": 11},
        {"kind": "thaw", "killed": 0},
    ]
    book = Book(tmp_path)
    book.add(0, record(struck=struck))
    assert kills(next(iter(book))) == 4
    assert book.next_number == 1


@pytest.fixture
def marked():
    """A process of a run, which sleeps."""
    environ = {**os.environ, MARK: "soak-test"}
    with subprocess.Popen(["sleep", "60"], env=environ) as process:
        yield process
        process.kill()


def test_processes_of_a_run_are_those_with_its_mark(marked):
    assert [each.pid for each in processes_of("soak-test")] == [marked.pid]
    assert [each.pid for each in by_role("soak-test", marked.pid)["driver"]] == [marked.pid]
    assert by_role("soak-test", -1).keys() == {"other"}
    assert processes_of("soak") == []


def striker(**kinds: float) -> Striker:
    return Striker(
        {name.replace("_", " "): each for name, each in kinds.items()},
        random.Random(0),
        "soak-test",
        None,
        lambda: 1,
    )


def test_a_strike_kills_the_process_that_it_names_and_is_kept(marked):
    hunter = striker(courier=100.0, driver=1.0)  # there is no courier
    hunter.restarted()
    hunter._at = 0.0
    hunter.step(marked.pid)
    assert marked.wait(10) == -signal.SIGKILL
    assert [(each.kind, each.killed) for each in hunter.struck] == [("driver", 1)]


def comes_to_be(pid: int, *, stopped: bool) -> bool:
    """Whether the process is soon stopped, or not; a signal takes its time on a busy machine."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if (psutil.Process(pid).status() == psutil.STATUS_STOPPED) is stopped:
            return True
        time.sleep(0.01)
    return False


def test_a_frozen_process_is_thawed_when_the_run_is_over(marked):
    hunter = striker(freeze_driver=1.0)
    hunter._at = 0.0
    hunter.step(marked.pid)
    assert comes_to_be(marked.pid, stopped=True)
    hunter.settle()
    assert comes_to_be(marked.pid, stopped=False)


def test_shared_memory_that_nobody_holds_is_left_over_and_what_is_held_is_not(tmp_path):
    before, name = shared_memory(), f"fsd-soak-test-{os.getpid()}"
    segment = Path("/dev/shm") / name
    try:
        with segment.open("w"):
            assert name not in unowned_segments(before)
        assert name in unowned_segments(before)
    finally:
        segment.unlink()


@pytest.mark.slow
def test_a_small_soak_ends_well(tmp_path):
    words = ["--kills", "6", "--seed", "1", "--out", str(tmp_path / "soak")]
    done = subprocess.run([sys.executable, "-m", "tests.soak", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
