"""What of a store lies on this machine: placeholders of all, the content of some, never more than a bound.

A file of a run in a store is a placeholder here: sparse, of the object's size and time, so that folders can
be listed, and begun with a line that says what it stands for. Whoever opens one calls `held` first, which
puts the content in its place: fetched once for all processes, verified, renamed. What was not used for
longest makes room (it becomes a placeholder again; whoever has it open keeps it). FSD_CACHE_GB bounds the
sum.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobs.files import part_file, write_text_atomic
from jobs.locks import LOCKS_UNSUPPORTED_ERRNOS
from jobs.store.base import Kept, StoreError

MAGIC = b"placeholder of fsd-gen: "
HEAD_BYTES = 4096
CACHE_GB = 20.0
USED = ".used"  # folder of one file for each content that is here: what it is; its time is the last use
LOCKS = ".locks"
SECOND = 10**9


class CacheSettingError(ValueError):
    """FSD_CACHE_GB or FSD_CACHE_DIR are not what they should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """What a placeholder stands for."""

    url: str  # of the run, or whatever was listed
    kept: Kept


def cache_base() -> Path:
    """Where runs in stores are read: FSD_CACHE_DIR, else ~/.cache/fsd-gen/objects."""
    return Path(os.environ.get("FSD_CACHE_DIR") or "~/.cache/fsd-gen/objects").expanduser().absolute()


def scratch_base() -> Path:
    """Where runs in stores are made: FSD_SCRATCH, else a folder of this user among the temporary ones."""
    own = Path(tempfile.gettempdir()) / f"fsd-gen-{os.getuid()}"
    return (Path(os.environ["FSD_SCRATCH"]) if os.environ.get("FSD_SCRATCH") else own).absolute() / "objects"


def base_of(path: Path) -> Path | None:
    """The one of these two folders that `path` lies in; None for most paths."""
    found = path.absolute()
    return next((base for base in (cache_base(), scratch_base()) if found.is_relative_to(base)), None)


def as_urls(text: str) -> str:
    """A text about files of such folders as one about what they stand for."""
    for base in (cache_base(), scratch_base()):
        if str(base) in text:
            text = re.sub(rf"{re.escape(str(base))}/(s3|gs|az)-[0-9a-f]{{8}}/", r"\1://", text)
    return text


def cache_limit() -> int:
    """Bytes of content that may lie here. Raises CacheSettingError."""
    text = os.environ.get("FSD_CACHE_GB", "") or str(CACHE_GB)
    try:
        limit = float(text)
    except ValueError:
        limit = -1
    if not 0 < limit < 1e9:
        raise CacheSettingError(f"FSD_CACHE_GB: expected a number of GB above 0, such as 50, got {text!r}")
    return int(limit * 1e9)


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
    says = _said(Placeholder(url=url, kept=kept))
    head = MAGIC + json.dumps(says).encode() + b"\n"
    if len(head) > min(HEAD_BYTES, kept.size):
        raise StoreError(f"{url}/{kept.name}: too small an object, or too long a name, for a placeholder")
    with part_file(path) as part:
        part.write_bytes(head)
        os.truncate(part, kept.size)
        set_stamp(part, kept, document=False)


def placeholder_at(path: Path) -> Placeholder | None:
    """What `path` stands for; None where it is what it seems. Raises OSError."""
    if base_of(path) is None:
        return None
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return None
        line = file.read(HEAD_BYTES).split(b"\n", 1)[0]
    return _read(json.loads(line))


def _said(content: Placeholder) -> dict[str, Any]:
    return {"url": content.url, **asdict(content.kept)}


def _read(says: dict[str, Any]) -> Placeholder:
    kept = Kept(name=says["name"], size=says["size"], etag=says["etag"], modified=says["modified"])
    return Placeholder(url=says["url"], kept=kept)


# ---------------------------------------------------------------- content


def held(path: Path) -> Path:
    """`path`, once its content is here. Of no effect but for files of a run in a store.

    Raises:
        StoreError, DiskFullError: the content cannot be had.
    """
    base = base_of(path)
    if base is None or not path.is_file():
        return path
    found = placeholder_at(path)
    if found is None:
        _note_use(_used(base, path))
        return path
    with locked(base, f"content {path.absolute()}"):
        if placeholder_at(path) is not None:  # nobody was faster
            _fetch(base, path, found)
    return path


def _fetch(base: Path, path: Path, found: Placeholder) -> None:
    from jobs.store.objects import open_objects

    used, says = _used(base, path), json.dumps(_said(found) | {"path": str(path.absolute())})
    _make_room(base, used, says, found.kept.size)
    try:
        with part_file(path, needed_bytes=found.kept.size) as part:
            open_objects(found.url).fetch(found.kept, part)
            set_stamp(part, found.kept, document=False)
    except BaseException:
        used.unlink(missing_ok=True)
        raise
    if not used.exists():  # it came so slowly that others took its room
        write_text_atomic(used, says)
    _note_use(used)


def _note_use(used: Path) -> None:
    now = time.time_ns()  # the file system's own clock is coarse
    with suppress(FileNotFoundError):
        os.utime(used, ns=(now, now))


def block(path: Path, start: int, count: int) -> bytes:
    """So many bytes of a file from `start` on; of a placeholder's content without fetching the rest."""
    found = placeholder_at(path)
    if found is None:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(count)
    from jobs.store.objects import open_objects

    return open_objects(found.url).block(found.kept, start, count)


def _make_room(base: Path, used: Path, says: str, needed: int) -> None:
    """Let what was not used for longest go, until `needed` bytes more fit; they are noted."""
    with locked(base, "room"):
        used.parent.mkdir(exist_ok=True)
        uses = sorted((base / USED).glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        there = [(each, json.loads(each.read_text())) for each in uses]
        total = sum(content["size"] for _, content in there)
        for each, content in there:
            if total + needed <= cache_limit():
                break
            _let_go(Path(content["path"]), _read(content))
            each.unlink()
            total -= content["size"]
        write_text_atomic(used, says)
        _note_use(used)


def _let_go(path: Path, content: Placeholder) -> None:
    if is_current(path, content.kept, document=False) and placeholder_at(path) is None:
        write_placeholder(path, content.url, content.kept)


def _used(base: Path, path: Path) -> Path:
    return base / USED / f"{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]}.json"


@contextmanager
def locked(base: Path, what: str) -> Iterator[None]:
    """One process and thread at a time; the others wait."""
    folder = base / LOCKS
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(what.encode()).hexdigest()[:16]
    fd = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(fd, base)
        yield
    finally:
        os.close(fd)


def _wait_for(fd: int, base: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in LOCKS_UNSUPPORTED_ERRNOS:
            raise
        raise CacheSettingError(
            f"the file system of {base} offers no locks ({error.strerror}), which keep the processes that "
            "share it apart; let FSD_CACHE_DIR and FSD_SCRATCH name a local disk"
        ) from error
