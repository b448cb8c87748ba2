"""Gathering rows into one finished shard: stored chunks are copied byte for byte, nothing is encoded twice.

Only where rows of an older version of the format join rows of the newest are theirs encoded anew. The same
rows give the same bytes. The result is written beside its name, read back, flushed and renamed.
"""

from __future__ import annotations

import filecmp
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import h5py

from fsd_gen.shards.channels import Channel
from fsd_gen.shards.format import (
    LIBVER,
    Quarantined,
    RowText,
    ShardError,
    ShardMeta,
    attributes_of,
    merge_meta,
    set_attribute,
    write_skeleton,
)
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.seal import add_seal
from fsd_gen.shards.verify import verify_shard
from jobs.files import part_file

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Source = tuple[str | os.PathLike[str], int]  # a shard and one of its rows


def publish_rows(
    sources: Sequence[Source],
    out_path: str | os.PathLike[str],
    extra_attrs: Mapping[str, str | int | float] | None = None,
) -> Path:
    """A new shard of rows taken from others, in slot order, their stored chunks copied byte for byte.

    All sources must be of one configuration. `extra_attrs` are added to the root attributes.

    Raises:
        ShardError: no source, a slot twice, differing configurations, a damaged row, an extra attribute
            that would replace one of the format's, or another file at `out_path`.
        DiskFullError: no room; nothing is left at `out_path`.
    """
    return gather(sources, Path(out_path), extra_attrs=extra_attrs or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """A row of a result: where its arrays are, and its values."""

    path: Path
    row: int
    text: RowText


def gather(
    sources: Sequence[Source],
    out_path: Path,
    *,
    extra_attrs: Mapping[str, str | int | float] | None = None,
    quarantined: Sequence[Quarantined] = (),
    empty_meta: ShardMeta | None = None,
) -> Path:
    """As `publish_rows`, with quarantined slots too; `empty_meta` is the result's when there is no row."""
    by_path: dict[Path, list[int]] = {}
    for path, row in sources:
        by_path.setdefault(Path(path), []).append(row)
    metas, origins, needed_bytes = [], list[_Origin](), 0
    for path, rows in by_path.items():
        with ShardReader(path) as reader:
            metas.append(reader.meta)
            origins += _origins(reader, rows)
            needed_bytes += path.stat().st_size * len(rows) // len(reader)
    meta = merge_meta(metas, list(by_path)) if metas else empty_meta
    if meta is None:
        raise ShardError(f"{out_path}: no rows to publish")
    origins.sort(key=lambda origin: origin.text.record.slot)
    out_path.parent.mkdir(parents=True, exist_ok=True)
    with part_file(out_path, needed_bytes=needed_bytes) as part:
        _write_gathered(part, meta, origins, quarantined, extra_attrs or {})
        add_seal(part)
        _check_result(part, out_path)
    return out_path


def _origins(reader: ShardReader, rows: Sequence[int]) -> list[_Origin]:
    records, poses = reader.records(), reader.poses()
    if bad := [row for row in rows if not 0 <= row < len(records)]:
        raise ShardError(f"{reader.path}: no row {bad[0]}, it has {len(records)}")
    return [
        _Origin(
            path=reader.path,
            row=row,
            text=RowText(
                record=records[row],
                left_to_world_44=poses[row],
                spec_json=reader.text("spec_json", row),
                render_json=reader.text("render_json", row),
            ),
        )
        for row in rows
    ]


def _write_gathered(
    path: Path,
    meta: ShardMeta,
    origins: Sequence[_Origin],
    quarantined: Sequence[Quarantined],
    extra_attrs: Mapping[str, str | int | float],
) -> None:
    reserved = (attributes_of(meta).keys() | {f.name for f in fields(ShardMeta)}) & extra_attrs.keys()
    if reserved:
        raise ShardError(f"extra attributes {sorted(reserved)} belong to the format, choose other names")
    with _new_file(path) as file:
        write_skeleton(file, meta, [origin.text for origin in origins], quarantined)
        for name, value in extra_attrs.items():
            set_attribute(file, name, value)
        _copy_chunks(file, meta, origins)


def _copy_chunks(file: h5py.File, meta: ShardMeta, origins: Sequence[_Origin]) -> None:
    """Rows of one source lie mostly together, so one open file at a time will do."""
    for path, together in groupby(enumerate(origins), key=lambda pair: pair[1].path):
        with ShardReader(path) as reader:
            for row, origin in together:
                for channel in meta.channels:
                    _copy_array(file, channel, row, reader, origin.row)


def _copy_array(file: h5py.File, channel: Channel, row: int, source: ShardReader, source_row: int) -> None:
    if source.meta.channel(channel.name) != channel:  # stored in another way by an older program
        file[channel.name][row] = source.array(channel.name, source_row)
        return
    chunks = file[channel.name].id
    for (_, *place), mask, stored in source.raw_chunks(channel.name, source_row):
        chunks.write_direct_chunk((row, *place), stored, mask)


class _Sink(io.FileIO):
    """A new file that keeps its first error to itself, because HDF5 may crash after a write that failed."""

    error: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        with self._errors_kept():
            while rest and self.error is None:
                rest = rest[super().write(rest) :]
        return size

    def truncate(self, size: int | None = None, /) -> int:
        with self._errors_kept():
            return super().truncate(size)
        return size or 0

    @contextmanager
    def _errors_kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or error


@contextmanager
def _new_file(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file at `path`. Raises OSError when it could not be written in full."""
    with _Sink(path, "w+") as sink:
        try:
            with h5py.File(sink, "w", libver=LIBVER) as file:
                yield file
        finally:
            if sink.error is not None:
                raise sink.error


def _check_result(part: Path, final: Path) -> None:
    """Read everything back; and never put a file in the place of another one."""
    if problems := verify_shard(part):
        raise ShardError(f"{final}: not published, {len(problems)} problems; the first: {problems[0]}")
    if final.exists() and not filecmp.cmp(part, final, shallow=False):
        raise ShardError(f"{final}: exists already with other content; it was left as it is")
