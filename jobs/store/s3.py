"""A store in S3, or in a server that speaks its language (MinIO, Ceph, R2 ...).

A put sends the SHA-256 along, so that the store refuses other bytes, and does not replace what is there
(If-None-Match); a large file goes in parts (`s3_parts`). Afterwards the store is asked what it holds: its
size and its checksum (or, where it keeps none, its MD5) have to be the file's.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from jobs.files import MIB
from jobs.store.again import MOST_TRIES, BrokenError, pause
from jobs.store.base import (
    ConditionsUnsupportedError,
    Kept,
    Stored,
)
from jobs.store.cloud import CloudStore, refuse_gone, refuse_replaced, seconds_of
from jobs.store.s3_client import client_errors, in_our_words, s3_client
from jobs.store.s3_errors import ABSENT, CONTENDED, NOT_THERE_YET, UNMET, code_of, error_status
from jobs.store.s3_parts import MOST_BYTES, Composite, Parts, composite, in_parts

PIECE = 4 * MIB
_MD5 = re.compile(r"[0-9a-f]{32}")


class S3Store(CloudStore):
    """Objects below a key of a bucket."""

    IF_NEW: ClassVar = {"IfNoneMatch": "*"}
    ALWAYS: ClassVar = {}
    LARGEST: ClassVar = MOST_BYTES

    # ------------------------------------------------------------ objects

    def objects(self, prefix: str = "") -> Iterator[Kept]:
        """See ObjectStore."""
        start = f"{self._address.key}/" if self._address.key else ""
        pages = s3_client().get_paginator("list_objects_v2")
        with in_our_words(self.url, "ListBucket"):
            for page in pages.paginate(Bucket=self._address.bucket, Prefix=start + prefix):
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):  # an empty object that stands for a folder
                        yield _listed(entry, entry["Key"][len(start) :])

    def look(self, name: str) -> Kept | None:
        """See ObjectStore."""
        answer = self._ask(name)
        return None if answer is None else _headed(answer, name)

    def _fetch_once(self, kept: Kept, into: Path) -> None:
        answer = self._get(kept)
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        try:
            with into.open("wb") as file:
                while piece := answer["Body"].read(PIECE):
                    size += file.write(piece)
                    sha256.update(piece)
                    md5.update(piece)
        except client_errors() as error:
            raise BrokenError(type(error).__name__) from None
        if size != kept.size:
            raise BrokenError(f"{size} of {kept.size} bytes")
        if flaw := _other(answer, sha256.hexdigest(), md5.hexdigest()):
            raise BrokenError(flaw)

    def _range_once(self, kept: Kept, start: int, count: int) -> bytes:
        answer = self._get(kept, Range=f"bytes={start}-{start + count - 1}")
        with in_our_words(f"{self.url}/{kept.name}", "GetObject"):
            content: bytes = answer["Body"].read()
            return content

    # ------------------------------------------------------------ conditional writes

    def write_if(self, name: str, content: bytes, *, etag: str | None) -> Kept | None:
        """See ObjectStore."""
        condition = self.IF_NEW if etag is None else {"IfMatch": etag}
        return self._decided(name, content, self._write(name, content, condition))

    def read(self, name: str) -> tuple[bytes, Kept, int] | None:
        """See ObjectStore."""
        with in_our_words(f"{self.url}/{name}", "GetObject"):
            try:
                answer = s3_client().get_object(Bucket=self._address.bucket, Key=self._key(name))
                content = answer["Body"].read()
            except s3_client().exceptions.ClientError as error:
                if code_of(error) in ABSENT:
                    return None
                raise
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return content, _headed(answer, name), seconds_of(date, f"{self.url}/{name}")

    def remove(self, name: str) -> None:
        """See ObjectStore."""
        with in_our_words(f"{self.url}/{name}", "DeleteObject"):
            s3_client().delete_object(Bucket=self._address.bucket, Key=self._key(name))

    # ------------------------------------------------------------ requests

    def _ask(self, name: str) -> dict[str, Any] | None:
        with in_our_words(f"{self.url}/{name}", "GetObject"):
            try:
                found: dict[str, Any] = s3_client().head_object(
                    Bucket=self._address.bucket, Key=self._key(name), ChecksumMode="ENABLED"
                )
            except s3_client().exceptions.ClientError as error:
                if code_of(error) in ABSENT:
                    return None
                self._ask_why()
                raise
        return found

    def _ask_why(self) -> None:
        """Raise what a listing meets: the answer to HEAD has no words in it."""
        s3_client().list_objects_v2(Bucket=self._address.bucket, Prefix=self._address.key, MaxKeys=1)

    def _get(self, kept: Kept, **options: str) -> dict[str, Any]:
        place = f"{self.url}/{kept.name}"
        with in_our_words(place, "GetObject"):
            try:
                answer: dict[str, Any] = s3_client().get_object(
                    Bucket=self._address.bucket, Key=self._key(kept.name), IfMatch=kept.etag, **options
                )
            except s3_client().exceptions.ClientError as error:
                if code_of(error) in UNMET:
                    refuse_replaced(place)
                if code_of(error) in ABSENT:
                    refuse_gone(place)
                raise
        return answer

    def _send(self, finished_file: Path, wanted: Stored, condition: Mapping[str, str]) -> str | None:
        """Put the file where the condition holds; the ETag if it was put."""
        if in_parts(wanted.size):
            return Parts(
                file=finished_file,
                bucket=self._address.bucket,
                key=self._key(wanted.name),
                url=f"{self.url}/{wanted.name}",
                metadata={"sha256": wanted.sha256},
            ).send(MOST_TRIES, **condition)
        with finished_file.open("rb") as file:
            return self._write(wanted.name, file, condition, wanted.sha256)

    def _write(
        self, name: str, body: Any, condition: Mapping[str, str], sha256: str | None = None
    ) -> str | None:
        """The new ETag; None where the condition did not hold."""
        sha256 = sha256 or hashlib.sha256(body).hexdigest()
        arguments = {
            "Bucket": self._address.bucket,
            "Key": self._key(name),
            "ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode(),
            "Metadata": {"sha256": sha256},
            **condition,
        }
        with in_our_words(f"{self.url}/{name}", "PutObject"):
            for number in range(MOST_TRIES):
                try:
                    return str(s3_client().put_object(Body=body, **arguments)["ETag"])
                except s3_client().exceptions.ClientError as error:
                    if _unmet(error):
                        return None
                    if condition and code_of(error) in NOT_THERE_YET:
                        raise self._unconditional() from None
                    if code_of(error) not in CONTENDED or number + 1 == MOST_TRIES:
                        raise
                pause(number)  # another writer was there in the same instant
                if not isinstance(body, bytes):
                    body.seek(0)
        raise AssertionError("a loop of no tries")

    def _unconditional(self) -> ConditionsUnsupportedError:
        return ConditionsUnsupportedError(
            f"{self.url}: this store has no conditional writes (If-None-Match, If-Match), which keep two "
            "writers apart; use one that has (AWS S3, MinIO, R2), or render into a folder and copy it"
        )

    def _is_large(self, size: int) -> bool:
        return in_parts(size)

    def _kept(self, answer: dict[str, Any], name: str) -> Kept:
        return _headed(answer, name)

    def _is_of(self, answer: dict[str, Any], file: Path, wanted: Stored) -> bool:
        with file.open("rb") as opened:
            md5 = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        parts = composite(file) if in_parts(wanted.size) else None
        return not _other(answer, wanted.sha256, md5, parts)


def _other(answer: dict[str, Any], sha256: str, md5: str, parts: Composite | None = None) -> str | None:
    """Why an object is not of this content by the strongest of what its store says; None if it is.

    `parts` is what a store says of the content where it was put in parts as we put it.
    """
    said, etag = answer.get("ChecksumSHA256", ""), answer["ETag"].strip('"')
    if "-" in said or "-" in etag:
        told = None if parts is None else _other_parts(said.partition("-")[0], etag, _is_plain(answer), parts)
        if told is not None:
            return told or None
    elif said:
        same = base64.b64decode(said).hex() == sha256
        return None if same else "its SHA-256 is another"
    if _is_plain(answer) and _MD5.fullmatch(etag):
        return None if etag == md5 else "its MD5 is another"
    if said := answer.get("Metadata", {}).get("sha256"):
        return None if said == sha256 else "the SHA-256 that it was put with is another"
    return None


def _other_parts(said: str, etag: str, plain: bool, parts: Composite) -> str | None:
    """As `_other` of an object of parts, "" if it is of this content; None if its store does not say."""
    if said:
        return "" if said == parts.sha256 else "the SHA-256 of its parts is another"
    if plain:
        return "" if etag == parts.etag else "the MD5 of its parts is another"
    return None


def _is_plain(answer: dict[str, Any]) -> bool:
    """Whether an object's ETag is made of MD5s."""
    encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256"
    return not encrypted and not answer.get("SSECustomerAlgorithm")


def _unmet(error: BaseException) -> bool:
    """Whether a condition did not hold: something is there, or (404) nothing is."""
    return code_of(error) in UNMET or (code_of(error) in ABSENT and error_status(error) == 404)


def _listed(entry: dict[str, Any], name: str) -> Kept:
    modified = int(entry["LastModified"].timestamp())
    return Kept(name=name, size=entry["Size"], etag=entry["ETag"], modified=modified)


def _headed(answer: dict[str, Any], name: str) -> Kept:
    modified = int(answer["LastModified"].timestamp())
    return Kept(name=name, size=answer["ContentLength"], etag=answer["ETag"], modified=modified)
