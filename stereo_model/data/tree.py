"""The names below a folder, each folder read once: cheap existence checks for millions of files.

Names are asked for as a data set's documentation spells them. Where a file or folder of just that name is
missing, one that differs in upper and lower case stands for it (LEFT.PNG for left.png). What systems and file
managers leave beside the data (`is_clutter`) is not there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CLUTTER = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "icon\r"}
)
"""Files and folders that Windows, macOS and network storage make by themselves, in lower case."""


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name is the system's own: hidden (._left.png, .DS_Store) or known."""
    return name.startswith(".") or name.lower() in CLUTTER


@dataclass(frozen=True, slots=True)
class _Names:
    """Names of one kind in one folder: as they are, and by their lower-case spelling."""

    exact: frozenset[str]
    in_order: tuple[str, ...]
    lower: Mapping[str, str]

    @classmethod
    def of(cls, names: Iterable[str]) -> _Names:
        in_order = tuple(sorted(names))
        exact = frozenset(in_order)
        lower = {name.lower(): name for name in reversed(in_order)}
        return cls(exact, in_order, {} if lower.keys() == exact else lower)

    def spelled(self, name: str) -> str | None:
        """How `name` is really spelled; None where there is nothing like it."""
        return name if name in self.exact else self.lower.get(name.lower())


class Tree:
    """A folder as it was when first looked at. All paths are relative to `root`, with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[str, tuple[_Names, _Names]] = {}

    def has(self, path: str) -> bool:
        """Whether `path` is a file."""
        return self.spelled(path) is not None

    def spelled(self, path: str) -> str | None:
        """How the file that `path` asks for is really spelled; None where there is none."""
        folder, _, name = path.rpartition("/")
        if folder in self._listed or not folder:
            place: str | None = folder
        else:
            place = self._spelled_folder(folder)
        found = None if place is None else self._list(place)[0].spelled(name)
        return None if found is None or place is None else _joined(place, found)

    def glob(self, pattern: str) -> Iterator[str]:
        """Files that match, in a fixed order, each spelled as the pattern spells what is no wildcard.

        A part of the pattern is a name with `*`, `?` and `[]`, or `**` for any number of folders.
        """
        yield from self._match("", "", pattern.split("/"))

    def _match(self, folder: str, asked: str, parts: list[str]) -> Iterator[str]:
        """Files below `folder`, which the pattern calls `asked`."""
        first, rest = parts[0], parts[1:]
        files, folders = self._list(folder)
        if first == "**":
            yield from self._match(folder, asked, rest)
            for name in folders.in_order:
                yield from self._match(_joined(folder, name), _joined(asked, name), parts)
        elif rest:
            for name, called in _matching(folders.in_order, first):
                yield from self._match(_joined(folder, name), _joined(asked, called), rest)
        else:
            called_so = dict.fromkeys(called for _, called in _matching(files.in_order, first))
            yield from (_joined(asked, called) for called in called_so)

    def _spelled_folder(self, folder: str) -> str | None:
        place = ""
        for part in folder.split("/"):
            found = self._list(place)[1].spelled(part)
            if found is None:
                return None
            place = _joined(place, found)
        return place

    def _list(self, folder: str) -> tuple[_Names, _Names]:
        """The files and the folders in `folder`; nothing where there is none."""
        if folder not in self._listed:
            self._listed[folder] = _names(self.root / folder)
        return self._listed[folder]


def _names(folder: Path) -> tuple[_Names, _Names]:
    files: list[str] = []
    folders: list[str] = []
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_clutter(entry.name):
                    (folders if entry.is_dir() else files).append(entry.name)
    return _Names.of(files), _Names.of(folders)


def _matching(names: Iterable[str], part: str) -> Iterator[tuple[str, str]]:
    """The names that match one part of a pattern, and what the pattern calls them."""
    expression, literals = _translated(part)
    for name in names:
        found = expression.fullmatch(name)
        if found is not None:
            wild = (*found.groups(), "")
            yield name, "".join(text for pair in zip(literals, wild, strict=True) for text in pair)


@cache
def _translated(part: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """One part of a pattern with a group per wildcard, and the texts between the wildcards."""
    pieces = re.split(r"(\*|\?|\[!?[^\]]+\])", part)
    wildcards = {"*": "(.*)", "?": "(.)"}
    texts = [re.escape(literal) for literal in pieces[::2]]
    wild = [wildcards.get(mark) or f"({mark.replace('[!', '[^')})" for mark in pieces[1::2]]
    joined = "".join(text for pair in zip(texts, (*wild, ""), strict=True) for text in pair)
    return re.compile(joined, re.IGNORECASE | re.DOTALL), tuple(pieces[::2])


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
