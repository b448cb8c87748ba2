"""The ways in: a folder, one file, a zip; `import_manifest` of `manifest` is another."""

from __future__ import annotations

from pathlib import Path

from assets_manifest.importing.convert import OTHER_FORMATS, READERS, Candidate, Choices
from assets_manifest.importing.licences import Licences
from assets_manifest.importing.pack import opened_workshop
from assets_manifest.importing.raw import ImportRefusedError
from assets_manifest.importing.report import ImportReport
from assets_manifest.importing.scan import (
    ARCHIVE,
    Origin,
    Rejected,
    archive_candidates,
    existing,
    file_candidates,
    folder_candidates,
)
from assets_manifest.progress import Progress, silent


def import_folder(
    folder: Path,
    pack: str,
    choices: Choices,
    *,
    licence: str | None = None,
    author: str | None = None,
    root: Path | None = None,
    force: bool = False,
    on_progress: Progress = silent,
) -> ImportReport:
    """Make the pack hold what the folder (or zip) holds, beside what came from elsewhere.

    `root` is the folder of packs. Raises ImportRefusedError where nothing can be imported, FetchError while
    another process works on the pack, PackError for a name that is none.
    """
    existing(folder)
    with opened_workshop(pack, root) as shop:
        found = _found(folder, choices, licence, author, shop.unpacked)
        return shop.update(_origin(folder), found, force=force, on_progress=on_progress)


def add_file(
    file: Path,
    pack: str,
    choices: Choices,
    *,
    licence: str | None = None,
    author: str | None = None,
    root: Path | None = None,
    force: bool = False,
    on_progress: Progress = silent,
) -> ImportReport:
    """Bring one file (or zip) into the pack; all else in it stays. Raises as `import_folder`."""
    if existing(file).is_dir():
        raise ImportRefusedError(
            f"{file} is a folder; bring it in with `fsd-gen assets import {file} --name {pack}`"
        )
    with opened_workshop(pack, root) as shop:
        found = _found(file, choices, licence, author, shop.unpacked)
        return shop.update(_origin(file), found, keep=True, force=force, on_progress=on_progress)


def _found(
    place: Path, choices: Choices, licence: str | None, author: str | None, unpacked: Path
) -> list[Candidate | Rejected]:
    if place.is_dir():
        licences = Licences(root=place.resolve(), licence=licence, author=author)
        return list(folder_candidates(place, choices, licences, unpacked))
    path, suffix = place.resolve(), place.suffix.lower()
    licences = Licences(root=path.parent, licence=licence, author=author)
    if suffix == ARCHIVE:
        return list(archive_candidates(path, place.name, choices, licences, unpacked))
    if suffix not in READERS and suffix not in OTHER_FORMATS:
        raise ImportRefusedError(f"{place}: expected a folder, a .zip or one of {' '.join(READERS)}")
    return list(file_candidates(path, path.parent, place.name, choices, licences))


def _origin(place: Path) -> Origin:
    return Origin(name=str(place), key=str(place.resolve()))
