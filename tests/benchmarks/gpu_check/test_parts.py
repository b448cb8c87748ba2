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


def test_a_fifth_of_the_budget_at_least_is_left_for_the_training():
    assert PARTS[-1].name == "train-small" and PARTS[-1].share == 0.2
    assert sum(part.share for part in PARTS) == pytest.approx(1.0)


def test_every_part_can_start_within_its_share_of_the_default_budget():
    assert all(part.least_s <= part.share * 480 for part in PARTS)
