"""The command line answers at once: help loads nothing of what a command runs with."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import NamedTuple

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
    "split",
    "status",
    "assets",
    "assets fetch",
    "assets list",
)
PROBE = """
import contextlib, io, json, sys, time
start = time.process_time()
from fsd_gen.cli import app
loading_s = time.process_time() - start
for arguments in json.loads(sys.argv[1]):
    start, said = time.process_time(), io.StringIO()
    sys.argv = ["fsd-gen", *arguments]
    try:
        with contextlib.redirect_stdout(said):
            app()
    except SystemExit as end:
        code = end.code
    seconds = loading_s + time.process_time() - start
    print(json.dumps([code, said.getvalue(), seconds, sorted({name.split(".")[0] for name in sys.modules})]))
"""


class Answer(NamedTuple):
    """What was printed, the CPU seconds with those of loading the program, and the modules loaded by then."""

    printed: str
    cpu_s: float
    modules: set[str]


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    """The help of every command and the version, all asked of one fresh process."""
    calls = {command: [*command.split(), "--help"] for command in COMMANDS} | {"--version": ["--version"]}
    asked = json.dumps(list(calls.values()))
    ran = subprocess.run(
        [sys.executable, "-c", PROBE, asked], capture_output=True, text=True, check=True, timeout=60
    )
    records = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [code for code, *_ in records] == [0] * len(calls), ran.stderr
    given = [Answer(printed, cpu_s, set(modules)) for _, printed, cpu_s, modules in records]
    return dict(zip(calls, given, strict=True))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command or "fsd-gen")
def test_help_takes_no_second_and_no_heavy_library(answers, command):
    printed, cpu_s, modules = answers[command]
    assert "Usage" in printed
    assert not modules & HEAVY
    assert cpu_s < 1.0


def test_the_help_of_render_offers_the_backends_that_can_run_here(answers):
    assert "mitsuba" in answers["render"].printed


def test_version_names_the_program_and_its_version(answers):
    name, version = answers["--version"].printed.split()
    assert name == "fsd-gen" and version[0].isdigit()
    assert not answers["--version"].modules & HEAVY
