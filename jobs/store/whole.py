"""A folder put into a store, where nothing appears in one step: its mark is there only while it is whole.

    1. an object that says that somebody is at work here     3. the mark, last of all
    2. the mark of what was there goes; then the files       4. the object of 1. goes

Whoever is killed in between leaves the object of 1., and the same call goes on; where the mark is there
besides, so is all else, and `end_put` does 4. Readers know a whole folder by its mark.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from jobs.store.base import ObjectStore, StoreConflictError
from jobs.store.objects import open_objects
from jobs.store.urls import Address


def put_whole(folder: Path, address: Address, *, mark: str, begun: str) -> None:
    """Make the objects below `address` the visible files of `folder`, in which `mark` and `begun` lie.

    Hold the lock of the place. Raises StoreError, ConditionsUnsupportedError.
    """
    store = open_objects(str(address))
    store.replace(folder / begun, begun)
    store.remove(mark)
    names = set(_names(folder))
    for name in sorted(names - {mark, begun}):
        _put(store, folder / name, name)
    for name in list(store.list()):
        if name not in names and not name.rpartition("/")[2].startswith("."):
            store.remove(name)
    store.replace(folder / mark, mark)
    store.remove(begun)


def end_put(address: Address, *, begun: str) -> None:
    """Take away what says that somebody is at work; for a place with its mark, whose lock you hold.

    Raises StoreError.
    """
    open_objects(str(address)).remove(begun)


def _put(store: ObjectStore, file: Path, name: str) -> None:
    try:
        store.put(file, name)
    except StoreConflictError:  # of what was there before
        store.replace(file, name)


def _names(folder: Path) -> Iterator[str]:
    for parent, _, files in os.walk(folder):
        yield from (Path(parent, name).relative_to(folder).as_posix() for name in files if name[0] != ".")
