"""Pairs of image files by patterns: the same text stands for each * of the left and of the right one.

`*` and `?` stand for parts of a name, `**/` for any folders. Brackets are letters like any others, and
`[*]`, `[?]` and `[[]`, as `glob.escape` writes them, mean just this letter. What systems leave beside the
images (`stereo_model.data.tree.is_clutter`) does not match.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stereo_model.data.tree import is_clutter
from stereo_model.inference.images import PairError

WILDCARDS = frozenset("*?")
_ESCAPED = re.compile(r"\[([*?[])\]")
_PIECES = re.compile(r"(\[[*?[]\]|\*\*/|\*|\?)")
_EXPRESSIONS = {"**/": "((?:[^/]+/)*)", "*": "([^/]*)", "?": "([^/])"}
_ENDING = re.compile(r"(?<=.)\.[A-Za-z][A-Za-z0-9]{1,4}\Z")  # .png, .jpeg
_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPaths:
    """Two image files, and where they were photographed from if that is known."""

    name: str  # relative, becomes the folder of the results
    left: Path
    right: Path
    calibration: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPairs:
    """The pairs that two patterns mean, and the files without a partner, one line each."""

    pairs: tuple[PairPaths, ...]
    alone: tuple[str, ...]


def find_pairs(
    left_pattern: str, right_pattern: str, *, calibration_pattern: str | None = None
) -> tuple[PairPaths, ...]:
    """Pairs of files whose paths match two patterns with the same text in place of each *.

    `find_pairs("set/*/left.png", "set/*/right.png")` pairs set/a/left.png with set/a/right.png, named "a". A
    calibration pattern may have the same wildcards, or none: one file for all. A folder means the files in
    it; whole names are then compared without their endings.

    Raises PairError when nothing matches, or where a file has no partner.
    """
    found = search_pairs(left_pattern, right_pattern, calibration_pattern=calibration_pattern)
    if found.alone:
        raise PairError(f"{found.alone[0]} ({len(found.alone)} without partner)")
    return found.pairs


def search_pairs(
    left_pattern: str, right_pattern: str, *, calibration_pattern: str | None = None
) -> FoundPairs:
    """As `find_pairs`, but files without a partner are listed. Raises PairError when there is no pair."""
    left_pattern, right_pattern = _within(left_pattern), _within(right_pattern)
    lefts, rights = _matching(left_pattern), _matching(right_pattern)
    alone = [*_alone(lefts, rights, right_pattern), *_alone(rights, lefts, left_pattern)]
    both = sorted(lefts.keys() & rights.keys())
    if not both:
        raise PairError(f"{alone[0]}; no pair is left")
    names = {key: _name(left_pattern, lefts[key]) for key in both}
    if len(set(names.values())) < len(names):
        raise PairError(f"{left_pattern}: two pairs would get one name; use fewer wildcards")
    calibrations = {} if calibration_pattern is None else _calibrations(calibration_pattern, lefts, both)
    pairs = (
        PairPaths(
            name=names[key],
            left=Path(lefts[key]),
            right=Path(rights[key]),
            calibration=calibrations.get(key),
        )
        for key in both
    )
    return FoundPairs(pairs=tuple(pairs), alone=tuple(alone))


def is_pattern(text: str) -> bool:
    """Whether a text means several files: a folder, or a pattern that is no file's name."""
    return os.path.isdir(text) or (not os.path.exists(text) and bool(WILDCARDS & set(_ESCAPED.sub("", text))))


def _within(pattern: str) -> str:
    """A folder as the pattern of the files in it."""
    return f"{glob.escape(pattern.rstrip('/'))}/*" if os.path.isdir(pattern) else pattern


def _alone(here: Mapping[_Key, str], there: Mapping[_Key, str], pattern: str) -> list[str]:
    return [f"{here[key]}: no file matching {pattern} belongs to it" for key in sorted(here.keys() - there)]


def _matching(pattern: str) -> dict[_Key, str]:
    """Files by the text that stands for each wildcard; of a name that * stands for, without its ending."""
    if os.path.isfile(pattern):
        return {(): pattern}
    expression = re.compile(_translated(pattern))
    found: dict[_Key, str] = {}
    for path in sorted(glob.glob(_brackets_as_letters(pattern), recursive=True)):
        match = expression.fullmatch(path)
        if match is None or not os.path.isfile(path) or any(map(is_clutter, _unasked(path, pattern))):
            continue
        key = _key(match.groups(), pattern)
        if key in found:
            raise PairError(f"{found[key]} and {path} differ in their endings only; expected one of them")
        found[key] = path
    if not found:
        raise PairError(f"no file matches {pattern}")
    return found


def _unasked(path: str, pattern: str) -> set[str]:
    """The names in a path that a wildcard stands for, at least in part."""
    return set(path.split("/")) - set(pattern.split("/"))


def _key(groups: _Key, pattern: str) -> _Key:
    """What stands for the wildcards, where the last one is the end of the name without the file's ending."""
    return (*groups[:-1], _ENDING.sub("", groups[-1])) if pattern.endswith("*") else groups


def _brackets_as_letters(pattern: str) -> str:
    return "".join(
        piece if _ESCAPED.fullmatch(piece) else piece.replace("[", "[[]") for piece in _PIECES.split(pattern)
    )


def _translated(pattern: str) -> str:
    """The pattern as a regular expression with a group per wildcard."""
    return "".join(
        _EXPRESSIONS.get(piece) or re.escape(_ESCAPED.sub(r"\1", piece)) for piece in _PIECES.split(pattern)
    )


def _name(pattern: str, path: str) -> str:
    """What tells a pair from the others: whole folder names, and of the file's name what * stands for."""
    folders, _, file = pattern.rpartition("/")
    inside = re.fullmatch(_translated(file), Path(path).name)
    words = list(_key(inside.groups(), file)) if inside and inside.groups() else []
    wild = [index for index, part in enumerate(folders.split("/")) if WILDCARDS & set(_ESCAPED.sub("", part))]
    if wild:
        words = path.split("/")[wild[0] : -1] + words
    return "_".join(word for word in words if word) or Path(path).stem


def _calibrations(pattern: str, lefts: Mapping[_Key, str], both: list[_Key]) -> dict[_Key, Path]:
    found = _matching(_within(pattern))
    if set(found) == {()}:
        return dict.fromkeys(both, Path(found[()]))
    missing = [key for key in both if key not in found]
    if missing:
        raise PairError(f"{lefts[missing[0]]}: no calibration matching {pattern} belongs to it")
    return {key: Path(path) for key, path in found.items()}
