"""The arithmetic of the benchmarks of farm, workers and demo."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.demo import demo_commands
from benchmarks.farm import Stint, gaps, overhead
from benchmarks.two_workers import steady
from benchmarks.usage import usage_of

BURNS = """
import time
while time.process_time() < 0.6: pass
print("burnt", flush=True)
time.sleep(2)
"""
LEAVES = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {BURNS!r}])"
WAITS = f"""
import subprocess, sys, time
left = subprocess.Popen([sys.executable, "-c", {LEAVES!r}], stdout=subprocess.PIPE)
assert left.stdout.readline() == b"burnt\\n"
time.sleep(0.8)
"""


def test_overhead_is_what_lives_have_beyond_their_items():
    stints = [
        Stint("a", 0.0, 10.1, 10.0, 0.05),
        Stint("a", 10.3, 20.3, 10.0, 0.0),
        Stint("b", 5.0, 15.0, 10.0, 0.0),
    ]
    assert overhead(stints) == pytest.approx(0.3 / 30)
    assert gaps(stints) == [pytest.approx(0.2)]


def test_the_first_pair_of_a_worker_and_those_made_alone_do_not_count():
    made = [
        ("0", "a", 5.0),
        ("1", "b", 6.0),
        ("2", "a", 7.0),
        ("3", "b", 9.0),
        ("4", "a", 8.0),
        ("5", "a", 20.0),
    ]
    assert steady(made) == {"2": 2.0, "3": 3.0, "4": 1.0}


def test_the_demo_that_is_measured_is_the_makefiles():
    programs, run = Path("/nowhere/bin"), Path("/nowhere/run")
    commands = demo_commands(programs, run)
    assert [command[0] for command in commands[:2]] == [f"{programs}/fsd-gen"] * 2
    assert [word for word in ("round", "render") if any(word in each for each in commands)] == [
        "round",
        "render",
    ]
    assert all(str(run) in " ".join(command) for command in commands[1:])


def test_what_an_orphan_uses_is_counted_though_nobody_waits_for_it():
    used = usage_of([sys.executable, "-c", WAITS])
    assert used.code == 0 and 0.6 <= used.cpu_s < 2.5
