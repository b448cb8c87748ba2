"""Finding shards: what a user means by a run, a folder, a shard, a pattern, or several of those."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.index import records_of
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.sample import StereoSample

StrPath = str | os.PathLike[str]
WILDCARDS = frozenset("*?[")


class NoShardsError(ShardError, FileNotFoundError):
    """Nothing there is a finished shard."""


def find_shards(source: StrPath | Iterable[StrPath]) -> list[Path]:
    """The finished shards that `source` means, each once.

    A shard means itself; a run the shards of its first draw; any other folder the shards in it; a pattern
    (`runs/*`, `shards/0000[0-3].h5`) everything that it matches, each in turn. Those of one folder are
    sorted; several sources keep their order. A name that exists is never read as a pattern, so brackets
    in the names of folders and files are harmless.

    Raises:
        NoShardsError: `source`, or one of several, means no finished shard.
    """
    if isinstance(source, str | os.PathLike):
        return _meant_by(Path(source))
    found = [shard for each in source for shard in _meant_by(Path(each))]
    if not found:
        raise NoShardsError("no shard was named")
    return list(dict.fromkeys(found))


def _meant_by(path: Path) -> list[Path]:
    places = [path] if path.exists() else sorted(_matches(path))
    shards = [shard for place in places for shard in _shards_at(place)]
    if not shards:
        raise NoShardsError(
            f"{path}: no finished shards (*.h5) here; "
            "expected a shard, a folder of shards, a run directory, or a pattern of those"
        )
    return list(dict.fromkeys(shards))


def _matches(pattern: Path) -> Iterator[Path]:
    """What `pattern` matches below the deepest folder of it that exists, which is taken literally."""
    base = next((parent for parent in pattern.parents if parent.is_dir()), None)
    if base is None:
        return
    rest = str(pattern.relative_to(base))
    if WILDCARDS & set(rest):
        yield from base.glob(rest)


def _shards_at(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    folder = place / "shards" if (place / "shards").is_dir() else place
    return sorted(path for path in folder.glob("*.h5") if path.is_file())


def load_sample(address: str) -> StereoSample:
    """The sample at "PATH:SAMPLE": PATH as in `find_shards`, SAMPLE an id (0000012-a0) or a shard's row.

    Raises:
        ShardError: no such sample.
    """
    place, colon, name = address.rpartition(":")
    if not colon:
        raise ShardError(f"{address}: expected PATH:SAMPLE, for example runs/demo:0000003-a0 or 00000.h5:3")
    shards = find_shards(place)
    if name.isdigit() and Path(place).is_file():
        return _row(shards[0], int(name))
    try:
        key = SlotKey.parse(name)
    except ValueError as error:
        raise ShardError(f"{address}: {error}") from None
    located = records_of(shards)
    for path, record in located:
        if record.key == key:
            return _row(path, record.row)
    in_slot = [record.sample_id for _, record in located if record.slot == key.slot]
    raise ShardError(
        f"{place}: no sample {key.sample_id} in its {len(shards)} shards; {_what_there_is(key, shards, in_slot)}"
    )


def _what_there_is(key: SlotKey, shards: Iterable[Path], in_slot: Sequence[str]) -> str:
    """What a slot holds instead of a sample that was asked for."""
    if in_slot:
        return f"slot {key.slot} holds {', '.join(in_slot)}"
    for path in shards:
        with ShardReader(path) as reader:
            for entry in reader.quarantined():
                if entry.slot == key.slot:
                    codes = ", ".join(dict.fromkeys(chain.from_iterable(entry.reasons)))
                    return f"slot {key.slot} was given up after {len(entry.reasons)} attempts: {codes}"
    return f"none of them holds slot {key.slot}"


def _row(path: Path, row: int) -> StereoSample:
    with ShardReader(path) as reader:
        if row >= len(reader):
            raise ShardError(f"{path}: has {len(reader)} samples, there is no row {row}")
        return reader.sample(row)
