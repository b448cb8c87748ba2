"""Manifests: a YAML of where objects are, what they are, and the SHA-256 by which they are known.

    format: 1
    licence: CC-BY-4.0          # these stand for every object that says nothing else
    objects:
      - uri: https://example.org/chair.glb
        sha256: 1f0c...
        author: Ann Other
        tags: [floor, seat]

An object whose sum and settings are those of the pack is not fetched again. `omniverse://` is not fetched at
all: the asset is a layer that refers to it, for renderers that can open that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, field_validator

from assets_manifest.downloads import ArchiveError, unzip
from assets_manifest.importing.convert import READERS, Candidate, Choices, Converted, convert
from assets_manifest.importing.licences import Licence, checked
from assets_manifest.importing.pack import Workshop, opened_workshop
from assets_manifest.importing.raw import ImportRefusedError, RejectedFileError, Up
from assets_manifest.importing.remote import REMOTE, refer
from assets_manifest.importing.report import ImportReport
from assets_manifest.importing.scan import ARCHIVE, Origin, Rejected, plain_id
from assets_manifest.importing.tags import checked as checked_tags
from assets_manifest.importing.transfer import transfer
from assets_manifest.progress import Progress, silent
from jobs.expected import Place, complaints
from jobs.plain_yaml import PlainYamlError, read_plain

LONGEST_TEXT = 16 << 20
LONGEST_FILE_NAME = 120  # characters, of a copy
Unit = Literal["mm", "cm", "m", "km", "in", "ft"]


def _sum(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}|", text):
        raise ValueError(f"expected a SHA-256, 64 of 0-9 and a-f, got {text!r:.80}")
    return text


Sum = Annotated[str, AfterValidator(_sum)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Companion(_Strict):
    """A further file that an object refers to, and where it lies beside it."""

    path: str
    uri: str
    sha256: Sum = ""

    @field_validator("path")
    @classmethod
    def _beside(cls, path: str) -> str:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\\" in path or not pure.parts or "\0" in path:
            raise ValueError(f"expected a path beside the object, got {path!r:.100}")
        return path


class Settings(_Strict):
    """What an object may say of itself, or the manifest of all."""

    licence: str | None = None
    author: str | None = None
    source: str | None = None
    unit: Unit | None = None
    up: Up | None = None
    tags: tuple[str, ...] = ()

    @field_validator("tags")
    @classmethod
    def _plain(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        return checked_tags(tags)


class Entry(Settings):
    """One object."""

    uri: str
    sha256: Sum = ""
    id: str | None = None  # by default from the file's name
    title: str | None = None
    member: str | None = None  # of a zip: the file in it
    files: tuple[Companion, ...] = ()
    size_m: tuple[float, float, float] | None = None  # omniverse:// alone, which nobody measures here


class Manifest(Settings):
    """A whole file."""

    format: Literal[1] = 1
    objects: tuple[Entry, ...]


def read_manifest(path: Path) -> Manifest:
    """Raises ImportRefusedError naming the place and what was expected."""
    try:
        if path.stat().st_size > LONGEST_TEXT:
            raise ImportRefusedError(f"{path}: more than {LONGEST_TEXT >> 20} MiB for a manifest")
        values = read_plain(path.read_text(encoding="utf-8"))
        return Manifest.model_validate(values)
    except (OSError, UnicodeDecodeError, PlainYamlError) as error:
        raise ImportRefusedError(f"{path}: no readable manifest: {error}") from error
    except ValidationError as error:
        raise ImportRefusedError(f"{path}: {complaints(error, _suggested, top='a manifest')}") from None


def _suggested(name: str, section: Place) -> str:
    """How the complaint about an unknown field goes on."""
    kind = Companion if "files" in section else Entry if section else Manifest
    known = sorted(kind.model_fields)
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An object that is fetched once it is needed."""

    name: str
    label: str
    entry: Entry
    base: Path
    cache: Path
    licence: Licence
    choices: Choices

    def settings(self) -> dict[str, Any]:
        """As of a Candidate, with what it is known by."""
        plain = Candidate(
            name=self.name,
            path=self.base,
            root=self.base,
            label=self.label,
            licence=self.licence,
            choices=self.choices,
        )
        entry = self.entry.model_dump(mode="json", include={"sha256", "member", "files", "size_m"})
        return {**plain.settings(), "entry": entry}

    def holds(self, files: Mapping[str, str]) -> bool:
        """Its settings say which bytes it is made from."""
        return True

    def make(self, asset_id: str, folder: Path) -> Converted:
        """Fetch and convert it. Raises RejectedFileError."""
        if self.entry.uri.startswith(REMOTE):
            return refer(self.entry.uri, asset_id, folder, self.licence, self.choices, self.entry.size_m)
        return convert(self.candidate(), asset_id, folder)

    def candidate(self) -> Candidate:
        """The object, on this disk. Raises RejectedFileError."""
        folder = self.cache / hashlib.sha256(f"{self.name} {self.entry.uri}".encode()).hexdigest()[:32]
        path = self._fetched(folder)
        if path.suffix.lower() == ARCHIVE:
            path, folder = self._unpacked(path, folder / "unpacked")
        if path.suffix.lower() not in READERS:
            raise RejectedFileError(f"{path.name}: expected one of {' '.join(READERS)}, or {ARCHIVE}")
        return Candidate(
            name=self.name,
            path=path.resolve(),
            root=folder.resolve(),
            label=self.label,
            licence=self.licence,
            choices=self.choices,
        )

    def _fetched(self, folder: Path) -> Path:
        most = self.choices.limits.file_bytes
        for file in self.entry.files:
            transfer(file.uri, folder / file.path, file.sha256, self.base, most)
        return transfer(
            self.entry.uri, folder / _file_name(self.entry.uri), self.entry.sha256, self.base, most
        )

    def _unpacked(self, archive: Path, folder: Path) -> tuple[Path, Path]:
        try:
            files = unzip(archive, folder)
        except ArchiveError as error:
            raise RejectedFileError(str(error)) from error
        objects = [path for path in files if path.suffix.lower() in READERS]
        if self.entry.member is not None:
            objects = [
                path for path in files if path.relative_to(folder.resolve()).as_posix() == self.entry.member
            ]
        if len(objects) != 1:
            names = ", ".join(sorted(path.relative_to(folder.resolve()).as_posix() for path in objects)[:10])
            raise RejectedFileError(f"expected one object in the zip, got {names or 'none'}; say `member:`")
        return objects[0], folder


def import_manifest(
    path: Path,
    pack: str,
    choices: Choices,
    *,
    root: Path | None = None,
    force: bool = False,
    on_progress: Progress = silent,
) -> ImportReport:
    """Make the pack hold what the manifest names, beside what came from elsewhere.

    `choices` stand for what neither the manifest nor the object says. Raises as `import_folder`.
    """
    manifest = read_manifest(path)
    with opened_workshop(pack, root) as shop:
        found = list(_pending(manifest, path, choices, shop))
        origin = Origin(name=str(path), key=str(path.resolve()))
        return shop.update(origin, found, force=force, on_progress=on_progress)


def _pending(
    manifest: Manifest, path: Path, choices: Choices, shop: Workshop
) -> Iterator[Pending | Rejected]:
    for entry in manifest.objects:
        try:
            yield _one(manifest, entry, path, choices, shop)
        except RejectedFileError as error:
            yield Rejected(label=entry.uri, reason=str(error))


def _one(manifest: Manifest, entry: Entry, path: Path, choices: Choices, shop: Workshop) -> Pending:
    licence = entry.licence or manifest.licence
    if licence is None:
        raise RejectedFileError("no licence is said; give `licence:`, of the object or of the manifest")
    chosen = replace(
        choices,
        unit=entry.unit or manifest.unit or choices.unit,
        up=entry.up or manifest.up or choices.up,
        tags=tuple(sorted({*choices.tags, *manifest.tags, *entry.tags})),
    )
    source = entry.source or manifest.source or entry.uri
    return Pending(
        name=plain_id(entry.id or PurePosixPath(_last_word(entry.uri)).stem),
        label=entry.uri,
        entry=entry,
        base=path.resolve().parent,
        cache=shop.scratch / "fetched",
        licence=checked(licence, entry.author or manifest.author or "", source, entry.title or ""),
        choices=chosen,
    )


def _file_name(uri: str) -> str:
    """What a copy of the file at a URI is called."""
    return _last_word(uri)[-LONGEST_FILE_NAME:].lstrip("._")  # its end says what it is


def _last_word(uri: str) -> str:
    """The last word of a URI's path, as an id can hold it."""
    try:
        name = unquote(urlsplit(uri).path).rsplit("/", 1)[-1]
    except ValueError as error:
        raise RejectedFileError(f"{uri!r:.200} is no URI: {error}") from None
    return plain_id(name) if name not in ("", ".", "..") else "object"
