"""A place in a store as a folder of this machine, and how much of it lies here."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from jobs.files import DiskFullError
from jobs.store import cache
from jobs.store.base import StoreError, UnknownStoreError
from jobs.store.bases import CacheSettingError, as_urls, cache_base, cache_limit
from jobs.store.cache import block, held, placeholder_at
from jobs.store.mirror import Mirror, local_place, refuse_url
from jobs.store.urls import parse

SIZE = 100_000


@pytest.fixture
def run(bucket):
    """A place with three large files and a document."""
    for number in range(3):
        bucket.write(f"run/shards/0000{number}.h5", bytes([number + 1]) * SIZE)
    bucket.write("run/config.sha256", b"c0ffee\n")
    bucket.write("run/.lock", b"hidden")
    return bucket


def here(folder: Path) -> list[int]:
    """Numbers of the shards whose content is on this machine."""
    return [int(path.stem) for path in sorted(folder.glob("shards/*.h5")) if placeholder_at(path) is None]


def test_a_run_in_a_store_is_a_folder_of_placeholders_which_take_no_room(run, tmp_path):
    folder = local_place(f"{run.url}/run")
    assert sorted(path.name for path in folder.glob("*")) == ["config.sha256", "shards"]
    assert [path.stat().st_size for path in sorted((folder / "shards").iterdir())] == [SIZE] * 3
    assert here(folder) == []
    assert (
        shutil.disk_usage(tmp_path).total
        and sum(path.stat().st_blocks for path in (folder / "shards").iterdir()) * 512 < SIZE
    )
    assert as_urls(f"see {folder}/shards/00000.h5: gone") == f"see {run.url}/run/shards/00000.h5: gone"


def test_content_comes_when_it_is_asked_for_and_the_stamp_stays(run):
    shard = local_place(f"{run.url}/run") / "shards" / "00001.h5"
    before = shard.stat()
    assert held(shard).read_bytes() == b"\2" * SIZE
    after = shard.stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    with run.way(lambda way: False) as seen:
        held(shard)
        local_place(f"{run.url}/run")
    assert not [path for method, path in seen if method == "GET" and path.endswith(".h5")]
    assert here(shard.parent.parent) == [1]


def test_blocks_are_read_without_the_rest(run):
    shard = local_place(f"{run.url}/run") / "shards" / "00002.h5"
    assert block(shard, SIZE - 10, 4096) == b"\3" * 10 and block(shard, SIZE, 1) == b""
    assert placeholder_at(shard) is not None


def test_what_was_not_used_for_longest_makes_room(run, monkeypatch):
    monkeypatch.setenv("FSD_CACHE_GB", str(2.5 * SIZE / 1e9))
    folder = local_place(f"{run.url}/run")
    shards = sorted((folder / "shards").iterdir())
    held(shards[0]), held(shards[1]), held(shards[0])
    with shards[1].open("rb") as opened:
        held(shards[2])
        assert here(folder) == [0, 2]
        assert opened.read(1) == b"\2"  # who has it open keeps it
    assert held(shards[1]).read_bytes() == b"\2" * SIZE and here(folder) == [1, 2]


def test_a_bound_below_one_file_holds_one_file(run, monkeypatch):
    monkeypatch.setenv("FSD_CACHE_GB", "0.00001")
    folder = local_place(f"{run.url}/run")
    for shard in sorted((folder / "shards").iterdir()):
        held(shard)
    assert here(folder) == [2]


@pytest.mark.parametrize("text", ["much", "0", "-1", "nan"])
def test_a_bound_that_is_none_is_refused(text, monkeypatch):
    monkeypatch.setenv("FSD_CACHE_GB", text)
    with pytest.raises(CacheSettingError, match="FSD_CACHE_GB: expected a number of GB"):
        cache_limit()


def _read(shard: str) -> bytes:
    return held(Path(shard)).read_bytes()[:1]


def test_many_processes_fetch_a_file_once(run):
    shard = local_place(f"{run.url}/run") / "shards" / "00000.h5"
    with run.way(lambda way: False) as seen:
        with multiprocessing.get_context("fork").Pool(4) as pool:
            assert pool.map(_read, [str(shard)] * 8) == [b"\1"] * 8
        assert len([1 for method, path in seen if method == "GET" and path.endswith("00000.h5")]) == 1


def test_what_changed_or_went_in_the_store_is_seen_at_the_next_look(run):
    folder = local_place(f"{run.url}/run")
    held(folder / "shards" / "00000.h5")
    run.write("run/shards/00000.h5", b"\7" * SIZE)
    run.write("run/config.sha256", b"c0ffef\n")
    run.client.delete_object(Bucket=run.name, Key="run/shards/00001.h5")
    assert local_place(f"{run.url}/run") == folder
    assert held(folder / "shards" / "00000.h5").read_bytes() == b"\7" * SIZE
    assert (folder / "config.sha256").read_text() == "c0ffef\n"
    assert not (folder / "shards" / "00001.h5").exists()


def test_an_object_that_was_replaced_since_it_was_listed_is_not_taken_for_the_old_one(run):
    shard = local_place(f"{run.url}/run") / "shards" / "00000.h5"
    run.write("run/shards/00000.h5", b"\7" * SIZE)
    with pytest.raises(StoreError, match="was replaced since it was listed; begin again"):
        held(shard)
    assert placeholder_at(shard) is not None


def test_a_shard_a_folder_and_a_pattern_in_a_store_are_places_too(run):
    one = local_place(f"{run.url}/run/shards/00001.h5")
    assert one.is_file() and one == local_place(f"{run.url}/run") / "shards" / "00001.h5"
    assert local_place(f"{run.url}/run/shards").is_dir()
    pattern = local_place(f"{run.url}/run/shards/0000[01].h5")
    assert len(sorted(pattern.parent.glob(pattern.name))) == 2
    assert not local_place(f"{run.url}/nothing").exists() or not any(
        local_place(f"{run.url}/nothing").iterdir()
    )


def test_a_single_shard_outside_a_run_is_shown_alone(bucket):
    bucket.write("loose/a.h5", b"a" * SIZE)
    bucket.write("loose/b.h5", b"b" * SIZE)
    path = local_place(f"{bucket.url}/loose/a.h5")
    assert held(path).read_bytes() == b"a" * SIZE and os.listdir(path.parent) == ["a.h5"]


def test_names_that_lead_out_or_hide_are_not_shown(bucket, tmp_path):
    for name in ("run/../../../escaped.txt", "run//x.txt", "run/.hidden.txt", "run/ok.txt"):
        bucket.write(name, b"x")
    folder = local_place(f"{bucket.url}/run")
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["ok.txt"]
    assert not list(tmp_path.rglob("escaped*"))


def test_a_placeholder_elsewhere_is_not_followed(run, tmp_path):
    shard = local_place(f"{run.url}/run") / "shards" / "00000.h5"
    copied = tmp_path / "copied.h5"
    shutil.copyfile(shard, copied)
    assert held(copied).read_bytes().startswith(cache.MAGIC)


def test_work_that_is_not_put_yet_stays_and_is_put_once(bucket):
    mirror = Mirror.working(parse(f"{bucket.url}/run"))
    mirror.refresh()
    part, shard = mirror.folder / "shards/00001.h5.part/x.h5", mirror.folder / "shards/00000.h5"
    for path in (part, shard):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"s" * SIZE)
    (mirror.folder / "config.yaml").write_text("seed: 1\n")
    mirror.put_documents()
    mirror.refresh()
    assert part.exists() and mirror.unput_shards() == [shard]
    mirror.put_shard(shard)
    mirror.put_documents()
    assert mirror.unput_shards() == [] and placeholder_at(shard) is not None
    assert bucket.names() == ["run/config.yaml", "run/shards/00000.h5"]
    with bucket.way(lambda way: False) as seen:
        mirror.refresh()
        mirror.put_documents()
    assert not [method for method, _ in seen if method == "PUT"]


def test_a_worker_that_looks_leaves_the_documents_of_its_neighbours_alone(bucket):
    mirror = Mirror.working(parse(f"{bucket.url}/run"))
    mirror.refresh()
    (mirror.folder / "wanted.yaml").write_text("shards: 1\n")
    mirror.put_documents()
    (mirror.folder / "wanted.yaml").write_text("shards: 2\n")
    (mirror.folder / "render.log").write_text("not put yet\n")
    bucket.write("run/config.yaml", b"seed: 1\n")
    mirror.refresh(alone=False)
    texts = {path.name: path.read_text() for path in mirror.folder.iterdir()}
    assert texts == {"wanted.yaml": "shards: 2\n", "render.log": "not put yet\n", "config.yaml": "seed: 1\n"}


def test_a_folder_of_another_store_is_not_taken_for_this_one(run, monkeypatch):
    folder = local_place(f"{run.url}/run")
    assert Mirror.around(folder).address == parse(f"{run.url}/run")
    assert Mirror.around(Path("runs/demo")) is None
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="is of another store than AWS_ENDPOINT_URL_S3 names"):
        Mirror.around(folder)


def test_what_works_in_folders_only_says_so(run):
    for place in (f"{run.url}/run", local_place(f"{run.url}/run")):
        with pytest.raises(
            UnknownStoreError, match=f"^{run.url}/run: this works in folders only; .*aws s3 sync"
        ):
            refuse_url(place, "this")
    refuse_url("runs/demo", "this")


def test_a_cache_on_a_file_system_without_locks_is_one_line(run, monkeypatch):
    def no_locks(fd: int, operation: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(CacheSettingError, match="offers no locks .*let FSD_CACHE_DIR and FSD_SCRATCH name"):
        local_place(f"{run.url}/run")


def test_a_scratch_folder_of_somebody_else_is_refused(bucket, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(StoreError, match="belongs to another user; set FSD_SCRATCH"):
        Mirror.working(parse(f"{bucket.url}/run"))


def replaced_once_listed(run, name: str, content: bytes, most: int):
    """So often another writer replaces an object between its listing and its fetching."""
    left = [most]

    def race(way) -> bool:
        if way.command == "GET" and way.path.split("?")[0].endswith(name) and left[0]:
            left[0] -= 1
            run.write(f"run/{name}", content + bytes([left[0]]))
        return False

    return race


def test_a_document_that_is_replaced_while_it_is_fetched_is_looked_up_again(run):
    with run.way(replaced_once_listed(run, "config.sha256", b"new", 3)):
        assert (local_place(f"{run.url}/run") / "config.sha256").read_bytes() == b"new\0"
    with (
        run.way(replaced_once_listed(run, "config.sha256", b"newer", 99)),
        pytest.raises(StoreError, match="config.sha256: was replaced since it was listed"),
    ):
        run.write("run/config.sha256", b"newer")
        local_place(f"{run.url}/run")


def test_a_document_that_goes_while_it_is_fetched_is_not_shown(run):
    def gone(way) -> bool:
        if way.command == "GET" and way.path.split("?")[0].endswith("config.json"):
            run.delete("run/config.json")
        return False

    run.write("run/config.json", b"{}")
    with run.way(gone):
        folder = local_place(f"{run.url}/run")
    assert sorted(path.name for path in folder.iterdir()) == ["config.sha256", "shards"]


DEEP = "[" * 100_000
NOTES = {"cut off": '{"path', "others": '{"a": 1}', "empty": "", "deep": DEEP, "a number": "7"}


@pytest.mark.parametrize("text", NOTES.values(), ids=NOTES)
def test_a_note_that_cannot_be_read_is_written_again_and_the_bound_holds(run, monkeypatch, text):
    monkeypatch.setenv("FSD_CACHE_GB", str(2.5 * SIZE / 1e9))
    shards = sorted((local_place(f"{run.url}/run") / "shards").iterdir())
    held(shards[0]), held(shards[1])
    for note in (cache_base() / ".used").iterdir():
        note.write_text(text)
    assert held(shards[2]).read_bytes() == b"\3" * SIZE
    assert len(here(shards[0].parent.parent)) == 2 and len(list((cache_base() / ".used").iterdir())) == 2


def test_the_note_of_content_that_went_is_dropped(run):
    shards = sorted((local_place(f"{run.url}/run") / "shards").iterdir())
    held(shards[0]), held(shards[1])
    for note in (cache_base() / ".used").iterdir():
        note.write_text("")
    shards[0].unlink()
    run.write("run/shards/00001.h5", b"\7" * SIZE)  # then what is here of it is of no use
    held(shards[2])
    assert len(list((cache_base() / ".used").iterdir())) == 1 and not shards[1].exists()


@pytest.mark.parametrize("says", ["{}", "{", DEEP], ids=["others", "cut off", "deep"])
def test_a_damaged_placeholder_stands_again_for_what_the_store_has(run, says):
    shard = local_place(f"{run.url}/run") / "shards" / "00000.h5"
    times = shard.stat()
    with shard.open("r+b") as file:
        file.write(cache.MAGIC + says.encode() + b"\n")
    os.utime(shard, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert held(shard).read_bytes() == b"\1" * SIZE


def test_a_full_disk_of_the_cache_is_named_by_its_variable(run, monkeypatch):
    folder = local_place(f"{run.url}/run")
    usage = shutil.disk_usage(folder)._replace(free=1)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(DiskFullError, match=r"FSD_CACHE_DIR \(.*\): disk full: 0.0 MiB free, 0.0 MiB needed"):
        held(folder / "shards" / "00000.h5")
    with pytest.raises(DiskFullError, match="or let FSD_SCRATCH name another disk"):
        Mirror.working(parse(f"{run.url}/run")).refresh()


class ReadOnly:
    """The system calls of a file system that may only be read, below a folder."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._below = str(folder)
        for name in ("open", "utime", "mkdir", "unlink"):
            patch.setattr(os, name, partial(self._call, name, getattr(os, name)))

    def _call(self, name, real, path, *args, **options):
        writes = name != "open" or args[0] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if str(path).startswith(self._below) and writes and not (name == "mkdir" and os.path.isdir(path)):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return real(path, *args, **options)


def test_a_cache_that_may_only_be_read_serves_what_it_has_and_else_is_named(run, monkeypatch):
    folder = local_place(f"{run.url}/run")
    held(folder / "shards" / "00000.h5")
    with monkeypatch.context() as patch:
        ReadOnly(cache_base(), patch)
        assert held(local_place(f"{run.url}/run") / "shards" / "00000.h5").read_bytes() == b"\1" * SIZE
        with pytest.raises(CacheSettingError, match="^FSD_CACHE_DIR: file://.*read-only file system"):
            held(folder / "shards" / "00001.h5")


def test_a_folder_that_cannot_be_made_is_named_by_its_variable(run, monkeypatch):
    monkeypatch.setenv("FSD_CACHE_DIR", "/proc/none/cache")
    with pytest.raises(CacheSettingError, match="^FSD_CACHE_DIR: file:///proc/none.*no such file or folder"):
        local_place(f"{run.url}/run")
    monkeypatch.setenv("FSD_SCRATCH", "/proc/none")
    with pytest.raises(CacheSettingError, match="^FSD_SCRATCH: file:///proc/none.*no such file or folder"):
        Mirror.working(parse(f"{run.url}/run"))


def test_a_bound_that_is_none_is_refused_before_anything_is_asked(run, monkeypatch):
    monkeypatch.setenv("FSD_CACHE_GB", "nan")
    with run.way(lambda way: way.say(403, "AccessDenied")) as seen:
        for place in ("run", "run/shards/00000.h5"):
            with pytest.raises(CacheSettingError, match="FSD_CACHE_GB: expected a number of GB"):
                local_place(f"{run.url}/{place}")
    assert seen == []


def test_objects_that_can_be_no_files_of_a_run_are_left_out_and_do_not_hide_it(run, caplog, monkeypatch):
    odd = ("shards/00000.h5/sub.h5", "shards/00007.h5/sub.h5", "config.sha256/x", f"shards/{'n' * 300}.h5")
    monkeypatch.setattr("jobs.store.names._told", set())
    for name in odd:
        run.write(f"run/{name}", b"foreign" * 1000)
    folder = local_place(f"{run.url}/run")
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        *("00000.h5", "00001.h5", "00002.h5", "config.sha256")
    ]
    assert held(folder / "shards" / "00000.h5").read_bytes() == b"\1" * SIZE
    assert len([1 for each in caplog.messages if "left out" in each]) == 4
    assert f"{run.url}/run/shards/00000.h5/sub.h5: left out, for shards/00000.h5 is an object" in caplog.text


def test_a_folder_that_becomes_an_object_and_back_is_shown_as_it_is(run):
    place = f"{run.url}/run"
    run.write("run/extra/x.json", b"{}")
    assert (local_place(place) / "extra" / "x.json").is_file()
    run.delete("run/extra/x.json")
    run.write("run/extra", b"{}")
    assert (local_place(place) / "extra").is_file()
    run.delete("run/extra")
    run.write("run/extra/x.json", b"{}")
    assert (local_place(place) / "extra" / "x.json").is_file()


def test_what_is_set_aside_lies_beside_what_was_before_and_a_part_stays_on_this_machine(run):
    mirror, aside = Mirror.working(parse(f"{run.url}/run")), []
    for content in (b"\1", b"\7"):
        run.write("run/shards/00000.h5", content * SIZE)
        mirror.refresh()
        aside.append(mirror.set_aside(mirror.folder / "shards" / "00000.h5", "set_aside"))
    assert [path.name for path in aside] == ["00000.h5", "00000.h5.1"]
    assert run.names("run/set_aside") == ["run/set_aside/00000.h5", "run/set_aside/00000.h5.1"]
    assert run.read("run/set_aside/00000.h5.1") == b"\7" * SIZE and "run/shards/00000.h5" not in run.names()
    part = mirror.folder / "shards" / "00000.h5.part"
    (part / "inside").mkdir(parents=True)
    assert (
        mirror.set_aside(part, "set_aside") == mirror.folder / ".set_aside" / part.name and not part.exists()
    )
    mirror.refresh()
    assert mirror.unput_shards() == [] and len(run.names("run/set_aside")) == 2


def test_an_unput_shard_is_set_aside_and_the_object_of_its_name_stays(run):
    mirror = Mirror.working(parse(f"{run.url}/run"))
    mirror.refresh()
    shard = mirror.folder / "shards" / "00000.h5"
    shard.write_bytes(b"mine" * SIZE)
    assert mirror.unput_shards() == [shard]
    mirror.set_aside(shard, "set_aside")
    assert run.read("run/set_aside/00000.h5") == b"mine" * SIZE and not shard.exists()
    assert run.read("run/shards/00000.h5") == b"\1" * SIZE


def test_content_that_was_fetched_to_work_with_is_not_taken_for_unput(run):
    mirror = Mirror.working(parse(f"{run.url}/run"))
    mirror.refresh()
    held(mirror.folder / "shards" / "00001.h5")
    assert mirror.unput_shards() == []
