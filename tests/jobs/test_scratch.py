"""Temporary folders go with their block, and those of a killed process with the next one's first."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from jobs import scratch
from jobs.scratch import PREFIX, scratch_folder, sweep

HOLDER = """
import sys, time
from jobs.scratch import scratch_folder
with scratch_folder("stage") as path:
    (path / "stage.usdc").write_text("much")
    print(path, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The system's temporary folder, in which nothing has been swept."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(scratch.tempfile, "tempdir", None)
    sweep.cache_clear()
    return tmp_path


def test_a_folder_is_there_for_its_block_alone(temporary):
    with pytest.raises(ZeroDivisionError), scratch_folder("probe") as path:
        assert path.parent == temporary and path.name.startswith("fsd-scratch-probe-")
        (path / "file").write_text("text")
        raise ZeroDivisionError
    assert not list(temporary.iterdir())


def test_a_killed_process_leaves_its_folder_to_the_next_and_a_living_one_keeps_its_own(temporary):
    environ = {**os.environ, "TMPDIR": str(temporary)}
    killed, living = (
        subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True, env=environ)
        for _ in range(2)
    )
    left_over, kept = killed.stdout.readline().strip(), living.stdout.readline().strip()
    killed.kill()
    killed.wait()
    assert os.listdir(left_over) == ["stage.usdc"]
    with scratch_folder("stage"):
        assert not os.path.exists(left_over) and os.listdir(kept) == ["stage.usdc"]
    living.kill()
    living.wait()


def test_nothing_is_swept_but_folders_of_this_name(temporary):
    (temporary / "fsd-stage-old").mkdir()
    (temporary / f"{PREFIX}file").write_text("a file")
    (temporary / "elsewhere").mkdir()
    (temporary / f"{PREFIX}link").symlink_to(temporary / "elsewhere")
    (temporary / f"{PREFIX}stage-x").mkdir()
    with scratch_folder("stage"):
        pass
    names = ["elsewhere", "fsd-stage-old", f"{PREFIX}file", f"{PREFIX}link"]
    assert sorted(path.name for path in temporary.iterdir()) == sorted(names)


def test_a_folder_that_a_sweep_took_before_it_was_locked_is_made_again(temporary, monkeypatch):
    made = []

    def make(prefix: str) -> str:
        made.append(temporary / f"{prefix}{len(made)}")
        if made[1:]:
            made[-1].mkdir()
        return str(made[-1])

    monkeypatch.setattr(scratch.tempfile, "mkdtemp", make)
    with scratch_folder("stage") as path:
        assert path == made[1]
