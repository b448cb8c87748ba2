"""Files above the size of a part go to an S3 store in parts, and arrive as the file or not at all."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from jobs.store import open_store, s3, s3_parts
from jobs.store.base import StoreConflictError, StoreError, StoreUnavailableError
from tests.objects import times

PART = 1000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(s3_parts, "PART", PART)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
    monkeypatch.setattr("jobs.store.again.pause", lambda number: None)


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "00000.h5"
    path.write_bytes(os.urandom(3 * PART + 17))
    return path


def uploads(bucket) -> list[str]:
    return [
        each["Key"] for each in bucket.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", ())
    ]


def test_a_large_file_goes_in_parts_and_comes_back_the_same(bucket, shard, tmp_path):
    with bucket.way(lambda way: False) as seen:
        open_store(bucket.url).put(shard, "a/0.h5")
    assert sum("partNumber" in path for method, path in seen if method == "PUT") == 4
    head = bucket.client.head_object(Bucket=bucket.name, Key="a/0.h5", ChecksumMode="ENABLED")
    assert head["ETag"].endswith('-4"') and head["Metadata"]["sha256"]
    assert open_store(bucket.url).get("a/0.h5", tmp_path / "back").read_bytes() == shard.read_bytes()
    assert uploads(bucket) == []


def test_the_same_content_again_sends_nothing_and_other_content_is_a_conflict(bucket, shard):
    store = open_store(bucket.url)
    store.put(shard, "a")
    with bucket.way(lambda way: False) as seen:
        store.put(shard, "a")
    assert {method for method, _ in seen} == {"HEAD"}
    kept = shard.read_bytes()
    shard.write_bytes(b"x" * len(kept))
    with pytest.raises(StoreConflictError, match="other content"):
        store.put(shard, "a")
    assert bucket.read("a") == kept
    shard.write_bytes(b"small")
    with pytest.raises(StoreConflictError, match="other content"):
        store.put(shard, "a")
    shard.write_bytes(kept[::-1])
    store.replace(shard, "a")
    assert bucket.read("a") == kept[::-1]


def test_who_was_faster_is_not_replaced_and_no_parts_are_left(bucket, shard):
    def race(way) -> bool:  # another one puts its file before ours is joined
        if way.command == "POST" and "uploadId" in way.path:
            bucket.write("a", b"another")
        return False

    with bucket.way(race), pytest.raises(StoreConflictError):
        open_store(bucket.url).put(shard, "a")
    assert bucket.read("a") == b"another" and uploads(bucket) == []


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_what_passes_is_tried_again(bucket, shard, method):
    with bucket.way(times(2, lambda way: way.say(500, "InternalError"), method=method)):
        open_store(bucket.url).put(shard, "a")
    with bucket.way(times(2, lambda way: way.reset(), method=method)):
        open_store(bucket.url).put(shard, "b")
    assert bucket.read("a") == bucket.read("b") == shard.read_bytes()


def test_an_upload_that_cannot_go_on_leaves_no_parts(bucket, shard):
    expired = lambda way: "partNumber=3" in way.path and way.say(400, "ExpiredToken")  # noqa: E731
    with bucket.way(expired), pytest.raises(StoreUnavailableError, match="the credentials have expired"):
        open_store(bucket.url).put(shard, "a")
    assert bucket.names() == uploads(bucket) == []


def test_what_a_killed_upload_left_is_cleaned_by_the_next_one_of_its_name(bucket, shard):
    child: list[int] = []
    forked = threading.Event()

    def killed(way) -> bool:
        if "partNumber=3" not in way.path:
            return False
        forked.wait(10)
        os.kill(child[0], signal.SIGKILL)
        return way.reset()

    bucket.client.create_multipart_upload(Bucket=bucket.name, Key="ab")  # of another file
    with bucket.way(killed):
        child.append(os.fork())
        if child[0] == 0:
            open_store(bucket.url).put(shard, "a")
            os._exit(0)
        forked.set()
        os.waitpid(child[0], 0)
    assert sorted(uploads(bucket)) == ["a", "ab"] and bucket.names() == []
    open_store(bucket.url).put(shard, "a")
    assert uploads(bucket) == ["ab"] and bucket.read("a") == shard.read_bytes()


def test_a_part_that_was_changed_on_the_way_does_not_stay(bucket, shard):
    def changed(way) -> bool:
        if "partNumber=2" in way.path:
            way.body = b"\0" * len(way.body)
        return False

    with bucket.way(changed), pytest.raises(StoreError, match="arrived damaged|refuses PutObject"):
        open_store(bucket.url).put(shard, "a")
    assert bucket.names() == uploads(bucket) == []


def test_no_file_has_more_parts_than_a_store_takes(shard, monkeypatch):
    monkeypatch.setattr(s3_parts, "MOST_PARTS", 2)
    assert s3_parts.composite(shard).etag.endswith("-2")


@pytest.mark.parametrize("plain", [True, False])
def test_a_store_that_says_no_sha256_is_believed_by_its_etag_and_then_by_what_it_was_given(shard, plain):
    parts = s3_parts.composite(shard)
    answer = {"ETag": f'"{parts.etag}"', "Metadata": {"sha256": "a"}}
    answer |= {} if plain else {"ServerSideEncryption": "aws:kms", "ETag": '"opaque-4"'}
    assert s3._other(answer, "a", "md5", parts) is None
    assert s3._other(answer | {"ETag": '"other-4"'}, "b", "md5", parts)
