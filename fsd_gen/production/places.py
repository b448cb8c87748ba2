"""Where a run is made: a folder, or a store (`jobs.store`) and the folder of this machine that stands for it.

In a store a shard is filled, finished and verified on the local disk of the worker's machine, then put there
with its checksum and looked at again. Its unfinished part stays on that machine: a worker of the same machine
goes on with it, one of another begins that shard anew. Everything else that a command makes is put by
`put_finished`, in the order in which it was made, so that whatever a kill leaves in the store is what it
could have left in a folder.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from fsd_gen.shards.apart import verify_apart
from fsd_gen.shards.entry import description
from fsd_gen.shards.format import ShardError
from jobs.files import write_text_atomic
from jobs.locks import RunLock
from jobs.store.base import StoreError
from jobs.store.bases import FILE, base_of
from jobs.store.lease import StoreLock
from jobs.store.mirror import Mirror
from jobs.store.urls import WHICH, is_url, parse, refuse_unknown


class Place(Protocol):
    """A run's place, as its driver and its workers use it."""

    @property
    def name(self) -> str:
        """What workers, on other machines too, open it by."""

    @property
    def folder(self) -> Path:
        """The folder of this machine."""

    def path_of(self, shard: str) -> Path:
        """Where a shard that the driver names is made here."""

    def keep(self, shard: Path) -> None:
        """Let a finished shard be seen by all."""

    @property
    def is_folder(self) -> bool:
        """Whether all machines see what is written there, at once."""

    def show(self, document: Path) -> str:
        """Let a small file that may be replaced be seen by all; why that failed, "" if it did not."""

    def before_work(self) -> None:
        """Let workers see what the driver has written."""

    def after_work(self) -> None:
        """See what the workers have made."""

    def put_finished(self) -> None:
        """Let all that lies here be seen by all. Raises RunLockedError where the lock was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the documents of a command are put."""

    order: Callable[[str], tuple[object, ...]] = lambda name: (name,)  # sorts names within the run
    own: tuple[str, ...] = ()  # folders that nobody else writes documents to: what went here goes there too


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that all machines see."""

    folder: Path

    @property
    def name(self) -> str:
        return str(self.folder)

    def path_of(self, shard: str) -> Path:
        return Path(shard)

    @property
    def is_folder(self) -> bool:
        return True

    def keep(self, shard: Path) -> None:
        pass

    def show(self, document: Path) -> str:
        return ""

    def before_work(self) -> None:
        pass

    def after_work(self) -> None:
        pass

    def put_finished(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _InStore:
    """A run in a store."""

    mirror: Mirror
    check: Callable[[], None] = lambda: None  # raises where the lock was lost
    manner: Manner = Manner()

    @property
    def name(self) -> str:
        return str(self.mirror.address)

    @property
    def folder(self) -> Path:
        return self.mirror.folder

    def path_of(self, shard: str) -> Path:
        """The driver's folder may be another one, but ends in the same store, bucket and key."""
        base = base_of(self.folder)
        assert base is not None
        _, found, name = shard.partition(f"/{self.folder.relative_to(base).as_posix()}/")
        if not found:
            which = WHICH[self.mirror.address.scheme]
            raise ShardError(
                f"{shard}: the driver works on another store than this machine; {which} should be the same "
                "on all machines"
            )
        return self.folder / name

    def keep(self, shard: Path) -> None:
        name, text = description(self.folder, self.mirror.name_of(shard))
        entry = self.folder / name
        entry.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(entry, text)
        self.mirror.put_document(entry)
        self.mirror.put_shard(shard)

    @property
    def is_folder(self) -> bool:
        return False

    def show(self, document: Path) -> str:
        try:
            self.mirror.put_document(document)
        except StoreError as error:
            return str(error)
        return ""

    def before_work(self) -> None:
        self._keep_unput()
        self.mirror.put_documents()

    def after_work(self) -> None:
        self.mirror.refresh(alone=False)

    def put_finished(self) -> None:
        self.check()
        self._keep_unput()
        self.mirror.put_documents(self.manner.order, self.manner.own)

    def _keep_unput(self) -> None:
        """Put what a worker finished that was killed before it put it. The disk may have changed it since."""
        unput = self.mirror.unput_shards()
        problems = [str(problem) for found in verify_apart(unput) for problem in found.problems]
        if problems:
            raise ShardError(f"{FILE}{problems[0]}; it was finished on this machine, and is not in the store")
        for shard in unput:
            self.keep(shard)


def work_place(run_dir: Path) -> Place:
    """The place of the run whose folder on this machine is `run_dir`, for its driver."""
    mirror = Mirror.around(run_dir)
    return _Folder(run_dir.resolve()) if mirror is None else _InStore(mirror)


def opened_place(name: str) -> Place:
    """The place that a driver calls `name`, for a worker: what the run is bound to is here then."""
    if not is_url(name):
        return _Folder(Path(name))
    mirror = Mirror.working(parse(name))
    mirror.refresh(alone=False)
    return _InStore(mirror)


def place_of(folder: Path) -> str | Path:
    """The URL that a folder of this machine stands for; an ordinary folder itself."""
    mirror = Mirror.around(folder)
    return folder if mirror is None else str(mirror.address)


@contextmanager
def at_work_in(place: str | os.PathLike[str]) -> Iterator[Path]:
    """As `place_at_work`; the run's folder on this machine."""
    with place_at_work(place) as found:
        yield found.folder


@contextmanager
def place_at_work(place: str | os.PathLike[str], manner: Manner = Manner()) -> Iterator[Place]:
    """Hold the lock of the run at a path or a URL inside. What is made there is put at the end at the latest.

    Raises RunLockedError where another one works there, also afterwards where the lock of a store was lost.
    """
    refuse_unknown(place)
    if not is_url(place):
        with RunLock(Path(place)):
            yield _Folder(Path(place))
        return
    mirror = Mirror.working(parse(place))
    with RunLock(mirror.folder), StoreLock(mirror.address, on_lost=_stop_this_command) as lock:
        mirror.refresh()
        put = partial(mirror.put_documents, manner.order, manner.own)
        try:
            yield _InStore(mirror, lock.check, manner)
        except BaseException:
            lock.check()
            with suppress(StoreError):  # the log of what went wrong; the store itself may be what did
                put()
            raise
        lock.check()
        put()


def _stop_this_command() -> None:
    """As if somebody had asked it to: what is finished is kept."""
    if callable(signal.getsignal(signal.SIGTERM)):
        os.kill(os.getpid(), signal.SIGTERM)
