"""The object store that a URL names, by its scheme. Libraries are loaded when the first one is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jobs.store.urls import parse

if TYPE_CHECKING:
    from jobs.store.base import LockableStore, ObjectStore


def open_objects(url: str | os.PathLike[str]) -> ObjectStore:
    """The store at `url`. Raises UnknownStoreError, MissingExtraError, StoreUnavailableError."""
    address = parse(url)
    if address.scheme == "s3":
        from jobs.store.s3 import S3Store

        return S3Store(address)
    from jobs.store.remote import FsspecStore

    return FsspecStore(address)


def open_lockable(url: str | os.PathLike[str]) -> LockableStore:
    """The store at `url`, if runs can be made there. Raises as `open_objects`; ConditionsUnsupportedError."""
    from jobs.store.base import ConditionsUnsupportedError

    address = parse(url)
    if address.scheme != "s3":
        raise ConditionsUnsupportedError(
            f"{address}: runs are read from {address.scheme}://, but made on s3:// or in a folder only, for "
            "want of a lock; render into a folder and copy it there"
        )
    from jobs.store.s3 import S3Store

    return S3Store(address)
