"""Packs of assets on disk, and the library a sampler chooses from.

A pack is one folder: `pack.yaml` (name, version, licence, notes, what was left out), `assets.jsonl` (one
`Asset` per line, sorted by id) and the files those records name. `pack.yaml` holds the SHA-256 of
`assets.jsonl`, and every record holds the SHA-256 of its files, so that one small file vouches for the whole
folder: a pack's `PackIdentity` says exactly which files it is. A pack made without some of its sources is
partial, and never passes for the whole one.

A library is several packs seen as one. Whatever it answers is sorted by id: choosing from it is
reproducible.
"""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assets_manifest.records import Asset, AssetKind
from jobs.expected import complaints
from jobs.files import file_sha256, write_bytes_atomic
from jobs.plain_yaml import PlainYamlError, read_plain
from jobs.system_errors import explain

PACK_FILE = "pack.yaml"
RECORDS_FILE = "assets.jsonl"
ROOT_VARIABLE = "FSD_ASSETS_DIR"
DEFAULT_ROOT = Path("~/.cache/fsd-gen/assets")
NAME = re.compile(r"[a-z0-9_]+")
LEFT_OUT = "without "  # how the note begins that names a source which a partial pack lacks


class PackError(ValueError):
    """A folder does not hold a readable, consistent pack."""


class MissingAssetError(FileNotFoundError):
    """An asset, its file or its whole pack is not there."""


class Pack(BaseModel):
    """What `pack.yaml` says, and the records beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    name: str = Field(pattern=r"^[a-z0-9_]+$")
    version: str
    licence: str  # one line: the licences found in the pack
    partial: bool = False  # a source was left out, which `notes` name
    notes: tuple[str, ...] = ()  # for people: what was left out and why
    skipped: dict[str, str] = {}  # id of what the source holds but the pack does not -> reason
    assets: tuple[Asset, ...] = ()  # sorted by id

    def identity(self) -> PackIdentity:
        """Which pack exactly this is."""
        digest = hashlib.sha256(_record_lines(self.assets)).hexdigest()
        return PackIdentity(
            name=self.name, version=self.version, digest=digest, partial=self.partial, notes=self.notes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackIdentity:
    """Two packs of one identity hold the same assets, to the byte of every file."""

    name: str
    version: str
    digest: str  # SHA-256 of the pack's records, as in pack.yaml
    partial: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One file of a pack that is not what its record says."""

    asset_id: str
    path: Path
    problem: str


def save_pack(pack: Pack, folder: Path) -> None:
    """Write `assets.jsonl`, then `pack.yaml`; a folder without the latter is no pack."""
    _refuse_duplicates(pack.assets)
    lines = _record_lines(pack.assets)
    head = pack.model_dump(mode="json", exclude={"assets"})
    head["records_sha256"] = hashlib.sha256(lines).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(folder / RECORDS_FILE, lines)
    write_bytes_atomic(folder / PACK_FILE, yaml.safe_dump(head, sort_keys=False, allow_unicode=True).encode())


def load_pack(folder: Path) -> Pack:
    """Read a pack.

    Raises MissingAssetError where `folder` holds no pack, PackError where what it holds is damaged.
    """
    if not (folder / PACK_FILE).is_file():
        raise MissingAssetError(
            f"no asset pack at {folder} ({PACK_FILE} is missing); get it with `fsd-gen assets fetch "
            f"{folder.name}`, or, if it is your own, bring its folder back ({ROOT_VARIABLE} may name another "
            "folder of packs)"
        )
    try:
        return _read_pack(folder)
    except ValidationError as error:
        said: str = complaints(error)
    except UnicodeDecodeError as error:
        said = f"its text is no UTF-8, from byte {error.start} on"
    except OSError as error:
        said = explain(error)
    except PlainYamlError as error:
        said = f"{PACK_FILE}: {error}"
    raise _damaged(folder, said)


def _read_pack(folder: Path) -> Pack:
    """The pack, or one of the errors that damage raises."""
    head = read_plain((folder / PACK_FILE).read_text(encoding="utf-8"))
    if not isinstance(head, dict) or "records_sha256" not in head:
        raise _damaged(folder, f"{PACK_FILE}: expected a mapping with records_sha256")
    lines = (folder / RECORDS_FILE).read_bytes()
    if hashlib.sha256(lines).hexdigest() != head.pop("records_sha256"):
        raise PackError(f"{folder / RECORDS_FILE} is not what {PACK_FILE} says; {_refetch(folder.name)}")
    notes = head.get("notes", ())
    left_out = isinstance(notes, list) and any(str(note).startswith(LEFT_OUT) for note in notes)
    assets = tuple(_record(folder, number, line) for number, line in enumerate(lines.splitlines(), 1))
    return Pack.model_validate({"partial": left_out, **head, "assets": assets})


def _record(folder: Path, number: int, line: bytes) -> Asset:
    try:
        return Asset.model_validate_json(line)
    except ValidationError as error:
        raise _damaged(folder, f"{RECORDS_FILE} line {number}: {complaints(error)}") from None


def _damaged(folder: Path, what: str) -> PackError:
    return PackError(f"{folder} is not a readable asset pack: {what}; {_refetch(folder.name)}")


class AssetLibrary:
    """Several packs seen as one set of assets."""

    def __init__(self, packs: Iterable[tuple[Pack, Path]]) -> None:
        """`packs`: each pack with the folder that holds its files."""
        self._assets: dict[str, Asset] = {}
        self._folders: dict[str, Path] = {}
        self._packs: dict[str, Pack] = {}
        for pack, folder in packs:
            _refuse_duplicates((*self._assets.values(), *pack.assets))
            self._packs[pack.name] = pack
            for asset in pack.assets:
                self._assets[asset.id] = asset
                self._folders[asset.id] = folder.resolve()
        self._assets = dict(sorted(self._assets.items()))
        self._tagged = tuple((asset, frozenset(asset.tags)) for asset in self._assets.values())
        self._choosable: Callable[[Asset], bool] = lambda asset: True

    def choosing(self, choosable: Callable[[Asset], bool]) -> AssetLibrary:
        """The same library, which selects among some of its assets only; all can still be got by id."""
        narrowed = copy.copy(self)
        narrowed._choosable = choosable
        return narrowed

    def __len__(self) -> int:
        return len(self._assets)

    def __iter__(self) -> Iterator[Asset]:
        return iter(self._assets.values())

    @property
    def packs(self) -> dict[str, str]:
        """Version of each open pack, by name."""
        return {name: pack.version for name, pack in self._packs.items()}

    def identities(self) -> tuple[PackIdentity, ...]:
        """Which packs exactly are open, sorted by name."""
        return tuple(pack.identity() for _, pack in sorted(self._packs.items()))

    def get(self, asset_id: str) -> Asset:
        """The record of `asset_id`; MissingAssetError where no open pack has it."""
        if asset_id not in self._assets:
            opened = ", ".join(self._packs) or "none"
            pack = asset_id.split("/")[0]
            raise MissingAssetError(
                f"no asset {asset_id!r} in the open packs ({opened}); "
                f"get it with `fsd-gen assets fetch {pack}`"
            )
        return self._assets[asset_id]

    def path(self, asset_id: str) -> Path:
        """Absolute path of the asset's file, checked to exist inside its pack."""
        asset = self.get(asset_id)
        return self._file(asset, asset.uri)

    def folder(self, asset_id: str) -> Path:
        """Absolute folder of the asset's pack; MissingAssetError where no open pack has it."""
        return self._folders[self.get(asset_id).id]

    def root(self, asset_id: str) -> Path:
        """The folder of packs that holds the asset's pack: where what is derived from it is remembered."""
        return self.folder(asset_id).parent

    def select(
        self, kind: AssetKind, *, tags: Iterable[str] = (), without: Iterable[str] = ()
    ) -> tuple[Asset, ...]:
        """Assets of `kind` with all of `tags` and none of `without`, sorted by id."""
        wanted, unwanted = frozenset(tags), frozenset(without)
        return tuple(
            asset
            for asset, tags in self._tagged
            if asset.kind == kind and wanted <= tags and unwanted.isdisjoint(tags) and self._choosable(asset)
        )

    def digest(self) -> str:
        """SHA-256 over every record: two libraries with one digest hold the same files and tags."""
        digest = hashlib.sha256()
        for asset in self:
            digest.update(_canonical_json(asset).encode() + b"\n")
        return digest.hexdigest()

    def verify(self) -> Iterator[Difference]:
        """Hash every file again and yield what differs from its record."""
        for asset in self:
            for uri, expected in ((asset.uri, asset.sha256), *asset.attachments):
                try:
                    path = self._file(asset, uri)
                except MissingAssetError as error:
                    missing = self._folders[asset.id] / uri
                    yield Difference(asset_id=asset.id, path=missing, problem=str(error))
                    continue
                if (found := file_sha256(path)) != expected:
                    yield Difference(
                        asset_id=asset.id, path=path, problem=f"sha256 {found}, the record says {expected}"
                    )

    def _file(self, asset: Asset, uri: str) -> Path:
        folder = self._folders[asset.id]
        path = (folder / uri).resolve()
        if not path.is_relative_to(folder):
            raise MissingAssetError(f"{asset.id}: {uri!r} leads out of its pack {folder}")
        if not path.is_file():
            raise MissingAssetError(f"{asset.id}: no file {path}; {_refetch(asset.id.split('/')[0])}")
        return path


def assets_root(root: Path | None = None) -> Path:
    """Folder that holds the packs: `root`, else the variable FSD_ASSETS_DIR, else ~/.cache/fsd-gen/assets.

    It need not be there yet. Raises NotADirectoryError where it, or what it would lie in, is no folder.
    """
    folder = Path(root or os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT).expanduser()
    there = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if there is not None and not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    return folder


def open_library(pack_names: Iterable[str], root: Path | None = None) -> AssetLibrary:
    """Open fetched packs by name; MissingAssetError says which one to fetch."""
    pack_names = list(map(plain_name, pack_names))
    folder = assets_root(root)
    return AssetLibrary((_loaded(folder / name), folder / name) for name in pack_names)


def _loaded(folder: Path) -> Pack:
    """The pack in a folder that has its name: assets are found by it."""
    pack = load_pack(folder)
    if pack.name != folder.name:
        raise PackError(f"{folder}: its {PACK_FILE} says {pack.name!r}; call the folder so")
    return pack


def plain_name(pack_name: str) -> str:
    """The name, unless it is a path, which would lead out of the assets folder. Raises PackError."""
    if not NAME.fullmatch(pack_name):
        raise PackError(f"{pack_name!r:.80} is no name of a pack; expected small letters, digits and _")
    return pack_name


def _record_lines(assets: Iterable[Asset]) -> bytes:
    """The content of `assets.jsonl`, whatever the order of `assets`."""
    ordered = sorted(assets, key=lambda asset: asset.id)
    return "".join(_canonical_json(asset) + "\n" for asset in ordered).encode()


def _canonical_json(asset: Asset) -> str:
    fields = asset.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(fields, sort_keys=True, ensure_ascii=False)


def _refuse_duplicates(assets: Iterable[Asset]) -> None:
    seen: set[str] = set()
    for asset in assets:
        if asset.id in seen:
            raise PackError(f"two assets are called {asset.id!r}; ids must be unique over all open packs")
        seen.add(asset.id)


def _refetch(pack: str) -> str:
    return f"fetch it again with `fsd-gen assets fetch {pack} --force`, or, if it is your own, write it again"
