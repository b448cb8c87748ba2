"""Idle threads of OpenMP sleep, in every program that computes with torch on a CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PROGRAMS = ("curation.program", "stereo_model.program")
OPENMP = """
import ctypes, sys
from jobs.threads import let_idle_threads_sleep
let_idle_threads_sleep()
ctypes.CDLL(sys.argv[1])
"""
STARTED = """
import os, sys
sys.argv[1:] = ["--version"]
from {program} import run
try:
    run()
except SystemExit:
    print(os.environ["OMP_WAIT_POLICY"])
"""


def ran(code: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own, whose environment says nothing of OpenMP but `env`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=inherited | env)


def openmp() -> str:
    """The library that torch computes with."""
    spec = find_spec("torch")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent
    found = [*folder.glob("lib/libgomp*"), *folder.parent.glob("torch.libs/libgomp*")]
    if not found:
        pytest.skip("this torch brings no libgomp")
    return str(found[0])


def test_torchs_openmp_is_told_to_let_idle_threads_sleep():
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in ran(OPENMP, openmp(), OMP_DISPLAY_ENV="TRUE").stderr


def test_what_the_user_says_of_waiting_threads_wins():
    told = ran(OPENMP, openmp(), OMP_DISPLAY_ENV="TRUE", OMP_WAIT_POLICY="ACTIVE").stderr
    assert "OMP_WAIT_POLICY = 'ACTIVE'" in told


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_that_use_torch_let_idle_threads_sleep(program):
    assert ran(STARTED.format(program=program)).stdout.splitlines()[-1] == "PASSIVE"
