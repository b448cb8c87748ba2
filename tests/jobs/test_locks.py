from __future__ import annotations

import errno
import fcntl
import getpass
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.locks import RunFolderError, RunLock, RunLockedError, holder_here, own_identity

HOLDER = """
import os, sys, time
from pathlib import Path
from jobs.locks import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.acquire()
if os.fork() == 0:
    print(os.getpid(), flush=True)  # by then it has let go of the lock
time.sleep(600)
"""


def test_a_second_driver_is_refused_and_told_who_holds_the_run(tmp_path):
    with RunLock(tmp_path / "run"):
        with pytest.raises(RunLockedError) as caught, RunLock(tmp_path / "run"):
            pytest.fail("two drivers hold one run")
        assert f"process {os.getpid()} on {socket.gethostname()} since 20" in str(caught.value)
        assert f"{getpass.getuser()}'s `{Path(sys.argv[0]).name}" in str(caught.value)
    with RunLock(tmp_path / "run"):
        pass


def test_a_link_in_the_place_of_a_lock_leads_to_no_file_that_is_emptied(tmp_path):
    (tmp_path / "precious").write_text("all that there is")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(RunFolderError, match=r"\.lock: is a symbolic link; expected a file"):
        RunLock(tmp_path / "run").acquire()
    assert (tmp_path / "precious").read_text() == "all that there is"


def test_no_lock_and_no_status_repeats_a_password(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["fsd-gen", "render", "--address", "ray://me:hunter2@h:1"])
    assert own_identity()["command"] == "fsd-gen render --address ray://...@h:1"


def test_the_lock_is_free_after_sigkill_of_its_holder_even_if_a_forked_child_lives_on(tmp_path):
    root = str(Path(__file__).parents[2])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(RunLockedError, match=f"process {holder.pid} on"):
            RunLock(tmp_path).acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        os.kill(child, 0)
        with RunLock(tmp_path):
            pass
    finally:
        holder.kill()
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS])
def test_a_file_system_without_locks_is_one_line_with_the_remedy(tmp_path, monkeypatch, reason):
    def no_locks(fd: int, operation: int) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    open_before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(RunLockedError, match=r"offers no locks \(.+\).* put the run on a local disk"):
        RunLock(tmp_path).acquire()
    assert len(os.listdir("/proc/self/fd")) == open_before


@pytest.mark.parametrize("inside", ["", "run"])
def test_a_run_folder_where_a_file_is_in_the_way_is_one_line_with_the_remedy(tmp_path, inside):
    (tmp_path / "taken").write_text("a file")
    folder = tmp_path / "taken" / inside
    with pytest.raises(RunFolderError, match=r"taken.* is a file; expected a folder: name another") as caught:
        RunLock(folder).acquire()
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_whatever_a_dead_holder_left_in_the_file_nobody_has_to_clear_it(tmp_path):
    for left in (
        b"",
        b"not JSON",
        b'{"pid": 1, "host": "elsewhere", "since": "2020", "user": "u", "command": "c"}',
    ):
        (tmp_path / ".lock").write_bytes(left)
        with RunLock(tmp_path):
            pass


@pytest.mark.parametrize("where", ["loop", "nowhere", "n" * 300])
def test_a_run_folder_that_cannot_be_is_one_line(tmp_path, where):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("gone")
    with pytest.raises(RunFolderError, match="symbolic link|name is too long") as caught:
        RunLock(tmp_path / where).acquire()
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_lock_that_cannot_be_signed_is_given_back(tmp_path, monkeypatch, reason):
    def full(fd: int, data: bytes, offset: int) -> int:
        raise OSError(reason, os.strerror(reason))

    with (
        monkeypatch.context() as patched,
        pytest.raises(RunFolderError, match=f"{tmp_path}: .*(space|read-only)"),
    ):
        patched.setattr(os, "pwrite", full)
        RunLock(tmp_path).acquire()
    with RunLock(tmp_path):
        pass


def test_a_folder_that_was_made_for_nothing_goes_with_the_lock(tmp_path):
    with RunLock(tmp_path / "runs/new"):
        assert (tmp_path / "runs/new/.lock").exists()
    assert not (tmp_path / "runs").exists()
    with RunLock(tmp_path / "runs/new"):
        (tmp_path / "runs/new/state").write_text("kept")
    with RunLock(tmp_path / "runs/new"):
        pass
    assert (tmp_path / "runs/new/state").read_text() == "kept"


def test_who_holds_a_lock_is_told_without_touching_it(tmp_path):
    assert holder_here(tmp_path) == ""
    with RunLock(tmp_path):
        assert f"process {os.getpid()} on " in holder_here(tmp_path)
    assert holder_here(tmp_path) == ""
