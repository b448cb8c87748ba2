"""A store in Google Cloud Storage: what its answers mean, and where its credentials come from."""

from __future__ import annotations

import json
import logging
import os
import re
import sys

import pytest

from jobs.extras import MissingExtraError
from jobs.store import gs, open_store
from jobs.store.base import StoreConflictError, StoreError, StoreUnavailableError, UnknownStoreError
from jobs.store.cache import held
from jobs.store.gs_client import endpoint_host
from jobs.store.mirror import Mirror, local_place, refuse_url
from jobs.store.objects import open_objects
from jobs.store.urls import parse
from tests.gcs import Item
from tests.objects import times, tried_again_at_once

HOST, FILE = "STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    tried_again_at_once(monkeypatch)


@pytest.fixture
def in_requests(monkeypatch):
    """From here on what has more than 1,000 bytes goes in several requests."""
    monkeypatch.setattr("google.cloud.storage.blob._MAX_MULTIPART_SIZE", 1000)
    monkeypatch.setattr("google.cloud.storage.blob._DEFAULT_CHUNKSIZE", 256 * 1024)
    monkeypatch.setattr(gs, "LARGE", 1000)


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(os.urandom(600_000))
    return path


def test_a_large_file_goes_in_several_requests_and_comes_back_the_same(
    google_bucket, large, tmp_path, in_requests
):
    with google_bucket.way(lambda way: False) as seen:
        open_store(google_bucket.url).put(large, "a")
        assert [method for method, _ in seen].count("PUT") == 3
        sent = len(seen)
        open_store(google_bucket.url).put(large, "a")
        assert {method for method, _ in seen[sent:]} == {"GET"}  # the second time nothing is sent
    assert open_store(google_bucket.url).get("a", tmp_path / "back").read_bytes() == large.read_bytes()
    large.write_bytes(os.urandom(600_000))
    with pytest.raises(StoreConflictError, match="names are written once"):
        open_store(google_bucket.url).put(large, "a")
    open_store(google_bucket.url).replace(large, "a")
    assert google_bucket.read("a") == large.read_bytes()


@pytest.mark.parametrize("begun", [True, False])
def test_who_was_faster_is_not_replaced_where_an_upload_ends(google_bucket, large, in_requests, begun):
    def race(way) -> bool:
        if (way.command == "PUT") is begun and not google_bucket.names():
            google_bucket.write("a", b"another")
        return False

    with google_bucket.way(race), pytest.raises(StoreConflictError):
        open_store(google_bucket.url).put(large, "a")
    assert google_bucket.read("a") == b"another"


def test_a_large_upload_that_breaks_begins_again_and_one_that_was_changed_is_kept_by_nobody(
    google_bucket, large, in_requests
):
    def changed(way) -> bool:
        way.body = b"\0" + way.body[1:]
        return False

    with google_bucket.way(times(2, lambda way: way.reset(), method="PUT")):
        open_store(google_bucket.url).put(large, "a")
    assert google_bucket.read("a") == large.read_bytes()
    with (
        google_bucket.way(times(1, changed, method="PUT")),
        pytest.raises(StoreUnavailableError, match="arrived damaged, and nothing was kept"),
    ):
        open_store(google_bucket.url).put(large, "b")
    assert google_bucket.names() == ["a"]


def test_objects_without_an_md5_are_compared_by_their_crc32c(google_bucket, shard, tmp_path):
    for name, content in (("a", shard.read_bytes()), ("b", b"finishes" * 1000)):
        google_bucket.items[name] = Item(name, content, 7, {}, md5=False)  # as parts that were composed
    open_store(google_bucket.url).put(shard, "a")
    with pytest.raises(StoreConflictError):
        open_store(google_bucket.url).put(shard, "b")
    assert open_store(google_bucket.url).get("b", tmp_path / "back").read_bytes() == b"finishes" * 1000


def test_folders_are_no_files_and_more_objects_than_one_answer_lists_are_all_listed(
    google_bucket, monkeypatch
):
    google_bucket.write("run/", b"")
    for number in range(5):
        google_bucket.write(f"run/{number}", b"x")
    monkeypatch.setattr(google_bucket.google, "page", 2)
    with google_bucket.way(times(1, lambda way: way.say(503, "backendError"))) as seen:
        assert list(open_store(f"{google_bucket.url}/run").list()) == list("01234")
    assert len(seen) == 4


def test_an_object_that_was_replaced_or_is_gone_is_told_apart(google_bucket, tmp_path):
    store = open_store(google_bucket.url)
    for name in ("a", "b"):
        google_bucket.write(name, b"x" * 100)
    listed = list(store.objects())
    google_bucket.write("a", b"y" * 100)
    google_bucket.delete("b")
    for kept, error, says in zip(
        listed, (StoreError, FileNotFoundError), ("was replaced", "is gone"), strict=True
    ):
        for look in (
            lambda kept=kept: store.block(kept, 0, 10),
            lambda kept=kept: store.fetch(kept, tmp_path / "x"),
        ):
            with pytest.raises(error, match=f"{says} since it was listed"):
                look()


def test_a_document_that_is_replaced_while_it_is_read_is_read_again(google_bucket):
    google_bucket.write("a", b"one")

    def replaced(way) -> bool:
        if "alt=media" in way.path and google_bucket.read("a") == b"one":
            google_bucket.write("a", b"two two")
        return False

    with google_bucket.way(replaced):
        content, kept, now = open_objects(google_bucket.url).read("a")
    assert content == b"two two" and kept.size == 7 and abs(now - kept.modified) < 100


LASTING = {
    "no permission": (403, "forbidden", r"no permission .403 forbidden.; these .* need storage.objects.list"),
    "a failing store": (500, "backendError", "the store fails .500 backendError., after several tries"),
    "a busy store": (429, "rateLimitExceeded", "the store fails .429 rateLimitExceeded., after several"),
    "a proxy": (407, "none", "a proxy wants a login .407.; see HTTPS_PROXY"),
    "a failure for good": (501, "notImplemented", "the store fails .501 notImplemented.; run the same"),
    "another refusal": (400, "userProjectMissing", "refuses what needs storage.objects.list .400 userProj"),
}


@pytest.mark.parametrize(("status", "code", "says"), LASTING.values(), ids=LASTING)
def test_what_will_not_pass_is_one_line_with_the_remedy(google_bucket, status, code, says):
    with (
        google_bucket.way(lambda way: way.say(status, code)) as seen,
        pytest.raises(StoreUnavailableError, match=f"^{google_bucket.url}/run: .*{says}") as caught,
    ):
        list(open_store(f"{google_bucket.url}/run").list())
    assert "\n" not in str(caught.value) and "http" not in str(caught.value)
    assert len(seen) == (6 if status in (429, 500) else 1)


def test_a_token_that_is_refused_is_fetched_anew_before_anybody_is_told(google_bucket):
    open_store(google_bucket.url).look("a")
    google_bucket.google.tokens.clear()  # as if they had run out
    assert open_store(google_bucket.url).look("a") is None
    with (
        google_bucket.way(lambda way: way.say(401, "authError")),
        pytest.raises(
            StoreUnavailableError, match="does not know these credentials, or they have expired .401"
        ),
    ):
        open_store(google_bucket.url).look("a")


def test_a_missing_bucket_and_an_absent_server_are_one_line_each(google_bucket, shard, monkeypatch):
    nowhere = open_store("gs://no-such-bucket")
    for ask in (lambda: list(nowhere.list()), lambda: nowhere.look("a"), lambda: nowhere.put(shard, "a")):
        with pytest.raises(StoreUnavailableError, match="no such bucket; correct its name, or make it first"):
            ask()
    monkeypatch.setenv(HOST, "http://127.0.0.1:9")
    with pytest.raises(
        StoreUnavailableError, match="cannot be reached; see the network, and STORAGE_EMULATOR"
    ):
        list(open_store(google_bucket.url).list())


NO_FILES = {
    "absent": None,
    "empty": "",
    "no JSON": "SECRET",
    "another JSON": '["SECRET"]',
    "of no known kind": '{"type": "SECRET"}',
    "without a key": '{"type": "service_account", "client_email": "SECRET", "token_uri": "x"}',
    "deep": "[" * 100_000,
    "too large": '{"type": "service_account"}' + " " * (1 << 20),
    "with a key that is none": json.dumps(
        {"type": "service_account", "client_email": "a@b", "token_uri": "x", "private_key": "SECRET"}
    ),
}


@pytest.mark.parametrize("content", NO_FILES.values(), ids=NO_FILES)
def test_a_file_of_credentials_that_is_none_is_one_line_that_does_not_repeat_it(
    google_bucket, tmp_path, monkeypatch, content
):
    file = tmp_path / "login"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv(FILE, str(file))
    with pytest.raises(StoreUnavailableError, match=f"^{FILE} names no file of credentials") as caught:
        list(open_store(google_bucket.url).list())
    assert "SECRET" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a device", "no path"])
def test_what_is_no_file_is_no_file_of_credentials(google_bucket, tmp_path, monkeypatch, kind):
    os.mkfifo(tmp_path / "pipe")
    paths = {
        "a folder": tmp_path,
        "a pipe": tmp_path / "pipe",
        "a device": "/dev/zero",
        "no path": "x" * 5000,
    }
    monkeypatch.setenv(FILE, str(paths[kind]))
    with pytest.raises(StoreUnavailableError, match=f"^{FILE} names no file of credentials"):
        list(open_store(google_bucket.url).list())


ODD = {
    "a page of HTML": b"<html>Sign in</html>",
    "a list": b"[]",
    "nothing": b"null",
    "objects that are none": b'{"items": ["x", 5], "name": "a", "size": "1"}',
    "an object without its time": b'{"name": "a", "size": "1", "generation": "5", "items": [{"name": "a"}]}',
    "a time that is none": b'{"name": "a", "size": "1", "generation": "5", "timeCreated": "yesterday"}',
    "a size that is none": b'{"size": "x", "generation": "5", "timeCreated": "2026-11-27T00:00:00Z"}',
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_an_answer_that_is_none_of_the_store_is_one_line(google_bucket, content, shard):
    def odd(way) -> bool:
        way.send_response(200)
        way.send_header("Content-Type", "application/json")
        way.send_header("Content-Length", str(len(content)))
        way.end_headers()
        way.wfile.write(content)
        return True

    store = open_objects(google_bucket.url)
    asks = [lambda: store.look("a"), lambda: store.read("a"), lambda: store.put(shard, "a")]
    if b"items" in content or content[:1] != b"{":
        asks.append(lambda: list(store.objects()))
    for ask in asks:
        with (
            google_bucket.way(odd),
            pytest.raises(
                StoreUnavailableError, match="no answer of the store; see what lies between"
            ) as said,
        ):
            ask()
        assert "\n" not in str(said.value) and "Sign in" not in str(said.value)


def test_a_404_of_what_lies_between_is_no_absent_object(google_bucket, shard):
    def page(way) -> bool:
        way.send_response(404)
        way.send_header("Content-Length", "23")
        way.end_headers()
        way.wfile.write(b"<html>Not Found.</html>")
        return True

    store = open_objects(google_bucket.url)
    store.put(shard, "a")
    asks = (
        lambda: store.look("a"),
        lambda: store.remove("a"),
        lambda: store.put(shard, "b"),
        lambda: list(store.list()),
    )
    for ask in asks:
        with (
            google_bucket.way(page),
            pytest.raises(StoreUnavailableError, match="404; what comes is no answer"),
        ):
            ask()
    assert google_bucket.names() == ["a"]


def test_a_listing_that_never_ends_is_refused(google_bucket):
    again = json.dumps({"items": [], "nextPageToken": "t"}).encode()

    def endless(way) -> bool:
        way.send_response(200)
        way.send_header("Content-Length", str(len(again)))
        way.end_headers()
        way.wfile.write(again)
        return True

    with (
        google_bucket.way(endless),
        pytest.raises(StoreUnavailableError, match="lists the same objects again"),
    ):
        list(open_objects(google_bucket.url).objects())


def test_a_document_that_was_changed_on_the_way_is_read_again_and_never_given(google_bucket):
    google_bucket.write("a", b"wanted: 1")

    def changed(way) -> bool:
        way.hand_on(lambda body: b"W" + body[1:])
        return True

    media = lambda fault: lambda way: "alt=media" in way.path and fault(way)  # noqa: E731
    with google_bucket.way(media(times(2, changed))):
        assert open_objects(google_bucket.url).read("a")[0] == b"wanted: 1"
    with google_bucket.way(media(changed)), pytest.raises(StoreUnavailableError, match="came broken 6 times"):
        open_objects(google_bucket.url).read("a")


def test_a_login_that_is_refused_is_one_line(google_bucket, tmp_path, monkeypatch):
    login = json.loads(google_bucket.google.login.read_text())
    login["token_uri"] += "/refused"
    (tmp_path / "other.json").write_text(json.dumps(login))
    monkeypatch.setenv(FILE, str(tmp_path / "other.json"))
    with pytest.raises(StoreUnavailableError, match="the login was refused or has expired; expected GOOGLE"):
        list(open_store(google_bucket.url).list())


def test_without_credentials_it_says_which_are_expected(google_bucket, tmp_path, monkeypatch):
    for name in (HOST, FILE):
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "nothing"))
    with pytest.raises(
        StoreUnavailableError, match="no credentials; expected GOOGLE_APPLICATION_CREDENTIALS"
    ):
        list(open_store(google_bucket.url).list())


def test_an_emulator_without_a_file_is_asked_without_credentials(google_bucket, monkeypatch):
    monkeypatch.delenv(FILE)
    with pytest.raises(StoreUnavailableError, match="the login was refused|does not know these credentials"):
        list(open_store(google_bucket.url).list())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("gs://user:SECRET@runs/run", "carries no user, password .*GOOGLE_APPLICATION_CREDENTIALS"),
        ("gs://runs/run?access_token=SECRET", "without query"),
        ("gs://r", "expected gs://BUCKET/RUN"),
    ],
)
def test_a_url_with_a_secret_is_refused_and_not_repeated(url, says):
    with pytest.raises(UnknownStoreError, match=says) as caught:
        open_store(url)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("http://user:SECRET@host", "expected an endpoint"),
        ("https://host?sig=SECRET", "expected an endpoint"),
        ("http://[bad", "names no host; expected http"),
        ("garbage", "names no host; expected http"),
    ],
)
@pytest.mark.parametrize("name", [HOST, "API_ENDPOINT_OVERRIDE"])
def test_a_setting_that_is_no_endpoint_is_one_line_with_its_name(monkeypatch, name, endpoint, says):
    pytest.importorskip("google.cloud.storage")
    monkeypatch.delenv(HOST, raising=False)
    monkeypatch.setenv(name, endpoint)
    for look in (lambda: list(open_store("gs://runs").list()), lambda: local_place("gs://runs/run")):
        with pytest.raises(UnknownStoreError, match=f"^{name}:? {says}") as caught:
            look()
        assert "SECRET" not in str(caught.value)


def test_no_login_and_no_upload_that_others_could_use_stands_in_a_log(
    google_bucket, large, in_requests, caplog
):
    caplog.set_level(logging.DEBUG)
    with google_bucket.way(lambda way: False) as seen:
        open_store(google_bucket.url).put(large, "a")
    uploads = {found[1] for _, path in seen if (found := re.search("upload_id=([0-9a-f]+)", path))}
    assert uploads and "upload_id=..." in caplog.text
    for secret in (*uploads, *google_bucket.secrets):
        assert secret not in caplog.text


def test_a_failed_try_is_told_once_while_it_goes_on(google_bucket, monkeypatch, caplog):
    monkeypatch.setattr("jobs.store.again._told_at", [])
    with google_bucket.way(times(3, lambda way: way.say(500, "backendError"))):
        assert open_store(google_bucket.url).look("a") is None
    (word,) = (each.getMessage() for each in caplog.records if each.name == "jobs.store.again")
    assert re.fullmatch(r"127.0.0.1:\d+: no luck at try 1 of 6 \(it answers 500\); trying again", word)


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("jobs.store.gs_client._clients", {})
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    monkeypatch.setitem(sys.modules, "google.cloud.storage.exceptions", None)
    with pytest.raises(MissingExtraError, match=r"pip install '.\[gs\]'"):
        list(open_store("gs://runs/run").list())


def test_a_place_in_a_bucket_is_a_folder_of_its_server(google_bucket, monkeypatch):
    google_bucket.write("run/shards/00000.h5", b"\1" * 100_000)
    google_bucket.write("run/config.sha256", b"c0ffee\n")
    folder = local_place(f"{google_bucket.url}/run")
    shard = folder / "shards" / "00000.h5"
    assert shard.stat().st_size == 100_000 and held(shard).read_bytes() == b"\1" * 100_000
    assert Mirror.around(folder).address == parse(f"{google_bucket.url}/run")
    with pytest.raises(UnknownStoreError, match="works in folders only; .*gcloud storage rsync -r gs://"):
        refuse_url(folder, "this")
    monkeypatch.setenv(HOST, "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="of another store than STORAGE_EMULATOR_HOST"):
        Mirror.around(folder)


def test_where_nothing_is_set_the_store_is_googles(monkeypatch):
    for name in (HOST, "API_ENDPOINT_OVERRIDE"):
        monkeypatch.delenv(name, raising=False)
    assert endpoint_host() == ""
    monkeypatch.setenv("API_ENDPOINT_OVERRIDE", "https://storage-farm.p.googleapis.com/")
    assert endpoint_host() == "storage-farm.p.googleapis.com"
