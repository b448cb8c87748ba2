"""One shard in the index: what its file is, and what is in it; read from the shard, or from a description of
it.

Of a shard in an object store (`jobs.store`) its maker leaves a description beside it, so that a run can be
listed without its shards: index/entries/shards/00000.json. One that does not fit its shard counts for
nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from fsd_gen.shards.format import Quarantined, ShardError, attributes_of
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


Listed = tuple[ShardEntry, tuple[SampleRecord, ...]]


def read_entry(root: Path, path: str, stamp: tuple[int, int]) -> Listed:
    """The entry and the records of a shard, from itself; `path` is relative to `root`. Raises ShardError."""
    with ShardReader(root / path) as reader:
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


def description(root: Path, path: str) -> tuple[str, str]:
    """Name and text of the description of a finished shard."""
    entry, records = read_entry(root, path, ((root / path).stat().st_size, 0))
    says = {
        "entry": asdict(entry) | {"quarantined": quarantined_to_json(entry.quarantined)},
        "records": [asdict(record) for record in records],
    }
    return _name(path), json.dumps(says, separators=(",", ":"), allow_nan=False) + "\n"


def described(root: Path, path: str, stamp: tuple[int, int]) -> Listed | None:
    """What a description says of a shard that is not on this machine; None where there is none that fits."""
    place = root / _name(path)
    if placeholder_at(root / path) is None or not place.is_file():
        return None
    try:
        entry, records = _parsed(json.loads(place.read_text("utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError, ShardError) as error:
        log.warning("%s is no description of a shard (%s); the shard is read instead", place, error)
        return None
    if (entry.path, entry.size, entry.rows) != (path, stamp[0], len(records)):
        log.warning("%s is of another shard; the shard is read instead", place)
        return None
    return replace(entry, mtime_ns=stamp[1]), records


def described_near(path: Path) -> Listed | None:
    """As `described`, of a shard in whatever run or set it lies."""
    if placeholder_at(path) is None:
        return None
    status = path.stat()
    for root in path.absolute().parents[:DEEPEST]:
        name = path.absolute().relative_to(root).as_posix()
        if found := described(root, name, (status.st_size, status.st_mtime_ns)):
            return found
    return None


def _parsed(says: dict[str, Any]) -> Listed:
    quarantined = quarantined_from_json(says["entry"]["quarantined"])
    entry = ShardEntry(**says["entry"] | {"quarantined": quarantined})
    return entry, tuple(SampleRecord(**record) for record in says["records"])


def _name(path: str) -> str:
    return PurePosixPath(ENTRIES, path).with_suffix(".json").as_posix()


def quarantined_to_json(entries: Iterable[Quarantined]) -> str:
    """Slots that were given up, as JSON: [[slot, [[reason, ...], ...]], ...]."""
    return json.dumps([[entry.slot, entry.reasons] for entry in entries], separators=(",", ":"))


def quarantined_from_json(text: str) -> tuple[Quarantined, ...]:
    """See `quarantined_to_json`."""
    return tuple(
        Quarantined(slot=slot, reasons=tuple(map(tuple, reasons))) for slot, reasons in json.loads(text)
    )
