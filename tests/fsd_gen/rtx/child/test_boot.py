"""The rendering process is Isaac Sim's own: nothing of our interpreter gets into it but one folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fsd_gen
from fsd_gen.rtx.process import RenderProcess
from tests.fsd_gen.rtx.isaac import FAKES, launch_of, make_isaac

PROJECT = Path(fsd_gen.__file__).parent.parent
CHILD = PROJECT / "fsd_gen" / "rtx" / "child"


@pytest.fixture(scope="module")
def started(tmp_path_factory) -> dict[str, object]:
    """What the process looked like when SimulationApp was made."""
    folder = tmp_path_factory.mktemp("boot")
    journal = folder / "journal"
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(PROJECT)
    try:
        process = RenderProcess(launch_of(make_isaac(folder), journal=journal))
        process.hello()
        process.close()
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
    return json.loads(journal.read_text().splitlines()[0])


def test_no_folder_of_ours_is_on_the_path(started):
    path = {
        entry for entry in started["path"] if not entry.startswith("__editable__")
    }  # how we are installed
    ours = {entry for entry in path if Path(entry).is_relative_to(PROJECT) and "site-packages" not in entry}
    assert ours == {str(FAKES)}


def test_only_the_childs_own_modules_are_loaded_of_ours(started):
    packages = {"fsd_gen", "fsd_gen.rtx", "fsd_gen.rtx.child"}
    assert packages <= set(started["ours"])
    assert all(name in packages or name.startswith("fsd_gen.rtx.child.") for name in started["ours"])


def test_what_belongs_to_our_interpreter_is_not_in_its_environment(started):
    assert started["environ"]["PYTHONPATH"] == f":{FAKES}"
    assert "VIRTUAL_ENV" not in started["environ"]


def test_every_module_of_the_child_runs_without_the_rest_of_the_project(tmp_path):
    """As in an interpreter that has numpy and nothing else: any other import fails."""
    modules = [
        f"fsd_gen.rtx.child.{'.'.join(path.relative_to(CHILD).with_suffix('').parts)}"
        for path in sorted(CHILD.rglob("*.py"))
        if path.name not in ("__init__.py", "boot.py", "guard.py")
    ]
    code = f"""
import json, runpy, sys
boot = runpy.run_path({str(CHILD / "boot.py")!r})
boot["stand_in_packages"]()
import importlib
for name in {modules!r}:
    importlib.import_module(name)
strangers = {{name.split(".")[0] for name in sys.modules}} - set(sys.stdlib_module_names)
print(json.dumps(sorted(name for name in strangers if not name.startswith("_"))))
"""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert set(json.loads(done.stdout)) <= {"fsd_gen", "numpy", "sitecustomize"}
