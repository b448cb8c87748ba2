"""A store in a container of Azure Blob Storage.

A put sends MD5s along, of each request and of the whole, so that the store refuses other bytes, and does not
replace what is there (If-None-Match); a file above 64 MiB goes in blocks, joined under the same condition.
Blocks that were not joined are no object, and the store drops them after a week. Afterwards the store is
asked what it holds: its size and checksums have to be the file's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

from jobs.files import MIB, file_sha256
from jobs.store.again import BrokenError, until_whole
from jobs.store.az_client import (
    MOST_BYTES,
    PART,
    client_errors,
    container_client,
    if_same,
    in_our_words,
    to_be_compared,
)
from jobs.store.az_errors import ABSENT, UNMET, code_of, error_status
from jobs.store.base import (
    ByObjects,
    Kept,
    StoreConflictError,
    Stored,
    StoreError,
    checked_name,
)
from jobs.store.urls import Address

PIECE = 4 * MIB
IF_NEW = {"overwrite": False}  # If-None-Match: *
ALWAYS = {"overwrite": True}
FOLDER = "hdi_isfolder"  # accounts with a hierarchy list folders as objects that say this


class AzureStore(ByObjects):
    """Objects below a key of a container."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.url = str(address)

    # ------------------------------------------------------------ finished files

    def put(self, finished_file: Path, name: str) -> Stored:
        """See Store."""
        wanted = _wanted(finished_file, name)
        large = wanted.size > PART
        there = large and self._properties(name) is not None  # then nothing large is sent in vain
        written = None if there else self._send(finished_file, wanted, IF_NEW)
        self._require_same(finished_file, wanted, written)
        return wanted

    def replace(self, finished_file: Path, name: str) -> Kept:
        """See ObjectStore."""
        wanted = _wanted(finished_file, name)
        return self._require_same(finished_file, wanted, self._send(finished_file, wanted, ALWAYS))

    # ------------------------------------------------------------ objects

    def objects(self, prefix: str = "") -> Iterator[Kept]:
        """See ObjectStore."""
        start = f"{self._address.key}/" if self._address.key else ""
        with in_our_words(self.url, "list"):
            found = self._container().list_blobs(name_starts_with=start + prefix, include=["metadata"])
            for entry in found:
                if not entry.name.endswith("/") and not _is_folder(entry):
                    yield _kept(entry, entry.name[len(start) :])

    def look(self, name: str) -> Kept | None:
        """See ObjectStore."""
        found = self._properties(name)
        return None if found is None or _is_folder(found) else _kept(found, name)

    def fetch(self, kept: Kept, into: Path) -> None:
        """See ObjectStore."""
        until_whole(partial(self._fetch_once, kept, into), f"{self.url}/{kept.name}")

    def _fetch_once(self, kept: Kept, into: Path) -> None:
        answer = self._get(kept)
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        with in_our_words(f"{self.url}/{kept.name}", "read"), into.open("wb") as file:
            for piece in _pieces(answer):
                size += file.write(piece)
                sha256.update(piece)
                md5.update(piece)
        if size != kept.size:
            raise BrokenError(f"{size} of {kept.size} bytes")
        if flaw := _other(answer.properties, sha256.hexdigest(), md5.digest()):
            raise BrokenError(flaw)

    def block(self, kept: Kept, start: int, count: int) -> bytes:
        """See ObjectStore."""
        stop = min(start + count, kept.size)
        if stop <= start:
            return b""
        answer = self._get(kept, offset=start, length=stop - start)
        with in_our_words(f"{self.url}/{kept.name}", "read"):
            content: bytes = answer.readall()
            return content

    # ------------------------------------------------------------ conditional writes

    def write_if(self, name: str, content: bytes, *, etag: str | None) -> Kept | None:
        """See LockableStore."""
        condition = IF_NEW if etag is None else {**ALWAYS, **if_same(etag.strip('"'))}
        digest = hashlib.sha256(content).hexdigest()
        written = self._write(name, content, condition, digest, hashlib.md5(content, usedforsecurity=False))
        there = self.read(name)
        if there is None or there[0] != content:  # an answer that was lost looks like a condition unmet
            return None
        return there[1] if written in (None, there[1].etag) else None

    def read(self, name: str) -> tuple[bytes, Kept, int] | None:
        """See LockableStore."""
        dates: list[str] = []
        hook = {
            "raw_response_hook": lambda answer: dates.append(answer.http_response.headers.get("date", ""))
        }
        with in_our_words(f"{self.url}/{name}", "read"):
            try:
                answer = self._blob(name).download_blob(**hook)
                content = answer.readall()
            except client_errors() as error:
                if code_of(error) in ABSENT:
                    return None
                raise
        return content, _kept(answer.properties, name), int(parsedate_to_datetime(dates[-1]).timestamp())

    def remove(self, name: str) -> None:
        """See LockableStore."""
        with in_our_words(f"{self.url}/{name}", "delete"):
            try:
                self._blob(name).delete_blob()
            except client_errors() as error:
                if code_of(error) not in ABSENT:
                    raise

    # ------------------------------------------------------------ requests

    def _container(self) -> Any:
        return container_client(self._address.bucket)

    def _blob(self, name: str) -> Any:
        path = checked_name(name).as_posix()
        return self._container().get_blob_client(f"{self._address.key}/{path}" if self._address.key else path)

    def _properties(self, name: str) -> Any:
        """What the store says of an object; None where there is none."""
        with in_our_words(f"{self.url}/{name}", "read"):
            try:
                return self._blob(name).get_blob_properties()
            except client_errors() as error:
                if code_of(error) in ABSENT:
                    return None
                raise

    def _get(self, kept: Kept, **extent: int) -> Any:
        place = f"{self.url}/{kept.name}"
        with in_our_words(place, "read"):
            try:
                return self._blob(kept.name).download_blob(**extent, **if_same(kept.etag))
            except client_errors() as error:
                if code_of(error) in UNMET:
                    raise StoreError(f"{place}: was replaced since it was listed; begin again") from None
                if code_of(error) in ABSENT:
                    raise FileNotFoundError(f"{place}: is gone since it was listed") from None
                raise

    def _send(self, finished_file: Path, wanted: Stored, condition: dict[str, Any]) -> str | None:
        """Put the file where the condition holds; the ETag if it was put."""
        with finished_file.open("rb") as file:
            md5 = hashlib.file_digest(file, _md5)
            file.seek(0)
            return self._write(wanted.name, file, condition, wanted.sha256, md5)

    def _write(self, name: str, body: Any, condition: dict[str, Any], sha256: str, md5: Any) -> str | None:
        """The new ETag; None where the condition did not hold."""
        with in_our_words(f"{self.url}/{name}", "write"):
            try:
                answer = self._blob(name).upload_blob(
                    body,
                    **condition,
                    validate_content=True,  # the MD5 of each request
                    content_settings=to_be_compared(md5.digest()),
                    metadata={"sha256": sha256},
                )
            except client_errors() as error:
                if code_of(error) in UNMET or (code_of(error) in ABSENT and error_status(error) == 404):
                    return None
                raise
        return str(answer["etag"]).strip('"')

    def _require_same(self, file: Path, wanted: Stored, written: str | None) -> Kept:
        """The object, if it is the file. `written` is the ETag that our put got, None if it put nothing."""
        found = self._properties(wanted.name)
        place = f"{self.url}/{wanted.name}"
        if found is None:
            raise StoreError(f"{place}: was put and is not there; see the store's rules of deletion")
        with file.open("rb") as opened:
            md5 = hashlib.file_digest(opened, _md5).digest()
        said = found.content_settings.content_md5 or _sha256_of(found)
        if said and found.size == wanted.size and not _other(found, wanted.sha256, md5):
            return _kept(found, wanted.name)
        if written == _kept(found, wanted.name).etag:  # nobody else's
            self.remove(wanted.name)
            raise StoreError(
                f"{place}: arrived damaged and was removed again; see the network, and try again"
            )
        raise StoreConflictError(
            f"{place} holds other content than the file to be put there; names are written once: remove it "
            "by hand if it is not needed, or put the file under another name"
        )


def _pieces(answer: Any) -> Iterator[bytes]:
    try:
        while piece := answer.read(PIECE):
            yield piece
    except client_errors() as error:
        if error_status(error) >= 400:
            raise
        raise BrokenError(type(error).__name__) from None


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _wanted(file: Path, name: str) -> Stored:
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise StoreError(
            f"{file}: {size / 2**30:.0f} GiB, and a store takes up to {MOST_BYTES >> 30} GiB as one "
            "object; make smaller shards (samples_per_shard)"
        )
    return Stored(name=name, size=size, sha256=file_sha256(file))


def _other(properties: Any, sha256: str, md5: bytes) -> str | None:
    """Why an object is not of this content by what its store says; None if it is, or nothing is said."""
    said = properties.content_settings.content_md5
    if said and bytes(said) != md5:
        return "its MD5 is another"
    if _sha256_of(properties) not in ("", sha256):
        return "the SHA-256 that it was put with is another"
    return None


def _sha256_of(properties: Any) -> str:
    return str((properties.metadata or {}).get("sha256", ""))


def _is_folder(properties: Any) -> bool:
    return (properties.metadata or {}).get(FOLDER) == "true"


def _kept(properties: Any, name: str) -> Kept:
    modified = int(properties.last_modified.timestamp())
    return Kept(name=name, size=properties.size, etag=properties.etag.strip('"'), modified=modified)
