"""The index: what all shards of a run hold, without opening them again.

    index/samples.parquet   one row per sample: a `SampleRecord`
    index/shards.parquet    one row per shard: size and time of its file, meta digest, quarantined slots

Both are made from the shards' columns alone and can be removed at will. `refresh_index` opens only shards
that are new or whose file changed; with nothing new it lists folders and reads two files. The second file
names the content of the first, so that of two writers at once one wins whole.

A manifest digest names a set of samples, whatever the machine, the time, the cost and the order in which
they were made. `manifest_digest` covers images, truth and scenes; `truth_manifest_digest` the truth alone,
which stays equal where another CPU's renderer noise differs.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from fsd_gen.shards.entry import (
    DEEPEST,
    Listed,
    ShardEntry,
    described,
    described_near,
    quarantined_from_json,
    quarantined_to_json,
    read_entry,
)
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import SampleRecord
from jobs.files import DISK_FULL_ERRNOS, part_file
from stereo_model.data.shards.tables import read_table

UNWRITABLE_ERRNOS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.EEXIST, errno.ENOTDIR}
    | {errno.ENOENT}  # taken for a left-over by a command that begins to render there
    | DISK_FULL_ERRNOS
)
log = logging.getLogger(__name__)

StrPath = str | os.PathLike[str]
INDEX_NAME = "index/samples.parquet"  # within a run directory
SHARDS_NAME = "index/shards.parquet"
FIRST_DRAW = "shards"  # folder of a run's first draw
_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), float | None: pa.float64()}
_HINTS = get_type_hints(SampleRecord)
SCHEMA = pa.schema([pa.field(f.name, _ARROW[_HINTS[f.name]]) for f in fields(SampleRecord)])
_SAMPLES_DIGEST = b"samples_sha256"  # in the metadata of shards.parquet


class IndexFileError(ValueError):
    """Not an index, or one of another version; it can be made again from the shards."""


SHARD_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("rows", pa.int64()),
        ("quarantined", pa.string()),  # JSON: [[slot, [[reason, ...], ...]], ...]
        ("meta_digest", pa.string()),
        ("config_digest", pa.string()),
        ("assets_json", pa.string()),
        ("renderer", pa.string()),
        ("renderer_version", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What the shards of some folders hold."""

    root: Path  # of all paths in it
    records: tuple[SampleRecord, ...]  # by slot, attempt and shard
    shards: tuple[ShardEntry, ...]  # by path

    def within(self, folders: Iterable[str]) -> Index:
        """The part of it that lies in `folders`."""
        wanted = set(folders)
        shards = tuple(entry for entry in self.shards if entry.folder in wanted)
        return Index(root=self.root, records=_records_in(self.records, shards), shards=shards)

    def by_shard(self) -> dict[str, tuple[SampleRecord, ...]]:
        """The records of every shard, by its path, in order of rows."""
        found: dict[str, list[SampleRecord]] = {entry.path: [] for entry in self.shards}
        for record in self.records:
            found[record.shard].append(record)
        return {path: tuple(sorted(rows, key=lambda record: record.row)) for path, rows in found.items()}


# ---------------------------------------------------------------- what a run holds


def refresh_index(root: StrPath, folders: Sequence[str] = (FIRST_DRAW,)) -> Index:
    """What the finished shards in `folders` of `root` hold; opens only those that the stored index lacks.

    The stored index also keeps what it knows of other folders. Where it cannot be written (a read-only
    disk), a warning says so and the next call reads the new shards again.

    Raises:
        ShardError: a shard is damaged; the stored index stays as it was.
    """
    root = Path(root)
    stored = _load(root) or Index(root=root, records=(), shards=())
    asked = _stamps(root, folders)
    present = asked | _stamps(root, {entry.folder for entry in stored.shards} - set(folders))
    known = tuple(entry for entry in stored.shards if present.get(entry.path) == entry.stamp)
    new = asked.keys() - {entry.path for entry in known}
    if not new and len(known) == len(stored.shards):
        return stored.within(folders)
    index = _joined(stored, known, [_read(root, path, asked[path]) for path in sorted(new)])
    _store_if_possible(index)
    return index.within(folders)


def records_of(shards: Iterable[StrPath]) -> list[tuple[Path, SampleRecord]]:
    """Every sample of `shards` with the file that holds it, in the given order of shards, by row.

    Shards that the index of their run lists unchanged are not opened. Nothing is written.

    Raises:
        FileNotFoundError: no such shard.
        ShardError: a shard is damaged.
    """
    indices: dict[Path, dict[Path, Listed]] = {}
    found: list[tuple[Path, SampleRecord]] = []
    for path in map(Path, shards):
        folder = path.absolute().parent
        if folder not in indices:
            indices[folder] = _listed_near(folder)
        found += [(path, record) for record in _records_at(path, indices[folder])]
    return found


def _listed_near(folder: Path) -> dict[Path, Listed]:
    """What the index of the run that `folder` belongs to says of the shards in it, by absolute path."""
    for root in (folder, *folder.parents[:DEEPEST]):
        if (index := _load(root)) is not None:
            inside = index.within([folder.relative_to(root).as_posix()])
            records = inside.by_shard()
            return {root / entry.path: (entry, records[entry.path]) for entry in inside.shards}
    return {}


def _records_at(path: Path, listed: Mapping[Path, Listed]) -> tuple[SampleRecord, ...]:
    known = listed.get(path.absolute())
    if known is not None and path.is_file() and known[0].stamp == _stamp(path.stat()):
        return known[1]
    if path.is_file() and (found := described_near(path)):
        return found[1]
    with ShardReader(path, ranged=True) as reader:
        return reader.records()


def collect_records(shards: Iterable[StrPath], root: StrPath) -> list[SampleRecord]:
    """Records of all rows of `shards`, by slot and attempt; their `shard` is the path relative to `root`."""
    records: list[SampleRecord] = []
    for path in map(Path, shards):
        name = Path(os.path.relpath(path, root)).as_posix()
        with ShardReader(path) as reader:
            records += reader.records(name)
    return sorted(records, key=_order)


def _order(record: SampleRecord) -> tuple[int, int, str]:
    return record.slot, record.attempt, record.shard


def _records_in(records: Iterable[SampleRecord], shards: Iterable[ShardEntry]) -> tuple[SampleRecord, ...]:
    paths = {entry.path for entry in shards}
    return tuple(record for record in records if record.shard in paths)


def _joined(stored: Index, known: Sequence[ShardEntry], read: Iterable[Listed]) -> Index:
    """What is `known` of the stored index, and what was `read` now."""
    records = [*_records_in(stored.records, known)]
    shards = list(known)
    for entry, rows in read:
        shards.append(entry)
        records += rows
    return Index(
        root=stored.root,
        records=tuple(sorted(records, key=_order)),
        shards=tuple(sorted(shards, key=lambda entry: entry.path)),
    )


def _stamps(root: Path, folders: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Size and time of every finished shard in `folders`, by path relative to `root`."""
    return {
        PurePosixPath(folder, entry.name).as_posix(): _stamp(entry.stat())
        for folder in folders
        for entry in _files(root / folder)
    }


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            shards = (entry for entry in entries if entry.name.endswith(".h5") and entry.name[0] != ".")
            found = (entry for entry in shards if entry.is_file())  # hidden ones are no shards
            yield from sorted(found, key=lambda entry: entry.name)


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _read(root: Path, path: str, stamp: tuple[int, int]) -> Listed:
    return described(root, path, stamp) or read_entry(root, path, stamp)


# ---------------------------------------------------------------- the files


def write_index(records: Sequence[SampleRecord], path: StrPath) -> None:
    """Write `records` to the Parquet file `path`, all or nothing. The same records give the same bytes."""
    columns = {name: [getattr(record, name) for record in records] for name in SCHEMA.names}
    _write(Path(path), pa.Table.from_pydict(columns, schema=SCHEMA))


def read_index(path: StrPath) -> list[SampleRecord]:
    """The records in the Parquet file `path`.

    Raises:
        FileNotFoundError: no such file.
        IndexFileError: damaged, or with other columns.
    """
    columns = _columns(_read_table(Path(path), SCHEMA))
    return [
        SampleRecord(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)
    ]


def _store_if_possible(index: Index) -> None:
    try:
        _store(index)
    except OSError as error:
        if error.errno not in UNWRITABLE_ERRNOS:
            raise
        log.warning("the index of %s cannot be stored (%s); its shards are read again", index.root, error)


def _store(index: Index) -> None:
    samples = index.root / INDEX_NAME
    write_index(index.records, samples)
    rows = [asdict(entry) | {"quarantined": quarantined_to_json(entry.quarantined)} for entry in index.shards]
    metadata = {_SAMPLES_DIGEST: _file_digest(samples).encode()}
    _write(index.root / SHARDS_NAME, pa.Table.from_pylist(rows, schema=SHARD_SCHEMA.with_metadata(metadata)))


def _load(root: Path) -> Index | None:
    """The stored index, or None where there is none that can be believed; it is then made again."""
    if not (root / SHARDS_NAME).is_file():
        return None
    try:
        table = _read_table(root / SHARDS_NAME, SHARD_SCHEMA)
        samples = root / INDEX_NAME
        records = read_index(samples)
        written = (table.schema.metadata or {}).get(_SAMPLES_DIGEST, b"").decode()
        if written != _file_digest(samples):
            raise IndexFileError(f"{samples}: not the one that {SHARDS_NAME} was written with")
    except (IndexFileError, FileNotFoundError) as error:
        log.info("the index of %s is made again: %s", root, error)
        return None
    shards = tuple(
        ShardEntry(**row | {"quarantined": quarantined_from_json(row["quarantined"])})
        for row in table.to_pylist()
    )
    return Index(root=root, records=tuple(records), shards=shards)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with part_file(path) as part:
        pq.write_table(table, part, compression="zstd")


def _read_table(path: Path, schema: pa.Schema) -> pa.Table:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such index; make it from the shards")
    try:
        table = read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise IndexFileError(f"{path}: not a readable Parquet file ({error}); make it again") from error
    if table.schema.names != schema.names or table.schema.types != schema.types:
        raise IndexFileError(f"{path}: columns {table.schema.names}, expected {schema.names}; make it again")
    return table


def _columns(table: pa.Table) -> dict[str, list[Any]]:
    return {name: table.column(name).to_pylist() for name in table.schema.names}


def manifest_digest(records: Iterable[SampleRecord]) -> str:
    """SHA-256 that names the samples: slots, attempts, images, truth and scenes.

    Raises:
        ShardError: a sample is in two shards.
    """
    return _digest((record, record.content_id) for record in records)


def truth_manifest_digest(records: Iterable[SampleRecord]) -> str:
    """SHA-256 over slots, attempts and truth, but not the images.

    Raises:
        ShardError: a sample is in two shards.
    """
    return _digest((record, record.truth_digest) for record in records)


def _digest(entries: Iterable[tuple[SampleRecord, str]]) -> str:
    ordered = sorted(entries, key=lambda entry: (*_order(entry[0]), entry[1]))
    for (before, _), (after, _) in pairwise(ordered):
        if before.key == after.key:
            raise ShardError(
                f"slot {after.slot} attempt {after.attempt} is listed twice, in "
                f"{before.shard} and {after.shard}; move the one away that is not of this set"
            )
    text = "".join(f"{record.slot} {record.attempt} {digest}\n" for record, digest in ordered)
    return hashlib.sha256(text.encode()).hexdigest()
