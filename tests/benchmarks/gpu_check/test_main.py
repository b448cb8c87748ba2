from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu_check.__main__ import chosen_parts, main
from benchmarks.gpu_check.part import ROOT


def states(out: Path) -> dict[str, str]:
    content = json.loads((out / "results.json").read_text())
    return {part["name"]: part["state"] for part in content["parts"]}


def test_only_and_skip_take_patterns():
    names = [part.name for part in chosen_parts(["step-*", "render"], ["*-compiled"])]
    assert names == ["step-vits", "step-vitl", "render"]


def test_a_part_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--only", "dance"])
    assert "no part is called dance" in capsys.readouterr().err


def test_the_environment_needs_no_gpu(tmp_path: Path):
    assert main(["--only", "environment", "--out", str(tmp_path)]) == 0
    assert states(tmp_path) == {"environment": "done"}
    assert "| environment | torch | version 2" in (tmp_path / "results.md").read_text()


def test_without_a_gpu_its_parts_are_skipped_and_nothing_has_failed(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert main(["--only", "step-vits", "--only", "train-small", "--out", str(tmp_path)]) == 0
    assert set(states(tmp_path).values()) == {"skipped"}


@pytest.mark.slow
def test_a_dry_run_on_the_cpu_goes_through_every_part_but_the_compiled_ones(tmp_path: Path):
    arguments = ["--device", "cpu", "--smoke", "--skip", "*-compiled"]
    assert main([*arguments, "--budget", "1800", "--out", str(tmp_path)]) == 0
    assert set(states(tmp_path).values()) <= {"done", "skipped"}
    assert [name for name, state in states(tmp_path).items() if state == "skipped"] in ([], ["cuda-tests"])
    assert (tmp_path / "nano.pt").is_file()


def test_a_terminated_check_keeps_its_results_and_ends_its_part(tmp_path: Path):
    arguments = ["--device", "cpu", "--smoke", "--only", "environment", "--only", "step-vits"]
    command = [sys.executable, "-m", "benchmarks.gpu_check", *arguments, "--out", str(tmp_path)]
    check = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "results.json").exists() or states(tmp_path).get("step-vits") != "running":
        assert time.monotonic() < deadline and check.poll() is None
        time.sleep(0.05)
    check.send_signal(signal.SIGTERM)
    assert check.wait(10) == 128 + signal.SIGTERM
    assert states(tmp_path) == {"environment": "done", "step-vits": "running"}
