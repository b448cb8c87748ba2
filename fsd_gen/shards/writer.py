"""Writing shards: sample by sample into a part that survives anything, then one complete, verified file.

While `00000.h5` is being made there is a folder `00000.h5.part` that holds one complete one-row shard per
finished sample, each of them written beside its name, flushed and renamed. A kill or a full disk at any
moment loses only the sample in flight, in whatever order samples come. `finish` gathers the stored chunks
(no pixel is encoded twice), reads everything back, flushes, renames, and only then removes the part.
The same samples give the same bytes, however often the work was interrupted.
"""

from __future__ import annotations

import filecmp
import io
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np

from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.format import (
    ARRAYS,
    IDENTITY,
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
from fsd_gen.shards.reader import Crop, ShardReader
from fsd_gen.shards.record import arrays_of, is_quantised, record_of
from fsd_gen.shards.sample import StereoSample
from fsd_gen.shards.verify import verify_shard
from jobs.files import part_file, remove_stale_parts, sync_folder, write_bytes_atomic, write_json_atomic

__all__ = [
    "Crop",
    "Quarantined",
    "ShardError",
    "ShardMeta",
    "ShardReader",
    "ShardWriter",
    "publish_rows",
]

log = logging.getLogger(__name__)

PART_ID = "part.json"
QUARANTINE_SUFFIX = ".quarantined.json"
Source = tuple[str | os.PathLike[str], int]  # a shard and one of its rows


class ShardWriter:
    """Fills one shard. Resuming is the default: what an earlier writer finished is kept.

    `path` is the name of the finished shard, `slots` are all slots it is to hold. Nothing stays open
    between calls. One writer at a time works on a shard; the run's lock sees to that.

    Raises:
        ShardError: the part, or a finished file at `path`, belongs to other slots or another configuration.
    """

    def __init__(self, path: str | os.PathLike[str], slots: Sequence[int], meta: ShardMeta) -> None:
        self.path = Path(path)
        self.part = self.path.with_name(self.path.name + ".part")
        self.meta = meta
        self.slots = tuple(sorted(slots))
        if len(set(self.slots)) != len(self.slots):
            raise ShardError(f"{self.path}: slots are listed twice in {list(self.slots)}")
        self._rows: dict[int, Path] = {}
        self._quarantined: dict[int, Quarantined] = {}
        self._finished = self.path.exists()
        if self._finished:
            self._adopt_finished()
        else:
            self._open_part()

    @property
    def done(self) -> frozenset[int]:
        """Slots that have a row or are quarantined."""
        return frozenset(self._rows) | frozenset(self._quarantined)

    @property
    def missing(self) -> tuple[int, ...]:
        """Slots still to do, ascending."""
        return tuple(slot for slot in self.slots if slot not in self.done)

    def add(self, sample: StereoSample, *, meta: ShardMeta | None = None) -> None:
        """Store `sample`; it is safe on disk when this returns.

        `meta` tells what is known of this sample alone, such as the attribution of its assets; the
        finished shard gathers what its samples say.

        Raises:
            ShardError: its slot is not of this shard or is done, or its arrays do not fit the shard.
            DiskFullError: no room; everything added before is kept.
        """
        key = sample.spec.key
        self._claim(key.slot)
        _check_fits(sample, self.meta, self.path)
        target = self.part / f"{key.sample_id}.h5"
        merge_meta([self.meta, meta or self.meta], [self.path, f"sample {key.sample_id}"])
        write_bytes_atomic(target, _one_row_shard(sample, meta or self.meta))
        self._rows[key.slot] = target

    def quarantine(self, slot: int, reasons: Sequence[Sequence[str]]) -> None:
        """Leave `slot` without a row; `reasons` are the reason codes of its attempts, in order."""
        self._claim(slot)
        entry = Quarantined(slot=slot, reasons=tuple(tuple(map(str, codes)) for codes in reasons))
        write_json_atomic(self.part / f"{slot:07d}{QUARANTINE_SUFFIX}", asdict(entry))
        self._quarantined[slot] = entry

    def finish(self) -> Path:
        """Make the finished shard out of the part, and return its path. Doing it twice is harmless.

        Raises:
            ShardError: slots are missing, a stored sample was damaged since, or another file has the name.
            DiskFullError: no room; the part is kept.
        """
        if self.missing:
            raise ShardError(f"{self.path}: {len(self.missing)} slots are missing: {list(self.missing[:20])}")
        if not self._finished:
            sources = [(self._rows[slot], 0) for slot in sorted(self._rows)]
            quarantined = [self._quarantined[slot] for slot in sorted(self._quarantined)]
            _gather(sources, self.path, quarantined=quarantined, empty_meta=self.meta)
            self._finished = True
        shutil.rmtree(self.part, ignore_errors=True)
        return self.path

    def _claim(self, slot: int) -> None:
        if slot not in self.slots:
            raise ShardError(f"{self.path}: slot {slot} is not of this shard ({_span(self.slots)})")
        if slot in self.done:
            raise ShardError(f"{self.path}: slot {slot} is already done")

    def _adopt_finished(self) -> None:
        with ShardReader(self.path) as reader:
            merge_meta([self.meta, reader.meta], ["this run", self.path])
            self._quarantined = {entry.slot: entry for entry in reader.quarantined()}
            self._rows = {record.slot: self.path for record in reader.records()}
        if self.done != set(self.slots):
            found = _span(sorted(self.done))
            raise ShardError(f"{self.path}: is finished and holds {found}, not {_span(self.slots)}")

    def _open_part(self) -> None:
        identity = {name: getattr(self.meta, name) for name in IDENTITY} | {"slots": list(self.slots)}
        self.part.mkdir(parents=True, exist_ok=True)
        if (self.part / PART_ID).exists():
            self._check_same_part(identity)
        else:
            write_json_atomic(self.part / PART_ID, identity)
            sync_folder(self.part.parent)
        remove_stale_parts(self.part)
        for stale in self.path.parent.glob(f".{self.path.name}.*.part"):
            stale.unlink()
        for path in sorted(self.part.glob(f"*{QUARANTINE_SUFFIX}")):
            entry = json.loads(path.read_text())
            reasons = tuple(map(tuple, entry["reasons"]))
            self._quarantined[entry["slot"]] = Quarantined(slot=entry["slot"], reasons=reasons)
        for path in sorted(self.part.glob("*-a*.h5")):
            self._keep_or_drop(path)

    def _check_same_part(self, identity: Mapping[str, object]) -> None:
        stored = json.loads((self.part / PART_ID).read_text())
        for name, value in identity.items():
            if stored.get(name, "") != value:
                raise ShardError(
                    f"{self.part}: was begun with {name} {stored.get(name)!r:.80}, not {value!r:.80}; "
                    "use another run directory, or delete it to begin this shard again"
                )

    def _keep_or_drop(self, path: Path) -> None:
        """Take over a stored sample, unless it was damaged after it was written."""
        if problems := verify_shard(path):
            log.warning("drop damaged sample=%s problem=%s", path, problems[0].what)
            path.unlink()
        else:
            self._rows[SlotKey.parse(path.stem).slot] = path


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
    return _gather(sources, Path(out_path), extra_attrs=extra_attrs or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """A row of a result: where its arrays are, and its values."""

    path: Path
    row: int
    text: RowText


def _gather(
    sources: Sequence[Source],
    out_path: Path,
    *,
    extra_attrs: Mapping[str, str | int | float] | None = None,
    quarantined: Sequence[Quarantined] = (),
    empty_meta: ShardMeta | None = None,  # of the result when there is no source
) -> Path:
    by_path: dict[Path, list[int]] = {}
    for path, row in sources:
        by_path.setdefault(Path(path), []).append(row)
    if not by_path and empty_meta is None:
        raise ShardError(f"{out_path}: no rows to publish")
    metas, origins, needed_bytes = [], [], 0
    for path, rows in by_path.items():
        with ShardReader(path) as reader:
            metas.append(reader.meta)
            origins += _origins(reader, rows)
            needed_bytes += path.stat().st_size * len(rows) // len(reader)
    meta = merge_meta(metas, list(by_path)) if metas else empty_meta
    origins.sort(key=lambda origin: origin.text.record.slot)
    out_path.parent.mkdir(parents=True, exist_ok=True)
    with part_file(out_path, needed_bytes=needed_bytes) as part:
        _write_gathered(part, meta, origins, quarantined, extra_attrs or {})
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
    reserved = attributes_of(meta).keys() & extra_attrs.keys()
    if reserved:
        raise ShardError(f"extra attributes {sorted(reserved)} belong to the format, choose other names")
    with _new_file(path) as file:
        write_skeleton(file, meta, [origin.text for origin in origins], quarantined)
        for name, value in extra_attrs.items():
            set_attribute(file, name, value)
        reader: ShardReader | None = None
        for row, origin in enumerate(origins):
            if reader is None or reader.path != origin.path:
                reader = _turn_to(origin.path, reader)
            for name in ARRAYS:
                for (_, *rest), mask, stored in reader.raw_chunks(name, origin.row):
                    file[name].id.write_direct_chunk((row, *rest), stored, mask)
        if reader is not None:
            reader.close()


class _Sink(io.FileIO):
    """A new file that keeps its first error to itself, because HDF5 may crash after a write that failed."""

    error: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        with self._errors_kept():
            while rest and self.error is None:
                rest = rest[super().write(rest) :]
        return size

    def truncate(self, size: int | None = None) -> int:
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


def _turn_to(path: Path, previous: ShardReader | None) -> ShardReader:
    """Rows of one source lie mostly together, so one open file at a time will do."""
    if previous is not None:
        previous.close()
    return ShardReader(path)


def _check_result(part: Path, final: Path) -> None:
    """Read everything back; and never put a file in the place of another one."""
    if problems := verify_shard(part):
        raise ShardError(f"{final}: not published, {len(problems)} problems; the first: {problems[0]}")
    if final.exists() and not filecmp.cmp(part, final, shallow=False):
        raise ShardError(f"{final}: exists already with other content; it was left as it is")


def _check_fits(sample: StereoSample, meta: ShardMeta, path: Path) -> None:
    name = f"{path}: sample {sample.spec.key.sample_id}"
    if sample.spec.seed != meta.seed:
        raise ShardError(f"{name} is of seed {sample.spec.seed}, the shard of {meta.seed}")
    for array_name, array in arrays_of(sample).items():
        dtype, tail = ARRAYS[array_name]
        shape = (meta.height, meta.width, *tail)
        if array.dtype != dtype or array.shape != shape:
            expected = f"expected {np.dtype(dtype)} {shape}"
            raise ShardError(f"{name}: {array_name} is {array.dtype} {array.shape}, {expected}")
        if array_name.startswith("disparity") and not is_quantised(array):
            raise ShardError(f"{name}: {array_name} has values that are not multiples of 1/256 px")


def _one_row_shard(sample: StereoSample, meta: ShardMeta) -> bytes:
    """A complete shard of one row, made in memory so that the disk sees one plain write."""
    render_json = json.dumps(asdict(sample.render), sort_keys=True, separators=(",", ":"))
    text = RowText(
        record=record_of(sample),
        left_to_world_44=camera_to_world(sample.spec.camera),
        spec_json=sample.spec.to_json(),
        render_json=render_json,
    )
    with h5py.File("memory", "w", driver="core", backing_store=False, libver=LIBVER) as file:
        write_skeleton(file, meta, [text], ())
        for name, array in arrays_of(sample).items():
            file[name][0] = array
        file.flush()
        return file.id.get_file_image()


def _span(slots: Sequence[int]) -> str:
    if len(slots) > 8 and slots[-1] - slots[0] == len(slots) - 1:
        return f"slots {slots[0]}..{slots[-1]}"
    return f"slots {list(slots[:8])}{' ...' if len(slots) > 8 else ''}"
