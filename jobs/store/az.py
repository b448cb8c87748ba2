"""A store in a container of Azure Blob Storage.

A put sends MD5s along, of each request and of the whole, so that the store refuses other bytes, and does not
replace what is there (If-None-Match); a file above 64 MiB goes in blocks, joined under the same condition.
Blocks that were not joined are no object, and the store drops them after a week. Afterwards the store is
asked what it holds: its size and checksums have to be the file's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from jobs.files import MIB
from jobs.store.again import BrokenError
from jobs.store.az_client import (
    MOST_BYTES,
    PART,
    UNREADABLE,
    client_errors,
    container_client,
    if_same,
    in_our_words,
    to_be_compared,
)
from jobs.store.az_errors import ABSENT, UNMET, code_of, error_status
from jobs.store.base import (
    Kept,
    Stored,
)
from jobs.store.cloud import CloudStore, refuse_gone, refuse_replaced, seconds_of

PIECE = 4 * MIB
FOLDER = "hdi_isfolder"  # accounts with a hierarchy list folders as objects that say this


class AzureStore(CloudStore):
    """Objects below a key of a container."""

    IF_NEW: ClassVar = {"overwrite": False}
    ALWAYS: ClassVar = {"overwrite": True}
    LARGEST: ClassVar = MOST_BYTES

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
        found = self._ask(name)
        return None if found is None or _is_folder(found) else _kept(found, name)

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

    def _range_once(self, kept: Kept, start: int, count: int) -> bytes:
        answer = self._get(kept, offset=start, length=count)
        with in_our_words(f"{self.url}/{kept.name}", "read"):
            content: bytes = answer.readall()
            return content

    # ------------------------------------------------------------ conditional writes

    def write_if(self, name: str, content: bytes, *, etag: str | None) -> Kept | None:
        """See ObjectStore."""
        condition = self.IF_NEW if etag is None else {**self.ALWAYS, **if_same(etag.strip('"'))}
        digest = hashlib.sha256(content).hexdigest()
        written = self._write(name, content, condition, digest, hashlib.md5(content, usedforsecurity=False))
        return self._decided(name, content, written)

    def read(self, name: str) -> tuple[bytes, Kept, int] | None:
        """See ObjectStore."""
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
        return content, _kept(answer.properties, name), seconds_of(dates[-1], f"{self.url}/{name}")

    def remove(self, name: str) -> None:
        """See ObjectStore."""
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
        return self._container().get_blob_client(self._key(name))

    def _ask(self, name: str) -> Any:
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
            except UNREADABLE as error:
                raise BrokenError("an answer that is none of the store") from error
            except client_errors() as error:
                if code_of(error) in UNMET:
                    refuse_replaced(place)
                if code_of(error) in ABSENT:
                    refuse_gone(place)
                raise

    def _send(self, finished_file: Path, wanted: Stored, condition: Mapping[str, Any]) -> str | None:
        """Put the file where the condition holds; the ETag if it was put."""
        with finished_file.open("rb") as file:
            md5 = hashlib.file_digest(file, _md5)
            file.seek(0)
            return self._write(wanted.name, file, condition, wanted.sha256, md5)

    def _write(self, name: str, body: Any, condition: Mapping[str, Any], sha256: str, md5: Any) -> str | None:
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

    def _is_large(self, size: int) -> bool:
        return size > PART

    def _kept(self, answer: Any, name: str) -> Kept:
        return _kept(answer, name)

    def _is_of(self, answer: Any, file: Path, wanted: Stored) -> bool:
        with file.open("rb") as opened:
            md5 = hashlib.file_digest(opened, _md5).digest()
        said = answer.content_settings.content_md5 or _sha256_of(answer)
        return bool(said) and not _other(answer, wanted.sha256, md5)


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
