"""On a base installation: datasets are read as ever, and what needs an extra says which in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fsd_gen.synthetic import make_shard

BASE = """
import sys
from importlib.machinery import PathFinder

EXTRAS = {"OpenEXR", "drjit", "embreex", "mitsuba", "mitsuba_oidn", "psutil", "pxr", "ray", "scipy"}

class BaseFinder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in EXTRAS else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = BaseFinder
from fsd_gen.cli import app
sys.argv = ["fsd-gen", *sys.argv[1:]]
app()
"""


@pytest.fixture(scope="module")
def shard(tmp_path_factory) -> Path:
    return make_shard(tmp_path_factory.mktemp("shards") / "00000.h5", slots=[0, 1])


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BASE, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_shards_are_verified_described_and_shown_without_any_extra(shard, tmp_path):
    verified, described = run("verify", shard), run("info", shard)
    assert (verified.returncode, verified.stdout.strip()) == (0, "2 samples are intact, 0 problems")
    assert described.returncode == 0 and "2 samples of 128x80" in described.stdout
    shown = run("preview", shard, "--out", tmp_path / "sheet.png")
    assert shown.returncode == 0 and (tmp_path / "sheet.png").exists(), shown.stderr


@pytest.mark.parametrize("command", ["render", "stage"])
def test_what_needs_an_extra_says_which_in_one_line(shard, tmp_path, command):
    if command == "render":
        ran = run("render", "--shards", 1, "--workers", 0, "--packs", "builtin", "--out", tmp_path / "run")
    else:
        ran = run("stage", f"{shard}:0", "--out", tmp_path / "scene.usda")
    assert ran.returncode == 2
    (line,) = ran.stderr.strip().splitlines()
    assert line.startswith("error: ") and "pip install '.[render]'" in line
