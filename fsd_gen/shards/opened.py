"""A shard's file, opened: it is one, of a version that this program reads, and made of what it should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np

from fsd_gen.shards.format import (
    COLUMNS,
    FORMAT,
    LATER_COLUMNS,
    TEXTS,
    ShardError,
    ShardMeta,
    get_attribute,
    known_version,
    meta_of,
    stored_as,
)
from fsd_gen.shards.structure import Expected, Header, column_flaw, header_at, layout_flaw
from fsd_gen.shards.through import open_through
from jobs.contents import HDF5, UNKNOWN, contents
from jobs.store.cache import NOT_HAD
from jobs.store.ranged import RangedFile
from stereo_model.data.encodings import one_line
from stereo_model.data.shards.files import DAMAGE, open_hdf5


class DamagedShardError(ShardError):
    """Bytes of a shard are not those that were written."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that was understood."""

    file: h5py.File
    meta: ShardMeta
    rows: int
    source: RangedFile | None = None  # what it is read through, where it is not on this machine


def open_file(path: Path, source: RangedFile | None) -> Opened:
    """Open a shard, through `source` where it is not on this machine.

    Raises:
        FileNotFoundError: no such file.
        ShardError: truncated, damaged, of another format or version.
        NOT_HAD: what was asked for cannot be had from the store.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such shard")
    try:
        file = open_hdf5(path) if source is None else open_through(source)
    except NOT_HAD:
        raise
    except DAMAGE as error:
        raise_problem(source)
        what = contents(path) if source is None else UNKNOWN
        found = one_line(error) if what in (HDF5, UNKNOWN) else f"it is {what}"
        raise DamagedShardError(f"{path}: truncated, damaged or not HDF5 ({found})") from error
    try:
        return replace(_understood(file, path), source=source)
    except ShardError:
        file.close()
        raise
    except DAMAGE as error:
        file.close()
        raise_problem(source)
        raise DamagedShardError(f"{path}: damaged metadata ({one_line(error)})") from error


def raise_problem(source: RangedFile | None) -> None:
    """Raise what the store said, which h5py takes for damage."""
    if source is not None and source.problem is not None:
        raise source.problem


def _understood(file: h5py.File, path: Path) -> Opened:
    if (found := get_attribute(file, "format")) != FORMAT:
        raise ShardError(f"{path}: an HDF5 file, but not a {FORMAT} (its format attribute is {found!r:.60})")
    try:
        known_version(get_attribute(file, "schema_version"))
    except ValueError as error:
        raise ShardError(f"{path}: {error}") from None
    meta = meta_of(file)
    there, headers = set(file), dict[str, Header]()
    for name, expected in stored_as(meta).items():
        if name not in there and name in LATER_COLUMNS:
            continue
        if name not in there:
            raise ShardError(f"{path}: dataset {name} is missing")
        header = header_at(file, name)
        flaw = header if isinstance(header, str) else _header_flaw(header, expected)
        if isinstance(header, str) or flaw:
            raise ShardError(f"{path}: dataset {name} {flaw}")
        headers[name] = header
    rows = headers["slot"].shape[0]
    _check_shapes(headers, path, meta, rows)
    return Opened(file, meta, rows)


def _header_flaw(header: Header, expected: Expected) -> str | None:
    """Why a dataset of the format is not to be read, or None."""
    flaw = column_flaw(header) if expected.chunk is None else None
    return flaw or layout_flaw(header, expected)


def _check_shapes(headers: Mapping[str, Header], path: Path, meta: ShardMeta, rows: int) -> None:
    for channel in meta.channels:
        header, expected = headers[channel.name], (rows, *channel.shape(meta.height, meta.width))
        dtype = header.dataset.dtype
        if header.shape != expected or dtype != np.dtype(channel.dtype):
            found, wanted = f"{dtype} {header.shape}", f"{np.dtype(channel.dtype)} {expected}"
            raise ShardError(f"{path}: dataset {channel.name} is {found}, expected {wanted}")
    for name in headers.keys() & {*COLUMNS, *TEXTS}:
        if headers[name].shape != (rows,):
            raise ShardError(f"{path}: dataset {name} has shape {headers[name].shape}, expected ({rows},)")
