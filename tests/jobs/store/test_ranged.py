"""A file in a store that is read in blocks is the file."""

from __future__ import annotations

import io
import random

import pytest

from jobs.store import ranged
from jobs.store.base import StoreError
from jobs.store.cache import placeholder_at
from jobs.store.mirror import local_place
from jobs.store.ranged import ranged_file

SIZE = 100_001


@pytest.fixture
def content() -> bytes:
    return random.Random(1).randbytes(SIZE)


@pytest.fixture
def shard(bucket, content, monkeypatch):
    monkeypatch.setattr(ranged, "BLOCK", 1000)
    monkeypatch.setattr(ranged, "MOST_BLOCKS", 10)
    bucket.write("run/shards/0.h5", content)
    return local_place(f"{bucket.url}/run/shards") / "0.h5"


def test_any_range_is_what_the_file_has_there(shard, content):
    file, draw = ranged_file(shard), random.Random(2)
    assert file is not None and file.readable() and file.seekable()
    for _ in range(60):
        start, count = draw.randrange(SIZE + 50), draw.choice([0, 1, 999, 1001, 30_000])
        assert file.seek(start) == start
        assert file.read(count) == content[start : start + count]
        assert file.tell() == min(start + count, max(start, SIZE))
    assert file.seek(-5, io.SEEK_END) == SIZE - 5 and file.read() == content[-5:]
    assert file.seek(-2, io.SEEK_CUR) == SIZE - 2
    assert placeholder_at(shard) is not None


def test_what_is_near_comes_in_one_request_and_what_is_here_in_none(bucket, shard, content):
    file = ranged_file(shard)
    with bucket.way(lambda way: False) as seen:
        for start, count, requests in [
            (10, 20, 1),
            (900, 99, 1),
            (0, 5000, 2),
            (2000, 3000, 2),
            (20_000, 1, 3),
            (19_000, 3000, 5),
        ]:
            file.seek(start)
            assert file.read(count) == content[start : start + count]
            assert [method for method, _ in seen].count("GET") == requests
        file.seek(0)
        assert file.read(20_000) == content[:20_000]  # more than are kept


def test_what_the_store_refuses_is_remembered(bucket, shard):
    file = ranged_file(shard)
    with (
        bucket.way(lambda way: way.command == "GET" and way.say(403, "AccessDenied")),
        pytest.raises(StoreError) as caught,
    ):
        file.read(1)
    assert file.problem is caught.value


def test_a_file_of_this_machine_is_no_such_file(tmp_path):
    (tmp_path / "0.h5").write_bytes(b"x" * 100)
    assert ranged_file(tmp_path / "0.h5") is None and ranged_file(tmp_path / "none") is None
