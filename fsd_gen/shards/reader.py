"""Reading a shard: lazily opened, once per process, so a reader may be pickled, forked or spawned freely."""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from itertools import product
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from fsd_gen.scene.spec import SceneSpec
from fsd_gen.shards.channels import FIRST, KNOWN, Channel
from fsd_gen.shards.format import (
    COLUMNS,
    LATER_COLUMNS,
    POSES,
    QUARANTINE,
    TEXTS,
    Quarantined,
    ShardError,
    ShardMeta,
    chunk_shape,
    stored_as,
)
from fsd_gen.shards.opened import DamagedShardError, Opened, open_file, raise_problem
from fsd_gen.shards.record import SampleRecord
from fsd_gen.shards.sample import RenderInfo, StereoSample
from fsd_gen.shards.structure import Flaw, walk
from jobs.store.cache import fetched_again, placeholder_at
from jobs.store.ranged import ranged_file
from stereo_model.data.encodings import one_line
from stereo_model.data.shards.files import DAMAGE

CROPPED = ("left", "right", "disparity_left", "flags_left")  # channels of every crop
WHOLE = (slice(None), slice(None))
_RENDER_INFO = TypeAdapter(RenderInfo)
_REASONS = TypeAdapter(tuple[tuple[str, ...], ...])
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """A window of one sample, left truth only, and the optional channels that were asked for."""

    left_hwc: NDArray[np.uint8]
    right_hwc: NDArray[np.uint8]
    disparity_left_hw: NDArray[np.float32]  # pixels
    flags_left_hw: NDArray[np.uint8]
    optional: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # by name


def _read_again(
    read: Callable[Concatenate[ShardReader, P], R],
) -> Callable[Concatenate[ShardReader, P], R]:
    """Read once more where a copy of what a store has was damaged, and has been fetched again."""

    @wraps(read)
    def wrapped(self: ShardReader, /, *args: P.args, **options: P.kwargs) -> R:
        try:
            return read(self, *args, **options)
        except DamagedShardError:
            if not self._fetched_again():
                raise
            return read(self, *args, **options)

    return wrapped


class ShardReader:
    """The samples of one shard, by row. Rows are in slot order.

    With `ranged` a shard of a run in a store is not fetched: only what is read of it comes. For a little of
    it, once. Where this machine's copy of such a shard is damaged it is fetched again, once, and what is told
    then is of the shard in the store; with `as_it_is` it is told of the copy.
    """

    def __init__(self, path: str | os.PathLike[str], *, ranged: bool = False, as_it_is: bool = False) -> None:
        self.path = Path(path)
        self._ranged = ranged
        self._as_it_is = as_it_is
        self._opened: dict[int, Opened] = {}  # by process id

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": {}}

    def __enter__(self) -> ShardReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file in this process; the next access opens it again."""
        if opened := self._opened.pop(os.getpid(), None):
            opened.file.close()

    def __len__(self) -> int:
        return self._open().rows

    @property
    def meta(self) -> ShardMeta:
        """What all samples have in common."""
        return self._open().meta

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
        arrays = {channel.name: self.array(channel.name, row) for channel in self.meta.channels}
        return StereoSample.of_channels(arrays, spec=self.spec(row), render=self.render_info(row))

    def crop(self, row: int, y: int, x: int, h: int, w: int, *, optional: Sequence[str] = ()) -> Crop:
        """The window (y, x, h, w) in pixels of `row`; only the tiles it touches are decoded.

        `optional` names channels to crop too.

        Raises:
            IndexError: there is no such row, or the window leaves the image.
            ShardError: damaged, or without such a channel.
        """
        height, width = self.shape
        if not (0 <= y <= y + h <= height and 0 <= x <= x + w <= width):
            raise IndexError(f"{self.path}: window y={y} x={x} h={h} w={w} leaves the {width}x{height} image")
        window = (slice(y, y + h), slice(x, x + w))
        left, right, disparity, flags = (self.array(name, row, window) for name in CROPPED)
        return Crop(
            left_hwc=left,
            right_hwc=right,
            disparity_left_hw=disparity,
            flags_left_hw=flags,
            optional={name: self.array(name, row, window) for name in optional},
        )

    @_read_again
    def array(self, name: str, row: int, window: tuple[slice, slice] = WHOLE) -> NDArray[Any]:
        """The channel `name` of a row, (H, W) or (H, W, C), or a window of it."""
        channel, row = self._channel(name), self._checked(row)
        with self._damage(name, row) as file:
            values: NDArray[Any] = file[channel.name][(row, *window)]
            return values

    def check_channels(self, names: Iterable[str]) -> None:
        """Raises ShardError unless all the channels `names` are here."""
        for name in names:
            self._channel(name)

    def unknown(self) -> tuple[str, ...]:
        """Names of channels and other datasets here that this program does not know."""
        opened = self._open()
        known = (*KNOWN.values(), *FIRST)
        listed = {channel.name for channel in opened.meta.channels if channel not in known}
        strange = set(opened.file) - {*KNOWN, *COLUMNS, POSES, *TEXTS, *QUARANTINE}
        return tuple(sorted(listed | strange))

    def structure_flaws(self) -> list[Flaw]:
        """What the file is made of and should not be: (dataset or None, what). Everything in it is walked."""
        opened = self._open()
        with self._damage(None):
            return list(walk(opened.file, self.path.stat().st_size, stored_as(opened.meta)))

    def read_through(self, name: str) -> None:
        """Decode all of a dataset, known or not, piece by piece. Raises ShardError."""
        with self._damage(name) as file:
            dataset = file[name]
            for piece in dataset.iter_chunks() if dataset.chunks else [...]:
                dataset[piece]

    @_read_again
    def spec(self, row: int) -> SceneSpec:
        """The scene behind `row`."""
        with self._damage("spec_json", row):
            return SceneSpec.model_validate_json(self.text("spec_json", row))

    @_read_again
    def render_info(self, row: int) -> RenderInfo:
        """How `row` was rendered, and what it cost."""
        with self._damage("render_json", row):
            return _RENDER_INFO.validate_json(self.text("render_json", row))

    @_read_again
    def text(self, name: str, row: int) -> str:
        """`spec_json` or `render_json` of a row, as stored."""
        row = self._checked(row)
        with self._damage(name, row) as file:
            text: str = file[name][row].decode()
            return text

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

    @_read_again
    def quarantined(self) -> tuple[Quarantined, ...]:
        """Slots of this shard that have no row, and why."""
        slots, reasons = (self._raw_column(name) for name in QUARANTINE)
        with self._damage(QUARANTINE[1]):
            return tuple(
                Quarantined(slot=int(slot), reasons=_REASONS.validate_python(json.loads(text)))
                for slot, text in zip(slots, reasons, strict=True)
            )

    def raw_chunks(self, name: str, row: int) -> Iterator[tuple[tuple[int, ...], int, bytes]]:
        """Stored chunks of a channel's row: (offset, filter mask, bytes), neither decoded nor checked."""
        row = self._checked(row)
        channel = self._channel(name)
        _, rows, columns, *_ = chunk_shape(channel, self.meta)
        tail = (0,) * len(channel.tail)
        with self._damage(name, row) as file:
            chunks: h5py.h5d.DatasetID = file[name].id  # looked up once: it costs more than a chunk
        for top, left in product(range(0, self.meta.height, rows), range(0, self.meta.width, columns)):
            with self._damage(name, row):
                mask, stored = chunks.read_direct_chunk((row, top, left, *tail))
            yield (row, top, left, *tail), mask, stored

    def _channel(self, name: str) -> Channel:
        try:
            return self.meta.channel(name)
        except KeyError:
            there = ", ".join(channel.name for channel in self.meta.channels)
            near = difflib.get_close_matches(name, set(KNOWN) - {name}, n=1) if name not in KNOWN else []
            meant = f"did you mean {near[0]}? It" if near else "it"
            raise ShardError(f"{self.path}: has no channel {name}; {meant} has {there}") from None

    @_read_again
    def _column(self, name: str) -> list[Any]:
        if name in LATER_COLUMNS and name not in self._open().file:
            return [LATER_COLUMNS[name]] * len(self)
        values: list[Any] = self._raw_column(name).tolist()
        with self._damage(name):
            if COLUMNS[name] is str:
                return [value.decode() for value in values]
        if COLUMNS[name] in (int, float):
            return values
        return [None if math.isnan(value) else value for value in values]

    @_read_again
    def _raw_column(self, name: str) -> NDArray[Any]:
        with self._damage(name) as file:
            values: NDArray[Any] = file[name][:]
            return values

    def _checked(self, row: int) -> int:
        if not 0 <= row < len(self):
            raise IndexError(f"{self.path}: no row {row}, it has rows 0..{len(self) - 1}")
        return row

    @contextmanager
    def _damage(self, dataset: str | None, row: int | None = None) -> Iterator[h5py.File]:
        """Turn what h5py, UTF-8, JSON and the value types say of damaged bytes into one clear error.

        `dataset` is None where all of them are looked at.
        """
        opened = self._open()
        try:
            yield opened.file
        except ShardError:
            raise
        except DAMAGE as error:
            raise_problem(opened.source)
            place = f"{self.path}: " + ("" if row is None else f"row {row}, ")
            place += "the headers of its datasets" if dataset is None else f"dataset {dataset}"
            raise DamagedShardError(f"{place}: damaged ({one_line(error)})") from error

    def _open(self) -> Opened:
        opened = self._opened.get(os.getpid())
        if opened is None:
            opened = self._opened[os.getpid()] = self._opened_anew()
        return opened

    @_read_again
    def _opened_anew(self) -> Opened:
        return open_file(self.path, ranged_file(self.path) if self._ranged else None)

    def _fetched_again(self) -> bool:
        """Whether it is worth to read once more what is damaged."""
        if self._as_it_is:
            return False
        self._as_it_is = True  # from now on
        self.close()
        return (self._ranged and placeholder_at(self.path) is not None) or fetched_again(self.path)


def open_shard(path: str | os.PathLike[str]) -> ShardReader:
    """A reader of the shard at `path`, which is opened at once.

    Raises:
        FileNotFoundError: no such file.
        ShardError: truncated, damaged, of another format or version.
    """
    reader = ShardReader(path)
    reader.meta  # noqa: B018  opens the file
    return reader
