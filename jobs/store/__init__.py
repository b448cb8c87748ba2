"""Where finished files are kept: put them there whole, list them, get them back.

A file is finished and verified on the local disk first; `put` then makes it appear in the store in one step,
with the same bytes. Names are written once: a second `put` of the same content changes nothing, one of other
content is refused. `open_store` finds the kind of store by the URL's scheme; another one is a class with the
methods of `jobs.store.base.Store` and an entry in STORES.

    base     the words: Store, Kept, the errors
    urls     what a URL may look like; secrets are refused in it
    local    a folder
    s3       S3 and what speaks its language (`s3_client` connects, `s3_errors` says what is wrong, `s3_parts`
             puts large files)
    az       Azure Blob Storage (`az_client` connects, `az_errors` says what is wrong)
    gs       Google Cloud Storage (`gs_client` connects, `gs_errors` says what is wrong)
    again    what a network breaks is tried again
    lease    the lock of a run in a store
    settings what the environment says, refused in one line
    mirror   a run in a store, seen as a folder of this machine
    names    which objects can be files of it
    cache    what of it lies on this machine
    room     how much of it
    bases    in which folders
    ranged   a little of a file, without fetching the rest
    whole    a folder that appears in a store as one
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from jobs.store.base import (
    Store,
    StoreConflictError,
    Stored,
    StoreError,
    StoreUnavailableError,
    UnknownStoreError,
)
from jobs.store.local import LocalStore
from jobs.store.objects import open_objects
from jobs.store.urls import SCHEMES

__all__ = [
    "STORES",
    "LocalStore",
    "Store",
    "StoreConflictError",
    "StoreError",
    "StoreUnavailableError",
    "Stored",
    "UnknownStoreError",
    "get",
    "open_store",
    "put",
]


def _open_local(url: str) -> Store:
    parts = urlsplit(url)
    if parts.scheme != "file":
        return LocalStore(Path(url))
    if parts.netloc not in ("", "localhost"):
        raise UnknownStoreError(f"a file URL has three slashes, as in file:///data/shards, got {url!r}")
    return LocalStore(Path(unquote(parts.path)))


STORES: dict[str, Callable[[str], Store]] = {  # by scheme
    "": _open_local,
    "file": _open_local,
    **dict.fromkeys(SCHEMES, open_objects),
}


def open_store(url: str | os.PathLike[str]) -> Store:
    """The store at a URL or a plain path. Raises UnknownStoreError for a scheme without a store."""
    text = os.fspath(url)
    scheme = text.split("://", 1)[0] if "://" in text else ""
    if scheme not in STORES:
        known = ", ".join(f"{name}://" for name in STORES if name)
        raise UnknownStoreError(f"no store for {text!r}; a plain path or one of {known} is expected")
    return STORES[scheme](text)


def put(finished_file: Path, url: str) -> Stored:
    """Keep a copy of `finished_file` at `url`, the full name of the file there; see Store."""
    folder, name = _split(url)
    return open_store(folder).put(finished_file, name)


def get(url: str, into: Path) -> Path:
    """Copy the file at `url` to the path `into`; see Store."""
    folder, name = _split(url)
    return open_store(folder).get(name, into)


def _split(url: str) -> tuple[str, str]:
    folder, slash, name = url.rpartition("/")
    if not name:
        raise StoreError(f"the URL of a file is expected, got {url!r}")
    return (folder or "/", name) if slash else (".", name)
