"""What stores in clouds share: names below a key, written once, and compared with the file afterwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from jobs.files import file_sha256, part_file
from jobs.store.again import BrokenError, until_whole
from jobs.store.base import (
    Kept,
    ObjectReplacedError,
    StoreConflictError,
    Stored,
    StoreError,
    StoreUnavailableError,
    checked_name,
)
from jobs.store.urls import Address


class CloudStore(ABC):
    """Objects below a key; how one asks for them, sends and compares them is each cloud's."""

    IF_NEW: ClassVar[Mapping[str, Any]]  # words of a write where there is nothing (If-None-Match: *)
    ALWAYS: ClassVar[Mapping[str, Any]]
    LARGEST: ClassVar[int]  # bytes of an object

    def __init__(self, address: Address) -> None:
        self._address = address
        self.url = str(address)

    def put(self, finished_file: Path, name: str) -> Stored:
        """See Store."""
        wanted = self._wanted(finished_file, name)
        there = self._is_large(wanted.size) and self._ask(name) is not None  # then it is not sent in vain
        written = None if there else self._send(finished_file, wanted, self.IF_NEW)
        self._require_same(finished_file, wanted, written)
        return wanted

    def replace(self, finished_file: Path, name: str) -> Kept:
        """See ObjectStore."""
        wanted = self._wanted(finished_file, name)
        return self._require_same(finished_file, wanted, self._send(finished_file, wanted, self.ALWAYS))

    def get(self, name: str, into: Path) -> Path:
        """See Store."""
        kept = self.look(name)
        if kept is None:
            raise FileNotFoundError(f"{self.url} keeps no {name!r}")
        with part_file(into, needed_bytes=kept.size) as part:
            self.fetch(kept, part)
        return into

    def list(self, prefix: str = "") -> Iterator[str]:
        """See Store."""
        return (kept.name for kept in self.objects(prefix))

    def fetch(self, kept: Kept, into: Path) -> None:
        """See ObjectStore."""
        until_whole(partial(self._fetch_once, kept, into), f"{self.url}/{kept.name}")

    def block(self, kept: Kept, start: int, count: int) -> bytes:
        """See ObjectStore. A store, or what lies before it, may give other bytes than were asked for."""
        wanted = min(start + count, kept.size) - start
        if wanted <= 0:
            return b""
        content = b""

        def once() -> None:
            nonlocal content
            content = self._range_once(kept, start, wanted)
            if len(content) != wanted:
                raise BrokenError(f"{len(content)} bytes in place of {wanted}")

        until_whole(once, f"{self.url}/{kept.name}")
        return content

    @abstractmethod
    def objects(self, prefix: str = "") -> Iterator[Kept]:
        """See ObjectStore."""

    @abstractmethod
    def look(self, name: str) -> Kept | None:
        """See ObjectStore."""

    @abstractmethod
    def read(self, name: str) -> tuple[bytes, Kept, int] | None:
        """See ObjectStore."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """See ObjectStore."""

    def _key(self, name: str) -> str:
        path = checked_name(name).as_posix()
        return f"{self._address.key}/{path}" if self._address.key else path

    def _wanted(self, file: Path, name: str) -> Stored:
        """What the object is to be. Raises StoreError where the file is too large for one."""
        size = file.stat().st_size
        if size > self.LARGEST:
            raise StoreError(
                f"{file}: {size >> 30} GiB, and this store takes up to {self.LARGEST >> 30} GiB as one "
                "object; make smaller shards (samples_per_shard)"
            )
        return Stored(name=name, size=size, sha256=file_sha256(file))

    def _decided(self, name: str, content: bytes, written: str | None) -> Kept | None:
        """What came of a conditional write: the object, if it is ours. `written` as below."""
        there = self.read(name)
        if there is None or there[0] != content:  # an answer that was lost looks like a condition unmet
            return None
        return there[1] if written in (None, there[1].etag) else None

    def _require_same(self, file: Path, wanted: Stored, written: str | None) -> Kept:
        """The object, if it is the file. `written` is the ETag that our put got, None if it put nothing."""
        answer = self._ask(wanted.name)
        place = f"{self.url}/{wanted.name}"
        if answer is None:
            raise StoreError(f"{place}: was put and is not there; see the store's rules of deletion")
        kept = self._kept(answer, wanted.name)
        if kept.size == wanted.size and self._is_of(answer, file, wanted):
            return kept
        if written == kept.etag:  # nobody else's
            self.remove(wanted.name)
            raise StoreError(
                f"{place}: arrived damaged and was removed again; see the network, and try again"
            )
        raise StoreConflictError(
            f"{place} holds other content than the file to be put there; names are written once: remove it "
            "by hand if it is not needed, or put the file under another name"
        )

    @abstractmethod
    def _is_large(self, size: int) -> bool:
        """Whether a file of so many bytes is sent in several requests."""

    @abstractmethod
    def _send(self, finished_file: Path, wanted: Stored, condition: Mapping[str, Any]) -> str | None:
        """Put the file where the condition holds; the ETag if it was put."""

    @abstractmethod
    def _ask(self, name: str) -> Any:
        """What the store says of an object; None where there is none."""

    @abstractmethod
    def _kept(self, answer: Any, name: str) -> Kept:
        """What it says, as we keep it."""

    @abstractmethod
    def _is_of(self, answer: Any, file: Path, wanted: Stored) -> bool:
        """Whether an object of the file's size has its content, by the checksums in the answer."""

    @abstractmethod
    def _range_once(self, kept: Kept, start: int, count: int) -> bytes:
        """Bytes of an object, all of which it has."""

    @abstractmethod
    def _fetch_once(self, kept: Kept, into: Path) -> None:
        """Fetch an object. Raises BrokenError where it came broken."""


def refuse_replaced(place: str) -> NoReturn:
    """An object is not the one that was listed. Raises ObjectReplacedError."""
    raise ObjectReplacedError(f"{place}: was replaced since it was listed; begin again") from None


def refuse_gone(place: str) -> NoReturn:
    """An object that was listed is not there. Raises FileNotFoundError."""
    raise FileNotFoundError(f"{place}: is gone since it was listed") from None


def seconds_of(date: str | None, place: str) -> int:
    """What a store's clock said, in seconds since the epoch. Raises StoreUnavailableError."""
    try:
        return int(parsedate_to_datetime(date or "").timestamp())
    except (ValueError, TypeError, OverflowError, OSError):
        raise StoreUnavailableError(
            f"{place}: the answer carries no date that can be read; see what lies between here and the "
            "store (a proxy?)"
        ) from None
