"""A folder like Isaac Sim's, whose python.sh runs the fake modules of `tests/fakes/isaac`."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from fsd_gen.rtx.child.contract import Job, Product
from fsd_gen.rtx.childprocess import Launch
from fsd_gen.rtx.interpreter import child_environ

FAKES = Path(__file__).resolve().parents[2] / "fakes" / "isaac"
VERSIONS = ("5.0.0", "5.1.0", "6.0.0", "6.0.1", "6.2.0")
PYTHON_SH = """#!/bin/bash
# as Isaac Sim's: it starts Python without exec, and every failure becomes 1
export ISAAC_PATH="$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)"
export PYTHONPATH="$PYTHONPATH:{fakes}"
{python} "$@" || {{ echo "There was an error running python"; exit 1; }}
"""


def make_isaac(folder: Path, version: str = "6.0.1") -> Path:
    """The python.sh of a fake Isaac Sim of that version."""
    home = folder / f"isaac-sim-{version}"
    home.mkdir(parents=True, exist_ok=True)
    (home / "VERSION").write_text(f"{version}-rc.7+release.12345.abcdef.gl\n")
    script = home / "python.sh"
    script.write_text(PYTHON_SH.format(fakes=FAKES, python=sys.executable))
    script.chmod(0o755)
    return script


def launch_of(python_sh: Path, **faults: object) -> Launch:
    """How the replicator process is started with these faults; `once` names a file: in one process only."""
    environ = child_environ() | {"FAKE_PICTURES": "plain"}
    if once := faults.pop("once", None):
        environ["FAKE_ONCE"] = str(once)
    if journal := faults.pop("journal", None):
        environ["FAKE_JOURNAL"] = str(journal)
    if pictures := faults.pop("pictures", None):
        environ["FAKE_PICTURES"] = str(pictures)
    environ["FAKE_FAULTS"] = json.dumps(faults)
    config = {"gpu": 0, "cold_factor": 1.0}
    return Launch(engine="replicator", python=(str(python_sh),), config=config, environ=environ)


def make_job(folder: Path, number: int = 0, **changes: object) -> Job:
    """A stage that is only a name, and both eyes."""
    stage = folder / f"stage-{number}.usda"
    stage.write_text("#usda 1.0\n")
    job = Job(
        stage=str(stage),
        width=8,
        height=6,
        products=tuple(
            Product(eye=eye.lower(), camera=f"/World/Rig/{eye}", path=f"/Render/{eye}", truth_path="")
            for eye in ("Left", "Right")
        ),
        spp=4,
        max_bounces=3,
        denoise=False,
        load_limit_s=20.0,
        step_limit_s=20.0,
    )
    return replace(job, **changes)


def processes_of(group: int) -> list[int]:
    """Processes of a group that are still there (zombies are not)."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            fields = Path(f"/proc/{int(entry)}/stat").read_text().rpartition(")")[2].split()
        except (ValueError, OSError):
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(entry))
    return found


def renderers_of(folder: Path) -> list[int]:
    """Rendering processes of the fake Isaac Sims below a folder."""
    found = []
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            command = Path(f"/proc/{entry}/cmdline").read_text()
            environ = Path(f"/proc/{entry}/environ").read_text()
        except OSError:
            continue
        if "boot.py" in command and f"ISAAC_PATH={folder}" in environ:
            found.append(int(entry))
    return found


def wait_until_gone(group: int) -> bool:
    """Whether every process of a group ends soon."""
    until = time.monotonic() + 30
    while processes_of(group) and time.monotonic() < until:
        time.sleep(0.02)
    return not processes_of(group)
