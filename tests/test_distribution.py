"""What a user installs: the base alone reads shards and runs models, extras bring the rest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.base_install import EXTRAS

ROOT = Path(__file__).resolve().parent.parent
SHARD = ROOT / "tests/data/golden_shard.h5"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def check_base(python: Path | str, folder: Path, *options: str, path: str) -> None:
    """Run `base_install.py` under `python`."""
    command = [str(python), "-P", str(ROOT / "tests/base_install.py"), str(SHARD), str(folder), *options]
    environment = os.environ | {"PYTHONPATH": path, "HOME": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("base ok\n"), done.stdout + done.stderr


def test_the_base_reads_a_shard_and_infers_with_every_extra_hidden(tmp_path):
    check_base(sys.executable, tmp_path, "--hide", path=str(ROOT))


@pytest.mark.slow
def test_a_wheel_installed_alone_reads_a_shard_and_infers(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    others = shutil.ignore_patterns(".*", "build", "runs", "tests", "*.egg-info")
    source = shutil.copytree(ROOT, tmp_path / "source", ignore=others)  # where building leaves its files
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, source], check=True)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python, wheel = tmp_path / "env/bin/python", next(tmp_path.glob("fsd_gen-*.whl"))
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([python, *pip[1:], "install", *constraints, wheel], check=True)
    check_base(python, tmp_path, path="")
    for program in ("fsd-gen", "fsd-curate", "fsd-stereo"):
        done = subprocess.run([tmp_path / "env/bin" / program, "--version"], capture_output=True, text=True)
        assert PROJECT["version"] in done.stdout, done.stderr


def test_every_dependency_is_pinned_and_no_extra_slips_into_the_base():
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in _constraints()}
    extras = PROJECT["optional-dependencies"]
    named = {_name(text) for texts in (PROJECT["dependencies"], *extras.values()) for text in texts}
    assert named - {PROJECT["name"]} <= pinned
    base = {_name(text) for text in PROJECT["dependencies"]}
    assert not base & {name.lower().replace("_", "-") for name in EXTRAS}


def _constraints() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=! ]", requirement)[0].lower().replace("_", "-")
