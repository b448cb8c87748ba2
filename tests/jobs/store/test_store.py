from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs import store as stores
from jobs.store import (
    LocalStore,
    StoreConflictError,
    Stored,
    StoreError,
    UnknownStoreError,
    get,
    open_store,
    put,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "00000.h5"
    path.write_bytes(b"finished")
    return path


@pytest.mark.parametrize("as_url", [str, lambda folder: folder.as_uri()], ids=["plain path", "file URL"])
def test_what_is_put_is_listed_and_comes_back_the_same(tmp_path, shard, as_url):
    store = open_store(as_url(tmp_path / "a store"))
    kept = store.put(shard, "shards/00000.h5")
    assert kept == Stored(name="shards/00000.h5", size=8, sha256=hashlib.sha256(b"finished").hexdigest())
    store.put(shard, "index/part.parquet")
    assert list(store.list()) == ["index/part.parquet", "shards/00000.h5"]
    assert list(store.list("shards/")) == ["shards/00000.h5"]
    assert store.get("shards/00000.h5", tmp_path / "back").read_bytes() == b"finished"
    assert (tmp_path / "a store" / "shards" / "00000.h5").read_bytes() == b"finished"


def test_one_url_names_a_file_in_its_store(tmp_path, shard):
    url = f"file://{tmp_path}/kept/x.h5"
    put(shard, url)
    assert get(url, tmp_path / "back").read_bytes() == b"finished"
    with pytest.raises(StoreError, match="the URL of a file is expected"):
        put(shard, f"file://{tmp_path}/kept/")


def test_the_same_content_may_be_put_again_and_other_content_may_not(tmp_path, shard):
    store = LocalStore(tmp_path / "kept")
    store.put(shard, "a")
    store.put(shard, "a")
    shard.write_bytes(b"otherwise")
    with pytest.raises(StoreConflictError, match="other content"):
        store.put(shard, "a")
    assert (tmp_path / "kept" / "a").read_bytes() == b"finished"


def test_a_writer_that_was_overtaken_does_not_replace_the_winner(tmp_path, shard, monkeypatch):
    store, copy = LocalStore(tmp_path / "kept"), shutil.copyfile

    def overtaken(source: Path, target: Path) -> None:
        (tmp_path / "kept" / "a").write_bytes(b"winner")
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", overtaken)
    with pytest.raises(StoreConflictError):
        store.put(shard, "a")
    assert (tmp_path / "kept" / "a").read_bytes() == b"winner"
    assert os.listdir(tmp_path / "kept") == ["a"]


def test_a_copy_that_is_not_the_file_is_not_kept(tmp_path, shard, monkeypatch):
    monkeypatch.setattr(shutil, "copyfile", lambda source, target: Path(target).write_bytes(b"finishex"))
    with pytest.raises(StoreError, match="not what was read"):
        LocalStore(tmp_path / "kept").put(shard, "a")
    assert os.listdir(tmp_path / "kept") == []


def test_a_killed_put_leaves_nothing_that_is_listed(tmp_path, shard):
    code = (
        "import shutil, sys, time\nfrom pathlib import Path\nfrom jobs.store import put\n"
        "shutil.copyfile = lambda source, target: (Path(target).write_bytes(b'half'), time.sleep(60))\n"
        "put(Path(sys.argv[1]), sys.argv[2])"
    )
    kept = tmp_path / "kept"
    writer = subprocess.Popen([sys.executable, "-c", code, str(shard), f"{kept}/a"], cwd=ROOT)
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size for path in kept.glob(".a.*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert list(open_store(kept).list()) == []
    assert open_store(kept).put(shard, "a").size == 8


def test_a_file_that_is_not_kept_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="keeps no 'a/b'"):
        open_store(tmp_path).get("a/b", tmp_path / "back")
    assert list(open_store(tmp_path / "nowhere").list()) == []


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", ""])
def test_a_name_cannot_lead_out_of_its_store(tmp_path, shard, name):
    with pytest.raises(StoreError, match="relative path"):
        LocalStore(tmp_path / "kept").put(shard, name)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://host/run", "a plain path or one of file://, s3://, gs://, az:// is expected$"),
        ("file://host/run", "three slashes"),
    ],
)
def test_a_url_without_a_store_says_what_is_expected(url, says):
    with pytest.raises(UnknownStoreError, match=says):
        open_store(url)


def test_another_kind_of_store_is_one_entry(monkeypatch, tmp_path, shard):
    monkeypatch.setitem(stores.STORES, "demo", lambda url: LocalStore(tmp_path / url.removeprefix("demo://")))
    put(shard, "demo://bucket/a")
    assert (tmp_path / "bucket" / "a").read_bytes() == b"finished"
