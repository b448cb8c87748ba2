"""The connection to Azure Blob Storage: account and credentials from where Azure's programs have them.

Nothing of them is kept here or told to anybody. What a network does (resets, slow answers, 500s) is tried
again with growing pauses; what will not go away is told in one line (`jobs.store.az_errors`).
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from jobs.extras import extra
from jobs.files import MIB
from jobs.store.again import MOST_TRIES, tell
from jobs.store.az_errors import NO_CREDENTIALS, ODD, in_words
from jobs.store.base import StoreUnavailableError, UnknownStoreError
from jobs.store.settings import HTTP, endpoint_parts, masking

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60  # without a byte
STEP_S = 4  # on average, before a request is tried again
PART = 64 * MIB  # larger files go in blocks
BLOCK = 16 * MIB
MOST_BYTES = 50_000 * BLOCK
CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
ENDPOINT = "AZURE_STORAGE_SERVICE_ENDPOINT"
ACCOUNT = ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME")
KEY = ("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY")
# A token stands in the URLs of requests, which urllib3 logs when it is asked to.
_without_signature = masking(re.compile(r"\bsig=[^&\s]*"), "sig=...")
SAS = "AZURE_STORAGE_SAS_TOKEN"
UNREADABLE = (ValueError, TypeError, AttributeError, KeyError)  # what the client raises at odd answers
_clients: dict[tuple[object, ...], Any] = {}  # by process: connections do not survive a fork


def container_client(container: str) -> Any:
    """A container, by the process's client; another one where the settings in the environment changed."""
    settings = {name: value for name, value in os.environ.items() if name.startswith("AZURE_")}
    key = (os.getpid(), *sorted(settings.items()))
    if key not in _clients:
        _clients.clear()
        _clients[key] = _connected()
    return _clients[key].get_container_client(container)


def _connected() -> Any:
    with extra("az"):
        from azure.storage.blob import BlobServiceClient
    logging.getLogger("urllib3.connectionpool").addFilter(_without_signature)
    connection = os.environ.get(CONNECTION)
    endpoint = _named(connection).get("blobendpoint", "") if connection else _endpoint()
    _refuse_secret(endpoint, _variable())
    credential = None if connection else _credential()
    try:
        if connection:
            return BlobServiceClient.from_connection_string(connection, **_options())
        return BlobServiceClient(endpoint, credential=credential, **_options())
    except (ValueError, TypeError):  # their words may quote what they could not read
        raise StoreUnavailableError(f"{_variable()} cannot be read; correct it") from None


def _options() -> dict[str, Any]:
    return {
        "retry_policy": _retries(),
        "connection_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": READ_TIMEOUT_S,
        "max_single_put_size": PART,
        "max_block_size": BLOCK,
        "max_single_get_size": PART,
        "max_chunk_get_size": PART,
        "user_agent": "fsd-gen",
    }


def _retries() -> Any:
    from azure.storage.blob import LinearRetry

    again = MOST_TRIES - 1

    class ToldRetry(LinearRetry):
        """Each failed try is told, before the next."""

        def increment(self, settings: Any, request: Any, response: Any = None, error: Any = None) -> bool:
            again = bool(super().increment(settings, request, response=response, error=error))
            why = type(error).__name__ if error is not None else f"it answers {response.status_code}"
            if again:
                tell(endpoint_host(), why, settings["count"], MOST_TRIES)
            return again

    return ToldRetry(
        backoff=STEP_S,
        random_jitter_range=STEP_S,
        retry_total=again,
        retry_connect=again,
        retry_read=again,
        retry_status=again,
    )


def _credential() -> Any:
    """Key or token of the account, else the login that `azure-identity` finds, where it is installed."""
    if given := _first(*KEY) or os.environ.get(SAS):
        return given
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise StoreUnavailableError(f"{NO_CREDENTIALS}, or a login (`pip install azure-identity`)") from None
    return DefaultAzureCredential()


def _endpoint() -> str:
    if endpoint := os.environ.get(ENDPOINT):
        return endpoint
    if account := _first(*ACCOUNT):
        return f"https://{account}.blob.core.windows.net"
    raise StoreUnavailableError(NO_CREDENTIALS)


def _variable() -> str:
    """What names the account's place."""
    return next((name for name in (CONNECTION, ENDPOINT) if os.environ.get(name)), ACCOUNT[0])


def _first(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _named(connection: str) -> dict[str, str]:
    """What a connection string says, by names in lower case."""
    items = (item.partition("=") for item in connection.split(";"))
    return {name.strip().lower(): value for name, _, value in items}


def _refuse_secret(endpoint: str, where: str) -> None:
    if not endpoint:  # a connection string names an account alone
        return
    parts = endpoint_parts(endpoint, where)
    if "@" in parts.netloc or parts.query:
        raise UnknownStoreError(
            f"{where}: expected an endpoint {HTTP} without password or token; credentials "
            f"come from {KEY[0]} or {SAS}"
        )


def endpoint_host() -> str:
    """Where the account of this environment is, to tell the containers of two accounts apart."""
    said = _named(os.environ.get(CONNECTION, ""))
    suffix = said.get("endpointsuffix", "core.windows.net")
    named = f"https://{said['accountname']}.blob.{suffix}" if "accountname" in said else ""
    account = _first(*ACCOUNT)
    own = os.environ.get(ENDPOINT) or (f"https://{account}.blob.core.windows.net" if account else "")
    endpoint = said.get("blobendpoint") or named or own
    if not endpoint:
        return ""
    parts = endpoint_parts(endpoint, _variable())
    return parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")


def _token_ends() -> datetime | None:
    """When the environment's token (SAS) runs out; None where there is none that says so."""
    token = _named(os.environ.get(CONNECTION, "")).get("sharedaccesssignature") or os.environ.get(SAS, "")
    try:
        ends = datetime.fromisoformat(parse_qs(token.lstrip("?"))["se"][0])
    except (KeyError, ValueError):
        return None
    return ends if ends.tzinfo else None


def client_errors() -> tuple[type[Exception], ...]:
    """What the client raises."""
    with extra("az"):
        from azure.core.exceptions import AzureError
    return (AzureError,)


def if_same(etag: str) -> dict[str, Any]:
    """Options of a request that is to hold only while the object has this ETag."""
    with extra("az"):
        from azure.core import MatchConditions
    return {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}


def to_be_compared(md5: bytes) -> Any:
    """What the store is to compare a whole object with, and to keep beside it."""
    with extra("az"):
        from azure.storage.blob import ContentSettings
    return ContentSettings(content_md5=bytearray(md5))


@contextmanager
def in_our_words(place: str, doing: str) -> Iterator[None]:
    """What the client raises inside becomes StoreUnavailableError; the cause, which may quote, is cut off."""
    try:
        yield
    except client_errors() as error:
        raise StoreUnavailableError(f"{place}: {in_words(error, doing, _token_ends())}") from None
    except UnknownStoreError:
        raise
    except UNREADABLE:
        raise StoreUnavailableError(f"{place}: {ODD}") from None
