"""Reading a shard: lazily opened, once per process, so a reader may be pickled, forked or spawned freely."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from fsd_gen.scene.spec import SceneSpec
from fsd_gen.shards.format import (
    ARRAYS,
    COLUMNS,
    FORMAT,
    POSES,
    QUARANTINE,
    SCHEMA_VERSION,
    TEXTS,
    Quarantined,
    ShardError,
    ShardMeta,
    chunk_shape,
    get_attribute,
    meta_of,
)
from fsd_gen.shards.record import SampleRecord
from fsd_gen.shards.sample import RenderInfo, StereoSample

# What damaged bytes raise: OSError from h5py for data; the others for metadata, UTF-8, JSON and value types.
DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError, OverflowError, MemoryError)
_RENDER_INFO = TypeAdapter(RenderInfo)
_REASONS = TypeAdapter(tuple[tuple[str, ...], ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """A window of one sample, left truth only."""

    left_hwc: NDArray[np.uint8]
    right_hwc: NDArray[np.uint8]
    disparity_left_hw: NDArray[np.float32]  # pixels
    flags_left_hw: NDArray[np.uint8]


class ShardReader:
    """The samples of one shard, by row. Rows are in slot order."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._opened: dict[int, tuple[h5py.File, ShardMeta, int]] = {}  # by process id

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_opened": {}}

    def __enter__(self) -> ShardReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file in this process; the next access opens it again."""
        if opened := self._opened.pop(os.getpid(), None):
            opened[0].close()

    def __len__(self) -> int:
        return self._open()[2]

    @property
    def meta(self) -> ShardMeta:
        """What all samples have in common."""
        return self._open()[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of every view in pixels."""
        return self.meta.height, self.meta.width

    def sample(self, row: int) -> StereoSample:
        """The whole sample in `row`.

        Raises:
            IndexError: there is no such row.
            ShardError: damaged; the message names file, row and dataset.
        """
        row = self._checked(row)
        arrays = {name: self.array(name, row) for name in ARRAYS}
        return StereoSample(
            left_hwc=arrays["left"],
            right_hwc=arrays["right"],
            disparity_left_hw=arrays["disparity_left"],
            disparity_right_hw=arrays["disparity_right"],
            flags_left_hw=arrays["flags_left"],
            flags_right_hw=arrays["flags_right"],
            spec=self.spec(row),
            render=self.render_info(row),
        )

    def crop(self, row: int, y: int, x: int, h: int, w: int) -> Crop:
        """The window (y, x, h, w) in pixels of `row`; only the bands it touches are decoded."""
        height, width = self.shape
        if not (0 <= y <= y + h <= height and 0 <= x <= x + w <= width):
            raise IndexError(f"{self.path}: window y={y} x={x} h={h} w={w} leaves the {width}x{height} image")
        window = (slice(y, y + h), slice(x, x + w))
        return Crop(
            left_hwc=self.array("left", row, window),
            right_hwc=self.array("right", row, window),
            disparity_left_hw=self.array("disparity_left", row, window),
            flags_left_hw=self.array("flags_left", row, window),
        )

    def array(self, name: str, row: int, window: tuple[slice, slice] = (slice(None), slice(None))) -> NDArray:
        """One of the six arrays of a row, (H, W) or (H, W, 3), or a window of it."""
        row = self._checked(row)
        with self._damage(name, row) as file:
            return file[name][(row, *window)]

    def spec(self, row: int) -> SceneSpec:
        """The scene behind `row`."""
        with self._damage("spec_json", row):
            return SceneSpec.model_validate_json(self.text("spec_json", row))

    def render_info(self, row: int) -> RenderInfo:
        """How `row` was rendered, and what it cost."""
        with self._damage("render_json", row):
            return _RENDER_INFO.validate_json(self.text("render_json", row))

    def text(self, name: str, row: int) -> str:
        """`spec_json` or `render_json` of a row, as stored."""
        row = self._checked(row)
        with self._damage(name, row) as file:
            return file[name][row].decode()

    def records(self, name: str | None = None) -> tuple[SampleRecord, ...]:
        """One record per row, from the columns alone; `name` (default: the file's) is put into `shard`."""
        columns = {column: self._column(column) for column in COLUMNS}
        name = self.path.name if name is None else name
        rows = zip(*columns.values(), strict=True)
        return tuple(
            SampleRecord(shard=name, row=row, **dict(zip(columns, values, strict=True)))
            for row, values in enumerate(rows)
        )

    def poses(self) -> NDArray[np.float64]:
        """Left camera to world, (N, 4, 4): column vectors, camera axes x right, y down, z forward, metres."""
        return self._raw_column(POSES)

    def quarantined(self) -> tuple[Quarantined, ...]:
        """Slots of this shard that have no row, and why."""
        slots, reasons = (self._raw_column(name) for name in QUARANTINE)
        with self._damage(QUARANTINE[1]):
            return tuple(
                Quarantined(slot=int(slot), reasons=_REASONS.validate_python(json.loads(text)))
                for slot, text in zip(slots, reasons, strict=True)
            )

    def raw_chunks(self, name: str, row: int) -> Iterator[tuple[tuple[int, ...], int, bytes]]:
        """Stored chunks of an array's row: (offset, filter mask, bytes), neither decoded nor checked."""
        row = self._checked(row)
        bands = math.ceil(self.meta.height / chunk_shape(name, self.meta)[1])
        tail = (0,) * (1 + len(ARRAYS[name][1]))
        for band in range(bands):
            offset = (row, band * chunk_shape(name, self.meta)[1], *tail)
            with self._damage(name, row) as file:
                mask, stored = file[name].id.read_direct_chunk(offset)
            yield offset, mask, stored

    def _column(self, name: str) -> list[Any]:
        values = self._raw_column(name).tolist()
        with self._damage(name):
            if COLUMNS[name] is str:
                return [value.decode() for value in values]
        if COLUMNS[name] in (int, float):
            return values
        return [None if math.isnan(value) else value for value in values]

    def _raw_column(self, name: str) -> NDArray:
        with self._damage(name) as file:
            return file[name][:]

    def _checked(self, row: int) -> int:
        if not 0 <= row < len(self):
            raise IndexError(f"{self.path}: no row {row}, it has rows 0..{len(self) - 1}")
        return row

    @contextmanager
    def _damage(self, dataset: str, row: int | None = None) -> Iterator[h5py.File]:
        """Turn what h5py, UTF-8, JSON and the value types say of damaged bytes into one clear error."""
        file = self._open()[0]
        try:
            yield file
        except ShardError:
            raise
        except DAMAGE as error:
            place = f"{self.path}: " + ("" if row is None else f"row {row}, ") + f"dataset {dataset}"
            raise ShardError(f"{place}: damaged ({one_line(error)})") from error

    def _open(self) -> tuple[h5py.File, ShardMeta, int]:
        opened = self._opened.get(os.getpid())
        if opened is None:
            opened = self._opened[os.getpid()] = open_shard(self.path)
        return opened


def open_shard(path: Path) -> tuple[h5py.File, ShardMeta, int]:
    """The open file, its meta and its number of rows.

    Raises:
        FileNotFoundError: no such file.
        ShardError: truncated, damaged, of another format or version.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such shard")
    try:
        file = h5py.File(path, "r")
    except DAMAGE as error:
        raise ShardError(f"{path}: truncated, damaged or not HDF5 ({one_line(error)})") from error
    try:
        return file, *_understood(file, path)
    except ShardError:
        file.close()
        raise
    except DAMAGE as error:
        file.close()
        raise ShardError(f"{path}: damaged metadata ({one_line(error)})") from error


def _understood(file: h5py.File, path: Path) -> tuple[ShardMeta, int]:
    if (found := get_attribute(file, "format")) != FORMAT:
        raise ShardError(f"{path}: an HDF5 file, but not a {FORMAT} (its format attribute is {found!r:.60})")
    if (version := get_attribute(file, "schema_version")) != SCHEMA_VERSION:
        raise ShardError(f"{path}: schema version {version}, this program reads version {SCHEMA_VERSION}")
    meta = meta_of(file)
    missing = [name for name in (*ARRAYS, *COLUMNS, POSES, *TEXTS, *QUARANTINE) if name not in file]
    if missing:
        raise ShardError(f"{path}: dataset {missing[0]} is missing")
    n = len(file["slot"])
    for name, (dtype, tail) in ARRAYS.items():
        expected = (n, meta.height, meta.width, *tail)
        if file[name].shape != expected or file[name].dtype != np.dtype(dtype):
            found = f"{file[name].dtype} {file[name].shape}"
            raise ShardError(f"{path}: dataset {name} is {found}, expected {np.dtype(dtype)} {expected}")
    for name in (*COLUMNS, *TEXTS):
        if file[name].shape != (n,):
            raise ShardError(f"{path}: dataset {name} has shape {file[name].shape}, expected ({n},)")
    return meta, n


def one_line(error: BaseException) -> str:
    """The message without line breaks, short enough for a log line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
