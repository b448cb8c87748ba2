"""Where finished files are kept: put them there whole, list them, get them back.

A file is finished and verified on the local disk first; `put` then makes it appear in the store in one step,
with the same bytes. Names are written once: a second `put` of the same content changes nothing, one of other
content is refused. `open_store` finds the kind of store by the URL's scheme; another one is a class with the
methods of `Store` and an entry in STORES.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

from jobs.files import PART_SUFFIX, file_sha256, part_file

EXTRA_OF_SCHEME = {"s3": "s3"}  # schemes to come, and the extra that will bring them


class StoreError(OSError):
    """A store cannot keep or give back a file."""


class UnknownStoreError(ValueError):
    """No store answers to the URL's scheme."""


class StoreConflictError(StoreError):
    """The store holds other content under this name already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One file in a store."""

    name: str  # relative to the store's URL, with forward slashes
    size: int  # bytes
    sha256: str  # hex


class Store(Protocol):
    """A place for finished files, named by paths with forward slashes relative to the place."""

    def put(self, finished_file: Path, name: str) -> Stored:
        """Keep a copy of `finished_file` as `name`, visible only once it is complete and verified.

        Raises StoreConflictError where `name` holds other content, StoreError where the copy is not the file.
        """

    def get(self, name: str, into: Path) -> Path:
        """Copy `name` to the path `into`, whole or not at all; FileNotFoundError if it is not kept."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """Names that begin with `prefix`, sorted. Files in the making are not listed."""


class LocalStore:
    """A store in a folder of the file system, which is made by the first `put`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, finished_file: Path, name: str) -> Stored:
        """See Store."""
        target = self._path(name)
        wanted = _stored(finished_file, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            with suppress(FileExistsError):  # another writer was faster; its file is looked at below
                _copy(finished_file, target, wanted, replace=False)
                return wanted
        if not _is_same(target, wanted):
            raise StoreConflictError(
                f"{target} holds other content than the file to be put there; names are written once: remove "
                "it by hand if it is not needed, or put the file under another name"
            )
        return wanted

    def get(self, name: str, into: Path) -> Path:
        """See Store."""
        source = self._path(name)
        if not source.is_file():
            raise FileNotFoundError(f"{self._folder} keeps no {name!r}")
        wanted = _stored(source, name)
        _copy(source, into, wanted, replace=True)
        return into

    def list(self, prefix: str = "") -> Iterator[str]:
        """See Store."""
        found = (path.relative_to(self._folder) for path in self._folder.rglob("*") if path.is_file())
        visible = (path.as_posix() for path in found if not _in_the_making(path))
        yield from sorted(name for name in visible if name.startswith(prefix))

    def _path(self, name: str) -> Path:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise StoreError(f"a name in a store is a relative path without '..', got {name!r}")
        return self._folder / path


def _open_local(url: str) -> Store:
    parts = urlsplit(url)
    if parts.scheme != "file":
        return LocalStore(Path(url))
    if parts.netloc not in ("", "localhost"):
        raise UnknownStoreError(f"a file URL has three slashes, as in file:///data/shards, got {url!r}")
    return LocalStore(Path(unquote(parts.path)))


STORES: dict[str, Callable[[str], Store]] = {"": _open_local, "file": _open_local}  # by scheme


def open_store(url: str | os.PathLike[str]) -> Store:
    """The store at a URL or a plain path. Raises UnknownStoreError for a scheme without a store."""
    text = os.fspath(url)
    scheme = text.split("://", 1)[0] if "://" in text else ""
    if scheme not in STORES:
        known = ", ".join(f"{name}://" for name in STORES if name)
        coming = EXTRA_OF_SCHEME.get(scheme)
        later = f" ({scheme}:// will come with the extra {coming!r})" if coming else ""
        raise UnknownStoreError(f"no store for {text!r}; a plain path or one of {known} is expected{later}")
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


def _stored(path: Path, name: str) -> Stored:
    return Stored(name=name, size=path.stat().st_size, sha256=file_sha256(path))


def _is_same(path: Path, wanted: Stored) -> bool:
    return path.stat().st_size == wanted.size and file_sha256(path) == wanted.sha256


def _copy(source: Path, target: Path, wanted: Stored, *, replace: bool) -> None:
    with part_file(target, needed_bytes=wanted.size, replace=replace) as part:
        shutil.copyfile(source, part)
        if not _is_same(part, wanted):
            raise StoreError(f"the copy of {source} is not what was read; nothing was kept, try again")


def _in_the_making(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(PART_SUFFIX)
