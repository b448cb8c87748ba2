"""The text of an MDL module as it is searched: code without comments and notes, and its strings apart.

Modules come from anywhere: whatever they hold, it is scanned in linear time.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

log = logging.getLogger(__name__)

MAX_BYTES = 8 * 2**20  # a hundred times the largest of Omniverse's own
TOKEN = re.compile(r'"([^"\\\n]*(?:\\.[^"\\\n]*)*)"?|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
NOTES = re.compile(r"\[\[.*?(?:\]\]|\Z)", re.DOTALL)
IMPORT = re.compile(r"\s*(?:export\s+)?(?:using\s+([\w:.]+)\s+)?import\s+(.+)", re.DOTALL)
MATERIAL = re.compile(r"\bmaterial\s+(\w+)\s*\(")
EXPORT = re.compile(r"\bexport\s+material\s+(\w+)\s*\(")
RENAMED = re.compile(r"\busing\s+\w+\s*=")  # another name for a module
WHOLE = "*"  # all that a module exports


@dataclass(frozen=True, slots=True)
class Import:
    """One name, or `*`, that a module takes from another."""

    module: tuple[str, ...]  # of names; "." and ".." begin one that is relative
    name: str
    bare: bool  # by `using`: the name may then be said without its module's

    def gives(self, name: str) -> bool:
        """Whether it may be where the name comes from."""
        return self.name in (name, WHOLE)

    def is_of(self, place: list[str]) -> bool:
        """Whether a name's qualifier means this module."""
        return not place or list(self.module[-len(place) :]) == place


@dataclass(frozen=True, slots=True)
class ModuleText:
    """What a module says."""

    code: str  # a string is its place in `strings`, in quotes
    strings: tuple[str, ...]
    imports: tuple[Import, ...]
    materials: frozenset[str]  # that it defines, for itself or for others
    exports: Mapping[str, int]  # those for others: where in `code` their first parameters begin
    renames: bool  # whether it calls a module by a name of its own


def module_text(module: Path) -> ModuleText | None:
    """None, with a warning, where the module is too large to be read. Raises OSError."""
    stat = module.stat()
    return _text_at(module, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _text_at(module: Path, changed_ns: int, size: int) -> ModuleText | None:
    del changed_ns  # part of the key only
    if size > MAX_BYTES:
        log.warning(
            "not looked into, as no module is larger than %d MiB: mdl=%s MiB=%.1f; what it names is unknown",
            MAX_BYTES // 2**20,
            module,
            size / 2**20,
        )
        return None
    return scanned(module.read_text("utf-8", errors="replace"))


def scanned(text: str) -> ModuleText:
    """Code and strings of a module's text."""
    strings: list[str] = []

    def replaced(token: re.Match[str]) -> str:
        if token.group(1) is None:
            return " "
        strings.append(token.group(1))
        return f'"{len(strings) - 1}"'

    code = NOTES.sub(" ", TOKEN.sub(replaced, text))
    return ModuleText(
        code=code,
        strings=tuple(strings),
        imports=tuple(_imports(code)),
        materials=frozenset(MATERIAL.findall(code)),
        exports={found.group(1): found.end() for found in reversed([*EXPORT.finditer(code)])},
        renames=RENAMED.search(code) is not None,
    )


def _imports(code: str) -> Iterator[Import]:
    """What the code takes from other modules."""
    for statement in code.split(";"):
        found = IMPORT.match(statement)
        for each in found.group(2).split(",") if found else ():
            named = _parts(each)
            if found and found.group(1):
                yield Import(tuple(_parts(found.group(1))), "".join(named), bare=True)
            elif named:
                yield Import(tuple(named[:-1]), named[-1], bare=False)


def _parts(path: str) -> list[str]:
    return [part for part in "".join(path.split()).split("::") if part]
