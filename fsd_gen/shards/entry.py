"""One shard in the index: what its file is, and what is in it; read from the shard, or from a description of
it.

Of a shard in an object store (`jobs.store`) its maker leaves a description beside it, so that a run can be
listed, and told about, without its shards: index/entries/shards/00000.json. It holds all that the shard's
columns and root attributes say, with a SHA-256 of itself. One that does not fit its shard counts for nothing;
where there is none, what is wanted of the shard is read, and no more.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from fsd_gen.shards.format import Quarantined, ShardError, ShardMeta, attributes_of, meta_from
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import SampleRecord
from jobs.store.cache import placeholder_at

ENTRIES = "index/entries"  # within a run
DEEPEST = 4  # folders between a shard and its run: run/rounds/1/regenerated/00000.h5
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEntry:
    """One shard as it was when it was read."""

    path: str  # relative to the index's root, with forward slashes
    size: int  # bytes of the file
    mtime_ns: int
    rows: int
    quarantined: tuple[Quarantined, ...]
    meta_digest: str  # its root attribute of this name
    config_digest: str
    assets_json: str  # its packs; empty where it does not say
    renderer: str
    renderer_version: str

    @property
    def folder(self) -> str:
        """Where it lies, relative to the index's root."""
        return PurePosixPath(self.path).parent.as_posix()

    @property
    def stamp(self) -> tuple[int, int]:
        """What tells a changed file from an unchanged one."""
        return self.size, self.mtime_ns


Records = tuple[SampleRecord, ...]
Listed = tuple[ShardEntry, Records]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All that a shard says of itself without a pixel."""

    records: tuple[SampleRecord, ...]  # each with the name of the file as its shard
    quarantined: tuple[Quarantined, ...]
    meta: ShardMeta
    refused: tuple[str, ...]  # codes of defects of attempts that were drawn again, once for each attempt


def read_entry(root: Path, path: str, stamp: tuple[int, int]) -> Listed:
    """The entry and the records of a shard, from itself; `path` is relative to `root`. Raises ShardError."""
    with ShardReader(root / path, ranged=True) as reader:
        records, meta = reader.records(path), reader.meta
        entry = ShardEntry(
            path=path,
            size=stamp[0],
            mtime_ns=stamp[1],
            rows=len(records),
            quarantined=reader.quarantined(),
            meta_digest=str(attributes_of(meta)["meta_digest"]),
            config_digest=meta.config_digest,
            assets_json=meta.assets_json,
            renderer=meta.renderer,
            renderer_version=meta.renderer_version,
        )
    return entry, records


def read_contents(path: Path) -> Contents:
    """The contents of a shard, from itself. Raises ShardError, StoreError."""
    with ShardReader(path, ranged=True) as reader:
        records, quarantined = reader.records(), reader.quarantined()
        later = (record.row for record in records if record.attempt > 0)
        stories = [reasons for row in later for reasons in reader.render_info(row).refused]
        given_up = [reasons for entry in quarantined for reasons in entry.reasons]
        refused = tuple(chain.from_iterable(dict.fromkeys(reasons) for reasons in (*stories, *given_up)))
        return Contents(records=records, quarantined=quarantined, meta=reader.meta, refused=refused)


def description(root: Path, path: str) -> tuple[str, str]:
    """Name and text of the description of a finished shard."""
    entry, records = read_entry(root, path, ((root / path).stat().st_size, 0))
    contents = read_contents(root / path)
    says: dict[str, Any] = {
        "entry": asdict(entry) | {"quarantined": quarantined_to_json(entry.quarantined)},
        "records": [asdict(record) for record in records],
        "meta": attributes_of(contents.meta),
        "refused": list(contents.refused),
    }
    return description_name(path), _text(says | {"sha256": _digest(says)})


def described(root: Path, path: str, stamp: tuple[int, int]) -> Listed | None:
    """What a description says of a shard that is not on this machine; None where there is none that fits."""
    if placeholder_at(root / path) is None or (found := _read_description(root, path, stamp[0])) is None:
        return None
    return replace(found[0], mtime_ns=stamp[1]), found[1]


def _read_description(root: Path, path: str, size: int) -> tuple[ShardEntry, Records, dict[str, Any]] | None:
    """Entry, records and all that a description says, if there is one that fits a shard of so many bytes."""
    place = root / description_name(path)
    if not place.is_file():
        return None
    try:
        says = json.loads(place.read_text("utf-8"))
        entry, records = _parsed(says)
        changed = "sha256" in says and says.pop("sha256") != _digest(says)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ShardError) as error:
        log.warning("%s is no description of a shard (%s); the shard is read instead", place, error)
        return None
    if changed:
        log.warning("%s is damaged; the shard is read instead", place)
        return None
    if (entry.path, entry.size, entry.rows) != (path, size, len(records)):
        log.warning("%s is of another shard; the shard is read instead", place)
        return None
    return entry, records, says


def described_contents(path: Path) -> Contents | None:
    """What a description says of a shard in a store, wherever that is; None where none says it all."""
    for root, name in _roots(path):
        if found := _read_description(root, name, path.stat().st_size):
            entry, records, says = found
            if "meta" not in says:  # of an older version
                return None
            return Contents(
                records=tuple(replace(record, shard=path.name) for record in records),
                quarantined=entry.quarantined,
                meta=meta_from(says["meta"].get),
                refused=tuple(says["refused"]),
            )
    return None


def _roots(path: Path) -> Iterator[tuple[Path, str]]:
    """The folders that may be the run of a shard, with its name there."""
    for root in path.absolute().parents[:DEEPEST]:
        yield root, path.absolute().relative_to(root).as_posix()


def described_near(path: Path) -> Listed | None:
    """As `described`, of a shard in whatever run or set it lies."""
    if placeholder_at(path) is None:
        return None
    status = path.stat()
    found = (described(root, name, (status.st_size, status.st_mtime_ns)) for root, name in _roots(path))
    return next(filter(None, found), None)


def _text(says: dict[str, Any]) -> str:
    return json.dumps(says, separators=(",", ":"), allow_nan=False) + "\n"


def _digest(says: dict[str, Any]) -> str:
    return hashlib.sha256(_text(says).encode()).hexdigest()


def _parsed(says: dict[str, Any]) -> Listed:
    quarantined = quarantined_from_json(says["entry"]["quarantined"])
    entry = ShardEntry(**says["entry"] | {"quarantined": quarantined})
    return entry, tuple(SampleRecord(**record) for record in says["records"])


def description_name(path: str) -> str:
    """Where the description of a shard lies, relative to the run as the shard's path is."""
    return PurePosixPath(ENTRIES, path).with_suffix(".json").as_posix()


def quarantined_to_json(entries: Iterable[Quarantined]) -> str:
    """Slots that were given up, as JSON: [[slot, [[reason, ...], ...]], ...]."""
    return json.dumps([[entry.slot, entry.reasons] for entry in entries], separators=(",", ":"))


def quarantined_from_json(text: str) -> tuple[Quarantined, ...]:
    """See `quarantined_to_json`."""
    return tuple(
        Quarantined(slot=slot, reasons=tuple(map(tuple, reasons))) for slot, reasons in json.loads(text)
    )
