from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rundir import (
    RunConfigMismatchError,
    RunFolderError,
    RunLock,
    RunLockedError,
    config_differences,
    freeze_config,
)

HOLDER = """
import os, sys, time
from pathlib import Path
from jobs.rundir import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.acquire()
child = os.fork()
if child == 0:
    time.sleep(600)
print(child, flush=True)
time.sleep(600)
"""
trees = st.recursive(
    st.sampled_from([None, True, False, 0, 1, -1.5, "", "x", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
configs = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


def test_a_second_driver_is_refused_and_told_who_holds_the_run(tmp_path):
    with RunLock(tmp_path / "run"):
        with pytest.raises(RunLockedError) as caught, RunLock(tmp_path / "run"):
            pytest.fail("two drivers hold one run")
        assert f"process {os.getpid()} on {socket.gethostname()} since 20" in str(caught.value)
    with RunLock(tmp_path / "run"):
        pass


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


@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.ENOTSUP])
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
    with pytest.raises(RunFolderError, match=r"taken.*; expected a folder .* name another") as caught:
        RunLock(folder).acquire()
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_a_config_is_frozen_once_and_the_same_one_is_welcome_again(tmp_path):
    assert freeze_config(tmp_path, "seed: 1\n", "aa") is True
    assert freeze_config(tmp_path, "seed: 1  # same\n", "aa") is False
    assert (tmp_path / "config.yaml").read_text() == "seed: 1\n"
    assert (tmp_path / "config.sha256").read_text() == "aa\n"


def test_another_config_is_refused_with_what_differs(tmp_path):
    freeze_config(tmp_path, "seed: 1\nrig: {width: 640, height: 480}\nold: x\n", "aa")
    with pytest.raises(RunConfigMismatchError) as caught:
        freeze_config(tmp_path, "seed: 1\nrig: {width: 1280, height: 480}\nnew: [3]\n", "bb")
    assert str(caught.value).splitlines()[1:] == [
        "  new[0]: (absent) -> 3",
        "  old: 'x' -> (absent)",
        "  rig.width: 640 -> 1280",
    ]
    assert (tmp_path / "config.sha256").read_text() == "aa\n"


def test_another_digest_of_the_same_text_is_refused_too(tmp_path):
    freeze_config(tmp_path, "seed: 1\n", "aa")
    with pytest.raises(RunConfigMismatchError, match="the defaults or the version behind it do"):
        freeze_config(tmp_path, "seed: 1\n", "bb")


def test_a_crash_between_the_two_files_is_repaired_by_the_same_config_only(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    with pytest.raises(RunConfigMismatchError, match="seed: 1 -> 2"):
        freeze_config(tmp_path, "seed: 2\n", "bb")
    assert freeze_config(tmp_path, "seed: 1\n", "aa") is True


@given(configs, configs)
def test_there_are_no_differences_exactly_when_the_configs_print_alike(old, new):
    assert (config_differences(old, new) == []) == (repr_sorted(old) == repr_sorted(new))


def repr_sorted(value: object) -> str:
    """`repr` that does not depend on the order of keys, and tells 1 from True."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {repr_sorted(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(repr_sorted, value)) + "]"
    return repr(value)
