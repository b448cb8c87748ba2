"""One file of the user's to one asset: read, judged, placed, written, read back, pictured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assets_manifest.importing import tags as tagging
from assets_manifest.importing.gltf_file import read_gltf
from assets_manifest.importing.licences import Licence
from assets_manifest.importing.obj_file import read_obj
from assets_manifest.importing.pictures import PictureStore
from assets_manifest.importing.place import to_parts
from assets_manifest.importing.portrait import portrait
from assets_manifest.importing.raw import Limits, RawObject, RejectedFileError, Up
from assets_manifest.importing.solids import read_ply, read_stl
from assets_manifest.importing.usd_file import read_usd
from assets_manifest.meshes.flat_tops import FlatTop
from assets_manifest.meshes.parts import MeshPart, size_m
from assets_manifest.meshes.usd import write_object_usd
from assets_manifest.records import Asset
from jobs.contents import contents
from jobs.files import file_sha256

CONVERTER = 3  # raised when the same file is converted otherwise
MODEL, THUMBNAIL = "model.usdc", "thumbnail.png"
Read = Callable[[Path, Path, Limits], RawObject]
READERS: Mapping[str, Read] = {
    ".obj": read_obj,
    ".gltf": read_gltf,
    ".glb": read_gltf,
    ".ply": read_ply,
    ".stl": read_stl,
    **dict.fromkeys((".usd", ".usda", ".usdc", ".usdz"), read_usd),
}
OTHER_FORMATS = (
    ".fbx",
    ".blend",
    ".dae",
    ".3ds",
    ".max",
    ".abc",
    ".stp",
    ".step",
    ".iges",
    ".x3d",
    ".off",
    ".3mf",
)
HANG_M, HIGHEST_M = 1.2, 2.3  # lower edge of what hangs; upper edge of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How files are read; what is None follows each file."""

    unit: str | None = None
    up: Up | None = None
    tags: tuple[str, ...] = ()
    any_size: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One file that is to become the asset PACK/`name`."""

    name: str
    path: Path
    root: Path  # what it refers to lies below
    label: str  # for reports
    licence: Licence
    choices: Choices

    def settings(self) -> dict[str, Any]:
        """Everything but the files that decides what becomes of it."""
        chosen, licence = self.choices, self.licence
        return {
            "converter": CONVERTER,
            "unit": chosen.unit,
            "up": chosen.up,
            "tags": list(chosen.tags),
            "any_size": chosen.any_size,
            "licence": [licence.licence, licence.author, licence.source, licence.title],
            "label": self.label,
        }

    def holds(self, files: Mapping[str, str]) -> bool:
        """Whether these files (path below `root` -> SHA-256) are still the same."""
        found = ((self.root / name, digest) for name, digest in files.items())
        return all(path.is_file() and file_sha256(path) == digest for path, digest in found)

    def make(self, asset_id: str, folder: Path) -> Converted:
        """Fill the empty `folder` with the asset's files. Raises RejectedFileError."""
        return convert(self, asset_id, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """The asset's record, with its uris relative to its folder, and what is worth telling."""

    asset: Asset
    files: Mapping[str, str]  # every file read, below the candidate's root -> SHA-256
    notes: tuple[str, ...]
    guessed: bool  # the tags


def convert(candidate: Candidate, asset_id: str, folder: Path) -> Converted:
    """Fill the empty `folder` with the asset's files. Raises RejectedFileError."""
    raw = _read(candidate)
    chosen, store = candidate.choices, PictureStore(folder)
    parts = to_parts(raw, store, unit=chosen.unit, up=chosen.up, any_size=chosen.any_size)
    write_object_usd(folder / MODEL, parts)
    (folder / THUMBNAIL).write_bytes(portrait(folder / MODEL))  # reads what was written
    notes = [*raw.notes, *store.notes]
    record = _record(candidate, asset_id, folder, parts, notes)
    return Converted(
        asset=record,
        files={_below(path, candidate.root): file_sha256(path) for path in raw.files},
        notes=tuple(notes),
        guessed=not set(chosen.tags) & tagging.ROLES,
    )


def _below(path: Path, root: Path) -> str:
    return path.resolve().relative_to(root.resolve()).as_posix()


def _read(candidate: Candidate) -> RawObject:
    path, limits = candidate.path, candidate.choices.limits
    size = path.stat().st_size
    if size == 0:
        raise RejectedFileError("the file is empty")
    if size > limits.file_bytes:
        raise RejectedFileError(
            f"{size / 1e9:.1f} GB, more than {limits.file_bytes / 1e9:.1f} GB; decimate it"
        )
    reader = READERS[path.suffix.lower()]
    try:
        return reader(path, candidate.root, limits)
    except RejectedFileError as error:
        if str(error).startswith("unreadable") and (found := contents(path)) not in (
            "a text file",
            "of no known kind",
        ):
            raise RejectedFileError(f"{error}; the file is {found}") from error
        raise


def _record(
    candidate: Candidate, asset_id: str, folder: Path, parts: list[MeshPart], notes: list[str]
) -> Asset:
    size, licence = size_m(parts), candidate.licence
    tags, top = _tags(candidate, parts, size, notes)
    return Asset(
        id=asset_id,
        kind="object",
        uri=MODEL,
        sha256=file_sha256(folder / MODEL),
        licence=licence.licence,
        author=licence.author,
        source=licence.source or candidate.label,
        title=licence.title or candidate.path.stem.replace("_", " "),
        tags=tuple(sorted(tags)),
        size_m=size,
        triangles=sum(part.triangle_count for part in parts),
        top_m=top.height_m if top else None,
        top_rect_m=top.rect_m if top else None,
        hang_m=round(max(0.0, min(HANG_M, HIGHEST_M - size[2])), 3) if "wall" in tags else None,
        attachments=_attachments(folder, parts),
    )


def _tags(
    candidate: Candidate, parts: list[MeshPart], size: tuple[float, float, float], notes: list[str]
) -> tuple[set[str], FlatTop | None]:
    given, top = set(candidate.choices.tags), tagging.free_top(parts, size)
    tags = given | tagging.looks(parts)
    if not given & tagging.ROLES:
        tags |= tagging.guess(candidate.name, size)
    if "support" in given and top is None:
        notes.append("tagged support, but it has no free level top of 0.25 to 1.3 m")
        tags.discard("support")
    elif top is not None and ("support" in given or tagging.says_support(candidate.name, tags)):
        tags.add("support")
    return tags, top if "support" in tags else None


def _attachments(folder: Path, parts: list[MeshPart]) -> tuple[tuple[str, str], ...]:
    names = sorted({name for part in parts for name in part.surface.textures})
    return tuple((name, file_sha256(folder / name)) for name in names)
