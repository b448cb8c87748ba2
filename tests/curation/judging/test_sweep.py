"""What other thresholds would drop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from curation.config import Policy
from curation.judging.sweep import sweep
from curation.judging.verdicts import Outcome
from tests.curation.judging.test_verdicts import POLICY, SHARES, make_score, outcomes


def test_a_sweep_counts_what_other_thresholds_would_drop():
    scores = [make_score(slot, bp2) for slot, bp2 in enumerate([0.2, 0.4, 0.6, 0.8, None])]
    rows = sweep(scores, POLICY, [0.3, 0.6, 0.9])
    assert [(row.dropped, row.scorable) for row in rows] == [(3, 4), (1, 4), (0, 4)]
    assert rows[0].share == 0.75


@given(st.lists(SHARES, max_size=20))
def test_a_higher_threshold_never_drops_more(shares):
    scores = [make_score(slot, bp2) for slot, bp2 in enumerate(shares)]
    dropped = [row.dropped for row in sweep(scores, POLICY, [0.3, 0.5, 0.7, 0.9])]
    assert dropped == sorted(dropped, reverse=True)


def test_a_sweep_at_the_policys_threshold_drops_what_the_verdicts_dropped():
    scores = [make_score(slot, slot / 100) for slot in range(0, 101, 7)]
    dropped = sum(outcome is Outcome.DROP for outcome in outcomes(scores, Policy(force=True)))
    assert sweep(scores, POLICY, [0.6])[0].dropped == dropped


def test_a_sweep_over_nothing_has_no_share():
    assert sweep([], POLICY, [0.6])[0].share is None
