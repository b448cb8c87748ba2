"""Which sample counts for a slot, over rounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.config import Policy
from curation.judging.verdicts import Outcome, Verdict
from curation.rounds.population import PopulationError, RunSample, after_round, current_verdicts, first_draw
from fsd_gen.scene.slots import SlotKey


def drawn(slot: int, attempt: int = 0, stratum: str = "flying") -> RunSample:
    return RunSample(
        key=SlotKey(slot=slot, attempt=attempt),
        stratum=stratum,
        content_id=f"{slot}-{attempt}",
        path=Path("x.h5"),
        row=slot,
        baseline_m=0.1,
        focal_px=500.0,
        disparity_px=20.0,
        cpu_s=1.0,
    )


def verdict(slot: int, outcome: Outcome, attempt: int = 0) -> Verdict:
    key = SlotKey(slot=slot, attempt=attempt)
    return Verdict(key=key, outcome=outcome, reason="r", bp2=0.5, model_digest="m", policy_digest="p")


FIRST = first_draw([drawn(0), drawn(1), drawn(2)], slots=range(4))
JUDGED = [verdict(0, Outcome.KEEP), verdict(1, Outcome.DROP), verdict(2, Outcome.UNSCORABLE)]


def keys(population) -> list[str]:
    return [sample.key.sample_id for sample in population.samples]


def test_slots_that_the_first_draw_left_empty_are_counted():
    assert FIRST.missing == {3} and FIRST.quarantined == 1


def test_an_unjudged_sample_stays():
    after = after_round(FIRST, [verdict(0, Outcome.UNJUDGED), *JUDGED[1:]], [drawn(1, 1), drawn(2, 1)])
    assert keys(after) == ["0000000-a0", "0000001-a1", "0000002-a1"]


def test_every_current_sample_has_a_verdict_if_only_that_nobody_scored_it():
    policy = Policy()
    outcomes = [v.outcome for v in current_verdicts(FIRST, JUDGED[:2], policy)]
    assert outcomes == [Outcome.KEEP, Outcome.DROP, Outcome.UNJUDGED]


def test_a_rejected_sample_gives_way_to_its_successor():
    after = after_round(FIRST, JUDGED, [drawn(1, 1), drawn(2, 4)])
    assert keys(after) == ["0000000-a0", "0000001-a1", "0000002-a4"]


def test_a_rejected_sample_without_successor_does_not_come_back():
    after = after_round(FIRST, JUDGED, [drawn(1, 1)])
    assert keys(after) == ["0000000-a0", "0000001-a1"]
    assert after.lost == {2: SlotKey(slot=2)} and after.quarantined == 2


@pytest.mark.parametrize(
    ("successor", "complaint"),
    [
        (drawn(0, 1), "although nothing rejected"),
        (drawn(9, 1), "although nothing rejected"),
        (drawn(1, 0), "later attempt"),
        (drawn(1, 1, stratum="indoor"), "stratum 'indoor'"),
    ],
)
def test_a_successor_must_fit_the_sample_it_replaces(successor, complaint):
    with pytest.raises(PopulationError, match=complaint):
        after_round(FIRST, JUDGED, [successor])


def test_a_slot_filled_twice_is_refused():
    with pytest.raises(PopulationError, match="filled twice"):
        first_draw([drawn(0), drawn(0, 1)], slots=range(1))


def test_a_verdict_on_a_sample_that_is_not_current_is_refused():
    with pytest.raises(PopulationError, match="0000001-a5"):
        after_round(FIRST, [verdict(1, Outcome.DROP, attempt=5)], [])
