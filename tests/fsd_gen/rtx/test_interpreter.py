"""Another interpreter sees nothing of ours, and is found by what the user says."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from fsd_gen.rtx.interpreter import child_environ, interpreter, logs_folder
from fsd_gen.rtx.process import RenderProcess
from tests.fsd_gen.rtx.isaac import launch_of, make_isaac


def test_what_belongs_to_our_interpreter_stays_here(monkeypatch):
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "ours")
    monkeypatch.setenv("ACCEPT_EULA", "Y")
    environ = child_environ(without=("CUDA_VISIBLE_DEVICES",))
    assert "ours" not in environ.values()
    assert environ["ACCEPT_EULA"] == "Y" and environ["PATH"] == os.environ["PATH"]
    assert child_environ()["CUDA_VISIBLE_DEVICES"] == "ours"


def test_an_interpreter_is_a_path_or_a_name_on_the_path(tmp_path, monkeypatch):
    monkeypatch.chdir(Path(sys.executable).parent)
    name = Path(sys.executable).name
    here = Path(sys.executable)
    assert interpreter("X", {"X": sys.executable}) == here
    assert interpreter("X", {"X": f"./{name}"}) == here
    assert interpreter("X", {"X": "sh"}).name == "sh"
    for none in ({}, {"X": ""}, {"X": str(tmp_path)}, {"X": str(tmp_path / "python")}):
        assert interpreter("X", none) is None


def test_the_output_of_a_process_is_kept_where_the_user_wants_it(tmp_path, monkeypatch):
    assert logs_folder() is None
    monkeypatch.setenv("FSD_RTX_LOGS", str(tmp_path / "logs"))
    launch = launch_of(make_isaac(tmp_path))
    process = RenderProcess(replace(launch, logs=logs_folder()))
    process.hello()
    process.close()
    (log,) = (tmp_path / "logs").iterdir()
    assert log.name.startswith("replicator-") and "Simulation App Starting" in log.read_text()
