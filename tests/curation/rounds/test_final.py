"""Judging the last successors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from curation.config import Policy
from curation.judging.tables import read_scores
from curation.judging.verdicts import Outcome
from curation.rounds.final import judge_successors
from curation.rounds.layout import RoundDir
from curation.rounds.state import RunError, read_run
from tests.curation.rounds.test_stages import bring, ignore
from tests.curation.world import CONFIG, FakeWorld, make_run


@pytest.fixture
def run(tmp_path) -> Path:
    return make_run(tmp_path / "run", slots=12, quarantined=[2])


def test_where_the_last_round_drew_nothing_no_model_is_needed(run):
    policy = Policy(rules=("bp2",))
    bring(run, 1, FakeWorld(fate=lambda key: "good"), CONFIG.model_copy(update={"policy": policy}))
    shutil.rmtree(RoundDir(run_dir=run, number=1).path / "model")
    world = FakeWorld()
    assert judge_successors(read_run(run), world, ignore) == () and world.calls == {}


def test_the_last_successors_are_judged_by_models_that_never_saw_their_slot(run):
    bring(run)
    world = FakeWorld()
    verdicts = judge_successors(read_run(run), world, ignore)
    assert [v.key.sample_id for v in verdicts] == ["0000003-a2", "0000007-a2", "0000011-a2"]
    round_dir = RoundDir(run_dir=run, number=2)
    for score in read_scores(round_dir.final_scores):
        assert score.key.slot not in json.loads(round_dir.checkpoint(score.fold).read_text())["seen"]
    assert judge_successors(read_run(run), world, ignore) == verdicts and world.calls["predict"] == 3


def test_successors_are_judged_by_the_strength_the_model_showed_in_the_round(run):
    """All the last successors are bad: alone they would make the model look weak."""
    bring(run, 1)
    world = FakeWorld(fate=lambda key: "bad" if key.attempt else "good")
    outcomes = {v.key.slot: v.outcome for v in judge_successors(read_run(run), world, ignore)}
    assert set(outcomes.values()) == {Outcome.DROP}


def test_before_any_round_there_are_no_successors_to_judge(run):
    with pytest.raises(RunError, match="no round is complete"):
        judge_successors(read_run(run), FakeWorld(), ignore)
