"""Seconds per stage, over kills."""

from __future__ import annotations

import json

import pytest

from curation.rounds.effort import effort, effort_until, measured
from curation.rounds.layout import RoundDir


@pytest.fixture
def round_dir(tmp_path) -> RoundDir:
    return RoundDir(run_dir=tmp_path, number=1)


def note(round_dir: RoundDir, **line) -> None:
    round_dir.effort.parent.mkdir(parents=True, exist_ok=True)
    with round_dir.effort.open("a") as ledger:
        ledger.write("\n" + json.dumps(line))


def test_a_stage_is_measured_also_when_it_ends_in_an_exception(round_dir):
    with pytest.raises(KeyboardInterrupt), measured(round_dir, "train"):
        raise KeyboardInterrupt
    assert set(effort(round_dir)) == {"train"}


def test_the_ledger_adds_up_and_survives_a_torn_line(round_dir):
    note(round_dir, stage="train", cpu_s=1.5, wall_s=1.0)
    with round_dir.effort.open("a") as ledger:
        ledger.write('\n{"stage": "train", "cpu')
    note(round_dir, stage="train", cpu_s=2.0, wall_s=3.0)
    assert effort(round_dir) == {"train": {"cpu_s": 3.5, "wall_s": 4.0}}


def test_effort_of_a_round_includes_the_rounds_before(round_dir):
    later = RoundDir(run_dir=round_dir.run_dir, number=2)
    note(round_dir, stage="train", cpu_s=1.0, wall_s=1.0)
    note(later, stage="train", cpu_s=2.0, wall_s=2.0)
    note(later, stage="score", cpu_s=4.0, wall_s=4.0)
    assert effort_until(later) == {
        "train": {"cpu_s": 3.0, "wall_s": 3.0},
        "score": {"cpu_s": 4.0, "wall_s": 4.0},
    }
