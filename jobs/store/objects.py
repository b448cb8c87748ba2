"""The object store that a URL names, by its scheme. Libraries are loaded when the first one is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jobs.store.urls import parse

if TYPE_CHECKING:
    from jobs.store.base import ObjectStore


def open_objects(url: str | os.PathLike[str]) -> ObjectStore:
    """The store at `url`. Raises UnknownStoreError, MissingExtraError, StoreUnavailableError."""
    address = parse(url)
    if address.scheme == "s3":
        from jobs.store.s3 import S3Store

        return S3Store(address)
    if address.scheme == "az":
        from jobs.store.az import AzureStore

        return AzureStore(address)
    from jobs.store.gs import GoogleStore

    return GoogleStore(address)


def store_host(scheme: str) -> str:
    """Where the store of a scheme is by the settings of this environment; "" where there is one only."""
    if scheme == "s3":
        from jobs.store import s3_client

        return s3_client.endpoint_host()
    if scheme == "az":
        from jobs.store import az_client

        return az_client.endpoint_host()
    from jobs.store import gs_client

    return gs_client.endpoint_host()
