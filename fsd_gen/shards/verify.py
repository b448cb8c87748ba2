"""Is this shard what it says it is? Every damage is a `Problem` that names file, row and dataset."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fsd_gen.shards.format import TEXTS, ShardError
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import Arrays, SampleRecord, content_id, truth_digest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a shard."""

    file: Path
    row: int | None  # None: not of one row
    dataset: str | None  # None: the file as a whole
    what: str

    def __str__(self) -> str:
        row = "" if self.row is None else f" row {self.row}"
        return f"{self.file}{row}{'' if self.dataset is None else f' {self.dataset}'}: {self.what}"


def verify_shard(path: str | os.PathLike[str], *, deep: bool = True) -> list[Problem]:
    """All problems of the shard at `path`; empty when it is sound. Damage never raises.

    Shallow: the file opens, columns and texts are readable and agree. Deep: also every pixel is decoded
    (Fletcher32) and the truth digest and content id of every row are computed again. A dataset that this
    program does not know is no problem: a warning names it, and what the schema lists is read all the same.
    """
    with ShardReader(path) as reader:
        try:
            records = reader.records()
            quarantined = reader.quarantined()
            reader.poses()
            _name_unknown(reader)
        except (ShardError, FileNotFoundError) as error:
            return [Problem(file=reader.path, row=None, dataset=None, what=str(error))]
        slots = [record.slot for record in records]
        problems = list(_slot_problems(reader.path, slots, [entry.slot for entry in quarantined]))
        for record in records:
            problems += _row_problems(reader, record, deep=deep)
    return problems


def _name_unknown(reader: ShardReader) -> None:
    for name in reader.unknown():
        log.warning("%s: dataset %s is not known to this program; read it with h5py", reader.path, name)


def _slot_problems(path: Path, slots: list[int], quarantined: list[int]) -> Iterator[Problem]:
    if slots != sorted(slots):
        yield Problem(file=path, row=None, dataset="slot", what=f"rows are not in slot order: {slots[:20]}")
    twice = [slot for slot, count in Counter(slots + quarantined).items() if count > 1]
    if twice:
        yield Problem(file=path, row=None, dataset="slot", what=f"slots listed twice: {twice[:20]}")


def _row_problems(reader: ShardReader, record: SampleRecord, *, deep: bool) -> list[Problem]:
    problems: list[Problem] = []
    arrays: dict[str, NDArray[Any]] = {}
    for name in (*TEXTS, *(channel.name for channel in reader.meta.channels if deep)):
        try:
            if name in TEXTS:
                reader.text(name, record.row)
            else:
                arrays[name] = reader.array(name, record.row)
        except ShardError as error:
            problems.append(Problem(file=reader.path, row=record.row, dataset=name, what=str(error)))
    if problems:
        return problems
    found = [*_text_mismatches(reader, record), *(_array_mismatches(reader, arrays, record) if deep else ())]
    return [Problem(file=reader.path, row=record.row, dataset=name, what=what) for name, what in found]


def _text_mismatches(reader: ShardReader, record: SampleRecord) -> Iterator[tuple[str, str]]:
    try:
        spec, render = reader.spec(record.row), reader.render_info(record.row)
    except ShardError as error:
        yield "spec_json", str(error)
        return
    expected = {
        "slot": spec.key.slot,
        "attempt": spec.key.attempt,
        "stratum": spec.stratum,
        "focal_px": spec.rig.focal_px,
        "baseline_m": spec.rig.baseline_m,
        "spec_digest": spec.digest(),
        "cpu_s": render.host_cpu_s,
        "backend": render.backend,
    }
    for name, value in expected.items():
        if getattr(record, name) != value:
            yield name, f"column says {getattr(record, name)!r}, the scene or render text says {value!r}"


def _array_mismatches(reader: ShardReader, arrays: Arrays, record: SampleRecord) -> Iterator[tuple[str, str]]:
    if truth_digest(arrays) != record.truth_digest:
        yield "truth_digest", "the stored disparities or flags are not those that were written"
    if content_id(arrays, reader.text("spec_json", record.row)) != record.content_id:
        yield "content_id", "the stored images, truth or scene are not those that were written"
    for channel in reader.meta.channels:
        if flaw := channel.flaw(arrays[channel.name]):
            yield channel.name, flaw
