"""Parting samples into those to train on and those to validate on, so that neither tells of the other.

By slot, all attempts of a slot of a run go to one side; which slots, a stable hash of the seed and the slot
decides, whatever the order of shards. By asset, in addition no asset stands in scenes of both sides:
validation scenes are chosen so that they cost the training little, and what shares an asset with them without
being one of them is left out of both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from fsd_gen.scene.slots import stable_hash
from fsd_gen.shards.find import Located
from fsd_gen.shards.reader import ShardReader

MOST_LEFT_OUT = 1 / 3  # share of the samples in neither list that is borne in silence

Unit = tuple[str, int]  # digest of a run's configuration, its seed included, and a slot


class SplitError(ValueError):
    """The samples cannot be parted as asked."""


class By(StrEnum):
    """What the two sides have nothing in common of."""

    SLOT = "slot"
    ASSET = "asset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Samples of either side, in their given order."""

    train: tuple[Located, ...]
    val: tuple[Located, ...]
    left_out: int = 0  # samples that share an asset with a validation scene


def split_samples(samples: Sequence[Located], *, val: float, by: By = By.SLOT, seed: int = 0) -> Split:
    """Part the samples. `val` below 1 is the share of slots to validate on, from 1 on their number.

    Raises:
        SplitError: one side would be empty.
        ShardError: a shard is damaged.
    """
    units = _units(samples)
    wanted = _count(val, len(units))
    ordered = sorted(units, key=lambda unit: stable_hash(seed, *unit, "split"))
    chosen = set(ordered[:wanted])
    spoilt: set[Unit] = set()
    if by is By.ASSET:
        chosen, spoilt = _by_asset(ordered, {unit: _assets(units[unit]) for unit in units}, wanted)
    rows = {unit: {(path, record.row) for path, record in units[unit]} for unit in units}
    val_rows = set[tuple[Path, int]]().union(*(rows[unit] for unit in chosen))
    out_rows = set[tuple[Path, int]]().union(*(rows[unit] for unit in spoilt))
    train = [each for each in samples if (each[0], each[1].row) not in val_rows | out_rows]
    held_out = [each for each in samples if (each[0], each[1].row) in val_rows]
    if not train:
        raise SplitError(_nothing_to_train_on(len(held_out), len(out_rows), by))
    return Split(train=tuple(train), val=tuple(held_out), left_out=len(out_rows))


def weaknesses(split: Split) -> Iterator[str]:
    """What makes a split a poor one to train and validate on, if anything."""
    strata = {record.stratum for _, record in split.val}
    others = {record.stratum for _, record in split.train} - strata
    if len(strata) == 1 and others:
        yield f"all samples to validate on are {strata.pop()}, none {', '.join(sorted(others))}"
    if len(split.train) < len(split.val):
        yield "fewer samples are left to train on than to validate on"
    whole = len(split.train) + len(split.val) + split.left_out
    if split.left_out > MOST_LEFT_OUT * whole:
        yield f"{split.left_out} of {whole} samples are in neither list"


def _units(samples: Iterable[Located]) -> dict[Unit, list[Located]]:
    made_from: dict[Path, str] = {}
    units: dict[Unit, list[Located]] = {}
    for path, record in samples:
        if path not in made_from:
            with ShardReader(path) as reader:
                made_from[path] = reader.meta.config_digest
        units.setdefault((made_from[path], record.slot), []).append((path, record))
    return units


def _count(val: float, slots: int) -> int:
    count = round(val * slots) if val < 1 else int(val)
    if not 0 < max(1, count) < slots:
        raise SplitError(
            f"{slots} slots cannot be parted so that {val:g} are validated on; expected a share such as 5% "
            f"or a number from 1 to {slots - 1}"
        )
    return max(1, count)


def _assets(samples: Iterable[Located]) -> frozenset[str]:
    ids: set[str] = set()
    for path, record in samples:
        with ShardReader(path) as reader:
            ids |= set(reader.spec(record.row).asset_ids())
    return frozenset(ids)


def _by_asset(
    ordered: Sequence[Unit], assets: Mapping[Unit, frozenset[str]], wanted: int
) -> tuple[set[Unit], set[Unit]]:
    """So many units to validate on, and those that share an asset with them.

    Each time the unit whose assets occur least often elsewhere is taken, the first in order of equals.
    """
    users: dict[str, list[int]] = {}
    for number, unit in enumerate(ordered):
        for asset in assets[unit]:
            users.setdefault(asset, []).append(number)
    cost_n = np.array([sum(len(users[asset]) for asset in assets[unit]) for unit in ordered], float)
    taken: set[str] = set()
    chosen: set[Unit] = set()
    for _ in range(wanted):
        number = int(np.argmin(cost_n))
        chosen.add(ordered[number])
        for asset in assets[ordered[number]] - taken:
            cost_n[users[asset]] -= len(users[asset])
        taken |= assets[ordered[number]]
        cost_n[number] = np.inf
    return chosen, {unit for unit in ordered if unit not in chosen and assets[unit] & taken}


def _nothing_to_train_on(held_out: int, left_out: int, by: By) -> str:
    if by is By.SLOT:
        return "no sample is left to train on; give a smaller --val"
    return (
        f"every other scene shares an asset with one of the {held_out} to validate on ({left_out} scenes): "
        "nothing is left to train on; give a smaller --val, split by slot, or render the validation with "
        "other packs"
    )
