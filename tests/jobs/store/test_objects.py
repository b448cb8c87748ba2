"""Every store in which runs are made, against a real server, and on a way to it that breaks."""

from __future__ import annotations

import hashlib

import pytest

from jobs.store import open_store
from jobs.store.base import StoreConflictError, Stored, StoreError, StoreUnavailableError
from jobs.store.objects import open_objects
from tests.clouds import Container
from tests.objects import slow, times, tried_again_at_once


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    tried_again_at_once(monkeypatch)


def test_what_is_put_is_listed_and_comes_back_the_same(place, shard, tmp_path):
    store = open_store(f"{place.url}/a/run")
    kept = store.put(shard, "shards/00000.h5")
    assert kept == Stored(
        name="shards/00000.h5", size=8000, sha256=hashlib.sha256(shard.read_bytes()).hexdigest()
    )
    store.put(shard, "index/x")
    assert list(store.list()) == ["index/x", "shards/00000.h5"]
    assert list(store.list("shards/")) == ["shards/00000.h5"]
    assert store.get("shards/00000.h5", tmp_path / "back").read_bytes() == shard.read_bytes()
    assert place.read("a/run/shards/00000.h5") == shard.read_bytes()
    with pytest.raises(FileNotFoundError, match="keeps no 'b'"):
        store.get("b", tmp_path / "b")


def test_a_file_that_no_store_takes_as_one_object_is_refused_before_it_is_sent(place, tmp_path):
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(6 << 40)  # of zeros that take no room
    with (
        place.way(lambda way: False) as seen,
        pytest.raises(StoreError, match=r"6144 GiB, .* up to \d+ GiB as"),
    ):
        open_store(place.url).put(huge, "a")
    assert not seen


def test_the_same_content_may_be_put_again_and_other_content_may_not(place, shard):
    store = open_store(place.url)
    store.put(shard, "a")
    before = store.look("a")
    store.put(shard, "a")
    assert store.look("a") == before
    kept = shard.read_bytes()
    shard.write_bytes(b"otherwise")
    with pytest.raises(StoreConflictError, match="other content"):
        store.put(shard, "a")
    assert place.read("a") == kept
    store.replace(shard, "a")
    assert place.read("a") == b"otherwise"


FAULTS = {
    "500": lambda way: way.say(500, "InternalError"),
    "a reset": lambda way: way.reset(),
    "an upload that is cut off": lambda way: _cut_off(way),
    "a late answer": slow(0.4),
}


def _cut_off(way) -> bool:
    way.body = way.body[: len(way.body) // 2]
    return way.reset()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_passes_is_tried_again(place, shard, tmp_path, fault, monkeypatch):
    monkeypatch.setattr("jobs.store.s3_client.READ_TIMEOUT_S", 0.2)
    monkeypatch.setattr("jobs.store.az_client.READ_TIMEOUT_S", 0.2)
    monkeypatch.setattr("jobs.store.gs_client.READ_TIMEOUT_S", 0.2)
    with place.way(times(2, fault, method=place.sends)) as seen:
        open_store(place.url).put(shard, "a")
    assert [method for method, _ in seen].count(place.sends) >= 3 or place.is_look(*seen[-1])
    assert place.read("a") == shard.read_bytes()
    with place.way(times(2, fault, method="GET")):
        assert open_store(place.url).get("a", tmp_path / "back").read_bytes() == shard.read_bytes()


def test_an_answer_that_was_lost_is_no_conflict(place, shard):
    def lost(way) -> bool:
        way.wfile = open("/dev/null", "wb")  # noqa: SIM115
        way.hand_on()
        return way.reset()

    with place.way(times(1, lost, method=place.sends)) as seen:
        open_store(place.url).put(shard, "a")
    assert [method for method, _ in seen[:2]] == [place.sends] * 2 and place.is_look(*seen[2])
    assert len(seen) == 3
    assert place.read("a") == shard.read_bytes()


def test_a_download_that_is_cut_off_or_changed_on_the_way_is_fetched_again(place, shard, tmp_path):
    open_store(place.url).put(shard, "a")

    def changed(way) -> bool:
        way.hand_on(lambda body: b"\0" + body[1:])
        return True

    def short(way) -> bool:
        way.hand_on(lambda body: body[:100])
        return way.reset()

    for fault in (changed, short):
        with place.way(fetching(place, times(2, fault))) as seen:
            assert open_store(place.url).get("a", tmp_path / "back").read_bytes() == shard.read_bytes()
        assert sum(method == "GET" and not place.is_look(method, path) for method, path in seen) == 3
    with (
        place.way(fetching(place, changed)),
        pytest.raises(StoreUnavailableError, match="came broken 6 times"),
    ):
        open_store(place.url).get("a", tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_other_bytes_than_were_asked_for_are_asked_for_again_and_never_given(place, shard):
    def whole(way) -> bool:  # as what lies between may answer
        for name in ("Range", "x-ms-range"):
            del way.headers[name]
        return False

    store = open_store(place.url)
    store.put(shard, "a")
    kept = store.look("a")
    if isinstance(place, Container):
        place.sign_nothing()
    with place.way(fetching(place, times(2, whole))):
        assert store.block(kept, 10, 100) == shard.read_bytes()[10:110]
    with place.way(whole), pytest.raises(StoreUnavailableError, match="(broken|something else)"):
        store.block(kept, 10, 100)
    assert store.block(kept, 7990, 100) == shard.read_bytes()[7990:] and store.block(kept, 8000, 1) == b""


@pytest.mark.parametrize("says", ["", "yesterday", "Fri, 99 Nov 2026 00:00:00 GMT"])
def test_an_answer_without_a_date_is_one_line(place, says):
    def dateless(way) -> bool:
        way.date_time_string = lambda: says
        return False

    place.write("lock", b"x")
    with (
        place.way(dateless),
        pytest.raises(StoreUnavailableError, match="lock: .*(carries no date|no answer of the)"),
    ):
        open_objects(place.url).read("lock")


def fetching(place, fault):
    """`fault` of requests that fetch content."""
    return lambda way: way.command == "GET" and not place.is_look(way.command, way.path) and fault(way)


def test_an_upload_that_was_changed_on_the_way_is_removed_again(place, shard):
    def changed(way) -> bool:
        way.body = way.body.replace(b"finished", b"finishes", 1)
        return False

    with place.way(times(1, changed, method=place.sends)), pytest.raises(StoreError, match="arrived damaged"):
        open_store(place.url).put(shard, "a")
    assert place.names() == []
    open_store(place.url).put(shard, "a")


def test_a_write_depends_on_what_is_there(place):
    store = open_objects(place.url)
    first = store.write_if("lock", b"one", etag=None)
    assert first is not None and store.write_if("lock", b"two", etag=None) is None
    second = store.write_if("lock", b"two", etag=first.etag)
    assert second is not None and store.write_if("lock", b"three", etag=first.etag) is None
    found = store.read("lock")
    assert found is not None and found[0] == b"two" and found[1] == second
    assert store.write_if("nothing", b"x", etag=first.etag) is None and store.read("nothing") is None
