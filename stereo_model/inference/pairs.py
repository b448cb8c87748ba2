"""Pairs of image files by patterns: the same text stands for each * of the left and of the right one."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stereo_model.inference.images import PairError


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPaths:
    """Two image files, and where they were photographed from if that is known."""

    name: str  # relative, becomes the folder of the results
    left: Path
    right: Path
    calibration: Path | None = None


def find_pairs(
    left_pattern: str, right_pattern: str, *, calibration_pattern: str | None = None
) -> tuple[PairPaths, ...]:
    """Pairs of files whose paths match two patterns with the same text in place of each *.

    `find_pairs("set/*/left.png", "set/*/right.png")` pairs set/a/left.png with set/a/right.png, named "a". A
    calibration pattern may have the same wildcards, or none: one file for all.

    Raises PairError when nothing matches, or where a file has no partner.
    """
    lefts, rights = _matching(left_pattern), _matching(right_pattern)
    for here, there, pattern in ((lefts, rights, right_pattern), (rights, lefts, left_pattern)):
        alone = sorted(set(here) - set(there))
        if alone:
            raise PairError(
                f"{here[alone[0]]}: no file matching {pattern} belongs to it ({len(alone)} without partner)"
            )
    names = {key: _name(left_pattern, path) for key, path in lefts.items()}
    if len(set(names.values())) < len(names):
        raise PairError(f"{left_pattern}: two pairs would get one name; use fewer wildcards")
    calibrations = _calibrations(calibration_pattern, lefts)
    return tuple(
        PairPaths(
            name=names[key],
            left=Path(lefts[key]),
            right=Path(rights[key]),
            calibration=calibrations.get(key),
        )
        for key in sorted(lefts)
    )


def _matching(pattern: str) -> dict[tuple[str, ...], str]:
    """Files by the text that stands for each wildcard."""
    expression = re.compile(_translated(pattern))
    found = {}
    for path in sorted(glob.glob(pattern, recursive=True)):
        match = expression.fullmatch(path)
        if match is not None and Path(path).is_file():
            found[match.groups()] = path
    if not found:
        raise PairError(f"no file matches {pattern}")
    return found


def _translated(pattern: str) -> str:
    """The pattern as a regular expression with a group per wildcard."""
    wildcards = {"**/": "((?:[^/]+/)*)", "*": "([^/]*)", "?": "([^/])"}
    return "".join(wildcards.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*|\?)", pattern))


def _name(pattern: str, path: str) -> str:
    """What tells a pair from the others: whole folder names, and of the file's name what * stands for."""
    folders, _, file = pattern.rpartition("/")
    inside = re.fullmatch(_translated(file), Path(path).name)
    words = list(inside.groups()) if inside else []
    if any(wildcard in folders for wildcard in "*?"):
        first = next(i for i, part in enumerate(folders.split("/")) if set(part) & set("*?"))
        words = path.split("/")[first:-1] + words
    return "_".join(word for word in words if word) or Path(path).stem


def _calibrations(pattern: str | None, lefts: Mapping[tuple[str, ...], str]) -> dict[tuple[str, ...], Path]:
    if pattern is None:
        return {}
    found = _matching(pattern)
    if set(found) == {()}:
        return dict.fromkeys(lefts, Path(found[()]))
    missing = sorted(set(lefts) - set(found))
    if missing:
        raise PairError(f"{lefts[missing[0]]}: no calibration matching {pattern} belongs to it")
    return {key: Path(path) for key, path in found.items()}
