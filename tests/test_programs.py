"""Ctrl-C while a program starts: "stopped" and 130, whatever it is loading at that moment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARD = f"{ROOT}/tests/data/golden_shard.h5"
CODE = "print('up', flush=True)\nfrom {module}.program import run\nrun()"
AS_MODULE = """
import runpy, sys

class Tells:
    def find_spec(self, name, *rest):
        if name == "typer":  # the program itself is being loaded
            print("up", flush=True)

sys.meta_path.insert(0, Tells())
runpy.run_module("{module}", run_name="__main__", alter_sys=True)
"""
COMMANDS = {
    "stage": ("fsd_gen", "stage", f"{SHARD}:0", "--out", "stage.usda"),
    "replay": ("fsd_gen", "replay", f"{SHARD}:0"),
    "round": ("curation", "round", "run_v1"),
    "export": ("stereo_model", "export", "vits", "model.onnx"),
}


def start(name: str, folder: Path, code: str = CODE) -> subprocess.Popen[str]:
    """The command, until its code says that it is up: by default its first line of Python."""
    module, *arguments = COMMANDS[name]
    shutil.copytree(ROOT / "tests/data/run_v1", folder / "run_v1", dirs_exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code.format(module=module), *arguments]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    return process


def interrupted_after(delay_s: float, process: subprocess.Popen[str]) -> tuple[int, str]:
    """How it ends: exit code, and what it says on standard error."""
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    return process.returncode, said


@pytest.mark.parametrize(
    ("name", "delay_s"), [("stage", 0.05), ("replay", 0.4), ("round", 0.3), ("export", 0.2)]
)
def test_an_interruption_while_a_program_starts_is_one_word(name, delay_s, tmp_path):
    code, said = interrupted_after(delay_s, start(name, tmp_path))
    assert code == 130 and said.startswith("stopped") and said.count("\n") == 1, said


@pytest.mark.parametrize("name", ["stage", "round", "export"])
def test_an_interruption_while_a_program_starts_as_a_module_is_one_word(name, tmp_path):
    assert interrupted_after(0.0, start(name, tmp_path, AS_MODULE)) == (130, "stopped\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_an_interruption_at_any_moment_of_the_start_is_one_word(name, tmp_path):
    for step in range(30):
        delay_s = 0.05 + 0.06 * step
        code, said = interrupted_after(delay_s, start(name, tmp_path))
        ended_before = code in (0, 1, 2) and "Traceback" not in said
        stopped = code == 130 and said.startswith("stopped") and said.count("\n") == 1
        assert stopped or (ended_before and step > 10), f"after {delay_s:.2f} s: {code}: {said}"
