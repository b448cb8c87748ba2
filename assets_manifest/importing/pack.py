"""A pack of the user's own, kept in step with the files it is made from.

    PACK/objects/ID/      model.usdc, its textures, thumbnail.png, entry.json (ID with + for /)
    PACK/pack.yaml, assets.jsonl, report.json, report.html
    ROOT/.building/PACK-import/   what an interrupted import made already; the next one goes on from there

`entry.json` is written last: a folder that has it is whole. It says from which files, by their SHA-256, and
with which settings the asset was made; while those are the same the asset stays as it is. The pack is put
together beside the old one and takes its place by one rename.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from pydantic import ValidationError

from assets_manifest.fetch import FetchError
from assets_manifest.importing.convert import Converted
from assets_manifest.importing.raw import ImportRefusedError, RejectedFileError
from assets_manifest.importing.report import Entered, ImportReport, write_report
from assets_manifest.importing.scan import Origin, Rejected, reason_of
from assets_manifest.library import PACK_FILE, Pack, assets_root, plain_name, save_pack
from assets_manifest.progress import Progress, silent
from assets_manifest.records import Asset
from assets_manifest.registry import recipes
from jobs.files import file_sha256, publish_folder, write_json_atomic

OBJECTS, ENTRY = "objects", "entry.json"
LONGEST_NAME = 200  # characters; file systems take 255, of which some are for what stands beside it
OF_ONE_FILE = frozenset(  # what the system may refuse because of one file, whatever becomes of the others
    (errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EPERM)
)
TOLD = 3  # reasons in the message of an import of nothing


class Wanted(Protocol):
    """What may become the asset PACK/`name`."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str:
        """For reports."""

    def settings(self) -> dict[str, Any]:
        """Everything but files that decides what becomes of it, as JSON holds it."""

    def holds(self, files: Mapping[str, str]) -> bool:
        """Whether the files that an asset was made from are still the same."""

    def make(self, asset_id: str, folder: Path) -> Converted:
        """Fill the empty `folder`. Raises RejectedFileError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One asset as it lies in a folder of its own."""

    folder: Path
    origin: str  # key of where it came from
    label: str
    settings: Mapping[str, Any]
    files: Mapping[str, str]  # path below the candidate's root -> SHA-256
    asset: Asset  # uris relative to `folder`
    notes: tuple[str, ...]
    guessed: bool

    def is_of(self, wanted: Wanted) -> bool:
        """Whether making what is wanted would give this asset again; it must be whole, too."""
        own = ((self.asset.uri, self.asset.sha256), *self.asset.attachments)
        paths = ((self.folder / uri, digest) for uri, digest in own)
        whole = all(path.is_file() and file_sha256(path) == digest for path, digest in paths)
        return whole and self.settings == wanted.settings() and wanted.holds(self.files)


class Workshop:
    """The folders of one import. Use it inside `opened_workshop`, which holds the pack's lock."""

    def __init__(self, pack: str, root: Path) -> None:
        self.pack = pack
        self.folder = root / pack
        self.scratch = root / ".building" / f"{pack}-import"
        self.unpacked = self.scratch / "unpacked"
        self.earlier = {entry.asset.id: entry for entry in _entries(self.folder / OBJECTS)}
        self._made = {entry.asset.id: entry for entry in _entries(self.scratch / "made")}

    def update(
        self,
        origin: Origin,
        found: Sequence[Wanted | Rejected],
        *,
        keep: bool = False,
        force: bool = False,
        on_progress: Progress = silent,
    ) -> ImportReport:
        """Bring in what was found. Assets of the origin that are not among it leave, unless `keep`.

        Raises ImportRefusedError where nothing would be in the pack; the old pack then stays.
        """
        others = self._others(origin, found, keep)
        taken = {id.partition("/")[2]: entry.label for id, entry in others.items()}
        entries: dict[str, Entry] = {}
        entered: list[Entered] = []
        rejected: list[Rejected] = []
        for done, each in enumerate(found):
            on_progress(each.label, done, len(found))
            made = each if isinstance(each, Rejected) else self._tried(each, taken, origin, force)
            if isinstance(made, Rejected):
                rejected.append(made)
                entries |= self._good_before(each)
            else:
                entries[made[0].asset.id] = made[0]
                entered.append(_entered(*made))
            taken |= {id.partition("/")[2]: entry.label for id, entry in entries.items()}
        entries = self._left_alone(found) | entries
        here = {*others, *entries}
        report = ImportReport(
            pack=self.pack,
            folder=self.folder,
            origin=origin.name,
            entered=tuple(entered),
            rejected=tuple(rejected),
            gone=tuple(sorted(self.earlier.keys() - here)),
        )
        self._publish(report, [*others.values(), *entries.values()], on_progress)
        return report

    def _others(self, origin: Origin, found: Sequence[Wanted | Rejected], keep: bool) -> dict[str, Entry]:
        """What stays in the pack whatever becomes of what was found, by id."""
        if not keep:
            return {id: entry for id, entry in self.earlier.items() if entry.origin != origin.key}
        names = {f"{self.pack}/{each.name}" for each in found if not isinstance(each, Rejected)}
        return {id: entry for id, entry in self.earlier.items() if id not in names}

    def _good_before(self, refused: Wanted | Rejected) -> dict[str, Entry]:
        """What the pack holds of a file that is bad now, from when it was good."""
        alone = {} if isinstance(refused, Rejected) else self._left_alone([refused])
        return {id: entry for id, entry in alone.items() if entry.label == refused.label}

    def _left_alone(self, found: Sequence[Wanted | Rejected]) -> dict[str, Entry]:
        """What the pack holds under these names, whichever file it is of."""
        ids = [f"{self.pack}/{each.name}" for each in found if not isinstance(each, Rejected)]
        return {id: self.earlier[id] for id in ids if id in self.earlier}

    def _tried(
        self, wanted: Wanted, taken: Mapping[str, str], origin: Origin, force: bool
    ) -> tuple[Entry, str] | Rejected:
        """The asset, or why it is none. `taken`: names that are in use, each with its file."""
        try:
            _check_name(wanted.name, taken)
            return self._entry(wanted, origin, force)
        except RejectedFileError as error:
            return Rejected(label=wanted.label, reason=str(error))
        except OSError as error:
            if error.errno not in OF_ONE_FILE:
                raise
            return Rejected(label=wanted.label, reason=reason_of(error, wanted.label))

    def _entry(self, wanted: Wanted, origin: Origin, force: bool) -> tuple[Entry, str]:
        asset_id = f"{self.pack}/{wanted.name}"
        before, made = self.earlier.get(asset_id), self._made.get(asset_id)
        if not force and before is not None and before.is_of(wanted):
            return before, "unchanged"
        state = "new" if before is None else "changed"
        if not force and made is not None and made.is_of(wanted):
            return made, state
        folder = self.scratch / "made" / _folder_name(asset_id)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            converted = wanted.make(asset_id, folder)
        except (RejectedFileError, OSError):
            shutil.rmtree(folder)
            raise
        values = {
            "origin": origin.key,
            "label": wanted.label,
            "settings": wanted.settings(),
            "files": dict(converted.files),
            "asset": converted.asset.model_dump(mode="json", exclude_defaults=True),
            "notes": list(converted.notes),
            "guessed": converted.guessed,
        }
        write_json_atomic(folder / ENTRY, values)
        return _entry_of(folder, values), state

    def _publish(self, report: ImportReport, entries: Sequence[Entry], on_progress: Progress) -> None:
        if not entries:
            raise ImportRefusedError(f"{report.origin}: nothing to import: {_reasons(report)}")
        building = self.scratch / "pack"
        shutil.rmtree(building, ignore_errors=True)
        assets = tuple(_placed(entry, building) for entry in entries)
        lines = "".join(sorted(asset.sha256 + asset.id for asset in assets))
        licences = ", ".join(sorted({asset.licence for asset in assets}))
        version = f"import-{hashlib.sha256(lines.encode()).hexdigest()[:12]}"
        save_pack(Pack(name=self.pack, version=version, licence=licences, assets=assets), building)
        write_report(report, assets, building)
        on_progress("publishing", 0, 1)
        publish_folder(building, self.folder)
        shutil.rmtree(self.scratch, ignore_errors=True)
        on_progress("published", 1, 1)


def _reasons(report: ImportReport) -> str:
    """Why nothing comes in: what holds of every file once, else the first few files with theirs."""
    rejected, different = report.rejected, {each.reason for each in report.rejected}
    if not rejected:
        return "no file of a format that is read"
    if len(rejected) == 1 and Path(report.origin).name == rejected[0].label:
        return rejected[0].reason  # the origin is this file
    if len(rejected) > 1 and len(different) == 1:
        return f"{different.pop()} (so with all {len(rejected)} files)"
    more = f"; and {len(rejected) - TOLD} more" if len(rejected) > TOLD else ""
    return "; ".join(f"{each.label}: {each.reason}" for each in rejected[:TOLD]) + more


@contextmanager
def opened_workshop(pack: str, root: Path | None = None) -> Iterator[Workshop]:
    """Hold the lock of a pack of the user's own.

    Raises ImportRefusedError for a name that is another's, PackError for one that is none, FetchError while
    another process works on the pack.
    """
    place = assets_root(root)
    _refuse_foreign(plain_name(pack), place)
    place.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(place / f".{pack}.lock", timeout=0):
            shop = Workshop(pack, place)
            shutil.rmtree(shop.unpacked, ignore_errors=True)
            yield shop
    except Timeout as error:
        raise FetchError(
            f"another process works on the pack {pack} in {place}; wait for it to end"
        ) from error


def _refuse_foreign(pack: str, place: Path) -> None:
    if pack in recipes():
        raise ImportRefusedError(f"--name {pack}: that pack has a recipe of its own; choose another name")
    folder = place / pack
    if folder.exists() and not (folder / OBJECTS).is_dir() and (folder / PACK_FILE).exists():
        raise ImportRefusedError(f"{folder} is a pack that no import made; choose another name")
    if pack == "made":
        raise ImportRefusedError("--name made: assets from numbers are called so; choose another name")


def _check_name(name: str, taken: Mapping[str, str]) -> None:
    """Refuse a name that another file's asset has, or that no folder can have. Raises RejectedFileError."""
    if name in taken:
        raise RejectedFileError(f"it would be called {name!r}, as {taken[name]} is; rename one of them")
    if len(name) > LONGEST_NAME:
        raise RejectedFileError(
            f"it would be called {name[:40]}..., a name of {len(name)} characters, more than {LONGEST_NAME}; "
            "give it a shorter one (of a manifest's object: `id:`)"
        )


def _entries(folder: Path) -> Iterator[Entry]:
    """Every whole asset of a folder of assets."""
    for place in sorted(folder.glob(f"*/{ENTRY}")):
        try:
            yield _entry_of(place.parent, json.loads(place.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            continue  # damaged: made anew


def _entry_of(folder: Path, values: Mapping[str, Any]) -> Entry:
    return Entry(
        folder=folder,
        origin=values["origin"],
        label=values["label"],
        settings=values["settings"],
        files=values["files"],
        asset=Asset.model_validate(values["asset"]),
        notes=tuple(values["notes"]),
        guessed=bool(values["guessed"]),
    )


def _entered(entry: Entry, state: str) -> Entered:
    given = set(entry.settings["tags"])
    guessed = tuple(tag for tag in entry.asset.tags if tag not in given) if entry.guessed else ()
    return Entered(id=entry.asset.id, label=entry.label, state=state, notes=entry.notes, guessed=guessed)


def _folder_name(asset_id: str) -> str:
    return asset_id.partition("/")[2].replace("/", "+")


def _placed(entry: Entry, building: Path) -> Asset:
    """The entry's files in the pack that is being built, and its record there."""
    name = _folder_name(entry.asset.id)
    target = building / OBJECTS / name
    target.mkdir(parents=True)
    for source in sorted(entry.folder.iterdir()):
        try:
            os.link(source, target / source.name)  # files of a pack never change, they are replaced
        except OSError:
            shutil.copyfile(source, target / source.name)
    return entry.asset.model_copy(
        update={
            "uri": f"{OBJECTS}/{name}/{entry.asset.uri}",
            "attachments": tuple((f"{OBJECTS}/{name}/{uri}", sha) for uri, sha in entry.asset.attachments),
        }
    )
