"""SIGKILL to whichever process in the middle of a run: nothing is lost, twice, or other than without it.

And nothing stays behind: no process, no shared memory, no temporary folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import psutil
import pytest

from tests.fsd_gen.rtx.runs import IMAGES, SAMPLES, TRUTHS, Pixels, command, pixels_of, rendered, stand_in

VERSION = {"replicator": "5.1.0", "ovrtx": "0.5.1.385782"}
ALL = (*TRUTHS, *IMAGES)
MARK = "FSD_TEST_RUN"  # in the environment of every process of a run
STARTED_S, GONE_S = 180.0, 120.0  # two small agents of Ray's own outlive its driver by a minute

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def undisturbed(library, tmp_path_factory) -> Callable[[str], Pixels]:
    """`undisturbed(engine)`: every sample of the run that nobody kills."""

    @cache
    def pixels(engine: str) -> Pixels:
        folder = tmp_path_factory.mktemp(engine)
        return pixels_of(rendered(engine, folder / "run", stand_in(folder, engine, VERSION[engine])), ALL)

    return pixels


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder of the run's own; its path is short, because Ray puts sockets there."""
    folder = Path(tempfile.mkdtemp(prefix="fsdk", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def processes_of(mark: str) -> list[psutil.Process]:
    """Processes that were started with this mark, and still are."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def renderer_of(mark: str) -> psutil.Process | None:
    """The rendering process itself, below its guard."""
    found = [each for each in processes_of(mark) if any("boot.py" in word for word in each.cmdline())]
    return found[0] if found else None


def worker_of(mark: str) -> psutil.Process:
    """Who started the rendering process's group."""
    return psutil.Process(os.getpgid(renderer_of(mark).pid)).parent()


def until(condition: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def in_the_middle(driver: subprocess.Popen[str], out: Path, mark: str) -> bool:
    """Wait until some samples are stored, others are not, and the next one is being rendered."""

    def is_so() -> bool:
        assert driver.poll() is None, driver.communicate()
        return len(list(out.glob("shards/*.part/*-a*.h5"))) >= 2 and renderer_of(mark) is not None

    return until(is_so, STARTED_S)


VICTIMS = {"child": renderer_of, "worker": worker_of}


@pytest.mark.parametrize("victim", ["child", "worker", "driver"])
@pytest.mark.parametrize("engine", ["replicator", "ovrtx"])
def test_kill_9_in_the_middle_of_a_run_changes_nothing_and_leaves_nothing(
    tmp_path, temporary, undisturbed, engine, victim
):
    expected, segments = undisturbed(engine), set(os.listdir("/dev/shm"))
    mark, out = f"{os.getpid()}-{temporary.name}", tmp_path / "run"
    environ = stand_in(tmp_path, engine, VERSION[engine]) | {MARK: mark, "TMPDIR": str(temporary)}
    driver = subprocess.Popen(
        command(engine, out), env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert in_the_middle(driver, out, mark)
    (VICTIMS[victim](mark) if victim in VICTIMS else psutil.Process(driver.pid)).kill()
    said = driver.communicate()
    assert (driver.returncode == 0) is (victim != "driver"), said
    found = pixels_of(rendered(engine, out, environ), ALL)  # renders what is missing, if anything
    assert len(found) == SAMPLES and found == expected
    assert until(lambda: not processes_of(mark), GONE_S), [each.cmdline() for each in processes_of(mark)]
    assert [path.name for path in temporary.iterdir() if path.name != "ray"] == []  # its logs, which it keeps
    assert until(lambda: set(os.listdir("/dev/shm")) <= segments, 30)
