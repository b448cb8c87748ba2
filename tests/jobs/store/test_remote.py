"""Stores of other clouds through fsspec, read from its store in memory."""

from __future__ import annotations

import fsspec
import pytest

from jobs.store.base import ConditionsUnsupportedError, StoreError, StoreUnavailableError
from jobs.store.remote import FsspecStore
from jobs.store.urls import parse


@pytest.fixture
def store():
    system = fsspec.filesystem("memory")
    system.pipe({"/bucket/run/a.h5": b"finished" * 10, "/bucket/run/shards/b": b"b", "/bucket/other": b"o"})
    yield FsspecStore(parse("gs://bucket/run"), system)
    system.rm("/bucket", recursive=True)


def test_what_is_there_is_listed_and_fetched(store, tmp_path):
    assert [(kept.name, kept.size) for kept in store.objects()] == [("a.h5", 80), ("shards/b", 1)]
    assert list(store.list("shards/")) == ["shards/b"]
    assert store.get("a.h5", tmp_path / "back").read_bytes() == b"finished" * 10
    kept = store.look("a.h5")
    assert store.block(kept, 6, 4) == b"edfi" and store.look("c") is None and store.look("shards") is None
    with pytest.raises(FileNotFoundError, match="keeps no 'c'"):
        store.get("c", tmp_path / "c")


def test_a_changed_object_has_another_mark(store):
    before = store.look("shards/b")
    store._system.pipe("/bucket/run/shards/b", b"cc")
    assert store.look("shards/b") != before


def test_what_comes_short_is_not_kept(store, tmp_path):
    kept = store.look("a.h5")
    store._system.pipe("/bucket/run/a.h5", b"short")
    (tmp_path / "back").touch()
    with pytest.raises(StoreError, match="5 of 80 bytes came"):
        store.fetch(kept, tmp_path / "back")


def test_it_is_read_only_and_speaks_in_one_line_without_the_librarys_words(store, tmp_path, monkeypatch):
    for write in (store.put, store.replace):
        with pytest.raises(ConditionsUnsupportedError, match="is read only"):
            write(tmp_path / "x", "x")

    def secret(*_: object, **__: object) -> None:
        raise PermissionError("token=SECRET")

    monkeypatch.setattr(store._system, "find", secret)
    with pytest.raises(StoreUnavailableError, match=r"cannot be read \(PermissionError\)") as caught:
        list(store.objects())
    assert "SECRET" not in str(caught.value)
