"""Parquet tables of scores and verdicts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from curation.judging.tables import TableError, read_scores, read_verdicts, write_scores, write_verdicts
from curation.judging.verdicts import Outcome, judge
from tests.curation.judging.test_verdicts import POLICY, make_score

SCORES = (make_score(1, 0.5), make_score(4, None), make_score(7, 0.9, bad_mirror=None))


def test_scores_come_back_equal_in_slot_order_with_none_for_what_was_not_measured(tmp_path):
    write_scores(tmp_path / "s.parquet", reversed(SCORES))
    assert read_scores(tmp_path / "s.parquet") == SCORES
    assert read_scores(tmp_path / "s.parquet")[1].visible.bp2 is None


def test_verdicts_come_back_equal(tmp_path):
    verdicts = judge(SCORES, POLICY)
    write_verdicts(tmp_path / "v.parquet", verdicts)
    assert read_verdicts(tmp_path / "v.parquet") == verdicts


def test_all_four_outcomes_come_back(tmp_path):
    verdicts = [replace(judge(SCORES[:1], POLICY)[0], outcome=outcome) for outcome in Outcome]
    write_verdicts(tmp_path / "v.parquet", verdicts)
    assert [verdict.outcome for verdict in read_verdicts(tmp_path / "v.parquet")] == list(Outcome)


def test_the_same_scores_give_the_same_bytes(tmp_path):
    write_scores(tmp_path / "a.parquet", SCORES)
    write_scores(tmp_path / "b.parquet", SCORES)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_an_empty_table_is_a_table(tmp_path):
    write_scores(tmp_path / "s.parquet", [])
    assert read_scores(tmp_path / "s.parquet") == ()


def test_a_damaged_file_and_a_table_of_something_else_are_refused(tmp_path):
    (tmp_path / "s.parquet").write_bytes(b"PAR1 but not for long")
    with pytest.raises(TableError, match="s.parquet"):
        read_scores(tmp_path / "s.parquet")
    write_verdicts(tmp_path / "v.parquet", judge(SCORES, POLICY))
    with pytest.raises(TableError, match="expected the columns"):
        read_scores(tmp_path / "v.parquet")


def test_nothing_is_left_of_a_write_that_fails(tmp_path):
    with pytest.raises(TypeError):
        write_scores(tmp_path / "s.parquet", [make_score(1, 0.5, stratum=["not", "text"])])
    assert list(tmp_path.iterdir()) == []
