"""What a worker started does not outlive it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from jobs.farm.guard import guard_process_group

ROOT = str(Path(__file__).parents[2])
LEADER = """
import subprocess, time
from jobs.farm.guard import guard_process_group
held = guard_process_group()
print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
time.sleep(600)
"""


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_child_of_a_killed_leader_is_killed_and_nothing_else():
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER], cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0
    )
    child = int(leader.stdout.readline())
    assert not is_gone(child)
    leader.kill()
    leader.wait()
    deadline = time.monotonic() + 20
    while not is_gone(child):
        assert time.monotonic() < deadline, "the child outlived its leader by 20 s"
        time.sleep(0.02)


def test_the_group_of_others_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.getpgrp", lambda: 1)
    assert guard_process_group() is None
