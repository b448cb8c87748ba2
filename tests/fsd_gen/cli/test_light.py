"""The command line answers at once: help loads nothing of what a command runs with."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "drjit",
    "embreex",
    "h5py",
    "matplotlib",
    "mitsuba",
    "PIL",
    "pxr",
    "pyarrow",
    "ray",
    "scipy",
    "torch",
}
COMMANDS = (
    "",
    "render",
    "preview",
    "info",
    "verify",
    "replay",
    "stage",
    "assets",
    "assets fetch",
    "assets list",
)
PROBE = """
import json, sys, time
start = time.process_time()
from fsd_gen.cli import app
sys.argv = ["fsd-gen", *sys.argv[1:]]
try:
    app()
except SystemExit as end:
    code = end.code
names = sorted({name.split(".")[0] for name in sys.modules})
print("\\n" + json.dumps([code, time.process_time() - start, names]))
"""


def ask(*arguments: str) -> tuple[str, float, set[str]]:
    """What is printed, the CPU seconds, and the modules loaded, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    printed, _, last = ran.stdout.rstrip("\n").rpartition("\n")
    code, cpu_s, modules = json.loads(last)
    assert code == 0, ran.stderr
    return printed, cpu_s, set(modules)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command or "fsd-gen")
def test_help_takes_no_second_and_no_heavy_library(command):
    printed, cpu_s, modules = ask(*command.split(), "--help")
    assert "Usage" in printed
    assert not modules & HEAVY
    assert cpu_s < 1.0


def test_the_help_of_render_offers_the_backends_that_can_run_here():
    printed, _, _ = ask("render", "--help")
    assert "mitsuba" in printed


def test_version_names_the_program_and_its_version():
    printed, _, modules = ask("--version")
    name, version = printed.split()
    assert name == "fsd-gen" and version[0].isdigit()
    assert not modules & HEAVY
