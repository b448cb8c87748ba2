"""How much content of stores lies on this machine: a note of each, and who makes room for more.

A note is a small file: what the content is, and by its time when it was used last. One that cannot be read is
written anew from what the store says.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobs.files import write_text_atomic
from jobs.store.base import Kept
from jobs.store.bases import UNWRITABLE_ERRNOS, cache_limit, locked

USED = ".used"  # folder of the notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """What a file here stands for, or is the content of."""

    url: str  # of the run, or whatever was listed
    kept: Kept


@dataclass(frozen=True, slots=True)
class Copy:
    """Content that is here."""

    path: Path
    of: Placeholder


def said(content: Placeholder) -> dict[str, Any]:
    """What placeholders and notes say."""
    return {"url": content.url, **asdict(content.kept)}


def understood(says: Any) -> Placeholder:
    """See `said`. Raises ValueError."""
    kinds = {"url": str, "name": str, "size": int, "etag": str, "modified": int}
    if not isinstance(says, dict) or not all(isinstance(says.get(name), kinds[name]) for name in kinds):
        raise ValueError("no placeholder")
    kept = Kept(name=says["name"], size=says["size"], etag=says["etag"], modified=says["modified"])
    return Placeholder(url=says["url"], kept=kept)


def loaded(text: str | bytes) -> Any:
    """JSON that anybody may have written. Raises ValueError."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def note_of(base: Path, path: Path) -> Path:
    """Where the note of a path lies."""
    return base / USED / f"{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]}.json"


def write_note(base: Path, copy: Copy) -> None:
    """Note that content is here, or about to be."""
    note = note_of(base, copy.path)
    note.parent.mkdir(exist_ok=True)
    write_text_atomic(note, json.dumps(said(copy.of) | {"path": str(copy.path.absolute())}))
    note_use(note)


def note_use(note: Path) -> None:
    """Content was used now."""
    now = time.time_ns()  # the file system's own clock is coarse
    with suppress(FileNotFoundError):
        try:
            os.utime(note, ns=(now, now))
        except OSError as error:
            if error.errno not in UNWRITABLE_ERRNOS:  # then nothing has to go either
                raise


def read_note(note: Path) -> Copy | None:
    """What a note says; None where it says nothing."""
    try:
        says = loaded(note.read_bytes())
        return Copy(Path(str(says["path"])), understood(says))
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        return None


def make_room(
    base: Path, wanted: Copy, *, let_go: Callable[[Copy], None], ask: Callable[[Path], Placeholder | None]
) -> None:
    """Let what was not used for longest go, until `wanted` fits, which is noted.

    `ask` says what the content at a path is by the store, None if it is of no use any more.
    """
    with locked(base, "room"):
        (base / USED).mkdir(exist_ok=True)
        uses = sorted((base / USED).glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        there = [(each, read_note(each) or _noted_again(base, each, ask)) for each in uses]
        copies = [(note, copy) for note, copy in there if copy is not None]
        total = sum(copy.of.kept.size for _, copy in copies)
        for note, copy in copies:
            if total + wanted.of.kept.size <= cache_limit():
                break
            let_go(copy)
            note.unlink()
            total -= copy.of.kept.size
        write_note(base, wanted)


def _noted_again(base: Path, note: Path, ask: Callable[[Path], Placeholder | None]) -> Copy | None:
    """What a note that cannot be read was about, noted again; None, and no note, where that is gone."""
    path = next((path for path in _files(base) if note_of(base, path) == note), None)
    found = ask(path) if path is not None else None
    note.unlink()
    if path is None or found is None:
        return None
    write_note(base, Copy(path, found))
    return Copy(path, found)


def _files(base: Path) -> list[Path]:
    folders = (each for each in base.iterdir() if each.name[0] != "." and each.is_dir())
    return [Path(parent, name) for each in folders for parent, _, names in os.walk(each) for name in names]
