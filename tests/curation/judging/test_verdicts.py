"""Verdicts: one per score, with a reason; nothing unscored passes as perfect; a weak scorer has no say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config import Policy
from curation.judging.scores import MaskScore, Score, error_histogram
from curation.judging.verdicts import BrokenScorerError, Outcome, judge, not_scored, scorer_strengths
from fsd_gen.scene.slots import SlotKey

POLICY = Policy()


def mask_score(bp2: float | None, n_valid: int = 100) -> MaskScore:
    """`bp2` of the pixels are off by 10 px, the others by 0.1 px."""
    if bp2 is None:
        return MaskScore(
            n_valid=n_valid, bp1=None, bp2=None, bp3=None, epe=None, d1=None, histogram=(0,) * 16
        )
    bad = round(bp2 * n_valid)
    errors = np.array([10.0] * bad + [0.1] * (n_valid - bad))
    return MaskScore(
        n_valid=n_valid,
        bp1=bp2,
        bp2=bp2,
        bp3=bp2,
        epe=float(errors.mean()),
        d1=bp2,
        histogram=error_histogram(errors),
    )


def make_score(slot: int, bp2: float | None, *, everywhere: float | None = None, **changes) -> Score:
    values = dict(
        key=SlotKey(slot=slot),
        content_id=f"c{slot}",
        stratum="flying",
        model_digest="strong",
        fold=0,
        n_pixels=100,
        n_beyond=0,
        finite=True,
        visible=mask_score(bp2),
        all=mask_score(bp2 if everywhere is None else everywhere),
        bad_transparent=0.0,
        bad_mirror=0.0,
        bad_occluded=0.0,
    )
    return Score(**values | changes)


def outcomes(scores, policy=POLICY, **kwargs) -> list[Outcome]:
    return [verdict.outcome for verdict in judge(scores, policy, **kwargs)]


GOOD = [make_score(slot, 0.1) for slot in range(100, 104)]  # make a strong scorer


def test_a_sample_goes_above_the_threshold_and_stays_at_it():
    got = outcomes([make_score(0, 0.60), make_score(1, 0.61), *GOOD])
    assert got[:2] == [Outcome.KEEP, Outcome.DROP]


def test_the_policy_says_over_which_pixels():
    scores = [make_score(0, 0.1, everywhere=0.9), *(replace(s, all=mask_score(0.0)) for s in GOOD)]
    assert outcomes(scores)[0] is Outcome.KEEP
    assert outcomes(scores, Policy(mask="all"))[0] is Outcome.DROP


def test_every_verdict_says_why_and_over_which_pixels():
    drop, *_ = judge([make_score(0, 0.75, bad_mirror=0.4), *GOOD], POLICY)
    assert drop.reason == "BP-2 (visible) 75.0% > 60%; 40% of the bad pixels are mirror-like"
    assert drop.policy_digest == POLICY.digest()


def test_nothing_to_score_is_unscorable_and_not_perfect():
    assert outcomes([make_score(0, None, visible=mask_score(None, 0)), *GOOD])[0] is Outcome.UNSCORABLE


def test_too_few_pixels_are_unscorable_however_well_they_are_explained():
    few = make_score(0, 0.0, visible=mask_score(0.0, 1), n_beyond=90)
    verdict, *_ = judge([few, *GOOD], POLICY)
    assert verdict.outcome is Outcome.UNSCORABLE
    assert "only 1.0% of the pixels" in verdict.reason and "90.0% lie beyond" in verdict.reason


def test_a_prediction_that_is_not_finite_is_unscorable():
    verdict, *_ = judge([make_score(0, None, finite=False), *GOOD], POLICY)
    assert (verdict.outcome, verdict.reason) == (Outcome.UNSCORABLE, "the prediction is not finite")


WEAK = [make_score(slot, bp2, model_digest="weak") for slot, bp2 in enumerate([0.3, 0.5, 0.7, 0.8])]


def test_a_weak_scorer_judges_nothing_and_says_so():
    verdicts = judge(WEAK, POLICY)
    assert {verdict.outcome for verdict in verdicts} == {Outcome.UNJUDGED}
    assert "too weak to judge: its median is 60.0% > 40%" in verdicts[3].reason


def test_a_weak_scorer_that_is_forced_drops():
    assert outcomes(WEAK, Policy(force=True)) == [Outcome.KEEP, Outcome.KEEP, Outcome.DROP, Outcome.DROP]


def test_a_weak_scorer_does_not_make_an_unscorable_sample_perfect():
    assert outcomes([*WEAK, make_score(9, None, model_digest="weak")])[-1] is Outcome.UNSCORABLE


def test_each_fold_is_weak_or_strong_by_itself():
    verdicts = judge([*WEAK, make_score(90, 0.9), *GOOD], POLICY)
    dropped = [verdict.key.slot for verdict in verdicts if verdict.outcome is Outcome.DROP]
    assert dropped == [90]


def test_strength_can_be_measured_elsewhere():
    strengths = scorer_strengths([make_score(90, 0.9), *GOOD], POLICY)
    assert outcomes([make_score(90, 0.9)], strengths=strengths) == [Outcome.DROP]
    assert outcomes([make_score(90, 0.9)]) == [Outcome.UNJUDGED]  # alone it would look weak
    with pytest.raises(ValueError, match="strength is not known"):
        judge(WEAK, POLICY, strengths)


def test_a_scorer_that_predicts_mostly_nonsense_is_broken_and_judges_nothing():
    scores = [make_score(slot, None, finite=False) for slot in range(3)] + GOOD[:2]
    with pytest.raises(BrokenScorerError, match="3 of 5"):
        judge(scores, POLICY)


# ---------------------------------------------------------------- rules in order


def test_the_first_rule_with_a_verdict_decides():
    blind = make_score(9, None, model_digest="weak")
    assert outcomes([*WEAK, blind])[-1] is Outcome.UNSCORABLE
    reversed_rules = Policy(rules=("bp2", "weak-scorer", "unscorable"))
    assert outcomes([*WEAK, blind], reversed_rules) == [
        Outcome.KEEP,
        Outcome.KEEP,
        Outcome.DROP,
        Outcome.DROP,
        Outcome.UNJUDGED,
    ]


def test_what_no_rule_has_a_verdict_on_is_unjudged():
    verdict, *_ = judge([make_score(0, 0.99), *GOOD], Policy(rules=("unscorable",)))
    assert (verdict.outcome, verdict.reason) == (Outcome.UNJUDGED, "no rule of the policy has a verdict")


def test_only_drop_and_unscorable_reject_a_sample():
    assert {outcome for outcome in Outcome if outcome.rejects} == {Outcome.DROP, Outcome.UNSCORABLE}


def test_what_was_not_scored_names_no_model():
    verdict = not_scored(SlotKey(slot=1), POLICY)
    assert (verdict.outcome, verdict.model_digest, verdict.bp2) == (Outcome.UNJUDGED, "", None)


SHARES = st.one_of(st.none(), st.integers(0, 100).map(lambda n: n / 100))


@given(st.lists(st.tuples(SHARES, st.sampled_from(["a", "b"])), max_size=20), st.booleans())
def test_every_scored_sample_has_exactly_one_verdict_and_none_without_a_number_is_kept(samples, force):
    scores = [make_score(slot, bp2, model_digest=model) for slot, (bp2, model) in enumerate(samples)]
    verdicts = judge(scores, Policy(force=force))
    assert [verdict.key for verdict in verdicts] == [score.key for score in scores]
    assert all(verdict.reason for verdict in verdicts)
    assert not force or all(verdict.outcome is not Outcome.UNJUDGED for verdict in verdicts)
    for score, verdict in zip(scores, verdicts, strict=True):
        assert (verdict.outcome is Outcome.UNSCORABLE) == (score.visible.bp2 is None)
        assert verdict.outcome is not Outcome.DROP or score.visible.bp2 > 0.6
