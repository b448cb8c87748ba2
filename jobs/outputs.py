"""What a command writes for people to look at, and what it never writes over.

A page or a picture replaces nothing but another one: a file of any other kind under its name may be all that
there is of it. In the folder of a run, or of a published set, the places of its own files are closed to it,
whether these are there yet or not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from jobs.contents import LOOKED_AT_BYTES, contents
from jobs.rundir import CONFIG_NAME, DIGEST_NAME
from jobs.store.bases import as_urls, base_of
from jobs.store.urls import is_url, parse, refuse_unknown

PUBLISHED = "published.json"
RUN_FOLDERS = frozenset({"index", "rounds", "set_aside", "shards", "status"})
RUN_FILES = frozenset(
    {CONFIG_NAME, DIGEST_NAME, PUBLISHED, "config.resolved.yaml", "assets.yaml", "worlds.yaml", "wanted.yaml"}
    | {"render.log", "verdicts.parquet"}
)

IsSuch = Callable[[Path], bool]


class OutputError(ValueError):
    """A file that a command is to write cannot stand there."""


def refuse_output(target: Path, what: str, is_such: IsSuch, option: str = "") -> None:
    """Raises OutputError where no file can be written at `target`, or another one than `what` would go.

    `is_such` tells whether an existing file is `what`, such as "a picture"; `option` names the target.
    """
    named = f"{option}: " if option else ""
    _refuse_place(target, named)
    if target.is_dir():
        raise OutputError(f"{named}{target} is a folder; expected a file, such as {target / 'NAME'}")
    refuse_in_run(target, option)
    if not os.path.lexists(target):
        return
    if not target.is_file():
        raise OutputError(f"{named}{target} is no ordinary file; name another, or move it away")
    if target.stat().st_size and not is_such(target):
        raise OutputError(
            f"{named}{target} is there already and is {contents(target)}, not {what}, which alone would be "
            "replaced; name another, or move it away"
        )


def refuse_in_run(target: Path, option: str = "") -> None:
    """Raises OutputError where a run or a published set keeps its own files at `target`, or is to."""
    place = Path(os.path.abspath(target))
    place = place.parent.resolve() / place.name
    for folder in place.parents:
        first = place.relative_to(folder).parts[0]
        own = first in RUN_FOLDERS or (folder / first == place and (first in RUN_FILES or first[0] == "."))
        if own and _holds_data(folder):
            raise OutputError(
                f"{f'{option}: ' if option else ''}{target}: is where {folder} keeps files of its own; "
                f"expected a place such as {folder / 'looks' / place.name}"
            )


def is_page(path: Path) -> bool:
    """Whether a file is a web page."""
    return _head(path).lstrip().lower().startswith((b"<!doctype html", b"<html"))


def is_schema(path: Path) -> bool:
    """Whether a file is a JSON schema."""
    head = _head(path)
    return head.lstrip().startswith(b"{") and b'"$schema"' in head


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LOOKED_AT_BYTES)


def _holds_data(folder: Path) -> bool:
    marked = (folder / DIGEST_NAME).is_file() or (folder / PUBLISHED).is_file()
    return marked or ((folder / CONFIG_NAME).is_file() and (folder / "shards").is_dir())


def _refuse_place(target: Path, named: str) -> None:
    """Files are written on this machine alone, and not where others of it stand for what a store has."""
    refuse_unknown(target)
    if is_url(target) or base_of(target) is not None:
        url = str(parse(target)) if is_url(target) else as_urls(str(target))
        raise OutputError(f"{named}{url}: is in a store; name a file of this machine, and put it there then")
    above = next((place for place in target.absolute().parents if place.exists()), None)
    if above is not None and not above.is_dir():
        raise OutputError(f"{named}{above} is a file; expected a folder for {target.name}")
