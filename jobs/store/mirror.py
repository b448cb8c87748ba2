"""A run in a store, seen as a folder of this machine: the rest of the program knows paths only.

`local_place` gives the path that stands for a URL, for reading; `Mirror.working` the folder in which a run is
made. Small documents are here as they are; shards are placeholders (`jobs.store.cache`) until they are
opened. What lies there that the store does not know is work of this machine that is not finished: parts, and
shards that are finished and not yet put.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from jobs.files import part_file
from jobs.store import cache
from jobs.store.again import MOST_TRIES
from jobs.store.base import (
    Kept,
    ObjectReplacedError,
    ObjectStore,
    StoreConflictError,
    StoreError,
    UnknownStoreError,
)
from jobs.store.bases import as_urls, base_of, cache_base, cache_limit, in_base, locked, scratch_base
from jobs.store.names import is_visible, shown
from jobs.store.objects import open_objects
from jobs.store.urls import Address, is_url, parse, refuse_unknown

WILDCARDS = "*?["
DOCUMENTS = (  # fetched at once
    *(".yaml", ".sha256", ".json", ".jsonl", ".parquet"),
    *(".txt", ".log", ".html", ".md", ".svg"),
)
SMALL = 64 << 10  # bytes; as are other files below
SHARD = ".h5"
PART = ".part"
MARKS = ("config.sha256", "published.json")  # what tells the folder of a run
DEEPEST = 4  # folders between a shard and its run: run/rounds/1/regenerated/00000.h5

Order = Callable[[str], tuple[object, ...]]  # sorts names


@dataclass(frozen=True, slots=True)
class Mirror:
    """The folder that stands for an address."""

    address: Address
    folder: Path

    @classmethod
    def reading(cls, address: Address) -> Mirror:
        """Where it is read."""
        return cls(address, _folder(cache_base(), address))

    @classmethod
    def working(cls, address: Address) -> Mirror:
        """Where a run is made. Raises StoreError for a folder that belongs to somebody else."""
        cache_limit()  # refused before anything is done
        base = scratch_base()
        with in_base(base, also=frozenset({errno.ENOENT})):
            base.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if base.parent.stat().st_uid != os.getuid():
            raise StoreError(
                f"{base.parent}: belongs to another user; set FSD_SCRATCH to a folder of your own"
            )
        return cls(address, _folder(base, address))

    @classmethod
    def around(cls, path: Path) -> Mirror | None:
        """The mirror of exactly the place that `path` stands for; None for an ordinary path.

        Raises StoreError where the settings name another store than when the folder was made.
        """
        address = cache.address_of(path)
        return None if address is None else cls(address, path.absolute())

    def refresh(self, *, alone: bool = True) -> None:
        """Make the folder show what the store has now. Raises StoreUnavailableError.

        Where others of this machine work in it (not `alone`), only what is missing is added: their documents
        may be newer than the store's.
        """
        store = open_objects(str(self.address))
        with self._locked(), in_base(self._base()):
            self.folder.mkdir(parents=True, exist_ok=True)
            listed = shown(store, self.folder)
            if alone:
                self._drop_what_went(set(listed))
            for kept in listed.values():
                if alone or not (is_document(kept.name, kept.size) and (self.folder / kept.name).exists()):
                    self._show_latest(store, kept)

    def show_file(self) -> bool:
        """Show the one object that is called as the address; whether there is such a one."""
        parent, _, name = self.address.key.rpartition("/")
        store = open_objects(str(self.address.at(parent)))
        kept = store.look(name) if name else None
        if kept is None:
            return False
        with self._locked(), in_base(self._base()):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            Mirror(self.address.at(parent), self.folder.parent)._show_latest(store, kept)
        return True

    def put_shard(self, path: Path) -> None:
        """Put a finished shard into the store, verified; here it becomes a placeholder.

        Raises StoreConflictError where other content has its name.
        """
        store, name = open_objects(str(self.address)), self.name_of(path)
        store.put(path, name)
        kept = store.look(name)
        if kept is None:
            raise StoreError(
                f"{self.address}/{name}: was put and is not there; see the store's rules of deletion"
            )
        with self._locked():
            if not is_document(kept.name, kept.size):
                cache.write_placeholder(path, store.url, kept)

    def put_documents(self, order: Order | None = None, own: tuple[str, ...] = ()) -> None:
        """Put what is here and not a shard, where the store has other content or none. Hold the lock.

        `order` sorts the names; in the folders `own` what is not here is removed there, shards aside.
        """
        store = open_objects(str(self.address))
        there = {kept.name: kept for kept in store.objects()}
        here = {self.name_of(path): path for path in self._files() if path.suffix != SHARD}
        for name in sorted(here, key=order):
            path = here[name]
            large = not is_document(name, path.stat().st_size)
            if name in there and cache.is_current(path, there[name], document=not large):
                continue
            if cache.placeholder_at(path) is None:
                self.put_document(path)
        gone = (name for name in there if name.startswith(own) and name not in here) if own else ()
        for name in gone:
            if is_visible(name) and not name.endswith(SHARD):
                open_objects(str(self.address)).remove(name)

    def put_document(self, path: Path) -> None:
        """Put a file that may be replaced."""
        kept = open_objects(str(self.address)).replace(path, self.name_of(path))
        cache.set_stamp(path, kept, document=is_document(kept.name, kept.size))

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there, in the store too. Hold the lock."""
        if path.is_file():
            open_objects(str(self.address)).remove(self.name_of(path))
            path.unlink()

    def unput_shards(self) -> list[Path]:
        """Shards that were finished here and did not reach the store, in folders of shards."""
        shards = (path for path in self._files() if path.suffix == SHARD and path.parent.suffix != PART)
        return [path for path in shards if cache.is_unput(path)]

    def set_aside(self, path: Path, folder: str) -> Path:
        """Move a file out of the way into a folder of the store; where it is now. Hold the lock.

        It is put there first, verified; then it goes. Another object of its name stays. A folder, such as a
        part, never was in the store: it goes to a hidden folder of this machine. Raises StoreError.
        """
        if path.is_dir():
            return _moved(path, self.folder / f".{folder}")
        store, name, number = open_objects(str(self.address)), self.name_of(path), 0
        is_there = not cache.is_unput(path)
        while True:
            target = f"{folder}/{path.name}{f'.{number}' if number else ''}"
            number += 1
            try:
                store.put(cache.held(path), target)
                break
            except StoreConflictError:
                continue
        if is_there:
            store.remove(name)
        path.unlink()
        return self.folder / target

    def name_of(self, path: Path) -> str:
        """Name in the store of a file here."""
        return path.absolute().relative_to(self.folder).as_posix()

    def _show_latest(self, store: ObjectStore, kept: Kept) -> None:
        """As `_show`, of what is there now: a document may be replaced between listing and fetching."""
        for left in reversed(range(MOST_TRIES)):
            try:
                return self._show(store, kept)
            except (ObjectReplacedError, FileNotFoundError):
                if left == 0:
                    raise
            found = store.look(kept.name)
            if found is None:
                (self.folder / kept.name).unlink(missing_ok=True)
                return None
            kept = found
        raise AssertionError("a loop of no tries")

    def _show(self, store: ObjectStore, kept: Kept) -> None:
        path = self.folder / kept.name
        document = is_document(kept.name, kept.size)
        if cache.is_current(path, kept, document=document):
            return
        if path.is_dir():  # once the store had objects below this name
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not document:
            cache.write_placeholder(path, store.url, kept)
            return
        with part_file(path, needed_bytes=kept.size) as part:
            store.fetch(kept, part)
            cache.set_stamp(part, kept, document=True)

    def _drop_what_went(self, listed: set[str]) -> None:
        """Forget what the store had once. Unfinished work of this machine is never in the store's listing."""
        for path in self._files():
            unput = path.suffix == SHARD and cache.placeholder_at(path) is None
            if self.name_of(path) not in listed and not (unput and self._is_working()):
                path.unlink(missing_ok=True)
                if path.parent.suffix == SHARD:  # an object lay below the name of a shard
                    with suppress(OSError):
                        path.parent.rmdir()

    def _is_working(self) -> bool:
        return self.folder.is_relative_to(scratch_base())

    def _files(self) -> Iterator[Path]:
        """Files of the folder but hidden ones and those of parts, sorted."""
        for folder, folders, names in os.walk(self.folder):
            folders[:] = sorted(each for each in folders if each[0] != "." and not each.endswith(PART))
            yield from (Path(folder, name) for name in sorted(names) if name[0] != ".")

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self._base(), f"folder {self.address}")

    def _base(self) -> Path:
        base = base_of(self.folder)
        assert base is not None
        return base


def local_place(place: str | os.PathLike[str]) -> Path:
    """The path to read at: of a URL the folder or file that stands for it, refreshed; else `place`.

    A URL may be a pattern, as a path may. Raises UnknownStoreError, StoreUnavailableError, MissingExtraError.
    """
    refuse_unknown(place)
    if not is_url(place):
        return Path(place)
    cache_limit()  # refused before anything is asked
    address = parse(place)
    parts = address.key.split("/")
    plain = [part for part in parts if not set(WILDCARDS) & set(part)]
    wild = next((number for number, part in enumerate(parts) if set(WILDCARDS) & set(part)), len(parts))
    base = address.at("/".join(plain[:wild]))
    run = _run_around(base)
    if run is not None:
        Mirror.reading(run).refresh()
    elif not (wild == len(parts) and Mirror.reading(base).show_file()):
        Mirror.reading(base).refresh()
    return Mirror.reading(address).folder


def shown_again(path: Path) -> Path:
    """`path`; a document of a run in a store as it is there now. Raises StoreUnavailableError."""
    mirror = Mirror.around(path)
    if mirror is not None:
        mirror.show_file()
    return path


def refuse_url(place: str | os.PathLike[str] | None, what: str) -> None:
    """Refuse a URL, or the folder that stands for one, where `what` works in folders only.

    Raises UnknownStoreError.
    """
    refuse_unknown(place or "")
    if place is not None and (is_url(place) or base_of(Path(place)) is not None):
        url = str(parse(place)) if is_url(place) else as_urls(str(place))
        raise UnknownStoreError(
            f"{url}: {what} works in folders only; copy there first (`{_copied(url)}`), and back afterwards"
        )


def _copied(url: str) -> str:
    """The command of a store's own tools that copies a place into a folder."""
    scheme, _, rest = url.partition("://")
    container, _, key = rest.partition("/")
    return {
        "gs": f"gcloud storage rsync -r {url} FOLDER",
        "az": f"az storage blob download-batch -s {container} --pattern '{key}/*' -d FOLDER",
    }.get(scheme, f"aws s3 sync {url} FOLDER")


def _run_around(address: Address) -> Address | None:
    """The run that an address is or lies in, which is shown whole: a list or a round names its shards."""
    parts = address.key.split("/") if address.key else []
    for depth in range(min(DEEPEST, len(parts)) + 1):
        candidate = address.at("/".join(parts[: len(parts) - depth]))
        store = open_objects(str(candidate))
        if any(store.look(mark) for mark in MARKS):
            return candidate
    return None


def _folder(base: Path, address: Address) -> Path:
    return base.joinpath(cache.store_folder(address), address.bucket, *address.key.split("/"))


def _moved(path: Path, into: Path) -> Path:
    into.mkdir(exist_ok=True)
    target, number = into / path.name, 1
    while os.path.lexists(target):
        target, number = into / f"{path.name}.{number}", number + 1
    return path.rename(target)


def is_document(name: str, size: int) -> bool:
    """Whether an object of this size in bytes is fetched as soon as it is listed."""
    suffix = os.path.splitext(name)[1]
    small = size < (cache.HEAD_BYTES if suffix == SHARD else SMALL)
    return small or suffix in DOCUMENTS
