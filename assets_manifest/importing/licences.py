"""Under which licence, and by whom: said by the user for every file, in one of three ways.

licences.csv       beside the files or above them: columns file (a name or pattern), licence, author;
                   optional: source, title
--licence, --author  for everything that no row names
LICENSE, LICENSE.txt, LICENCE ... beside the files or above them, where its text is one that is known
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path

from assets_manifest.importing.raw import RejectedFileError
from assets_manifest.spdx import LicenceError, asks_for_author, canonical

TABLE = "licences.csv"
COLUMNS = {"file", "licence", "author", "source", "title"}
TEXT_NAMES = ("license", "licence", "license.txt", "licence.txt", "license.md", "licence.md", "copying")
LONGEST_TEXT = 1 << 20
COMMON = (  # identifiers of what objects come under, one of which a wrong one may have meant
    "CC0-1.0 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC-BY-ND-4.0 CC-BY-NC-3.0 CC-BY-NC-4.0 "
    "CC-BY-NC-SA-4.0 CC-BY-NC-ND-4.0 Apache-2.0 MIT BSD-2-Clause BSD-3-Clause GPL-2.0-only "
    "GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later LGPL-3.0-only MPL-2.0 Unlicense"
).split()
KNOWN = (  # what a text says -> its SPDX identifier
    (r"cc0 1\.0|creative commons zero|cc0-1\.0", "CC0-1.0"),
    (r"attribution-noncommercial-sharealike 4\.0|cc[- ]by-nc-sa[- ]4\.0", "CC-BY-NC-SA-4.0"),
    (r"attribution-noncommercial-noderivatives 4\.0|cc[- ]by-nc-nd[- ]4\.0", "CC-BY-NC-ND-4.0"),
    (r"attribution-noncommercial 4\.0|cc[- ]by-nc[- ]4\.0", "CC-BY-NC-4.0"),
    (r"attribution-noderivatives 4\.0|cc[- ]by-nd[- ]4\.0", "CC-BY-ND-4.0"),
    (r"attribution-sharealike 4\.0|cc[- ]by-sa[- ]4\.0", "CC-BY-SA-4.0"),
    (r"attribution 4\.0|cc[- ]by[- ]4\.0", "CC-BY-4.0"),
    (r"attribution 3\.0|cc[- ]by[- ]3\.0", "CC-BY-3.0"),
    (r"apache license,?\s+version 2\.0", "Apache-2.0"),
    (r"\bmit license|permission is hereby granted, free of charge", "MIT"),
)
REMEDY = (
    "give --licence (an SPDX identifier such as CC-BY-4.0, LicenseRef-NAME, or several joined by OR and AND) "
    "or a licences.csv beside it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """What a record says of its file's origin."""

    licence: str
    author: str
    source: str = ""
    title: str = ""


@dataclass(slots=True)
class Licences:
    """The licences of one folder."""

    root: Path
    licence: str | None = None
    author: str | None = None
    _tables: dict[Path, list[dict[str, str]]] = field(default_factory=dict)
    _texts: dict[Path, str | None] = field(default_factory=dict)

    def of(self, path: Path) -> Licence:
        """Of a file below the root. Raises RejectedFileError where none is said; names the option."""
        row = self._row(path) or {}
        licence = row.get("licence") or self.licence or self._text(path)
        if not licence:
            raise RejectedFileError(f"no licence is said; {REMEDY}")
        return checked(
            licence, row.get("author") or self.author or "", row.get("source", ""), row.get("title", "")
        )

    def _above(self, path: Path) -> Iterator[Path]:
        """Folders from the file's own up to the root."""
        for folder in path.parents:
            yield folder
            if folder == self.root:
                return

    def _row(self, path: Path) -> dict[str, str] | None:
        for folder in self._above(path):
            if folder not in self._tables:
                self._tables[folder] = _read_table(folder / TABLE)
            inside = path.relative_to(folder).as_posix()
            for row in self._tables[folder]:
                if fnmatch(inside, row["file"]) or fnmatch(path.name, row["file"]):
                    return row
        return None

    def _text(self, path: Path) -> str | None:
        for folder in self._above(path):
            if folder not in self._texts:
                self._texts[folder] = _recognised(folder)
            if self._texts[folder]:
                return self._texts[folder]
        return None


def checked(licence: str, author: str, source: str = "", title: str = "") -> Licence:
    """A licence that can be credited. Raises RejectedFileError."""
    licence = _canonical(licence)
    if asks_for_author(licence) and not author:
        raise RejectedFileError(f"{licence} asks for its author's name; give --author, or the column author")
    return Licence(licence=licence, author=author or "unknown", source=source, title=title)


def _canonical(licence: str) -> str:
    """A licence as SPDX writes it. Raises RejectedFileError for one that SPDX does not know."""
    try:
        return canonical(licence)
    except LicenceError as error:
        unknown = error.unknown
    names = {each.lower(): each for each in COMMON}
    near = get_close_matches(unknown.lower(), names, n=1)
    meant = f" (the nearest is {names[near[0]]})" if near else ""
    where = "" if unknown == licence else f" in {licence!r:.60}"
    raise RejectedFileError(f"{unknown!r:.60}{where} is no identifier of a licence{meant}; {REMEDY}")


def _read_table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig", errors="replace"))))
    except csv.Error as error:
        raise RejectedFileError(f"{path}: not a table of comma-separated values: {error}") from None
    columns = set(rows[0]) if rows else COLUMNS
    if "file" not in columns or None in columns or not columns <= COLUMNS:
        raise RejectedFileError(
            f"{path}: expected the columns {sorted(COLUMNS)}, got {sorted(map(str, columns))}"
        )
    return [{key: (value or "").strip() for key, value in row.items()} for row in rows]


def _recognised(folder: Path) -> str | None:
    """The licence whose text stands in a folder. Raises RejectedFileError for a text of another."""
    for path in sorted(folder.iterdir()):
        if path.name.lower() in TEXT_NAMES and path.is_file():
            text = path.read_bytes()[:LONGEST_TEXT].decode("utf-8", errors="replace").lower()
            text = " ".join(text.split())
            for pattern, licence in KNOWN:
                if re.search(pattern, text):
                    return licence
            raise RejectedFileError(f"the text of {path.name} is of no licence that is known; {REMEDY}")
    return None
