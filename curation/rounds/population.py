"""Which sample counts for each slot: the newest attempt that no verdict took away.

The first draw fills the slots. Every completed round takes the dropped and unscorable samples away
and puts their successors (same slot, later attempt, same stratum) in their place. A slot without a
sample is counted: `missing` when the first draw left it empty, `lost` when a rejected sample found no
successor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from curation.config import Policy
from curation.judging.verdicts import Verdict, not_scored
from fsd_gen.scene.slots import SlotKey


class PopulationError(ValueError):
    """The files of a run contradict each other: a slot filled twice, or a successor that cannot be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSample:
    """One rendered sample: where it lies and what the statistics need."""

    key: SlotKey
    stratum: str
    content_id: str
    path: Path  # shard file
    row: int  # in it
    baseline_m: float
    focal_px: float
    disparity_px: float | None  # median over exact pixels; None where there is none
    cpu_s: float  # what rendering it cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The samples that count now, by slot."""

    current: Mapping[int, RunSample]
    missing: frozenset[int]  # slots that the first draw left empty
    lost: Mapping[int, SlotKey]  # slot -> its last, rejected sample

    @property
    def samples(self) -> tuple[RunSample, ...]:
        """The current samples, by slot."""
        return tuple(self.current[slot] for slot in sorted(self.current))

    @property
    def quarantined(self) -> int:
        """How many slots have no sample."""
        return len(self.missing) + len(self.lost)

    def strata(self) -> dict[int, str]:
        """Stratum of every filled slot."""
        return {slot: sample.stratum for slot, sample in self.current.items()}


def first_draw(samples: Iterable[RunSample], slots: Iterable[int]) -> Population:
    """The population before any round: `slots` are all slots that there should be."""
    current = _by_slot(samples)
    return Population(current=current, missing=frozenset(slots) - current.keys(), lost={})


def after_round(
    before: Population, verdicts: Iterable[Verdict], regenerated: Iterable[RunSample]
) -> Population:
    """The population once the rejected samples of a round are replaced.

    Raises PopulationError when a verdict or a successor does not fit the population before.
    """
    rejected = {v.key.slot: v.key for v in verdicts if v.outcome.rejects}
    for slot, key in rejected.items():
        if slot not in before.current or before.current[slot].key != key:
            raise PopulationError(f"a verdict speaks of {key.sample_id}, which is not current in its slot")
    successors = _by_slot(regenerated)
    for slot, successor in successors.items():
        _check_successor(before.current.get(slot), successor, rejected)
    kept = {slot: sample for slot, sample in before.current.items() if slot not in rejected}
    lost = {slot: key for slot, key in rejected.items() if slot not in successors}
    return replace(before, current=kept | successors, lost={**before.lost, **lost})


def _by_slot(samples: Iterable[RunSample]) -> dict[int, RunSample]:
    found: dict[int, RunSample] = {}
    for sample in samples:
        if (other := found.get(sample.key.slot)) is not None:
            raise PopulationError(
                f"slot {sample.key.slot} is filled twice: {other.path.name} row {other.row} "
                f"and {sample.path.name} row {sample.row}"
            )
        found[sample.key.slot] = sample
    return found


def _check_successor(old: RunSample | None, new: RunSample, rejected: Mapping[int, SlotKey]) -> None:
    name = f"{new.path}: {new.key.sample_id}"
    if old is None or new.key.slot not in rejected:
        raise PopulationError(f"{name} was drawn again although nothing rejected its slot")
    if new.key.attempt <= old.key.attempt:
        raise PopulationError(f"{name} must be a later attempt than {old.key.sample_id}")
    if new.stratum != old.stratum:
        raise PopulationError(f"{name} is of stratum {new.stratum!r}, but its slot is of {old.stratum!r}")


def current_verdicts(
    population: Population, verdicts: Iterable[Verdict], policy: Policy
) -> tuple[Verdict, ...]:
    """One verdict per current sample, by slot; UNJUDGED where `verdicts` have none on it."""
    of = {verdict.key: verdict for verdict in verdicts}
    return tuple(of.get(sample.key) or not_scored(sample.key, policy) for sample in population.samples)
