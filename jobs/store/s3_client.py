"""The connection to an S3 store: credentials, region and endpoint from where AWS programs have them.

Nothing of them is kept here or told to anybody. What a network does (resets, slow answers, 500s) is tried
again with growing pauses; what will not go away is told in one line (`jobs.store.s3_errors`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from jobs.extras import extra
from jobs.store.again import MOST_TRIES, tell
from jobs.store.base import StoreUnavailableError, UnknownStoreError
from jobs.store.s3_errors import SETTINGS, in_words
from jobs.store.settings import HTTP, endpoint_parts, whole_number

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60  # without a byte
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_clients: dict[tuple[object, ...], Any] = {}  # by process: connections do not survive a fork


def s3_client() -> Any:
    """The process's client; another one where the settings in the environment changed."""
    endpoint, host = _endpoint()
    settings = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    key = (os.getpid(), *sorted(settings.items()))
    if key not in _clients:
        _clients.clear()
        _clients[key] = _connected(endpoint, host or "s3://")
    return _clients[key]


def _connected(endpoint: str | None, host: str) -> Any:
    with extra("s3"):
        import botocore.session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    tries = whole_number("AWS_MAX_ATTEMPTS", MOST_TRIES)
    config = Config(
        retries={"total_max_attempts": tries, "mode": "standard"},
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        s3={"addressing_style": "path" if endpoint else "auto"},
        user_agent_extra="fsd-gen",
    )
    try:
        session = botocore.session.get_session()
        session.register_component("data_loader", _loader())
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region") or "us-east-1"
        client = session.create_client("s3", region_name=region, endpoint_url=endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        said = SETTINGS.get(type(error).__name__) or f"s3://: {in_words(error, '', '')}"
        raise StoreUnavailableError(said) from None
    client.meta.events.register("needs-retry.s3", partial(_tell, host, tries))
    return client


def _tell(host: str, most: int, attempts: int, response: Any, caught_exception: Any, **_: Any) -> None:
    """Called after each try; the library decides itself whether another one follows."""
    status = 0 if response is None else response[0].status_code
    if caught_exception is not None:
        tell(host, type(caught_exception).__name__, attempts, most)
    elif status >= 500:
        tell(host, f"it answers {status}", attempts, most)


@cache
def _loader() -> Any:
    """What AWS's services look like, read once: every client needs it."""
    from botocore.loaders import create_loader

    return create_loader()


def _endpoint() -> tuple[str | None, str]:
    """The endpoint that the environment names, and its host and port. Raises UnknownStoreError."""
    variable = next((name for name in ENDPOINT_VARIABLES if os.environ.get(name)), None)
    if variable is None:
        return None, ""
    parts = endpoint_parts(os.environ[variable], variable)
    if "@" in parts.netloc:
        raise UnknownStoreError(
            f"{variable}: expected {HTTP} without user and password; credentials come "
            "from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile"
        )
    return os.environ[variable], parts.netloc


def endpoint_host() -> str:
    """Where the store of this environment is, to tell the buckets of two stores apart."""
    return _endpoint()[1]


def client_errors() -> tuple[type[Exception], ...]:
    """What the client raises."""
    with extra("s3"):
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    return BotoCoreError, ClientError, HTTPClientError


@contextmanager
def in_our_words(place: str, doing: str) -> Iterator[None]:
    """What the client raises inside becomes StoreUnavailableError; the cause, which may quote, is cut off."""
    try:
        yield
    except client_errors() as error:
        region = s3_client().meta.region_name
        raise StoreUnavailableError(f"{place}: {in_words(error, doing, region)}") from None
