"""The connection to Google Cloud Storage: credentials from where Google's programs have them.

Nothing of them is kept here or told to anybody. What a network does (resets, slow answers, 500s) is tried
again with growing pauses; what will not go away is told in one line (`jobs.store.gs_errors`).
"""

from __future__ import annotations

import logging
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from jobs.extras import extra
from jobs.store.again import tried
from jobs.store.base import StoreUnavailableError, UnknownStoreError
from jobs.store.gs_errors import BUSY, NO_CREDENTIALS, NO_FILE, error_status, in_words
from jobs.store.settings import HTTP, endpoint_parts, masking

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60  # without a byte
HOST = "STORAGE_EMULATOR_HOST"
ENDPOINTS = (HOST, "API_ENDPOINT_OVERRIDE")  # those of Google's client
FILE = "GOOGLE_APPLICATION_CREDENTIALS"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
NO_TRACING = "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"  # a request for the bucket, from a thread
SETTINGS = ("GOOGLE_", "STORAGE_", "CLOUDSDK_", "GCE_", "NO_GCE_", "API_ENDPOINT_")
LARGEST_FILE = 1 << 20  # bytes of a file of credentials
UNREADABLE = (AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError)  # of odd answers
# Who knows the name of an unfinished upload may go on with it, and urllib3 logs URLs when it is asked to.
_without_upload = masking(re.compile(r"\bupload_id=[^&\s]*"), "upload_id=...")
_clients: dict[tuple[object, ...], Any] = {}  # by process: connections do not survive a fork
_answers = threading.local()  # of this thread, the last one's date


class UnreadableError(Exception):
    """The client came to grief at an answer that no store gives."""


def gs_client() -> Any:
    """The process's client; another one where the settings in the environment changed."""
    settings = {name: value for name, value in os.environ.items() if name.startswith(SETTINGS)}
    key = (os.getpid(), *sorted(settings.items()))
    if key not in _clients:
        _clients.clear()
        _clients[key] = _connected()
    return _clients[key]


def _connected() -> Any:
    with extra("gs"):
        from google.cloud.storage import Client
    os.environ.setdefault(NO_TRACING, "true")
    endpoint_host()  # refused before anything is asked
    logging.getLogger("urllib3.connectionpool").addFilter(_without_upload)
    credentials = _credentials()
    return Client(project=None, credentials=credentials, _http=_session(credentials))


def _session(credentials: Any) -> Any:
    """Requests with these credentials, which remember what the store's clock said."""
    from google.auth.transport.requests import AuthorizedSession

    class DatedSession(AuthorizedSession):  # type: ignore[misc]  # of a skipped import
        def request(self, *words: Any, **options: Any) -> Any:
            answer = super().request(*words, **options)
            _answers.date = answer.headers.get("date", "")
            return answer

    return DatedSession(credentials)


def last_date() -> str:
    """What the store's clock said in the last answer to this thread, as HTTP writes it."""
    return str(_answers.date)


def _credentials() -> Any:
    """Those of the environment; an emulator gets them only where a file is named.

    Raises StoreUnavailableError, whose words are ours alone: what a file says is not repeated.
    """
    import google.auth
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import GoogleAuthError

    named = os.environ.get(FILE, "")
    if named and not _can_be_read(named):
        raise StoreUnavailableError(NO_FILE)
    if os.environ.get(HOST) and not named:
        return AnonymousCredentials()
    try:
        return google.auth.default(scopes=[SCOPE])[0]
    except (GoogleAuthError, OSError, *UNREADABLE):  # of files that say anything
        raise StoreUnavailableError(NO_FILE if named else NO_CREDENTIALS) from None


def _can_be_read(name: str) -> bool:
    """Whether a file can be one of credentials: an endless one, or one that waits for a writer, cannot."""
    try:
        said = os.stat(name)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(said.st_mode) and said.st_size <= LARGEST_FILE


def endpoint_host() -> str:
    """Where the store of this environment is; "" where it is Google's. Raises UnknownStoreError."""
    variable = next((name for name in ENDPOINTS if os.environ.get(name)), None)
    if variable is None:
        return ""
    parts = endpoint_parts(os.environ[variable], variable)
    if "@" in parts.netloc or parts.query:
        raise UnknownStoreError(
            f"{variable}: expected an endpoint {HTTP} without password or token; credentials come from {FILE}"
        )
    return parts.netloc + parts.path.rstrip("/")


def timeouts() -> tuple[float, float]:
    """Seconds until a connection stands, and of silence, after which a request is given up."""
    return CONNECT_TIMEOUT_S, READ_TIMEOUT_S


def asked(request: Callable[[], T]) -> T:
    """What a request gives; what passes is tried again. Raises as the client does, and UnreadableError."""

    def readable() -> T:
        try:
            return request()
        except UNREADABLE as error:
            if isinstance(error, (*client_errors(), UnknownStoreError)):
                raise
            raise UnreadableError from None  # whatever stood in the answer stays there

    return tried(readable, client_errors(), _passing, endpoint_host() or "gs://")


def _passing(error: Exception) -> str:
    """Why a request failed, if another one may succeed; else ""."""
    from google.auth.exceptions import GoogleAuthError, TransportError

    status = error_status(error)
    if status:
        return f"it answers {status}" if status in BUSY else ""
    lasting = isinstance(error, GoogleAuthError) and not isinstance(error, TransportError)
    return "" if lasting else type(error).__name__


def corruption() -> type[Exception]:
    """What the client raises where the content that came has another checksum than its store said."""
    with extra("gs"):
        from google.cloud.storage.exceptions import DataCorruption
    found: type[Exception] = DataCorruption
    return found


def client_errors() -> tuple[type[Exception], ...]:
    """What the client raises."""
    with extra("gs"):
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
        from requests.exceptions import RequestException
        from urllib3.exceptions import HTTPError
    return (
        GoogleAPICallError,
        GoogleAuthError,
        DataCorruption,
        InvalidResponse,
        RequestException,
        HTTPError,
        ConnectionError,
        UnreadableError,
    )


@contextmanager
def in_our_words(place: str, needed: str) -> Iterator[None]:
    """What the client raises inside becomes StoreUnavailableError; the cause, which may quote, is cut off."""
    try:
        yield
    except client_errors() as error:
        raise StoreUnavailableError(f"{place}: {in_words(error, needed)}") from None
