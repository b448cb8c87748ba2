from __future__ import annotations

import inspect

import pytest

from benchmarks.gpu_check.child import found
from benchmarks.gpu_check.part import Part
from benchmarks.gpu_check.parts import PARTS


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_part_names_a_function_of_the_context(part: Part):
    assert list(inspect.signature(found(part.run)).parameters) == ["context"]


def test_names_are_unique():
    assert len({part.name for part in PARTS}) == len(PARTS)


def test_the_shares_leave_a_fifth_of_the_budget_to_the_training():
    *others, last = PARTS
    assert last.name == "train-small" and last.share == 1.0
    assert sum(part.share for part in others) <= 0.8 + 1e-9


def test_every_part_can_start_within_its_share_of_the_default_budget():
    assert all(part.least_s <= part.share * 480 for part in PARTS)
