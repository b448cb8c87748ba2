"""Which objects of a store can be files of a folder here."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from jobs.store.base import Kept, ObjectStore

LONGEST_NAME = 220  # bytes of a file's name, which is longer while it is written ...
LONGEST_PATH = 4000  # ... and of its path
FILES = frozenset({".h5", ".yaml", ".sha256", ".parquet", ".json", ".jsonl"})  # no folder of a run ends so
_told: set[str] = set()  # in this process
log = logging.getLogger(__name__)


def shown(store: ObjectStore, folder: Path) -> dict[str, Kept]:
    """The objects that can be files below `folder`, by name. One that cannot is left out, with a word."""
    listed = {kept.name: kept for kept in store.objects() if is_visible(kept.name)}
    odd = {name: why for name in listed if (why := _odd(name, listed, folder))}
    for name, why in odd.items():
        place = f"{store.url}/{name}"
        if place not in _told:
            _told.add(place)
            log.warning("%.150s: left out, for %s; no run has such an object", place, why)
    return {name: kept for name, kept in listed.items() if name not in odd}


def is_visible(name: str) -> bool:
    """Whether an object can be a file of a run here: a plain relative name, nothing hidden."""
    parts = name.split("/")
    return all(part and part[0] != "." and "\0" not in part for part in parts)


def _odd(name: str, listed: Mapping[str, Kept], folder: Path) -> str | None:
    for above in PurePosixPath(name).parents:
        if str(above) in listed:
            return f"{above} is an object too, and no folder"
        if above.suffix in FILES:
            return f"{above} would be a file, and no folder"
    too_long = max(len(os.fsencode(part)) for part in name.split("/")) > LONGEST_NAME
    if too_long or len(os.fsencode(folder / name)) > LONGEST_PATH:
        return "its name is too long for the file system"
    return None
