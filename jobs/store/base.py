"""What every store of finished files is to the rest: names that are written once, and the errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol


class StoreError(OSError):
    """A store cannot keep or give back a file."""


class UnknownStoreError(ValueError):
    """No store answers to the URL."""


class StoreConflictError(StoreError):
    """The store holds other content under this name already."""


class StoreUnavailableError(StoreError):
    """The store refuses to answer: unreachable, no such bucket, no permission, expired credentials ..."""


class ObjectReplacedError(StoreError):
    """The object is another one than when it was listed."""


class ConditionsUnsupportedError(StoreError):
    """The store takes a conditional write for an ordinary one, so that nothing in it can be locked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One file in a store."""

    name: str  # relative to the store's URL, with forward slashes
    size: int  # bytes
    sha256: str  # hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One object as its store lists it."""

    name: str  # relative to the store's URL, with forward slashes
    size: int  # bytes
    etag: str  # changes with the content
    modified: int  # seconds since the epoch, by the store's clock


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


class ObjectStore(Store, Protocol):
    """A store of objects behind a network, seen through `jobs.store.mirror`. `url` ends without a slash."""

    url: str

    def objects(self, prefix: str = "") -> Iterator[Kept]:
        """The objects whose names begin with `prefix`, sorted by name."""

    def look(self, name: str) -> Kept | None:
        """The object of this name; None where there is none."""

    def fetch(self, kept: Kept, into: Path) -> None:
        """Fill the existing file `into` with this object's content, verified. StoreError where it changed."""

    def block(self, kept: Kept, start: int, count: int) -> bytes:
        """So many bytes of an object from `start` on."""

    def replace(self, finished_file: Path, name: str) -> Kept:
        """Keep a copy as `name`, whatever is there: for documents of a run whose lock is held."""

    def write_if(self, name: str, content: bytes, *, etag: str | None) -> Kept | None:
        """Write where the object still has this ETag (None: where there is none); None if that is not so."""

    def read(self, name: str) -> tuple[bytes, Kept, int] | None:
        """Content, object, and what the store's clock said when it answered; None where there is none."""

    def remove(self, name: str) -> None:
        """Remove an object; nothing happens where there is none."""


def checked_name(name: str) -> PurePosixPath:
    """A name in a store as a path. Raises StoreError for one that leads out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise StoreError(f"a name in a store is a relative path without '..', got {name!r}")
    return path
