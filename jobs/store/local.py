"""A store in a folder of the file system."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from jobs.files import PART_SUFFIX, file_sha256, part_file
from jobs.store.base import StoreConflictError, Stored, StoreError, checked_name


class LocalStore:
    """A store in a folder of the file system, which is made by the first `put`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, finished_file: Path, name: str) -> Stored:
        """See Store."""
        target = self._path(name)
        wanted = _stored(finished_file, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            with suppress(FileExistsError):  # another writer was faster; its file is looked at below
                _copy(finished_file, target, wanted, replace=False)
                return wanted
        if not _is_same(target, wanted):
            raise StoreConflictError(
                f"{target} holds other content than the file to be put there; names are written once: remove "
                "it by hand if it is not needed, or put the file under another name"
            )
        return wanted

    def get(self, name: str, into: Path) -> Path:
        """See Store."""
        source = self._path(name)
        if not source.is_file():
            raise FileNotFoundError(f"{self._folder} keeps no {name!r}")
        wanted = _stored(source, name)
        _copy(source, into, wanted, replace=True)
        return into

    def list(self, prefix: str = "") -> Iterator[str]:
        """See Store."""
        found = (path.relative_to(self._folder) for path in self._folder.rglob("*") if path.is_file())
        visible = (path.as_posix() for path in found if not _in_the_making(path))
        yield from sorted(name for name in visible if name.startswith(prefix))

    def _path(self, name: str) -> Path:
        return self._folder / checked_name(name)


def _stored(path: Path, name: str) -> Stored:
    return Stored(name=name, size=path.stat().st_size, sha256=file_sha256(path))


def _is_same(path: Path, wanted: Stored) -> bool:
    return path.stat().st_size == wanted.size and file_sha256(path) == wanted.sha256


def _copy(source: Path, target: Path, wanted: Stored, *, replace: bool) -> None:
    with part_file(target, needed_bytes=wanted.size, replace=replace) as part:
        shutil.copyfile(source, part)
        if not _is_same(part, wanted):
            raise StoreError(f"the copy of {source} is not what was read; nothing was kept, try again")


def _in_the_making(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(PART_SUFFIX)
