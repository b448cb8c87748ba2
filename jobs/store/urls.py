"""URLs of runs in object stores: scheme://bucket/key, and nothing secret in them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from jobs.store.base import UnknownStoreError
from jobs.veiled import veiled

SCHEMES = ("s3", "gs", "az")
WHICH = {  # variables that say which store answers to a scheme
    "s3": "AWS_ENDPOINT_URL_S3",
    "gs": "STORAGE_EMULATOR_HOST",
    "az": "AZURE_STORAGE_ACCOUNT or AZURE_STORAGE_CONNECTION_STRING",
}
_CREDENTIALS = {
    "s3": "AWS_PROFILE, AWS_ACCESS_KEY_ID ...",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN ...",
}
_URL = re.compile(
    rf"(?P<scheme>{'|'.join(SCHEMES)}):(?:/{{1,2}}(?P<rest>[^/].*)?)?"
)  # pathlib makes one slash of two, and none of two at the end
_ANY_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/{1,2}.*", re.DOTALL)
_MEANT = {"gcs": "gs", "abfs": "az", "abfss": "az", "azure": "az", "wasb": "az", "s3a": "s3", "s3n": "s3"}
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A place in an object store."""

    scheme: str
    bucket: str
    key: str  # without slashes at its ends; "" is all of the bucket

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}{'/' if self.key else ''}{self.key}"

    def at(self, key: str) -> Address:
        """Another place in the same bucket."""
        return replace(self, key=key)


def is_url(place: str | os.PathLike[str]) -> bool:
    """Whether a place is one in an object store."""
    return _URL.fullmatch(os.fspath(place)) is not None


def refuse_unknown(place: str | os.PathLike[str]) -> None:
    """Refuse what looks like a URL and is none of a store, which would be taken for a folder of that name.

    Raises UnknownStoreError, which repeats the scheme alone: the rest may hold a secret.
    """
    text = os.fspath(place)
    found = _ANY_URL.fullmatch(text)
    if found is None or is_url(text):
        return
    scheme = found["scheme"]
    meant = _MEANT.get(scheme.lower(), scheme.lower())
    known = ", ".join(f"{each}://" for each in SCHEMES)
    remedy = f"write {meant}://" if meant in SCHEMES else f"expected a path, or a URL of {known}"
    if scheme.lower() == "file":
        remedy = "give the path alone"
    raise UnknownStoreError(f"{scheme}://...: no place is known by this scheme; {remedy}")


def parse(place: str | os.PathLike[str]) -> Address:
    """The address that a URL names.

    Raises:
        UnknownStoreError: no such URL, or one with a secret in it, which the message does not repeat.
    """
    text = os.fspath(place)
    found = _URL.fullmatch(text)
    if found is None:
        raise UnknownStoreError(f"expected a URL such as s3://bucket/runs/demo, got {veiled(text)!r}")
    bucket, _, key = (found["rest"] or "").partition("/")
    if "@" in bucket or ":" in bucket:
        raise UnknownStoreError(
            f"{found['scheme']}://...: a URL carries no user, password or port, which end in logs; "
            f"credentials come from the environment ({_CREDENTIALS[found['scheme']]}), a host from "
            f"{WHICH[found['scheme']]}"
        )
    if not _BUCKET.fullmatch(bucket) or "?" in key or "#" in key:
        raise UnknownStoreError(
            f"{found['scheme']}://{bucket}: expected {found['scheme']}://BUCKET/RUN without query or fragment"
        )
    parts = [part for part in key.split("/") if part]
    if {".", ".."} & set(parts):
        raise UnknownStoreError(f"{found['scheme']}://{bucket}/{key}: '.' and '..' mean nothing in a store")
    return Address(
        scheme=found["scheme"], bucket=bucket, key=PurePosixPath(*parts).as_posix() if parts else ""
    )
