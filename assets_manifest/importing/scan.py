"""Which files of a folder, or of a zip archive, are to become assets, and which are refused by name."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assets_manifest.downloads import ArchiveError, unzip
from assets_manifest.importing.convert import OTHER_FORMATS, READERS, Candidate, Choices
from assets_manifest.importing.licences import Licences
from assets_manifest.importing.raw import ImportRefusedError, RejectedFileError
from jobs.system_errors import explain

ARCHIVE = ".zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One file that does not come in."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where files come from: what an import replaces is what came from the same origin before."""

    name: str  # for reports and records
    key: str  # the same for the same folder


def folder_candidates(
    folder: Path, choices: Choices, licences: Licences, unpacked: Path
) -> Iterator[Candidate | Rejected]:
    """Every file of the folder that looks like an object, sorted; archives are unpacked below `unpacked`."""
    root = folder.resolve()
    closed: list[OSError] = []
    for path in _files(root, closed.append):
        label = f"{folder.name}/{path.relative_to(root).as_posix()}"
        if not _is_text(label):
            shown = label.encode("utf-8", "backslashreplace").decode()
            yield Rejected(label=shown, reason="its name is no UTF-8; call it otherwise")
        elif reason := _unfit(path, root):
            if path.suffix.lower() in (*READERS, *OTHER_FORMATS, ARCHIVE) or path.is_symlink():
                yield Rejected(label=label, reason=reason)
        elif path.suffix.lower() == ARCHIVE:
            yield from archive_candidates(path, label, choices, licences, unpacked)
        else:
            yield from file_candidates(path, root, label, choices, licences)
    for error in closed:
        yield Rejected(label=str(error.filename), reason=reason_of(error, str(error.filename)))


def reason_of(error: OSError, label: str) -> str:
    """What the system says of a file, without its name where the label of the file stands before it."""
    said, path = explain(error), str(error.filename)
    return said.removeprefix(f"{path}: ") if path.endswith(label) else said


def _unfit(path: Path, root: Path) -> str:
    """Why what stands at `path` is not looked into; "" where it is."""
    try:
        real = path.resolve(strict=True)
    except OSError as error:
        return reason_of(error, path.name)
    except RuntimeError:
        return "a link that leads in a circle; mend it, or copy the file instead"
    if not real.is_relative_to(root):
        return f"a link that leads out of {root.name}; copy the file instead"
    if real.is_dir():
        return "a link to a folder; copy the folder instead"
    return "" if real.is_file() else "no plain file (a pipe or a device?); copy a file in its place"


def file_candidates(
    path: Path, root: Path, label: str, choices: Choices, licences: Licences, prefix: str = ""
) -> Iterator[Candidate | Rejected]:
    """The file as a candidate, or why it is none; nothing for a file of another sort."""
    suffix = path.suffix.lower()
    if suffix in OTHER_FORMATS:
        yield Rejected(label=label, reason=f"{suffix} is not read; export glTF (.glb), OBJ, PLY, STL or USD")
    elif suffix in READERS:
        name = plain_id(prefix + path.relative_to(root).with_suffix("").as_posix())
        try:
            licence = licences.of(path)
        except RejectedFileError as error:
            yield Rejected(label=label, reason=str(error))
            return
        yield Candidate(name=name, path=path, root=root, label=label, licence=licence, choices=choices)


def archive_candidates(
    archive: Path, label: str, choices: Choices, licences: Licences, unpacked: Path
) -> Iterator[Candidate | Rejected]:
    """The objects in a zip, which has the licence of its own row, or what its own files say."""
    inside = unpacked / hashlib.sha256(label.encode()).hexdigest()[:16]
    try:
        unzip(archive, inside)
    except ArchiveError as error:
        yield Rejected(label=label, reason=str(error))
        return
    own = _licences_within(archive, inside, licences)
    found = [
        each
        for path in _files(inside)
        for each in file_candidates(
            path, inside, f"{label}/{path.relative_to(inside).as_posix()}", choices, own, f"{archive.stem}/"
        )
    ]
    yield from found
    if not found:
        yield Rejected(label=label, reason="the archive holds no object of a format that is read")


def _licences_within(archive: Path, inside: Path, licences: Licences) -> Licences:
    try:
        said = licences.of(archive)
    except RejectedFileError:
        return Licences(root=inside, licence=licences.licence, author=licences.author)
    return Licences(root=inside, licence=said.licence, author=said.author)


def _files(root: Path, closed: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """Plain files and links below the folder, sorted; nothing hidden, no links followed.

    `closed` is told of folders that cannot be listed.
    """
    for parent, folders, names in os.walk(root, onerror=closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in sorted([*names, *links]):
            if not name.startswith("."):
                yield Path(parent, name)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain_id(name: str) -> str:
    """The name as an asset's id can hold it: letters, digits, _, - and dots, by folders."""
    words = []
    for word in name.split("/"):
        plain = re.sub(r"[^A-Za-z0-9_.\-]+", "_", word).strip("._")
        words.append(plain if re.search("[A-Za-z0-9]", plain) else _from_digest(word))
    return "/".join(words)


def _from_digest(word: str) -> str:
    return f"object_{hashlib.sha256(word.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def existing(folder: Path) -> Path:
    """The folder or file to import. Raises ImportRefusedError."""
    if not folder.exists():
        raise ImportRefusedError(f"{folder}: no such file or folder; expected objects to import")
    return folder
