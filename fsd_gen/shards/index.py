"""The index: one Parquet row per sample, made from the shards' columns alone and remade at will.

A manifest digest names a set of samples, whatever the machine, the time, the cost and the order in which
they were made. `manifest_digest` covers images, truth and scenes; `truth_manifest_digest` the truth alone,
which stays equal where another CPU's renderer noise differs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import SampleRecord
from jobs.files import part_file

StrPath = str | os.PathLike[str]
INDEX_NAME = "index/samples.parquet"  # within a run directory
_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), float | None: pa.float64()}
_HINTS = get_type_hints(SampleRecord)
SCHEMA = pa.schema([pa.field(f.name, _ARROW[_HINTS[f.name]]) for f in fields(SampleRecord)])


class IndexFileError(ValueError):
    """Not an index, or one of another version; it can be made again from the shards."""


def collect_records(shards: Iterable[StrPath], root: StrPath) -> list[SampleRecord]:
    """Records of all rows of `shards`, by slot and attempt; their `shard` is the path relative to `root`."""
    records: list[SampleRecord] = []
    for path in map(Path, shards):
        name = Path(os.path.relpath(path, root)).as_posix()
        with ShardReader(path) as reader:
            records += reader.records(name)
    return sorted(records, key=lambda record: (record.slot, record.attempt, record.shard))


def rebuild_index(run_dir: StrPath, folders: Sequence[str] = ("shards",)) -> list[SampleRecord]:
    """Make `run_dir/index/samples.parquet` from the finished shards in `folders`, and return its records.

    Raises:
        ShardError: a shard is damaged; the index stays as it was.
    """
    run_dir = Path(run_dir)
    shards = [path for folder in folders for path in sorted((run_dir / folder).glob("*.h5"))]
    records = collect_records(shards, run_dir)
    write_index(records, run_dir / INDEX_NAME)
    return records


def write_index(records: Sequence[SampleRecord], path: StrPath) -> None:
    """Write `records` to the Parquet file `path`, all or nothing. The same records give the same bytes."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([asdict(record) for record in records], schema=SCHEMA)
    with part_file(path) as part:
        pq.write_table(table, part, compression="zstd")


def read_index(path: StrPath) -> list[SampleRecord]:
    """The records in the Parquet file `path`.

    Raises:
        FileNotFoundError: no such file.
        IndexFileError: damaged, or with other columns.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such index; make it from the shards")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise IndexFileError(f"{path}: not a readable Parquet file ({error}); make it again") from error
    if table.schema.names != SCHEMA.names or table.schema.types != SCHEMA.types:
        raise IndexFileError(f"{path}: columns {table.schema.names}, expected {SCHEMA.names}; make it again")
    return [SampleRecord(**row) for row in table.to_pylist()]


def manifest_digest(records: Iterable[SampleRecord]) -> str:
    """SHA-256 that names the samples: slots, attempts, images, truth and scenes."""
    return _digest((record.slot, record.attempt, record.content_id) for record in records)


def truth_manifest_digest(records: Iterable[SampleRecord]) -> str:
    """SHA-256 over slots, attempts and truth, but not the images."""
    return _digest((record.slot, record.attempt, record.truth_digest) for record in records)


def _digest(entries: Iterable[tuple[int, int, str]]) -> str:
    ordered = sorted(entries)
    for before, after in zip(ordered, ordered[1:], strict=False):
        if before[:2] == after[:2]:
            raise ValueError(f"slot {after[0]} attempt {after[1]} is listed twice")
    text = "".join(f"{slot} {attempt} {digest}\n" for slot, attempt, digest in ordered)
    return hashlib.sha256(text.encode()).hexdigest()
