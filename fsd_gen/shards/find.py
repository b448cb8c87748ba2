"""Finding shards and samples by what users write. What a name means is decided in
`stereo_model.data.shards.find`, which the reader of the training side uses too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.index import records_of
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import SampleRecord
from fsd_gen.shards.sample import StereoSample
from jobs.store.mirror import local_place
from stereo_model.data.base import DataFolderError
from stereo_model.data.shards import find
from stereo_model.data.shards.find import FoundShard
from stereo_model.data.shards.keep import Keep
from stereo_model.data.shards.verdicts import verdicts_near

StrPath = str | os.PathLike[str]
Located = tuple[Path, SampleRecord]  # a sample and the shard that holds it
Wanted = Keep | Mapping[str, Any] | Callable[[SampleRecord], bool] | None


class NoShardsError(ShardError, FileNotFoundError):
    """Nothing there is a finished shard."""


def find_shards(source: StrPath | Iterable[StrPath]) -> list[Path]:
    """The finished shards that `source` means, each once: a shard, a run, a folder, a round, a list of
    samples, a pattern (`runs/*`, `shards/0000[0-3].h5`), or several of those.

    Those of one folder are sorted; several sources keep their order. Of a list or a round, the shards that
    hold its samples; `find_samples` knows which ones.

    Raises:
        NoShardsError: `source`, or one of several, means no finished shard.
        ShardError: a list of samples or a round's verdicts are unreadable.
    """
    return [shard.path for shard in found_shards(source)]


def find_samples(source: StrPath | Iterable[StrPath], keep: Wanted = None) -> list[Located]:
    """The samples that `source` means and `keep` wants, in order of shards and rows; none may be left.

    `keep` is a rule over records, or fields of `stereo_model.data.shards.keep.Keep`. Raises as
    `find_shards`, ShardError for a damaged shard, DataOptionError for a `keep` that cannot be.
    """
    found = found_shards(source)
    shards = {shard.path: shard for shard in found}
    located = [
        (path, record)
        for path, record in records_of(shards)
        if shards[path].holds((record.slot, record.attempt))
    ]
    _refuse_absent(found, located)
    if callable(keep):
        return [(path, record) for path, record in located if keep(record)]
    return _wanted(located, Keep.parse(keep))


def _wanted(located: list[Located], keep: Keep) -> list[Located]:
    keep.require_strata(record.stratum for _, record in located)
    folders = {path.parent: path for path, _ in located} if keep.verdict is not None else {}
    verdicts = {folder: _verdicts(path) for folder, path in folders.items()}
    return [
        (path, record)
        for path, record in located
        if keep.accepts(
            partial(getattr, record), verdicts.get(path.parent, {}).get((record.slot, record.attempt))
        )
    ]


def _verdicts(shard: Path) -> Mapping[tuple[int, int], str]:
    try:
        return verdicts_near(shard)
    except DataFolderError as error:
        raise ShardError(str(error)) from None


def _refuse_absent(found: Iterable[FoundShard], located: Iterable[Located]) -> None:
    there = {(path, record.slot, record.attempt) for path, record in located}
    for shard in found:
        absent = sorted(key for key in shard.only or () if (shard.path, *key) not in there)
        if absent:
            key = SlotKey(slot=absent[0][0], attempt=absent[0][1])
            raise ShardError(
                f"{shard.path}: {len(absent)} samples of a list are not in it, such as {key.sample_id}; the "
                "shard is another one than when the list was written: write the list again"
            )


def found_shards(source: StrPath | Iterable[StrPath]) -> list[FoundShard]:
    """As `find_shards`, each with which of its samples are meant."""
    try:
        return find.found_shards(source)
    except find.NoShardsError as error:
        raise NoShardsError(str(error)) from None
    except DataFolderError as error:
        raise ShardError(str(error)) from None


def load_sample(address: str) -> StereoSample:
    """The sample at "PATH:SAMPLE": PATH as in `find_shards`, SAMPLE an id (0000012-a0), a slot (12),
    or, where PATH is one shard, a row of it.

    A slot means the sample that it holds, whichever attempt at it was accepted.

    Raises:
        ShardError: no such sample.
    """
    place, colon, name = address.rpartition(":")
    if not colon or name.startswith("//"):
        raise ShardError(f"{address}: expected PATH:SAMPLE, for example runs/demo:0 or 00000.h5:3")
    here = local_place(place)
    shards = find_shards(here)
    if name.isdigit() and here.is_file():
        return _row(shards[0], int(name))
    try:
        key = SlotKey.parse(name)
    except ValueError as error:
        raise ShardError(f"{address}: {error}") from None
    in_slot = [(path, record) for path, record in find_samples(here) if record.slot == key.slot]
    meant = [each for each in in_slot if name.isdigit() or each[1].key == key]
    if len({record.key for _, record in meant}) == 1:
        return _row(meant[0][0], meant[0][1].row)
    there = _what_there_is(key, shards, [record.sample_id for _, record in in_slot])
    if meant:
        raise ShardError(f"{address}: {there}; name one of them")
    wanted = f"of slot {key.slot}" if name.isdigit() else key.sample_id
    raise ShardError(f"{place}: no sample {wanted} in its {len(shards)} shards; {there}")


def _what_there_is(key: SlotKey, shards: Iterable[Path], in_slot: Sequence[str]) -> str:
    """What a slot holds instead of a sample that was asked for."""
    if in_slot:
        return f"slot {key.slot} holds {', '.join(in_slot)}"
    for path in shards:
        with ShardReader(path, ranged=True) as reader:
            for entry in reader.quarantined():
                if entry.slot == key.slot:
                    codes = ", ".join(dict.fromkeys(chain.from_iterable(entry.reasons)))
                    return f"slot {key.slot} was given up after {len(entry.reasons)} attempts: {codes}"
    return f"none of them holds slot {key.slot}"


def _row(path: Path, row: int) -> StereoSample:
    with ShardReader(path, ranged=True) as reader:
        if row >= len(reader):
            raise ShardError(f"{path}: has {len(reader)} samples, there is no row {row}")
        return reader.sample(row)
