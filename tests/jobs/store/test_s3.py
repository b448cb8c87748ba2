"""A store in S3, against a real server, and on a way to it that breaks."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from jobs.extras import MissingExtraError
from jobs.store import open_store
from jobs.store.base import (
    ConditionsUnsupportedError,
    StoreUnavailableError,
    UnknownStoreError,
)
from jobs.store.mirror import local_place
from jobs.store.objects import open_objects
from jobs.store.urls import is_url, parse
from tests.objects import KEY_ID, SECRET, TOKEN, slow, times, tried_again_at_once


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Faults are tried again at once."""
    tried_again_at_once(monkeypatch)


def test_more_objects_than_one_answer_lists_are_all_listed(bucket, monkeypatch):
    for number in range(5):
        bucket.write(f"run/{number}", b"x")
    monkeypatch.setattr("moto.settings.get_s3_default_max_keys", lambda: 2)
    assert list(open_store(f"{bucket.url}/run").list()) == list("01234")


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


SETTINGS = {
    "AWS_MAX_ATTEMPTS": ("abc", "0", "-1", "1.5"),
    "AWS_ENDPOINT_URL_S3": ("http://[bad", "http://host:port", "garbage", "ftp://host", "http://"),
    "AWS_REGION": ("bad region",),
    "AWS_DEFAULTS_MODE": ("none",),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in SETTINGS.items() for value in values]
)
def test_a_setting_that_cannot_be_used_is_one_line_with_its_name(bucket, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    for look in (lambda: list(open_store(bucket.url).list()), lambda: local_place(f"{bucket.url}/run")):
        with pytest.raises((UnknownStoreError, StoreUnavailableError), match=f"^{name}.*(expected|correct)"):
            look()


def test_a_failed_try_is_told_once_while_it_goes_on(bucket, monkeypatch, caplog):
    monkeypatch.setattr("jobs.store.again._told_at", [])
    with bucket.way(times(3, lambda way: way.say(503, "SlowDown"))):
        assert open_store(bucket.url).look("a") is None
    (word,) = (each for each in caplog.messages if "no luck" in each)
    assert re.fullmatch(r"127.0.0.1:\d+: no luck at try 1 of 6 \(it answers 503\); trying again", word)


def test_a_server_that_accepts_and_never_answers_is_told_after_the_first_try(bucket, monkeypatch, caplog):
    monkeypatch.setattr("jobs.store.again._told_at", [])
    monkeypatch.setattr("jobs.store.s3_client.READ_TIMEOUT_S", 0.2)
    monkeypatch.setattr("jobs.store.s3_client._clients", {})
    with bucket.way(slow(1)), pytest.raises(StoreUnavailableError, match="did not answer in time, several"):
        open_store(bucket.url).look("a")
    assert any("no luck at try 1 of 6 (ReadTimeoutError); trying again" in each for each in caplog.messages)


def test_a_broken_download_is_told_while_it_goes_on(bucket, monkeypatch, caplog, tmp_path):
    monkeypatch.setattr("jobs.store.again._told_at", [])
    bucket.write("a", b"x" * 1000)
    with bucket.way(times(1, lambda way: way.hand_on(lambda body: b"y" * len(body)) or True, method="GET")):
        open_store(bucket.url).get("a", tmp_path / "a")
    assert any(f"{bucket.url}/a: no luck at try 1 of 6 (" in each for each in caplog.messages)


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("jobs.store.s3_client._clients", {})
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(MissingExtraError, match=r"pip install '.\[s3\]'"):
        list(open_store("s3://bucket/run").list())


def test_a_path_is_no_url_and_a_url_that_became_a_path_is_one():
    assert not is_url("runs/demo") and not is_url("/s3/demo") and not is_url("file:///x")
    assert str(parse(Path("s3://bucket/runs/demo/"))) == "s3://bucket/runs/demo"
    assert str(parse("gs://bucket")) == "gs://bucket"
    with pytest.raises(UnknownStoreError, match="expected s3://BUCKET/RUN"):
        local_place(Path("s3://"))


def test_a_store_that_knows_no_conditions_is_refused(bucket):
    with (
        bucket.way(lambda way: way.command == "PUT" and way.say(501, "NotImplemented")),
        pytest.raises(ConditionsUnsupportedError, match="has no conditional writes"),
    ):
        open_objects(bucket.url).write_if("lock", b"one", etag=None)
