"""The object store that a URL names, by its scheme. Libraries are loaded when the first one is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jobs.store.urls import Address, parse

if TYPE_CHECKING:
    from jobs.store.base import LockableStore, ObjectStore


def open_objects(url: str | os.PathLike[str]) -> ObjectStore:
    """The store at `url`. Raises UnknownStoreError, MissingExtraError, StoreUnavailableError."""
    address = parse(url)
    found = _lockable(address)
    if found is not None:
        return found
    from jobs.store.remote import FsspecStore

    return FsspecStore(address)


def open_lockable(url: str | os.PathLike[str]) -> LockableStore:
    """The store at `url`, if runs can be made there. Raises as `open_objects`; ConditionsUnsupportedError."""
    from jobs.store.base import ConditionsUnsupportedError

    address = parse(url)
    found = _lockable(address)
    if found is None:
        raise ConditionsUnsupportedError(
            f"{address}: runs are read from {address.scheme}://, but made on s3://, az:// or in a folder "
            "only, for want of a lock; render into a folder and copy it there"
        )
    return found


def _lockable(address: Address) -> LockableStore | None:
    if address.scheme == "s3":
        from jobs.store.s3 import S3Store

        return S3Store(address)
    if address.scheme == "az":
        from jobs.store.az import AzureStore

        return AzureStore(address)
    return None


def store_host(scheme: str) -> str:
    """Where the store of a scheme is by the settings of this environment; "" where there is one only."""
    if scheme == "s3":
        from jobs.store import s3_client

        return s3_client.endpoint_host()
    if scheme == "az":
        from jobs.store import az_client

        return az_client.endpoint_host()
    return ""
