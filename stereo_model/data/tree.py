"""The names below a folder, each folder read once: cheap existence checks for millions of files."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path


class Tree:
    """A folder as it was when first looked at. All paths are relative to `root`, with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[str, tuple[frozenset[str], list[str]]] = {}

    def has(self, path: str) -> bool:
        """Whether `path` is a file."""
        folder, _, name = path.rpartition("/")
        return name in self._list(folder)[0]

    def glob(self, pattern: str) -> Iterator[str]:
        """Files that match, in a fixed order.

        A part of the pattern is a name with `*`, `?` and `[]`, or `**` for any number of folders.
        """
        yield from self._match("", pattern.split("/"))

    def _match(self, folder: str, parts: list[str]) -> Iterator[str]:
        first, rest = parts[0], parts[1:]
        files, folders = self._list(folder)
        if first == "**":
            yield from self._match(folder, rest)
            for name in folders:
                yield from self._match(_joined(folder, name), parts)
        elif rest:
            for name in fnmatch.filter(folders, first):
                yield from self._match(_joined(folder, name), rest)
        else:
            yield from (_joined(folder, name) for name in sorted(fnmatch.filter(files, first)))

    def _list(self, folder: str) -> tuple[frozenset[str], list[str]]:
        """Names of the files and, in order, of the folders in `folder`; nothing where there is none."""
        if folder not in self._listed:
            self._listed[folder] = _names(self.root / folder)
        return self._listed[folder]


def _names(folder: Path) -> tuple[frozenset[str], list[str]]:
    if not folder.is_dir():
        return frozenset(), []
    files: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            (folders if entry.is_dir() else files).append(entry.name)
    return frozenset(files), sorted(folders)


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
