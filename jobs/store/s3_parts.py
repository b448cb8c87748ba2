"""A large file in an S3 store, put in parts: each with its SHA-256, joined under the condition of the whole.

An upload that ends in an error is aborted, so that the store keeps no parts of it. One whose process was
killed is aborted by whoever puts a file of that name next, once that is there: names are written once, so
nothing can come of it any more.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jobs.files import MIB
from jobs.store.s3_client import client_errors, in_our_words, s3_client
from jobs.store.s3_errors import CONTENDED, NO_UPLOAD, UNMET, code_of

PART = 64 * MIB  # larger files go in parts
MOST_PARTS = 10_000
MOST_BYTES = 5 << 40  # of an object
_sha256, _md5 = hashlib.sha256, partial(hashlib.md5, usedforsecurity=False)


def in_parts(size: int) -> bool:
    """Whether a file of so many bytes is put in parts."""
    return size > PART


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """What a store says of a file that was put in parts: digests of the digests of the parts."""

    sha256: str  # base64
    etag: str  # of MD5s, hex, with the number of parts; of no meaning where the store encrypts with a key


def composite(file: Path) -> Composite:
    """What a store should say of a file that is put in parts."""
    pieces = [(_sha256(piece).digest(), _md5(piece).digest()) for piece in _pieces(file)]
    sha256, md5 = (b"".join(digests) for digests in zip(*pieces, strict=True))
    return Composite(
        sha256=base64.b64encode(_sha256(sha256).digest()).decode(),
        etag=f"{_md5(md5).hexdigest()}-{len(pieces)}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A file to be put in parts as an object of a bucket."""

    file: Path
    bucket: str
    key: str
    url: str  # of the object, for errors
    metadata: Mapping[str, str]

    def send(self, tries: int, **condition: str) -> str | None:
        """Put it where the condition holds; the new ETag, None where it does not.

        Raises StoreUnavailableError. Other uploads of this name are aborted.
        """
        for number in range(tries):
            with in_our_words(self.url, "PutObject"):
                try:
                    etag = self._send_once(condition)
                except s3_client().exceptions.ClientError as error:
                    if code_of(error) in CONTENDED and number + 1 < tries:
                        continue  # another writer was there in the same instant: all parts are void
                    if code_of(error) not in UNMET | NO_UPLOAD:
                        raise
                    etag = None
            self._abort_others()
            return etag
        raise AssertionError("a loop of no tries")

    def _send_once(self, condition: Mapping[str, str]) -> str:
        upload = s3_client().create_multipart_upload(
            **self._name(), ChecksumAlgorithm="SHA256", Metadata=dict(self.metadata)
        )["UploadId"]
        try:
            pieces = enumerate(_pieces(self.file), start=1)
            parts = [self._send_part(upload, number, piece) for number, piece in pieces]
            joined = {"UploadId": upload, "MultipartUpload": {"Parts": parts}, **condition}
            return str(s3_client().complete_multipart_upload(**self._name(), **joined)["ETag"])
        except BaseException:
            with suppress(*client_errors()):
                self._abort(upload)
            raise

    def _send_part(self, upload: str, number: int, piece: bytes) -> dict[str, Any]:
        checksum = base64.b64encode(_sha256(piece).digest()).decode()
        answer = s3_client().upload_part(
            **self._name(), UploadId=upload, PartNumber=number, Body=piece, ChecksumSHA256=checksum
        )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    def _abort_others(self) -> None:
        with in_our_words(self.url, "ListBucketMultipartUploads"):
            pages = s3_client().get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.key):
                for upload in page.get("Uploads", ()):
                    if upload["Key"] == self.key:
                        self._abort(upload["UploadId"])

    def _abort(self, upload: str) -> None:
        try:
            s3_client().abort_multipart_upload(**self._name(), UploadId=upload)
        except s3_client().exceptions.ClientError as error:
            if code_of(error) not in NO_UPLOAD:
                raise

    def _name(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.key}


def _pieces(file: Path) -> Iterator[bytes]:
    length = max(PART, -(-file.stat().st_size // MOST_PARTS))
    with file.open("rb") as opened:
        while piece := opened.read(length):
            yield piece
