from __future__ import annotations

import psutil
import pytest

from benchmarks import farm_costs
from benchmarks.farm import Stint, gaps, overhead
from benchmarks.farm_costs import Costs, busy_row
from jobs.task import Event, EventKind

CORES = psutil.cpu_count() or 1


def test_overhead_is_what_a_life_has_beyond_its_items() -> None:
    stints = [
        Stint("a", 0.0, 10.0, 9.0, 0.5),
        Stint("a", 11.0, 21.0, 9.5, 0.5),
        Stint("b", 0.0, 5.0, 5.0, 0.0),
    ]
    assert overhead(stints) == pytest.approx(26 / 23.5 - 1)
    assert gaps(stints) == [1.0]


@pytest.mark.parametrize(("busy", "told"), [(0.95, True), (0.5, False)])
def test_a_machine_that_was_full_is_said_to_be(busy: float, told: bool) -> None:
    spent = dict.fromkeys(farm_costs.PARTS, 1.0) | {"wall": 10.0, "machine": busy * CORES * 10.0}
    assert busy_row(spent).endswith("upper bounds") == told
    assert "0.40 by this run" in busy_row(spent)


def test_costs_are_those_after_the_last_worker_came(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([{"driver": 1.0}, {"driver": 3.5}])
    monkeypatch.setattr(farm_costs, "moment", lambda: next(moments))
    costs = Costs(tasks=1, workers=2)
    came, item = Event(kind=EventKind.WORKER_STARTED), Event(kind=EventKind.ITEM, done=2, task_id="t")
    for event in (came, item, came, Event(kind=EventKind.ITEM, done=5, task_id="t")):
        costs.hear(event)
    costs.hear(Event(kind=EventKind.TASK_DONE, task_id="t"))
    assert (costs.items, costs.spent()) == (3, {"driver": 2.5})
