"""What authoring costs."""

from __future__ import annotations

import time

import pytest

from benchmarks.authoring import PARTS, Watch, head, only, row, scene_cost


def busy(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_what_runs_inside_of_another_part_counts_for_itself_alone():
    watch = Watch()
    with watch.on("outer"):
        busy(0.05)
        with watch.on("inner"):
            busy(0.1)
        busy(0.05)
    assert watch.spent["outer"] == pytest.approx(0.1, abs=0.03)
    assert watch.spent["inner"] == pytest.approx(0.1, abs=0.03)


def test_a_row_has_the_first_scene_apart_and_the_middle_of_the_others():
    costs = [{"draw": 9.0}, {"draw": 1.0, "read": 5.0}, {"draw": 1.5, "read": 0.5}, {"made": 1.0}]
    style, first, median, _, *parts = row("flying", costs).split()
    assert (style, first, median) == ("flying", "9.00", "2.00")
    assert len(parts) == len(PARTS) == len(head().split()) - 5  # "90 %" is two words


def test_a_scene_costs_something_in_each_part_it_has(small_config, library):
    cost = scene_cost(only(small_config, "flying"), library, 0)
    assert all(cost[part] > 0 for part in ("draw", "made", "encode", "usd", "read"))
