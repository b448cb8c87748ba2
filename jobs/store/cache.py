"""What of a store lies on this machine: placeholders of all, the content of some, never more than a bound.

A file of a run in a store is a placeholder here: sparse, of the object's size and time, so that folders can
be listed, and begun with a line that says what it stands for. Whoever opens one calls `held` first, which
puts the content in its place: fetched once for all processes, verified, renamed. What was not used for
longest makes room (it becomes a placeholder again; whoever has it open keeps it). FSD_CACHE_GB bounds the
sum.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from jobs.files import DiskFullError, part_file
from jobs.store import room
from jobs.store.base import Kept, StoreError, UnknownStoreError
from jobs.store.bases import CacheSettingError, base_of, in_base, locked, scratch_base
from jobs.store.objects import open_objects, store_host
from jobs.store.room import Copy, Placeholder
from jobs.store.urls import WHICH, Address

MAGIC = b"placeholder of fsd-gen: "
HEAD_BYTES = 4096
SECOND = 10**9
NOT_HAD = (StoreError, UnknownStoreError, DiskFullError, CacheSettingError)  # why content cannot be had


# ---------------------------------------------------------------- placeholders


def stamp_ns(kept: Kept, *, document: bool) -> int:
    """The time that a file of this content has here: the store's second, and within it one that depends on
    the content, so that time and size tell contents apart. Documents are younger than shards of their second.
    """
    within = int(hashlib.sha256(kept.etag.encode()).hexdigest(), 16) % (SECOND // 2)
    return kept.modified * SECOND + within + (SECOND // 2 if document else 0)


def set_stamp(path: Path, kept: Kept, *, document: bool) -> None:
    """Give a file the time that belongs to its content."""
    stamp = stamp_ns(kept, document=document)
    os.utime(path, ns=(stamp, stamp))


def is_current(path: Path, kept: Kept, *, document: bool) -> bool:
    """Whether a file here is of this content, or stands for it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    stamp = stamp_ns(kept, document=document)
    same_time = status.st_mtime_ns in (stamp, stamp - stamp % SECOND)  # some file systems keep seconds
    return status.st_size == kept.size and same_time


def write_placeholder(path: Path, url: str, kept: Kept) -> None:
    """Let `path` stand for an object."""
    says = room.said(Placeholder(url=url, kept=kept))
    head = MAGIC + json.dumps(says).encode() + b"\n"
    if len(head) > min(HEAD_BYTES, kept.size):
        raise StoreError(f"{url}/{kept.name}: too small an object, or too long a name, for a placeholder")
    with part_file(path) as part:
        part.write_bytes(head)
        os.truncate(part, kept.size)
        set_stamp(part, kept, document=False)


def placeholder_at(path: Path) -> Placeholder | None:
    """What `path` stands for; None where it is what it seems. Raises OSError, StoreError."""
    if base_of(path) is None or path.is_dir():
        return None
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return None
        line = file.read(HEAD_BYTES).split(b"\n", 1)[0]
    try:
        return room.understood(room.loaded(line))
    except ValueError:
        return _stands_again(path)


def _stands_again(path: Path) -> Placeholder:
    """What a damaged placeholder stands for, by the store; it is written anew."""
    found = look_up(path)
    if found is None:
        raise StoreError(f"{path}: the store has no such object any more; run the same command again")
    write_placeholder(path, found.url, found.kept)
    return found


def store_folder(address: Address) -> str:
    """The folder in a base for the places of an address's store."""
    host = store_host(address.scheme)
    return f"{address.scheme}-{hashlib.sha256(host.encode()).hexdigest()[:8]}"


def address_of(path: Path) -> Address | None:
    """What place in a store a path stands for; None for an ordinary path.

    Raises StoreError where the settings name another store than when the folder was made.
    """
    base = base_of(path)
    if base is None:
        return None
    store, *rest = path.absolute().relative_to(base).parts
    if len(rest) < 1:
        return None
    address = Address(scheme=store.partition("-")[0], bucket=rest[0], key="/".join(rest[1:]))
    if store_folder(address) != store:
        raise StoreError(f"{path}: is of another store than {WHICH[address.scheme]} names; set it as before")
    return address


def look_up(path: Path) -> Placeholder | None:
    """What the store has under the name of `path`; None where there is nothing. Raises StoreError."""
    address = address_of(path)
    if address is None or not address.key:
        return None
    parent, _, name = address.key.rpartition("/")
    store = open_objects(str(address.at(parent)))
    kept = store.look(name)
    return None if kept is None else Placeholder(url=store.url, kept=kept)


# ---------------------------------------------------------------- content


def held(path: Path) -> Path:
    """`path`, once its content is here. Of no effect but for files of a run in a store.

    Raises one of NOT_HAD.
    """
    base = base_of(path)
    if base is None or not path.is_file():
        return path
    found = placeholder_at(path)
    if found is None:
        room.note_use(room.note_of(base, path))
        return path
    with locked(base, f"content {path.absolute()}"):
        if placeholder_at(path) is not None:  # nobody was faster
            _fetch(base, path, found)
    return path


def fetched_again(path: Path) -> bool:
    """Whether a file that looks damaged is a copy of what a store has: its content is fetched anew then.

    Raises one of NOT_HAD.
    """
    base = base_of(path)
    if base is None or not path.is_file():
        return False
    with locked(base, f"content {path.absolute()}"):
        found = None if is_unput(path) else placeholder_at(path) or look_up(path)
        if found is None:
            return False
        _fetch(base, path, found)
    return True


def is_copy(path: Path) -> bool:
    """Whether `path` is content that was fetched from a store and is as it was then, by size and time."""
    base = base_of(path)
    copy = None if base is None else room.read_note(room.note_of(base, path))
    return copy is not None and is_current(path, copy.of.kept, document=False)


def is_unput(path: Path) -> bool:
    """Whether `path` is content that was made on this machine, and did not come from a store."""
    made = base_of(path) == scratch_base()
    return made and path.is_file() and placeholder_at(path) is None and not is_copy(path)


def _fetch(base: Path, path: Path, found: Placeholder) -> None:
    note, copy = room.note_of(base, path), Copy(path, found)
    with in_base(base):
        room.make_room(base, copy, let_go=_let_go, ask=_still)
        try:
            with part_file(path, needed_bytes=found.kept.size) as part:
                open_objects(found.url).fetch(found.kept, part)
                set_stamp(part, found.kept, document=False)
        except BaseException:
            note.unlink(missing_ok=True)
            raise
        if not note.exists():  # it came so slowly that others took its room
            room.write_note(base, copy)
        room.note_use(note)


def block(path: Path, start: int, count: int) -> bytes:
    """So many bytes of a file from `start` on; of a placeholder's content without fetching the rest."""
    found = placeholder_at(path)
    if found is None:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(count)
    return open_objects(found.url).block(found.kept, start, count)


def _let_go(copy: Copy) -> None:
    if is_current(copy.path, copy.of.kept, document=False) and placeholder_at(copy.path) is None:
        write_placeholder(copy.path, copy.of.url, copy.of.kept)


def _still(path: Path) -> Placeholder | None:
    """What the content at `path` is, if it is what the store has; else it goes."""
    found = look_up(path)
    if found is not None and is_current(path, found.kept, document=False):
        return found
    path.unlink()
    return None
