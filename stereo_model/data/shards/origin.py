"""Where the samples of some shards come from: the slots they fill and the assets in their scenes.

Two samples are of one slot where their runs have one configuration (its digest covers the seed) and their
slots one number: attempts of a slot share its stratum and often its room. Assets are read from the scene that
each shard stores beside its sample.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from stereo_model.data.encodings import DataFileError, one_line
from stereo_model.data.shards.files import DAMAGE, open_shard_file, read_again

ASSET_KEYS = frozenset({"asset", "texture", "normal_map", "hdri"})  # of a stored scene, whose values are ids
Place = tuple[Path, int]  # a shard and one of its rows


def configuration_of(shard: Path) -> str:
    """Digest of the configuration, its seed included, that made a shard. Raises DataFileError."""
    with open_shard_file(shard) as file:
        digest = file.attrs.get("config_digest", b"")
        return digest.decode() if isinstance(digest, bytes) else str(digest)


def assets_of(places: Sequence[Place]) -> list[frozenset[str]]:
    """The ids of all assets in each sample's scene. Raises DataFileError."""
    found: list[frozenset[str]] = []
    for shard, together in groupby(places, key=lambda place: place[0]):
        rows = [row for _, row in together]
        found += read_again(shard, partial(_assets_in, shard, rows))
    return found


def _assets_in(shard: Path, rows: Sequence[int]) -> list[frozenset[str]]:
    with open_shard_file(shard) as file:
        return [frozenset(_ids(_scene(file["spec_json"], shard, row))) for row in rows]


def spread(places: Sequence[Place], most: int) -> list[Place]:
    """So many of them at most, evenly spread."""
    step = max(1, -(-len(places) // most))
    return list(places[::step])


def _scene(texts: Any, shard: Path, row: int) -> Any:
    try:
        return json.loads(texts[row].decode())
    except DAMAGE as error:
        raise DataFileError(f"{shard}: the scene of row {row} is damaged ({one_line(error)})") from error


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (value[key] for key in ASSET_KEYS & value.keys() if isinstance(value[key], str))
        yield from _all_ids(value.values())
    elif isinstance(value, list):
        yield from _all_ids(value)


def _all_ids(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from _ids(value)
