"""The simulation of hands says what can be reckoned by hand."""

from __future__ import annotations

import pytest

from benchmarks import pipeline
from benchmarks.pipeline import Slot, reckoned, slots_of, swap
from fsd_gen.production import attempt, worker


def test_one_core_that_needs_longer_than_the_renderer_sets_the_pace() -> None:
    slots = [Slot(1.5, 0.5)] * 50
    assert reckoned(slots, 0.0, 1.0, 1) == pytest.approx(0.5, abs=0.03)
    assert reckoned(slots, 0.0, 4.0, 1) == pytest.approx(1.0, abs=0.01)
    assert reckoned(slots, 0.0, 1.0, 4) == pytest.approx(1.0, abs=0.02)


def test_what_lies_between_two_renderings_is_lost() -> None:
    assert reckoned([Slot(0.1, 0.1)] * 20, 0.25, 1.0, 2) == pytest.approx(0.8, abs=0.02)


def test_a_slot_is_split_at_its_last_rendering() -> None:
    spent = [
        ("stored", 1.0),
        ("rendered", 3.0),
        ("stored", 3.5),
        ("rendered", 4.0),
        ("rendered", 5.0),
        ("stored", 6.0),
    ]
    assert slots_of(spent) == [Slot(2.0, 0.5)]


def test_what_is_put_in_the_place_of_the_workers_parts_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (worker, "create_backend"),
        (worker, "filler_of_a_hand"),
        (attempt, "examine_images"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back afterwards
        swap(module, name, pipeline.unheeding)
        assert getattr(module, name) is pipeline.unheeding
    with pytest.raises(AttributeError, match="examine_nothing"):
        swap(attempt, "examine_nothing", pipeline.unheeding)
