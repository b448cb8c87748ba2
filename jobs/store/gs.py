"""A store in a bucket of Google Cloud Storage.

Objects are told apart by their generation, which is another one after each write. A put sends the MD5 along,
so that the store refuses other bytes, and asks for generation 0, so that it does not replace what is there.
Large files go in a resumable upload, of which nothing is seen before it ended, under the same condition.
Afterwards the store is asked what it holds: its size and checksums have to be the file's.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from jobs.files import MIB
from jobs.store.again import MOST_TRIES, BrokenError
from jobs.store.base import Kept, ObjectReplacedError, Stored, StoreUnavailableError
from jobs.store.cloud import CloudStore, refuse_gone, refuse_replaced, seconds_of
from jobs.store.gs_client import (
    asked,
    client_errors,
    corruption,
    gs_client,
    in_our_words,
    last_date,
    timeouts,
)
from jobs.store.gs_errors import ODD, UNMET, error_status, is_absent

MOST_BYTES = 5 << 40  # of an object
LARGE = 8_000_000  # from there on Google's client sends a file in several requests
PIECE = 4 * MIB
NEVER = 1  # generations are microseconds since 1970
LISTED = "items(name,size,generation,timeCreated),nextPageToken"


class GoogleStore(CloudStore):
    """Objects below a key of a bucket."""

    IF_NEW: ClassVar = {"if_generation_match": 0}
    ALWAYS: ClassVar = {}
    LARGEST: ClassVar = MOST_BYTES

    # ------------------------------------------------------------ objects

    def objects(self, prefix: str = "") -> Iterator[Kept]:
        """See ObjectStore."""
        start = f"{self._address.key}/" if self._address.key else ""
        token: str | None = ""
        while token is not None:
            before = token
            with in_our_words(self.url, "storage.objects.list"):
                page, token = asked(partial(self._page, start + prefix, token))
            if token == before:
                raise StoreUnavailableError(f"{self.url}: the store lists the same objects again and again")
            for blob in page:
                if not blob.name.endswith("/"):  # an empty object that stands for a folder
                    yield _kept(blob, blob.name[len(start) :])

    def look(self, name: str) -> Kept | None:
        """See ObjectStore."""
        found = self._ask(name)
        return None if found is None else _kept(found, name)

    def _fetch_once(self, kept: Kept, into: Path) -> None:
        with into.open("wb") as file:
            self._get(kept, partial(self._download_whole, kept, file))
            size = file.tell()
        if size != kept.size:
            raise BrokenError(f"{size} of {kept.size} bytes")

    def _range_once(self, kept: Kept, start: int, count: int) -> bytes:
        content, last = io.BytesIO(), start + count - 1
        self._get(kept, partial(self._download, kept, content, start=start, end=last, checksum=None))
        return content.getvalue()

    # ------------------------------------------------------------ conditional writes

    def write_if(self, name: str, content: bytes, *, etag: str | None) -> Kept | None:
        """See ObjectStore."""
        condition = self.IF_NEW if etag is None else {"if_generation_match": _generation(etag)}
        digest = hashlib.sha256(content).hexdigest()
        return self._decided(name, content, self._write(name, io.BytesIO(content), condition, digest))

    def read(self, name: str) -> tuple[bytes, Kept, int] | None:
        """See ObjectStore."""
        for left in reversed(range(MOST_TRIES)):
            found = self._ask(name)
            if found is None:
                return None
            kept, now = _kept(found, name), seconds_of(last_date(), f"{self.url}/{name}")
            try:
                content = self.block(kept, 0, kept.size)
            except (ObjectReplacedError, FileNotFoundError):  # in between
                if left == 0:
                    raise
                continue
            if _is_content(found, io.BytesIO(content)):
                return content, kept, now
        raise StoreUnavailableError(
            f"{self.url}/{name}: its content came broken {MOST_TRIES} times; see the network, and run the "
            "same command again"
        )

    def remove(self, name: str) -> None:
        """See ObjectStore."""
        with in_our_words(f"{self.url}/{name}", "storage.objects.delete"):
            try:
                asked(partial(self._blob(name).delete, **_once()))
            except client_errors() as error:
                if not is_absent(error):
                    raise

    # ------------------------------------------------------------ requests

    def _blob(self, name: str) -> Any:
        return gs_client().bucket(self._address.bucket).blob(self._key(name))

    def _page(self, prefix: str, token: str) -> tuple[list[Any], str | None]:
        """Objects of one answer, and what names the next one."""
        listing = gs_client().list_blobs(
            self._address.bucket, prefix=prefix, page_token=token or None, fields=LISTED, **_once()
        )
        page = next(listing.pages, ())
        return list(page), listing.next_page_token

    def _ask(self, name: str) -> Any:
        """What the store says of an object; None where there is none."""
        with in_our_words(f"{self.url}/{name}", "storage.objects.get"):
            blob = self._blob(name)
            try:
                asked(partial(blob.reload, **_once()))
            except client_errors() as error:
                if is_absent(error):
                    return None
                raise
        return blob

    def _get(self, kept: Kept, download: Callable[[], None]) -> None:
        place = f"{self.url}/{kept.name}"
        with in_our_words(place, "storage.objects.get"):
            try:
                asked(download)
            except client_errors() as error:
                if error_status(error) == UNMET:
                    refuse_replaced(place)
                if is_absent(error):
                    refuse_gone(place)
                raise

    def _download(self, kept: Kept, into: io.BufferedIOBase, **words: Any) -> None:
        """Once, from the beginning of `into` on."""
        into.seek(0)
        into.truncate()
        condition = {"if_generation_match": _generation(kept.etag)}
        self._blob(kept.name).download_to_file(into, raw_download=True, **words, **condition, **_once())

    def _download_whole(self, kept: Kept, into: io.BufferedIOBase) -> None:
        try:
            self._download(kept, into, checksum="auto")
        except corruption() as error:
            raise BrokenError("its checksum is another") from error

    def _send(self, finished_file: Path, wanted: Stored, condition: Mapping[str, Any]) -> str | None:
        """Put the file where the condition holds; the generation if it was put."""
        with finished_file.open("rb") as file:
            return self._write(wanted.name, file, condition, wanted.sha256)

    def _write(
        self, name: str, body: io.BufferedIOBase, condition: Mapping[str, Any], sha256: str
    ) -> str | None:
        """The new generation; None where the condition did not hold."""
        digests = {"md5_hash": _md5(body), "metadata": {"sha256": sha256}}
        with in_our_words(f"{self.url}/{name}", "storage.objects.create and storage.objects.delete"):
            try:
                return asked(partial(self._upload, name, body, condition, digests))
            except client_errors() as error:
                if error_status(error) == UNMET or is_absent(error):
                    return None
                raise

    def _upload(
        self, name: str, body: io.BufferedIOBase, condition: Mapping[str, Any], told: Mapping[str, Any]
    ) -> str:
        """Once; the store compares the MD5 that it is told, before anybody sees the object."""
        blob = self._blob(name)
        for word, value in told.items():
            setattr(blob, word, value)
        size = body.seek(0, io.SEEK_END)
        blob.upload_from_file(body, rewind=True, size=size, checksum=None, **condition, **_once())
        return str(blob.generation)

    def _is_large(self, size: int) -> bool:
        return size > LARGE

    def _kept(self, answer: Any, name: str) -> Kept:
        return _kept(answer, name)

    def _is_of(self, answer: Any, file: Path, wanted: Stored) -> bool:
        with file.open("rb") as opened:
            same = _is_content(answer, opened)
        return same and (answer.metadata or {}).get("sha256", wanted.sha256) == wanted.sha256


def _is_content(blob: Any, file: io.BufferedIOBase) -> bool:
    """Whether an object has a file's content; those that were composed have a CRC32C and no MD5."""
    return bool(blob.md5_hash == _md5(file) if blob.md5_hash else blob.crc32c == _crc32c(file))


def _once() -> dict[str, Any]:
    """Words of a request that is ours to try again."""
    return {"retry": None, "timeout": timeouts()}


def _md5(file: io.BufferedIOBase) -> str:
    """Base64 of the MD5 of a file, from its beginning."""
    file.seek(0)
    digest = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).digest()
    return base64.b64encode(digest).decode()


def _crc32c(file: io.BufferedIOBase) -> str:
    """Base64 of the CRC32C of a file, from its beginning."""
    from google_crc32c import Checksum

    file.seek(0)
    checksum = Checksum()
    while piece := file.read(PIECE):
        checksum.update(piece)
    return base64.b64encode(checksum.digest()).decode()


def _generation(etag: str) -> int:
    """The generation that a mark of ours names; of a mark that is none, one that no object has."""
    return int(etag) if etag.isdecimal() else NEVER


def _kept(blob: Any, name: str) -> Kept:
    """Raises StoreUnavailableError where the store does not say what it says of every object."""
    try:
        modified = int(blob.time_created.timestamp())  # of this generation
        return Kept(name=name, size=int(blob.size), etag=str(int(blob.generation)), modified=modified)
    except (AttributeError, TypeError, ValueError):
        raise StoreUnavailableError(f"gs://{blob.bucket.name}/{blob.name}: {ODD}") from None
