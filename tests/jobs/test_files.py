from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.files import (
    DiskFullError,
    part_file,
    publish_file,
    remove_stale_parts,
    write_bytes_atomic,
    write_json_atomic,
    write_text_atomic,
)

ROOT = Path(__file__).parents[2]


def no_space(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_is_written_is_what_is_there_and_nothing_else(tmp_path):
    write_bytes_atomic(tmp_path / "a", b"\x00\xff")
    write_text_atomic(tmp_path / "b", "grün\r\n")
    write_json_atomic(tmp_path / "c", {"b": 1, "a": ["ü"]})
    assert (tmp_path / "a").read_bytes() == b"\x00\xff"
    assert (tmp_path / "b").read_bytes() == "grün\r\n".encode()
    assert (tmp_path / "c").read_text() == '{\n  "a": [\n    "ü"\n  ],\n  "b": 1\n}\n'
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c"]


def test_json_without_a_meaning_is_refused_and_keeps_the_old_file(tmp_path):
    final = tmp_path / "a.json"
    write_json_atomic(final, 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_atomic(final, float("nan"))
    assert final.read_text() == "1\n"


def test_others_may_read_the_file_as_the_umask_allows(tmp_path):
    before = os.umask(0o022)
    try:
        write_text_atomic(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_an_error_inside_the_block_leaves_the_old_file_and_no_part(tmp_path):
    final = tmp_path / "a"
    final.write_text("old")
    with pytest.raises(KeyError), part_file(final) as part:
        part.write_text("half of the n")
        raise KeyError("crash")
    assert final.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("when", ["write", "flush"])
def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path, monkeypatch, when):
    final = tmp_path / "shard.h5"
    final.write_text("old")
    if when == "write":
        monkeypatch.setattr(Path, "write_bytes", no_space)
    else:
        monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(DiskFullError, match=r"disk full: [\d.]+ MiB free, 2.0 MiB needed") as caught:
        write_bytes_atomic(final, bytes(2 << 20))
    assert caught.value.filename == str(final)
    assert caught.value.errno == errno.ENOSPC
    assert (caught.value.needed_bytes, caught.value.free_bytes > 0) == (2 << 20, True)
    assert final.read_text() == "old"
    assert os.listdir(tmp_path) == ["shard.h5"]


def test_a_file_larger_than_the_free_space_is_not_begun(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(DiskFullError), part_file(tmp_path / "a", needed_bytes=free * 2):
        pytest.fail("the block must not run")
    assert os.listdir(tmp_path) == []


def test_a_really_full_file_system_keeps_the_old_file(tmp_path):
    script = f"""
set -e
mount -t tmpfs -o size=64k tmpfs {tmp_path}
echo mounted
echo old > {tmp_path}/a
exec {sys.executable} -c '
from pathlib import Path
from jobs.files import DiskFullError, part_file
folder = Path("{tmp_path}")
try:
    with part_file(folder / "a") as part:
        part.write_bytes(bytes(1 << 20))
except DiskFullError as error:
    left = [path.name for path in folder.iterdir()]
    print(error.strerror.split(":")[0], (folder / "a").read_text().strip(), *left)
'
"""
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if "mounted" not in done.stdout:
        pytest.skip(f"this system lets nobody mount a small file system: {done.stderr.strip()}")
    assert done.stdout.splitlines()[1:] == ["disk full old a"], done.stderr


def test_a_part_is_published_only_within_its_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    part = tmp_path / "a.part"
    part.write_text("x")
    with pytest.raises(ValueError, match="within its own folder"):
        publish_file(part, tmp_path / "sub" / "a")
    publish_file(part, tmp_path / "a")
    assert sorted(os.listdir(tmp_path)) == ["a", "sub"]


def test_a_writer_killed_in_the_middle_leaves_the_old_file_and_a_part_that_can_be_swept(tmp_path):
    code = f"""
from pathlib import Path
import time
from jobs.files import part_file
with part_file(Path("{tmp_path}/a")) as part:
    part.write_text("half")
    time.sleep(60)
"""
    (tmp_path / "a").write_text("old")
    writer = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)})
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size for path in tmp_path.glob(".a.*.part")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert (tmp_path / "a").read_text() == "old"
    assert [path.suffix for path in remove_stale_parts(tmp_path)] == [".part"]
    assert os.listdir(tmp_path) == ["a"]
