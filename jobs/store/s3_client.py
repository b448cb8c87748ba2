"""The connection to an S3 store: credentials, region and endpoint from where AWS programs have them.

Nothing of them is kept here or told to anybody. What a network does (resets, slow answers, 500s) is tried
again with growing pauses; what will not go away is told in one line (`jobs.store.s3_errors`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jobs.extras import extra
from jobs.store.again import MOST_TRIES
from jobs.store.base import StoreUnavailableError, UnknownStoreError
from jobs.store.s3_errors import in_words

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60  # without a byte
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_clients: dict[tuple[object, ...], Any] = {}  # by process: connections do not survive a fork


def s3_client() -> Any:
    """The process's client; another one where the settings in the environment changed."""
    endpoint = next((os.environ[name] for name in ENDPOINT_VARIABLES if os.environ.get(name)), None)
    _refuse_secret(endpoint)
    settings = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    key = (os.getpid(), *sorted(settings.items()))
    if key not in _clients:
        _clients.clear()
        _clients[key] = _connected(endpoint)
    return _clients[key]


def _connected(endpoint: str | None) -> Any:
    with extra("s3"):
        import botocore.session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    tries = {"total_max_attempts": int(os.environ.get("AWS_MAX_ATTEMPTS", MOST_TRIES)), "mode": "standard"}
    config = Config(
        retries=tries,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        s3={"addressing_style": "path" if endpoint else "auto"},
        user_agent_extra="fsd-gen",
    )
    try:
        session = botocore.session.get_session()
        session.register_component("data_loader", _loader())
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region") or "us-east-1"
        return session.create_client("s3", region_name=region, endpoint_url=endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise StoreUnavailableError(f"s3://: {in_words(error, '', '')}") from None


@cache
def _loader() -> Any:
    """What AWS's services look like, read once: every client needs it."""
    from botocore.loaders import create_loader

    return create_loader()


def _refuse_secret(endpoint: str | None) -> None:
    if endpoint is not None and "@" in urlsplit(endpoint).netloc:
        raise UnknownStoreError(
            "AWS_ENDPOINT_URL_S3: expected http(s)://HOST[:PORT] without user and password; credentials come "
            "from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile"
        )


def endpoint_host() -> str:
    """Where the store of this environment is, to tell the buckets of two stores apart."""
    endpoint = next((os.environ[name] for name in ENDPOINT_VARIABLES if os.environ.get(name)), "")
    return urlsplit(endpoint).netloc.rpartition("@")[2]


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
