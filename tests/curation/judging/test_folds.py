"""Folds: balanced within strata, disjoint, and the same for ever."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from curation.judging.folds import FoldPlan, assign_folds

STRATA = st.dictionaries(st.integers(0, 10**6), st.sampled_from(["flying", "indoor", "driving"]), max_size=60)
SEEDS = st.integers(0, 2**32)


@given(STRATA, SEEDS, st.integers(2, 5))
def test_every_slot_has_a_fold_and_folds_are_balanced_within_each_stratum(strata, seed, folds):
    fold_of = assign_folds(strata, seed=seed, folds=folds)
    assert fold_of.keys() == strata.keys()
    for stratum in set(strata.values()):
        sizes = Counter(fold_of[slot] for slot, name in strata.items() if name == stratum)
        assert max(sizes.values()) - min(sizes[k] for k in range(folds)) <= 1


@given(STRATA, SEEDS)
def test_folds_do_not_depend_on_the_order_in_which_slots_are_listed(strata, seed):
    backwards = dict(reversed(strata.items()))
    assert assign_folds(strata, seed=seed, folds=3) == assign_folds(backwards, seed=seed, folds=3)


@given(STRATA, STRATA, SEEDS)
def test_a_slot_keeps_its_fold_when_slots_are_added_or_lost(first, second, seed):
    before = assign_folds(first, seed=seed, folds=3)
    after = assign_folds(second, seed=seed, folds=3, known=before)
    assert after.keys() == second.keys()
    assert all(after[slot] == before[slot] for slot in first.keys() & second.keys())


def test_another_seed_deals_other_folds():
    strata = dict.fromkeys(range(40), "flying")
    assert assign_folds(strata, seed=0, folds=2) != assign_folds(strata, seed=1, folds=2)


@given(STRATA, SEEDS)
def test_no_model_learns_from_a_slot_that_it_scores_and_every_slot_is_scored_once(strata, seed):
    plan = FoldPlan(fold_of=assign_folds(strata, seed=seed, folds=3), in_sample=False)
    scored = Counter(slot for model in plan.models for slot in plan.score_slots(model))
    assert set(scored.values()) <= {1} and scored.keys() == strata.keys()
    assert all(not plan.train_slots(model) & plan.score_slots(model) for model in plan.models)


def test_in_sample_one_model_learns_from_everything_and_scores_everything():
    plan = FoldPlan(fold_of={0: 0, 1: 1, 2: 0}, in_sample=True)
    assert plan.models == (0,)
    assert plan.train_slots(0) == plan.score_slots(0) == {0, 1, 2}
