"""A store in S3, against a real server, and on a way to it that breaks."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from jobs.extras import MissingExtraError
from jobs.store import open_store
from jobs.store.base import (
    ConditionsUnsupportedError,
    StoreConflictError,
    Stored,
    StoreError,
    StoreUnavailableError,
    UnknownStoreError,
)
from jobs.store.objects import open_lockable, open_objects
from jobs.store.urls import is_url, parse
from tests.objects import KEY_ID, SECRET, TOKEN, slow, times


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "00000.h5"
    path.write_bytes(b"finished" * 1000)
    return path


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Faults are tried again at once."""
    monkeypatch.setattr("jobs.store.again.pause", lambda number: None)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)


def test_what_is_put_is_listed_and_comes_back_the_same(bucket, shard, tmp_path):
    store = open_store(f"{bucket.url}/a/run")
    kept = store.put(shard, "shards/00000.h5")
    assert kept == Stored(
        name="shards/00000.h5", size=8000, sha256=hashlib.sha256(shard.read_bytes()).hexdigest()
    )
    store.put(shard, "index/x")
    assert list(store.list()) == ["index/x", "shards/00000.h5"]
    assert list(store.list("shards/")) == ["shards/00000.h5"]
    assert store.get("shards/00000.h5", tmp_path / "back").read_bytes() == shard.read_bytes()
    assert bucket.read("a/run/shards/00000.h5") == shard.read_bytes()
    with pytest.raises(FileNotFoundError, match="keeps no 'b'"):
        store.get("b", tmp_path / "b")


def test_the_same_content_may_be_put_again_and_other_content_may_not(bucket, shard):
    store = open_store(bucket.url)
    store.put(shard, "a")
    before = bucket.client.head_object(Bucket=bucket.name, Key="a")
    store.put(shard, "a")
    after = bucket.client.head_object(Bucket=bucket.name, Key="a")
    assert (before["LastModified"], before["ETag"]) == (after["LastModified"], after["ETag"])
    kept = shard.read_bytes()
    shard.write_bytes(b"otherwise")
    with pytest.raises(StoreConflictError, match="other content"):
        store.put(shard, "a")
    assert bucket.read("a") == kept


def test_more_objects_than_one_answer_lists_are_all_listed(bucket, monkeypatch):
    for number in range(5):
        bucket.write(f"run/{number}", b"x")
    monkeypatch.setattr("moto.settings.get_s3_default_max_keys", lambda: 2)
    assert list(open_store(f"{bucket.url}/run").list()) == list("01234")


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
def test_what_passes_is_tried_again(bucket, shard, tmp_path, fault, monkeypatch):
    monkeypatch.setattr("jobs.store.s3_client.READ_TIMEOUT_S", 0.2)
    with bucket.way(times(2, fault, method="PUT")) as seen:
        open_store(bucket.url).put(shard, "a")
    assert [method for method, _ in seen].count("PUT") >= 3 or seen[-1][0] == "HEAD"
    assert bucket.read("a") == shard.read_bytes()
    with bucket.way(times(2, fault, method="GET")):
        assert open_store(bucket.url).get("a", tmp_path / "back").read_bytes() == shard.read_bytes()


def test_an_answer_that_was_lost_is_no_conflict(bucket, shard):
    def lost(way) -> bool:
        way.wfile = open("/dev/null", "wb")  # noqa: SIM115
        way.hand_on()
        return way.reset()

    with bucket.way(times(1, lost, method="PUT")) as seen:
        open_store(bucket.url).put(shard, "a")
    assert [method for method, _ in seen] == ["PUT", "PUT", "HEAD"]
    assert bucket.read("a") == shard.read_bytes()


def test_a_download_that_is_cut_off_or_changed_on_the_way_is_fetched_again(bucket, shard, tmp_path):
    open_store(bucket.url).put(shard, "a")

    def changed(way) -> bool:
        way.hand_on(lambda body: b"\0" + body[1:])
        return True

    def short(way) -> bool:
        way.hand_on(lambda body: body[:100])
        return way.reset()

    for fault in (changed, short):
        with bucket.way(times(2, fault, method="GET")) as seen:
            assert open_store(bucket.url).get("a", tmp_path / "back").read_bytes() == shard.read_bytes()
        assert [method for method, _ in seen].count("GET") == 3
    with (
        bucket.way(changed_always(changed)),
        pytest.raises(StoreUnavailableError, match="came broken 6 times"),
    ):
        open_store(bucket.url).get("a", tmp_path / "never")
    assert not (tmp_path / "never").exists()


def changed_always(fault):
    return lambda way: way.command == "GET" and fault(way)


def test_an_upload_that_was_changed_on_the_way_is_removed_again(bucket, shard):
    def changed(way) -> bool:
        way.body = b"\0" + way.body[1:]
        return False

    with bucket.way(times(1, changed, method="PUT")), pytest.raises(StoreError, match="arrived damaged"):
        open_store(bucket.url).put(shard, "a")
    assert bucket.names() == []
    open_store(bucket.url).put(shard, "a")


LASTING = {
    "expired credentials": (400, "ExpiredToken", "the credentials have expired; renew them"),
    "unknown credentials": (403, "InvalidAccessKeyId", "does not know these credentials"),
    "a wrong secret": (403, "SignatureDoesNotMatch", "does not know these credentials"),
    "no permission": (403, "AccessDenied", "no permission .* need s3:ListBucket"),
    "another region": (400, "IllegalLocationConstraintException", "another region.* set AWS_REGION"),
    "a wrong clock": (403, "RequestTimeTooSkewed", "clock is wrong"),
    "a failing store": (500, "InternalError", "the store fails .*after several tries"),
}


@pytest.mark.parametrize(("status", "code", "says"), LASTING.values(), ids=LASTING)
def test_what_will_not_pass_is_one_line_with_the_remedy(bucket, status, code, says):
    with (
        bucket.way(lambda way: way.say(status, code)) as seen,
        pytest.raises(StoreUnavailableError, match=f"^{bucket.url}/run: .*{says}") as caught,
    ):
        list(open_store(f"{bucket.url}/run").list())
    assert not any(secret in str(caught.value) for secret in (SECRET, TOKEN, KEY_ID))
    assert len(seen) == (6 if status == 500 else len(seen))


def test_a_missing_bucket_an_absent_server_and_missing_credentials_are_one_line_each(bucket, monkeypatch):
    with pytest.raises(StoreUnavailableError, match="no-such-bucket: no such bucket; correct its name"):
        list(open_store("s3://no-such-bucket").list())
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(
        StoreUnavailableError, match="cannot be reached; see the network, and AWS_ENDPOINT_URL"
    ):
        list(open_store(bucket.url).list())
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{bucket.server}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(StoreUnavailableError, match="no credentials; expected AWS_PROFILE"):
        list(open_store(bucket.url).list())
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreUnavailableError, match="AWS_PROFILE names a profile that"):
        list(open_store(bucket.url).list())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"s3://{KEY_ID}:{SECRET}@bucket/run", "carries no user, password"),
        (f"s3://x:{SECRET[:9]}/{SECRET[9:]}@bucket", "carries no user, password"),
        ("s3://bucket/run?versionId=1", "without query"),
        ("s3://bucket/../other", "mean nothing in a store"),
        ("s3://", "expected s3://BUCKET/RUN"),
        ("s3://b", "expected s3://BUCKET/RUN"),
    ],
)
def test_a_url_that_is_none_is_refused_without_repeating_what_may_be_secret(url, says):
    with pytest.raises(UnknownStoreError, match=says) as caught:
        open_store(url)
    assert SECRET[:9] not in str(caught.value)


def test_an_endpoint_with_a_password_is_refused(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://user:{SECRET}@{bucket.server}")
    with pytest.raises(UnknownStoreError, match="without user and password") as caught:
        list(open_store(bucket.url).list())
    assert SECRET not in str(caught.value)


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("jobs.store.s3_client._clients", {})
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fsd-gen\[s3\]'"):
        list(open_store("s3://bucket/run").list())


def test_a_path_is_no_url_and_a_url_that_became_a_path_is_one():
    assert not is_url("runs/demo") and not is_url("/s3/demo") and not is_url("file:///x")
    assert str(parse(Path("s3://bucket/runs/demo/"))) == "s3://bucket/runs/demo"
    assert str(parse("gs://bucket")) == "gs://bucket"


def test_a_write_depends_on_what_is_there(bucket):
    store = open_lockable(bucket.url)
    first = store.write_if("lock", b"one", etag=None)
    assert first is not None and store.write_if("lock", b"two", etag=None) is None
    second = store.write_if("lock", b"two", etag=first.etag)
    assert second is not None and store.write_if("lock", b"three", etag=first.etag) is None
    found = store.read("lock")
    assert found is not None and found[0] == b"two" and found[1] == second
    assert store.write_if("nothing", b"x", etag=first.etag) is None and store.read("nothing") is None


def test_a_store_that_knows_no_conditions_is_refused(bucket):
    with (
        bucket.way(lambda way: way.command == "PUT" and way.say(501, "NotImplemented")),
        pytest.raises(ConditionsUnsupportedError, match="has no conditional writes"),
    ):
        open_lockable(bucket.url).write_if("lock", b"one", etag=None)


def test_other_clouds_are_read_with_their_package_and_written_by_none(tmp_path):
    for url, package in (("gs://bucket/run", "gcsfs"), ("az://bucket/run", "adlfs")):
        with pytest.raises(StoreUnavailableError, match=f"pip install {package}"):
            open_objects(url)
        with pytest.raises(ConditionsUnsupportedError, match="made on s3:// or in a folder only"):
            open_lockable(url)
