"""Whatever a file does to HDF5, verifying it ends, and ends with a problem of that file."""

import os
import signal

import pytest

from fsd_gen.shards import apart
from fsd_gen.shards.apart import verify_apart, verify_shard_apart
from fsd_gen.shards.verify import verify_shard
from tests.fsd_gen.shards.files import REPO, chunk_place, flip
from tests.fsd_gen.synthetic import make_shard

GOLDEN = REPO / "tests/data/golden_shard.h5"
SERVE = "from fsd_gen.shards import apart, verify; import os, signal, time, sys; "

OWN_CHILD = apart._Child


@pytest.fixture(autouse=True)
def a_process_of_its_own(monkeypatch):
    monkeypatch.setattr(apart, "_Child", OWN_CHILD)


@pytest.fixture
def child_that(monkeypatch):
    """Make the other process do something when it meets the file `bad.h5`."""

    def change(what: str) -> None:
        code = (
            "real = verify.verify_shard\n"
            "def verify_shard(path, deep=True):\n"
            f"    if path.endswith('bad.h5'): {what}\n"
            "    return real(path, deep=deep)\n"
            "apart.verify_shard = verify_shard\n"
            "apart.serve()"
        )
        monkeypatch.setattr(apart, "COMMAND", (apart.sys.executable, "-c", SERVE + "\n" + code))

    return change


def test_the_other_process_finds_what_this_one_would(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1], width=32, height=32)
    assert verify_shard_apart(path) == []
    flip(path, *chunk_place(path, "left", 1))
    assert verify_shard_apart(path) == verify_shard(path) != []


def test_a_crash_is_a_problem_of_the_file_and_the_next_one_is_verified(tmp_path, child_that):
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"x")
    child_that("os.kill(os.getpid(), signal.SIGSEGV)")
    first, crash, last = verify_apart([GOLDEN, bad, GOLDEN])
    assert (first.problems, last.problems) == ((), ())
    assert crash.crashed and "crashed the HDF5 library (SIGSEGV)" in crash.problems[0].what


def test_a_file_that_never_lets_hdf5_return_is_given_up(tmp_path, child_that, monkeypatch):
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"x")
    monkeypatch.setattr(apart, "LEAST_S", 0.3)
    child_that("time.sleep(600)")
    (found,) = verify_apart([bad])
    assert found.seconds < 30 and "not read through within 0 s" in found.problems[0].what


def test_a_file_that_asks_for_more_memory_than_there_may_be_is_a_problem(tmp_path, child_that):
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"x")
    child_that("bytearray(apart.HEADROOM_BYTES * 2)")
    (found,) = verify_apart([bad])
    assert found.crashed and "MemoryError" in found.problems[0].what


def test_no_process_is_left_behind(tmp_path):
    child = apart._Child()
    with child:
        child.verify(GOLDEN, deep=True)
        process = child._process
    assert process is not None and process.poll() == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
