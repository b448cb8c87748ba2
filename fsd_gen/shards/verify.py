"""Is this shard what it says it is? Every damage is a `Problem` that names file, row and dataset."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.shards.format import POSES, TEXTS, ShardError
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import (
    Arrays,
    SampleRecord,
    digests,
    image_facts,
    render_facts,
    scene_facts,
)
from fsd_gen.shards.seal import seal_flaw

POSE_TOLERANCE = 1e-9  # metres and unit vectors: another machine's sine may end in another digit

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

    Shallow: the file opens, every object in it is one that a shard may have, columns and texts are readable
    and agree. Deep: also every byte of data is decoded (Fletcher32), truth digest, content id and columns of
    every row are computed again, and where nothing of that is wrong the file's seal is compared. A dataset
    that this program does not know is no problem: a warning names it, and it is read through all the same.

    A hostile file may crash or hang HDF5 itself; `fsd_gen.shards.apart` bounds that.
    """
    with ShardReader(path, as_it_is=True) as reader:
        try:
            structure = reader.structure_flaws()
            if not structure:
                return _content_problems(reader, deep=deep)
        except (ShardError, FileNotFoundError) as error:
            return [_whole(reader.path, _said(error, reader.path))]
    return [Problem(file=reader.path, row=None, dataset=name, what=what) for name, what in structure]


def _content_problems(reader: ShardReader, *, deep: bool) -> list[Problem]:
    """What is wrong with the content of a shard whose structure is sound. Raises ShardError."""
    records, quarantined = reader.records(), reader.quarantined()
    poses_n44 = reader.poses()
    slots = [record.slot for record in records]
    problems = list(_slot_problems(reader.path, slots, [entry.slot for entry in quarantined]))
    for record, pose_44 in zip(records, poses_n44, strict=True):
        problems += _row_problems(reader, record, pose_44, deep=deep)
    problems += _unknown_problems(reader, deep=deep)
    if deep and not problems and (flaw := seal_flaw(reader.path)):
        problems = [_whole(reader.path, flaw)]
    return problems


def _whole(path: Path, what: str) -> Problem:
    return Problem(file=path, row=None, dataset=None, what=what)


def _said(error: Exception, path: Path, row: int | None = None, name: str | None = None) -> str:
    """The message without the place, which the `Problem` names."""
    place = ("" if row is None else f"row {row}, ") + ("" if name is None else f"dataset {name}: ")
    return str(error).removeprefix(f"{path}: ").removeprefix(place)


def _unknown_problems(reader: ShardReader, *, deep: bool) -> Iterator[Problem]:
    """Names what this program does not know, and sees that it can be read at least."""
    decoded = {channel.name for channel in reader.meta.channels}
    for name in reader.unknown():
        log.warning("%s: dataset %s is not known to this program; read it with h5py", reader.path, name)
        if deep and name not in decoded:
            try:
                reader.read_through(name)
            except ShardError as error:
                yield Problem(
                    file=reader.path, row=None, dataset=name, what=_said(error, reader.path, None, name)
                )


def _slot_problems(path: Path, slots: list[int], quarantined: list[int]) -> Iterator[Problem]:
    if slots != sorted(slots):
        yield Problem(file=path, row=None, dataset="slot", what=f"rows are not in slot order: {slots[:20]}")
    twice = [slot for slot, count in Counter(slots + quarantined).items() if count > 1]
    if twice:
        yield Problem(file=path, row=None, dataset="slot", what=f"slots listed twice: {twice[:20]}")


def _row_problems(
    reader: ShardReader, record: SampleRecord, pose_44: NDArray[np.float64], *, deep: bool
) -> list[Problem]:
    problems: list[Problem] = []
    arrays: dict[str, NDArray[Any]] = {}
    for name in (*TEXTS, *(channel.name for channel in reader.meta.channels if deep)):
        try:
            if name in TEXTS:
                reader.text(name, record.row)
            else:
                arrays[name] = reader.array(name, record.row)
        except ShardError as error:
            what = _said(error, reader.path, record.row, name)
            problems.append(Problem(file=reader.path, row=record.row, dataset=name, what=what))
    if problems:
        return problems
    found = [
        *_text_mismatches(reader, record, pose_44),
        *(_array_mismatches(reader, arrays, record) if deep else ()),
    ]
    return [Problem(file=reader.path, row=record.row, dataset=name, what=what) for name, what in found]


def _text_mismatches(
    reader: ShardReader, record: SampleRecord, pose_44: NDArray[np.float64]
) -> Iterator[tuple[str, str]]:
    try:
        spec, render = reader.spec(record.row), reader.render_info(record.row)
    except ShardError as error:
        name = "render_json" if "dataset render_json" in str(error) else "spec_json"
        yield name, _said(error, reader.path, record.row, name)
        return
    for name, value in {**scene_facts(spec), **render_facts(render)}.items():
        yield from _differs(record, name, value, "the scene or render text")
    if not np.allclose(pose_44, camera_to_world(spec.camera), rtol=0, atol=POSE_TOLERANCE):
        yield POSES, "is not the pose of the scene's camera"


def _differs(record: SampleRecord, name: str, value: object, says: str) -> Iterator[tuple[str, str]]:
    if (found := getattr(record, name)) != value:
        yield name, f"column says {found!r}, {says} says {value!r}"


def _array_mismatches(reader: ShardReader, arrays: Arrays, record: SampleRecord) -> Iterator[tuple[str, str]]:
    truth, content = digests(arrays, reader.text("spec_json", record.row))
    if truth != record.truth_digest:
        yield "truth_digest", "the stored disparities or flags are not those that were written"
    if content != record.content_id:
        yield "content_id", "the stored images, truth or scene are not those that were written"
    facts = image_facts(arrays["disparity_left"], arrays["flags_left"])
    for name, value in facts.items():
        yield from _differs(record, name, value, "the stored truth")
    for channel in reader.meta.channels:
        if flaw := channel.flaw(arrays[channel.name]):
            yield channel.name, flaw
