from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.files import (
    DiskFullError,
    OddFileError,
    file_sha256,
    open_to_append,
    part_file,
    part_folder,
    part_set,
    publish_file,
    publish_folder,
    remove_stale_parts,
    write_bytes_atomic,
    write_json_atomic,
    write_text_atomic,
)

ROOT = Path(__file__).parents[2]


def no_space(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def kill_when_it_wrote(code: str, wrote: Callable[[], object]) -> None:
    """Run `code` in a process of its own and end it by SIGKILL as soon as `wrote()`."""
    writer = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)})
    deadline = time.monotonic() + 30
    while not wrote():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    writer.send_signal(signal.SIGKILL)
    writer.wait()


def test_what_is_written_is_what_is_there_and_nothing_else(tmp_path):
    write_bytes_atomic(tmp_path / "a", b"\x00\xff")
    write_text_atomic(tmp_path / "b", "grün\r\n")
    write_json_atomic(tmp_path / "c", {"b": 1, "a": ["ü"]})
    assert (tmp_path / "a").read_bytes() == b"\x00\xff"
    assert (tmp_path / "b").read_bytes() == "grün\r\n".encode()
    assert (tmp_path / "c").read_text() == '{\n  "a": [\n    "ü"\n  ],\n  "b": 1\n}\n'
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c"]


def test_a_file_that_is_written_in_place_is_reached_by_no_link_and_waits_at_no_pipe(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    os.mkfifo(tmp_path / "pipe")
    for name, what in (("link", "a symbolic link"), ("pipe", "a pipe or a device")):
        with pytest.raises(OddFileError, match=f"is {what}; expected a file"):
            open_to_append(tmp_path / name)
    with open_to_append(tmp_path / "log") as file:
        file.write("one\n")
    with open_to_append(tmp_path / "log") as file:
        file.write("two\n")
    assert (tmp_path / "log").read_text() == "one\ntwo\n" and (tmp_path / "precious").read_text() == "mine"


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


def test_a_file_that_is_not_to_be_replaced_is_not(tmp_path):
    final = tmp_path / "a"
    for text in ("first", "second"):
        try:
            with part_file(final, replace=False) as part:
                part.write_text(text)
        except FileExistsError:
            assert text == "second"
    assert final.read_text() == "first"
    assert os.listdir(tmp_path) == ["a"]


def filled(folder: Path, text: str) -> Path:
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a").write_text(text)
    return folder


def content(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("before", ["nothing", "an empty folder", "an older folder"])
def test_a_folder_is_published_whole_and_replaces_all_of_an_older_one(tmp_path, before):
    final = tmp_path / "result"
    if before == "an empty folder":
        final.mkdir()
    elif before == "an older folder":
        (filled(final, "old") / "gone").write_text("x")
    with part_folder(final) as part:
        filled(part / "deep", "new")
        assert not final.exists() or content(final) in ([], ["gone", "sub", "sub/a"])
    assert content(final) == ["deep", "deep/sub", "deep/sub/a"]
    assert os.listdir(tmp_path) == ["result"]


def test_an_error_inside_the_block_leaves_the_old_folder_and_no_part(tmp_path):
    filled(tmp_path / "result", "old")
    with pytest.raises(KeyError), part_folder(tmp_path / "result") as part:
        filled(part / "deep", "half")
        raise KeyError("crash")
    assert content(tmp_path / "result") == ["sub", "sub/a"]
    assert os.listdir(tmp_path) == ["result"]


def test_a_folder_does_not_take_the_place_of_a_file_or_a_link(tmp_path):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(NotADirectoryError, match="not a folder"), part_folder(tmp_path / name):
            pytest.fail("the block must not run")
    assert (tmp_path / "file").read_text() == "precious"


def test_a_folder_that_cannot_be_renamed_brings_the_older_one_back(tmp_path, monkeypatch):
    part, final = filled(tmp_path / "part", "new"), filled(tmp_path / "result", "old")
    rename = os.rename

    def fail_for_the_part(source: Path, target: Path) -> None:
        if source == part:
            raise OSError(errno.EXDEV, "another file system")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_for_the_part)
    with pytest.raises(OSError, match="another file system"):
        publish_folder(part, final)
    assert (final / "sub" / "a").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["part", "result"]


def test_what_a_killed_publisher_left_aside_goes_with_the_next_one(tmp_path):
    filled(tmp_path / ".result.0123abcd.old", "from before the kill")
    publish_folder(filled(tmp_path / ".building", "new"), tmp_path / "result")
    assert os.listdir(tmp_path) == ["result"]


def test_a_full_disk_is_named_for_a_folder_too(tmp_path, monkeypatch):
    with pytest.raises(DiskFullError, match="disk full") as caught, part_folder(tmp_path / "result") as part:
        filled(part / "deep", "new")
        monkeypatch.setattr(os, "fsync", no_space)
    assert caught.value.filename == str(tmp_path / "result")
    assert os.listdir(tmp_path) == []


def test_files_that_belong_together_come_together_or_not_at_all(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")
    with part_set(tmp_path, "a") as part:
        for name in "ab":
            (part / name).write_text("new")
        assert sorted(each.name for each in tmp_path.iterdir()) == [part.name, "a"]
        assert (tmp_path / "a").read_text() == "old"
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"a": "new", "b": "new"}
    with pytest.raises(DiskFullError) as caught, part_set(tmp_path, "a") as part:
        (part / "a").write_text("newer")
        monkeypatch.setattr(os, "fsync", no_space)
    assert caught.value.filename == str(tmp_path)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"a": "new", "b": "new"}


@pytest.mark.parametrize("steps", range(7))
def test_where_the_last_file_of_a_set_is_all_are_whenever_the_writer_was_killed(tmp_path, steps):
    for name in "abc":
        (tmp_path / name).write_text("old")
    child = os.fork()
    if child == 0:  # no cleaning up: as SIGKILL leaves it
        try:
            write_set_and_die_after(steps, tmp_path)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    found = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    assert len(set(found.values())) <= 1  # never old beside new
    assert "b" not in found or len(found) == 3
    assert ("b" in found) == (steps in (0, 6))


def write_set_and_die_after(steps: int, folder: Path) -> None:
    """Three files go, three come: each is a step."""
    done = 0

    def counted(call):
        def counting(*given, **more):
            nonlocal done
            if done == steps:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            return call(*given, **more)

        return counting

    with part_set(folder, "b") as part:
        for name in "abc":
            (part / name).write_text("new")
        Path.unlink, os.rename = counted(Path.unlink), counted(os.rename)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_folder_writer_killed_in_the_middle_leaves_the_old_folder_and_a_part_that_can_be_swept(tmp_path):
    filled(tmp_path / "result", "old")
    code = f"""
from pathlib import Path
import time
from jobs.files import part_folder
with part_folder(Path("{tmp_path}/result")) as part:
    (part / "half").write_text("half")
    time.sleep(60)
"""
    kill_when_it_wrote(code, lambda: list(tmp_path.glob(".result.*.part/half")))
    assert content(tmp_path / "result") == ["sub", "sub/a"]
    assert len(remove_stale_parts(tmp_path)) == 1
    assert os.listdir(tmp_path) == ["result"]


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


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
    kill_when_it_wrote(code, lambda: any(path.stat().st_size for path in tmp_path.glob(".a.*.part")))
    assert (tmp_path / "a").read_text() == "old"
    assert [path.suffix for path in remove_stale_parts(tmp_path)] == [".part"]
    assert os.listdir(tmp_path) == ["a"]


def test_a_refusal_names_the_file_and_not_its_hidden_part(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_text_atomic(tmp_path / "gone" / "a.txt", "text")
    assert str(caught.value.filename) in (str(tmp_path / "gone" / "a.txt"), str(tmp_path / "gone"))
