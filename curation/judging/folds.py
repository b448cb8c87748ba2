"""Which model may judge which slot: folds dealt by slot, so that no scorer has seen what it scores.

Within each stratum the slots are put in an order drawn from the seed and dealt to the folds like
cards. A slot keeps its fold for ever, over attempts and rounds; slots that appear later are dealt to
the fold that has fewest of their stratum.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fsd_gen.scene.slots import stable_hash

IN_SAMPLE = 0  # number of the only model of an in-sample round


def assign_folds(
    strata: Mapping[int, str], *, seed: int, folds: int, known: Mapping[int, int] | None = None
) -> dict[int, int]:
    """Fold of every slot in `strata` (slot -> stratum), a pure function of its arguments.

    Fold sizes differ by at most one within each stratum, and overall as far as the strata allow, unless
    slots in `known` (slot -> fold), which keep theirs, were unbalanced before.
    """
    assigned = {slot: fold for slot, fold in (known or {}).items() if slot in strata}
    by_stratum: defaultdict[str, list[int]] = defaultdict(list)
    for slot, stratum in strata.items():
        by_stratum[stratum].append(slot)
    overall = Counter(assigned.values())
    for stratum in sorted(by_stratum):
        slots = by_stratum[stratum]
        sizes = Counter(assigned[slot] for slot in slots if slot in assigned)
        new = (slot for slot in slots if slot not in assigned)
        for slot in sorted(new, key=lambda slot: (stable_hash(seed, slot, "fold"), slot)):
            fold = min(range(folds), key=lambda k: (sizes[k], overall[k], k))
            assigned[slot] = fold
            sizes[fold] += 1
            overall[fold] += 1
    return dict(sorted(assigned.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPlan:
    """Who trains on what in a round: model k is trained on all folds but k, and scores fold k."""

    fold_of: Mapping[int, int]  # slot -> fold
    in_sample: bool  # one model trains on everything and scores everything

    @property
    def models(self) -> tuple[int, ...]:
        """Numbers of the models that the round trains."""
        return (IN_SAMPLE,) if self.in_sample else tuple(sorted(set(self.fold_of.values())))

    def train_slots(self, model: int) -> frozenset[int]:
        """Slots that `model` learns from."""
        return frozenset(s for s, fold in self.fold_of.items() if self.in_sample or fold != model)

    def score_slots(self, model: int) -> frozenset[int]:
        """Slots that `model` judges."""
        return frozenset(s for s, fold in self.fold_of.items() if self.in_sample or fold == model)

    def restricted_to(self, slots: Iterable[int]) -> FoldPlan:
        """The same plan for fewer slots."""
        wanted = set(slots)
        fold_of = {slot: fold for slot, fold in self.fold_of.items() if slot in wanted}
        return FoldPlan(fold_of=fold_of, in_sample=self.in_sample)
