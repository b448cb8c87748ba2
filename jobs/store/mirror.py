"""A run in a store, seen as a folder of this machine: the rest of the program knows paths only.

`local_place` gives the path that stands for a URL, for reading; `Mirror.working` the folder in which a run is
made. Small documents are here as they are; shards are placeholders (`jobs.store.cache`) until they are
opened. What lies there that the store does not know is work of this machine that is not finished: parts, and
shards that are finished and not yet put.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from jobs.files import part_file
from jobs.store import cache
from jobs.store.base import Kept, ObjectStore, StoreError, UnknownStoreError
from jobs.store.objects import open_lockable, open_objects, store_host
from jobs.store.urls import WHICH, Address, is_url, parse

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
        return cls(address, _folder(cache.cache_base(), address))

    @classmethod
    def working(cls, address: Address) -> Mirror:
        """Where a run is made. Raises StoreError for a folder that belongs to somebody else."""
        base = cache.scratch_base()
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
        base = cache.base_of(path)
        if base is None:
            return None
        store, *rest = path.absolute().relative_to(base).parts
        if len(rest) < 1:
            return None
        address = Address(scheme=store.partition("-")[0], bucket=rest[0], key="/".join(rest[1:]))
        if _store_folder(address) != store:
            which = WHICH[address.scheme]
            raise StoreError(f"{path}: is of another store than {which} names; set it as before")
        return cls(address, path.absolute())

    def refresh(self, *, alone: bool = True) -> None:
        """Make the folder show what the store has now. Raises StoreUnavailableError.

        Where others of this machine work in it (not `alone`), only what is missing is added: their documents
        may be newer than the store's.
        """
        store = open_objects(str(self.address))
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            listed = {kept.name: kept for kept in store.objects() if _is_visible(kept.name)}
            for kept in listed.values():
                if alone or not (is_document(kept.name, kept.size) and (self.folder / kept.name).exists()):
                    self._show(store, kept)
            if alone:
                self._drop_what_went(set(listed))

    def show_file(self) -> bool:
        """Show the one object that is called as the address; whether there is such a one."""
        parent, _, name = self.address.key.rpartition("/")
        store = open_objects(str(self.address.at(parent)))
        kept = store.look(name) if name else None
        if kept is None:
            return False
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            Mirror(self.address.at(parent), self.folder.parent)._show(store, kept)
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
            if _is_visible(name) and not name.endswith(SHARD):
                open_lockable(str(self.address)).remove(name)

    def put_document(self, path: Path) -> None:
        """Put a file that may be replaced."""
        kept = open_objects(str(self.address)).replace(path, self.name_of(path))
        cache.set_stamp(path, kept, document=is_document(kept.name, kept.size))

    def unput_shards(self) -> list[Path]:
        """Shards that were finished here and did not reach the store, in folders of shards."""
        shards = (path for path in self._files() if path.suffix == SHARD and path.parent.suffix != PART)
        return [path for path in shards if cache.placeholder_at(path) is None]

    def name_of(self, path: Path) -> str:
        """Name in the store of a file here."""
        return path.absolute().relative_to(self.folder).as_posix()

    def _show(self, store: ObjectStore, kept: Kept) -> None:
        path = self.folder / kept.name
        document = is_document(kept.name, kept.size)
        if cache.is_current(path, kept, document=document):
            return
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

    def _is_working(self) -> bool:
        return self.folder.is_relative_to(cache.scratch_base())

    def _files(self) -> Iterator[Path]:
        """Files of the folder but hidden ones and those of parts, sorted."""
        for folder, folders, names in os.walk(self.folder):
            folders[:] = sorted(each for each in folders if each[0] != "." and not each.endswith(PART))
            yield from (Path(folder, name) for name in sorted(names) if name[0] != ".")

    def _locked(self) -> AbstractContextManager[None]:
        base = cache.base_of(self.folder)
        assert base is not None
        return cache.locked(base, f"folder {self.address}")


def local_place(place: str | os.PathLike[str]) -> Path:
    """The path to read at: of a URL the folder or file that stands for it, refreshed; else `place`.

    A URL may be a pattern, as a path may. Raises UnknownStoreError, StoreUnavailableError, MissingExtraError.
    """
    if not is_url(place):
        return Path(place)
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


def refuse_url(place: str | os.PathLike[str] | None, what: str) -> None:
    """Refuse a URL, or the folder that stands for one, where `what` works in folders only.

    Raises UnknownStoreError.
    """
    if place is not None and (is_url(place) or cache.base_of(Path(place)) is not None):
        url = str(parse(place)) if is_url(place) else cache.as_urls(str(place))
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
    return base.joinpath(_store_folder(address), address.bucket, *address.key.split("/"))


def _store_folder(address: Address) -> str:
    host = store_host(address.scheme)
    return f"{address.scheme}-{hashlib.sha256(host.encode()).hexdigest()[:8]}"


def is_document(name: str, size: int) -> bool:
    """Whether an object of this size in bytes is fetched as soon as it is listed."""
    suffix = os.path.splitext(name)[1]
    small = size < (cache.HEAD_BYTES if suffix == SHARD else SMALL)
    return small or suffix in DOCUMENTS


def _is_visible(name: str) -> bool:
    """Whether an object can be a file of a run here: a plain relative name, nothing hidden."""
    parts = name.split("/")
    return all(part and part[0] != "." and "\0" not in part for part in parts)
