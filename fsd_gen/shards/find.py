"""Naming samples on the command line, and finding the shards of a folder."""

from __future__ import annotations

from pathlib import Path

from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.sample import StereoSample


def find_shards(path: Path) -> list[Path]:
    """The shard itself, the shards of a folder, or those in a run's `shards`; sorted.

    Raises:
        ShardError: there is none.
    """
    if path.is_file():
        return [path]
    folder = path / "shards" if (path / "shards").is_dir() else path
    shards = sorted(folder.glob("*.h5"))
    if not shards:
        raise ShardError(
            f"{path}: expected a shard (.h5), a folder of shards, or a run directory; found none"
        )
    return shards


def load_sample(address: str) -> StereoSample:
    """The sample at "PATH:SAMPLE": PATH a shard, folder or run, SAMPLE an id (0000012-a0) or a shard's row.

    Raises:
        ShardError: no such sample.
    """
    place, colon, name = address.rpartition(":")
    if not colon:
        raise ShardError(f"{address}: expected PATH:SAMPLE, for example runs/demo:0000003-a0 or 00000.h5:3")
    shards = find_shards(Path(place))
    if name.isdigit() and Path(place).is_file():
        return _row(shards[0], int(name))
    try:
        key = SlotKey.parse(name)
    except ValueError as error:
        raise ShardError(f"{address}: {error}") from None
    for path in shards:
        with ShardReader(path) as reader:
            for record in reader.records():
                if record.key == key:
                    return reader.sample(record.row)
    raise ShardError(f"{place}: no sample {key.sample_id} in its {len(shards)} shards")


def _row(path: Path, row: int) -> StereoSample:
    with ShardReader(path) as reader:
        if row >= len(reader):
            raise ShardError(f"{path}: has {len(reader)} samples, there is no row {row}")
        return reader.sample(row)
