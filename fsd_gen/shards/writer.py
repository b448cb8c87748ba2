"""Writing shards: sample by sample into a part that survives anything, then one complete, verified file.

While `00000.h5` is being made there is a folder `00000.h5.part` that holds one complete one-row shard per
finished sample, each of them written beside its name, flushed and renamed. A kill or a full disk at any
moment loses only the sample in flight, in whatever order samples come. `finish` gathers the stored chunks
(no pixel is encoded twice), reads everything back, flushes, renames, and only then removes the part.
The same samples give the same bytes, however often the work was interrupted.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import h5py

from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.channels import beyond_the_six
from fsd_gen.shards.format import (
    LIBVER,
    SAME_WITHIN_A_SHARD,
    Quarantined,
    RowText,
    ShardError,
    ShardMeta,
    attributes_of,
    merge_meta,
    write_skeleton,
)
from fsd_gen.shards.gather import gather
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import record_of
from fsd_gen.shards.sample import StereoSample
from fsd_gen.shards.seal import sealed
from fsd_gen.shards.verify import verify_shard
from jobs.files import remove_stale_parts, sync_folder, write_bytes_atomic, write_json_atomic

log = logging.getLogger(__name__)

PART_ID = "part.json"
QUARANTINE_SUFFIX = ".quarantined.json"
SAMPLES = "[!.]*-a*.h5"
RENDERER = "renderer"  # in the part's identity: one renderer makes a shard from start to end


class ShardWriter:
    """Fills one shard. Resuming is the default: what an earlier writer finished is kept.

    `path` is the name of the finished shard, `slots` are all slots it is to hold. Nothing stays open
    between calls. One writer at a time works on a shard; the run's lock sees to that.

    Raises:
        ShardError: the part, or a finished file at `path`, belongs to other slots or another configuration.
    """

    def __init__(self, path: str | os.PathLike[str], slots: Sequence[int], meta: ShardMeta) -> None:
        self.path = Path(path)
        self.part = part_of(self.path)
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
        self._claim(sample.spec.key.slot)
        store_row(self.path, sample, self.meta, meta or self.meta)
        self.adopt(sample.spec.key)

    def adopt(self, key: SlotKey) -> None:
        """Take over a sample that `store_row` has stored, be it in another process."""
        self._claim(key.slot)
        self._rows[key.slot] = part_of(self.path) / f"{key.sample_id}.h5"

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
            gather(sources, self.path, quarantined=quarantined, empty_meta=self.meta)
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
        self.part.mkdir(parents=True, exist_ok=True)
        begun_by = self._check_same_part() if (self.part / PART_ID).exists() else None
        if begun_by is None:
            write_json_atomic(self.part / PART_ID, self._identity() | {RENDERER: self.meta.renderer})
            sync_folder(self.part.parent)
        remove_stale_parts(self.part)
        for stale in self.path.parent.glob(f".{self.path.name}.*.part"):
            stale.unlink()
        for path in sorted(self.part.glob(f"*{QUARANTINE_SUFFIX}")):
            entry = json.loads(path.read_text())
            reasons = tuple(map(tuple, entry["reasons"]))
            self._quarantined[entry["slot"]] = Quarantined(slot=entry["slot"], reasons=reasons)
        for path in sorted(self.part.glob(SAMPLES)):
            self._keep_or_drop(path)

    def _identity(self) -> dict[str, object]:
        """What another writer must agree with to go on with this part."""
        attributes = attributes_of(self.meta)
        names = [name for name in SAME_WITHIN_A_SHARD if name in attributes and name != "channels"]
        same: dict[str, object] = {name: attributes[name] for name in names}
        beyond = [channel.name for channel in beyond_the_six(self.meta.channels)]
        return same | {"slots": list(self.slots)} | ({"channels": beyond} if beyond else {})

    def _check_same_part(self) -> str | None:
        """The renderer that filled the part so far; None where nobody did, or it does not say."""
        stored, mine = json.loads((self.part / PART_ID).read_text()), self._identity()
        begun_by: str | None = stored.pop(RENDERER, None)
        for name in mine | stored:
            begun, wanted = stored.get(name), mine.get(name)
            if begun != wanted:
                raise ShardError(
                    f"{self.part}: was begun with {name} {begun!r:.80}, not {wanted!r:.80}; "
                    "use another run directory, or delete it to begin this shard again"
                )
        if begun_by is None or not is_begun(self.part):
            return None
        if begun_by != self.meta.renderer:
            raise ShardError(
                f"{self.part}: was begun by the renderer {begun_by!r}, not {self.meta.renderer!r}; go on "
                "with that renderer, or delete it to begin this shard again"
            )
        return begun_by

    def _keep_or_drop(self, path: Path) -> None:
        """Take over a stored sample, unless it was damaged after it was written."""
        if problems := verify_shard(path):
            log.warning("drop damaged sample=%s problem=%s", path, problems[0].what)
            path.unlink()
        else:
            self._rows[SlotKey.parse(path.stem).slot] = path


def part_of(shard: Path) -> Path:
    """The folder beside a shard that holds its samples while it is being made."""
    return shard.with_name(shard.name + ".part")


def store_row(shard: Path, sample: StereoSample, shard_meta: ShardMeta, meta: ShardMeta) -> None:
    """Store a sample in the part of a shard; `ShardWriter.add` says more. Any process may do it.

    Raises ShardError, DiskFullError.
    """
    sample_id = sample.spec.key.sample_id
    _check_fits(sample, shard_meta, shard)
    merge_meta([shard_meta, meta], [shard, f"sample {sample_id}"])
    write_bytes_atomic(part_of(shard) / f"{sample_id}.h5", _one_row_shard(sample, meta))


def is_begun(part: Path) -> bool:
    """Whether a part holds a sample, or a slot that was given up."""
    return any(any(part.glob(pattern)) for pattern in (SAMPLES, f"[!.]*{QUARANTINE_SUFFIX}"))


def _check_fits(sample: StereoSample, meta: ShardMeta, path: Path) -> None:
    name = f"{path}: sample {sample.spec.key.sample_id}"
    if sample.spec.seed != meta.seed:
        raise ShardError(f"{name} is of seed {sample.spec.seed}, the shard of {meta.seed}")
    arrays, wanted = sample.channels, [channel.name for channel in meta.channels]
    if arrays.keys() != set(wanted):
        raise ShardError(f"{name} has the channels {', '.join(arrays)}, the shard {', '.join(wanted)}")
    for channel in meta.channels:
        if misfit := channel.misfit(arrays[channel.name], meta.height, meta.width):
            raise ShardError(f"{name}: {channel.name} {misfit}")


def _one_row_shard(sample: StereoSample, meta: ShardMeta) -> bytes:
    """A complete shard of one row, made in memory so that the disk sees one plain write."""
    said = {name: value for name, value in asdict(sample.render).items() if value is not None}
    render_json = json.dumps(said, sort_keys=True, separators=(",", ":"))
    text = RowText(
        record=record_of(sample),
        left_to_world_44=camera_to_world(sample.spec.camera),
        spec_json=sample.spec.to_json(),
        render_json=render_json,
    )
    with h5py.File("memory", "w", driver="core", backing_store=False, libver=LIBVER) as file:
        write_skeleton(file, meta, [text], ())
        for name, array in sample.channels.items():
            file[name][0] = array
        file.flush()
        image: bytes = file.id.get_file_image()
        return sealed(image)


def _span(slots: Sequence[int]) -> str:
    if len(slots) > 8 and slots[-1] - slots[0] == len(slots) - 1:
        return f"slots {slots[0]}..{slots[-1]}"
    return f"slots {list(slots[:8])}{' ...' if len(slots) > 8 else ''}"
