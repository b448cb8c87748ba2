"""Files from where a manifest says they are: a path, http(s), or whatever fsspec opens (s3 ...).

A transfer is bounded, goes on where it was cut off, and gets its name once its SHA-256 is the expected one.
"""

from __future__ import annotations

import http.client
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from assets_manifest.importing.raw import RejectedFileError
from jobs.extras import extra
from jobs.files import MIB, file_sha256

TIMEOUT_S = 60
TRIES = 3
CUT_OFF = (OSError, http.client.HTTPException)  # urllib's errors are OSErrors
PARTIAL, WHOLE_ALREADY = 206, 416


def transfer(uri: str, target: Path, sha256: str, base: Path, most_bytes: int) -> Path:
    """The file at `uri`, at `target`. Relative paths start at `base`. Raises RejectedFileError."""
    if target.is_file() and file_sha256(target) == sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        scheme = urlsplit(uri).scheme
    except ValueError as error:
        raise RejectedFileError(f"{uri!r:.200} is no URI: {error}") from None
    if scheme in ("http", "https"):
        _from_web(uri, part, most_bytes)
    elif scheme in ("", "file"):
        _from_disk(base / (unquote(urlsplit(uri).path) if scheme else uri), part, most_bytes)
    else:
        _from_fsspec(uri, part, most_bytes)
    if (digest := file_sha256(part)) != sha256:
        part.unlink()
        raise RejectedFileError(
            f"{uri}: sha256 is {digest}, expected {sha256 or 'one in the manifest'}; not used"
        )
    part.replace(target)
    return target


def _from_disk(path: Path, part: Path, most_bytes: int) -> None:
    if not path.is_file():
        raise RejectedFileError(f"{path}: no such file")
    _check(str(path), path.stat().st_size, most_bytes)
    shutil.copyfile(path, part)


def _from_web(uri: str, part: Path, most_bytes: int) -> None:
    problem: Exception | None = None
    for _ in range(TRIES):
        try:
            with _asked(uri, part) as (answer, mode):
                _copy(uri, answer, part, mode, most_bytes)
            return
        except urllib.error.HTTPError as error:
            if error.code == WHOLE_ALREADY and part.is_file():
                return  # nothing is left to send: its sum tells whether it is the file
            if error.code < 500:
                raise RejectedFileError(f"{uri}: the server says {error.code} {error.reason}") from error
            problem = error
        except CUT_OFF as error:
            problem = error
    said = " ".join(str(problem).split()) or type(problem).__name__
    raise RejectedFileError(
        f"{uri}: {TRIES} tries failed, the last with: {said[:200]}; the next import goes on"
    )


@contextmanager
def _asked(uri: str, part: Path) -> Iterator[tuple[IO[bytes], str]]:
    """The answer of the server, and how its bytes join those that are there."""
    there = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": "fsd-gen", **({"Range": f"bytes={there}-"} if there else {})}
    with urllib.request.urlopen(urllib.request.Request(uri, headers=headers), timeout=TIMEOUT_S) as answer:
        yield answer, "ab" if there and answer.status == PARTIAL else "wb"


def _copy(uri: str, source: IO[bytes], part: Path, mode: str, most_bytes: int) -> None:
    with open(part, mode) as file:
        expected = getattr(source, "length", None)
        while piece := source.read(MIB):
            _check(uri, file.tell() + len(piece), most_bytes)
            file.write(piece)
            expected = expected if expected is None else expected - len(piece)
    if expected:
        raise http.client.IncompleteRead(b"", expected)


def _from_fsspec(uri: str, part: Path, most_bytes: int) -> None:
    with extra("s3"):
        import fsspec
    problems: tuple[type[Exception], ...] = (OSError, ValueError, ImportError)
    try:
        opened: Any = fsspec.open(uri, "rb")
        with opened as source:
            _copy(uri, source, part, "wb", most_bytes)
    except problems as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise RejectedFileError(f"{uri}: {said[:200]}") from error


def _check(uri: str, size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise RejectedFileError(f"{uri}: more than {most_bytes / 1e9:.1f} GB; decimate it")
