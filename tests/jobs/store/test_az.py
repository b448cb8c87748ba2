"""A store in Azure Blob Storage: what its answers mean, and where its credentials come from."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import re
import sys

import pytest

from jobs.extras import MissingExtraError
from jobs.store import az, az_client, open_store
from jobs.store.az_client import endpoint_host
from jobs.store.base import StoreConflictError, StoreError, StoreUnavailableError, UnknownStoreError
from jobs.store.cache import held
from jobs.store.mirror import Mirror, local_place, refuse_url
from jobs.store.urls import parse
from tests.clouds import ACCOUNT, KEY, endpoint, token
from tests.objects import times, tried_again_at_once

KEY_NAME = "AZURE_STORAGE_KEY"
CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    tried_again_at_once(monkeypatch)


def test_a_large_file_goes_in_blocks_and_comes_back_the_same(container, tmp_path, monkeypatch):
    monkeypatch.setattr(az_client, "PART", 1000)
    monkeypatch.setattr(az_client, "BLOCK", 1000)
    monkeypatch.setattr(az, "PART", 1000)
    monkeypatch.setattr(az_client, "_clients", {})
    file = tmp_path / "large"
    file.write_bytes(os.urandom(3017))
    with container.way(lambda way: False) as seen:
        open_store(container.url).put(file, "a")
        sent = [path for method, path in seen if method == "PUT"]
        open_store(container.url).put(file, "a")
        assert [path for method, path in seen if method == "PUT"] == sent  # the second time nothing is sent
    assert sum("comp=block&" in path for path in sent) == 4 and "comp=blocklist" in sent[-1]
    said = container.client.get_blob_client("a").get_blob_properties()
    assert bytes(said.content_settings.content_md5) == hashlib.md5(file.read_bytes()).digest()
    assert open_store(container.url).get("a", tmp_path / "back").read_bytes() == file.read_bytes()
    file.write_bytes(os.urandom(3017))
    with pytest.raises(StoreConflictError, match="names are written once"):
        open_store(container.url).put(file, "a")
    open_store(container.url).replace(file, "a")
    assert container.read("a") == file.read_bytes()


def test_who_was_faster_is_not_replaced_where_blocks_are_joined(container, tmp_path, monkeypatch):
    monkeypatch.setattr(az_client, "PART", 1000)
    monkeypatch.setattr(az_client, "BLOCK", 1000)
    file = tmp_path / "large"
    file.write_bytes(os.urandom(3017))

    def race(way) -> bool:
        if "comp=blocklist" in way.path:
            container.write("a", b"another")
        return False

    monkeypatch.setattr(az_client, "_clients", {})
    with container.way(race), pytest.raises(StoreConflictError):
        open_store(container.url).put(file, "a")
    assert container.read("a") == b"another"


def test_content_of_which_the_store_says_nothing_is_no_content_of_ours(container, shard):
    whole = container.client.get_blob_client("a")
    whole.stage_block("a" * 8, shard.read_bytes())
    whole.commit_block_list(["a" * 8])  # as a copying program does: no MD5
    with pytest.raises(StoreConflictError):
        open_store(container.url).put(shard, "a")
    container.write("b", shard.read_bytes())  # its MD5 is the store's own
    open_store(container.url).put(shard, "b")


def test_folders_of_an_account_with_a_hierarchy_are_no_files(container):
    container.client.upload_blob("run/shards", b"", metadata={"hdi_isfolder": "true"})
    container.write("run/shards/0", b"0")
    store = open_store(f"{container.url}/run")
    assert list(store.list()) == ["shards/0"] and store.look("shards") is None


def test_more_objects_than_one_answer_lists_are_all_listed(container, monkeypatch):
    for number in range(5):
        container.write(f"run/{number}", b"x")
    listing = type(container.client).list_blobs
    monkeypatch.setattr(
        type(container.client), "list_blobs", lambda self, **words: listing(self, results_per_page=2, **words)
    )
    with container.way(lambda way: False) as seen:
        assert list(open_store(f"{container.url}/run").list()) == list("01234")
    assert len(seen) == 3


LASTING = {
    "an expired login": (401, "InvalidAuthenticationInfo", "they have expired, or this machine's clock"),
    "a wrong key": (403, "AuthenticationFailed", "does not know these credentials"),
    "no permission": (403, "AuthorizationPermissionMismatch", "no permission .* need to list here"),
    "an account that is off": (403, "AccountIsDisabled", "no permission .AccountIsDisabled"),
    "a failing store": (500, "InternalError", "the store fails .500 InternalError., after several tries"),
    "a busy store": (503, "ServerBusy", "the store fails .503 ServerBusy., after several tries"),
    "another refusal": (409, "FeatureVersionMismatch", "refuses to list .409 FeatureVersionMismatch"),
}


@pytest.mark.parametrize(("status", "code", "says"), LASTING.values(), ids=LASTING)
def test_what_will_not_pass_is_one_line_with_the_remedy(container, status, code, says):
    with (
        container.way(lambda way: way.say(status, code)) as seen,
        pytest.raises(StoreUnavailableError, match=f"^{container.url}/run: .*{says}") as caught,
    ):
        list(open_store(f"{container.url}/run").list())
    assert KEY not in str(caught.value) and "\n" not in str(caught.value)
    assert len(seen) == (6 if status >= 500 else 1)


def test_a_missing_container_an_absent_server_and_missing_credentials_are_one_line_each(
    container, monkeypatch
):
    with pytest.raises(StoreUnavailableError, match="no-such-container: no such container; correct its name"):
        list(open_store("az://no-such-container").list())
    with pytest.raises(StoreUnavailableError, match="no such container; correct its name"):
        open_store("az://no-such-container").look("a")
    monkeypatch.setenv("AZURE_STORAGE_SERVICE_ENDPOINT", "http://127.0.0.1:9/account")
    with pytest.raises(StoreUnavailableError, match="cannot be reached; see the network, and AZURE_STORAGE"):
        list(open_store(container.url).list())
    monkeypatch.delenv(KEY_NAME)
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(StoreUnavailableError, match="no credentials; expected AZURE.*install azure-identity"):
        list(open_store(container.url).list())
    for name in ("AZURE_STORAGE_SERVICE_ENDPOINT", "AZURE_STORAGE_ACCOUNT"):
        monkeypatch.delenv(name)
    with pytest.raises(StoreUnavailableError, match="no account or no credentials; expected AZURE"):
        list(open_store(container.url).list())


def test_a_key_and_a_connection_that_are_none_are_one_line_that_does_not_repeat_them(container, monkeypatch):
    monkeypatch.setenv(KEY_NAME, "nokey")
    with pytest.raises(StoreUnavailableError, match="the key is none .base64 is expected") as caught:
        list(open_store(container.url).list())
    assert "nokey" not in str(caught.value)
    monkeypatch.setenv(CONNECTION, "AccountKey=nokey")
    with pytest.raises(StoreUnavailableError, match=f"^{CONNECTION} cannot be read") as caught:
        list(open_store(container.url).list())
    assert "nokey" not in str(caught.value)


def _connection(server: str, **said: str) -> str:
    words = {"BlobEndpoint": endpoint(server), **said}
    return ";".join(f"{name}={value}" for name, value in words.items())


def test_each_kind_of_credential_opens_the_store(container, monkeypatch):
    container.write("a", b"x")
    sas = token(container.name, hours=1)
    kinds = {
        CONNECTION: _connection(container.server, AccountName=ACCOUNT, AccountKey=KEY),
        f"{CONNECTION} ": _connection(container.server, SharedAccessSignature=sas),
        "AZURE_STORAGE_SAS_TOKEN": f"?{sas}",
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
    }
    monkeypatch.delenv(KEY_NAME)
    for name, value in kinds.items():
        with monkeypatch.context() as patch:
            patch.setenv(name.strip(), value)
            assert list(open_store(container.url).list()) == ["a"]


def test_a_token_that_has_run_out_says_when_and_stands_nowhere(container, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    container.sign_nothing()
    open_store(container.url).look("a")
    expired = token(container.name, hours=-1)
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", expired)
    with pytest.raises(StoreUnavailableError, match="have expired, the token on 20") as caught:
        open_store(container.url).look("a")
    signature = expired.partition("sig=")[2].partition("&")[0]
    assert "sig=..." in caplog.text and signature not in caplog.text + str(caught.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"az://{ACCOUNT}:{KEY}@runs/run", "carries no user, password .*AZURE_STORAGE_KEY"),
        ("az://runs/run?sv=2026&sig=SECRET", "without query"),
        ("az://r", "expected az://BUCKET/RUN"),
    ],
)
def test_a_url_with_a_secret_is_refused_and_not_repeated(url, says):
    with pytest.raises(UnknownStoreError, match=says) as caught:
        open_store(url)
    assert "SECRET" not in str(caught.value) and KEY not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["http://user:SECRET@host", "https://host?sig=SECRET"])
@pytest.mark.parametrize("name", ["AZURE_STORAGE_SERVICE_ENDPOINT", CONNECTION])
def test_an_endpoint_with_a_secret_is_refused(monkeypatch, name, endpoint):
    pytest.importorskip("azure.storage.blob")
    monkeypatch.setenv(KEY_NAME, base64.b64encode(b"key").decode())
    monkeypatch.setenv(name, f"BlobEndpoint={endpoint}" if name == CONNECTION else endpoint)
    with pytest.raises(UnknownStoreError, match=f"{name}: expected an endpoint") as caught:
        list(open_store("az://runs").list())
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["http://[bad", "http://host:port/", "garbage", "ftp://host"])
@pytest.mark.parametrize("name", ["AZURE_STORAGE_SERVICE_ENDPOINT", CONNECTION, "AZURE_STORAGE_ACCOUNT"])
def test_a_setting_that_is_no_endpoint_is_one_line_with_its_name(monkeypatch, name, endpoint):
    pytest.importorskip("azure.storage.blob")
    for each in [each for each in os.environ if each.startswith("AZURE_")]:
        monkeypatch.delenv(each)
    monkeypatch.setenv(KEY_NAME, base64.b64encode(b"key").decode())
    account = name == "AZURE_STORAGE_ACCOUNT"
    value = f"BlobEndpoint={endpoint}" if name == CONNECTION else "ba[d" if account else endpoint
    monkeypatch.setenv(name, value)
    for look in (lambda: list(open_store("az://runs").list()), lambda: local_place("az://runs/run")):
        with pytest.raises(UnknownStoreError, match=f"^{name} names no host; expected http"):
            look()


def test_a_failed_try_is_told_once_while_it_goes_on(container, monkeypatch, caplog):
    tried_again_at_once(monkeypatch)
    monkeypatch.setattr("jobs.store.again._told_at", [])
    with container.way(times(3, lambda way: way.say(500, "InternalError"))):
        assert open_store(container.url).look("a") is None
    (word,) = caplog.messages
    assert re.fullmatch(r"127.0.0.1:\d+/\S+: no luck at try 1 of 6 \(it answers 500\); trying again", word)


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("jobs.store.az_client._clients", {})
    monkeypatch.setitem(sys.modules, "azure.storage.blob", None)
    monkeypatch.setitem(sys.modules, "azure.core.exceptions", None)
    with pytest.raises(MissingExtraError, match=r"pip install '.\[az\]'"):
        list(open_store("az://runs/run").list())


def test_a_place_in_a_container_is_a_folder_of_its_account(container, monkeypatch):
    container.write("run/shards/00000.h5", b"\1" * 100_000)
    container.write("run/config.sha256", b"c0ffee\n")
    folder = local_place(f"{container.url}/run")
    shard = folder / "shards" / "00000.h5"
    assert shard.stat().st_size == 100_000 and held(shard).read_bytes() == b"\1" * 100_000
    assert Mirror.around(folder).address == parse(f"{container.url}/run")
    with pytest.raises(UnknownStoreError, match="works in folders only; .*az storage blob download-batch"):
        refuse_url(folder, "this")
    monkeypatch.setenv("AZURE_STORAGE_SERVICE_ENDPOINT", "http://127.0.0.1:9/another")
    with pytest.raises(StoreError, match="of another store than AZURE_STORAGE_ACCOUNT or"):
        Mirror.around(folder)


HOSTS = {
    "an account": {"AZURE_STORAGE_ACCOUNT": "one"},
    "its other name": {"AZURE_STORAGE_ACCOUNT_NAME": "one"},
    "a connection": {CONNECTION: "AccountName=one;AccountKey=KEY=="},
    "an endpoint": {CONNECTION: "AccountName=x;BlobEndpoint=https://one.blob.core.windows.net/"},
}


@pytest.mark.parametrize("settings", HOSTS.values(), ids=HOSTS)
def test_an_account_is_the_same_however_it_is_named(settings, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert endpoint_host() == "one.blob.core.windows.net"
