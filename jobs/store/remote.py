"""gs:// through fsspec: for reading. The package for it is the user's to install."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from jobs.store.base import (
    ByObjects,
    ConditionsUnsupportedError,
    Kept,
    ObjectReplacedError,
    Stored,
    StoreError,
    StoreUnavailableError,
    checked_name,
)
from jobs.store.urls import Address

PACKAGES = {"gs": "gcsfs"}
SIGN_IN = {"gs": "`gcloud auth application-default login`"}
PIECE = 4 << 20


class FsspecStore(ByObjects):
    """Objects below a key of a bucket, to be read."""

    def __init__(self, address: Address, system: Any = None) -> None:
        """`system` is fsspec's file system, else the one of the address's scheme."""
        self._address = address
        self.url = str(address)
        self._system = _opened(address) if system is None else system
        self._root = f"{address.bucket}/{address.key}".rstrip("/")

    def put(self, finished_file: Path, name: str) -> Stored:
        """Refused: see `jobs.store.objects.open_lockable`."""
        raise ConditionsUnsupportedError(f"{self.url}: is read only; {name} was not put there")

    def replace(self, finished_file: Path, name: str) -> Kept:
        """Refused, as `put`."""
        raise ConditionsUnsupportedError(f"{self.url}: is read only; {name} was not put there")

    def objects(self, prefix: str = "") -> Iterator[Kept]:
        """See ObjectStore."""
        with self._in_words():
            found: dict[str, Any] = self._system.find(self._root, detail=True)
        start = len(self._root) + 1
        names = {path.strip("/")[start:]: info for path, info in found.items()}
        yield from (_kept(name, names[name]) for name in sorted(names) if name.startswith(prefix))

    def look(self, name: str) -> Kept | None:
        """See ObjectStore."""
        with self._in_words():
            try:
                info = self._system.info(self._path(name))
            except FileNotFoundError:
                return None
        return _kept(name, info) if info["type"] == "file" else None

    def fetch(self, kept: Kept, into: Path) -> None:
        """See ObjectStore. fsspec tells no checksum of all stores alike: the size and the seal count."""
        with (
            self._in_words(),
            self._system.open(self._path(kept.name), "rb") as source,
            into.open("wb") as file,
        ):
            while piece := source.read(PIECE):
                file.write(piece)
        if into.stat().st_size != kept.size:
            raise ObjectReplacedError(
                f"{self.url}/{kept.name}: {into.stat().st_size} of {kept.size} bytes came; try again"
            )

    def block(self, kept: Kept, start: int, count: int) -> bytes:
        """See ObjectStore."""
        with self._in_words():
            content: bytes = self._system.cat_file(self._path(kept.name), start=start, end=start + count)
            return content

    def _path(self, name: str) -> str:
        return f"{self._root}/{checked_name(name).as_posix()}"

    def _in_words(self) -> _InWords:
        return _InWords(self._address)


class _InWords:
    """What a cloud's library raises becomes one line. Its own words are cut off: they may quote secrets."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, FileNotFoundError | StoreError):
            raise StoreUnavailableError(
                f"{self._address}: cannot be read ({type(error).__name__}); see the bucket's name, the "
                f"network, and {SIGN_IN.get(self._address.scheme, 'the credentials')}"
            ) from None


def _opened(address: Address) -> Any:
    import fsspec

    try:
        return fsspec.filesystem(address.scheme)
    except ImportError:
        package = PACKAGES[address.scheme]
        raise StoreUnavailableError(
            f"{address}: {package} is not installed, which reads {address.scheme}://; pip install {package}"
        ) from None


def _kept(name: str, info: dict[str, Any]) -> Kept:
    stamp = info.get("last_modified") or info.get("updated") or info.get("mtime") or info.get("created") or 0
    seconds = stamp.timestamp() if isinstance(stamp, datetime) else _seconds(stamp)
    mark = str(
        info.get("etag") or info.get("md5Hash") or info.get("content_settings") or f"{info['size']} {seconds}"
    )
    etag = hashlib.sha256(mark.encode()).hexdigest()
    return Kept(name=name, size=int(info["size"]), etag=etag, modified=int(seconds))


def _seconds(stamp: Any) -> float:
    return datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) else float(stamp)
