"""What workers do is counted as metrics, once, and read where Prometheus would read it."""

from __future__ import annotations

import re
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from importlib.util import find_spec
from typing import Any

import pytest

from jobs.config import FarmConfig, Pool
from jobs.farm import metrics
from jobs.farm.metrics import Metrics
from jobs.task import Event, EventKind, Report, Task

LABELS = {"pool": "gpu", "backend": "mitsuba"}


class Kept:
    """In place of Ray's metrics: what was told to each."""

    def __init__(self) -> None:
        self.told: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        self.seen: list[float] = []

    def kind(self, name: str, description: str, *rest: Any) -> Any:
        keys = set(rest[-1])

        def inc(amount: float, tags: Mapping[str, str]) -> None:
            assert set(tags) == keys and description
            self.told[name, tuple(sorted(tags.items()))] += amount

        def put(amount: float, tags: Mapping[str, str]) -> None:
            self.told[name, tuple(sorted(tags.items()))] = amount

        class One:
            pass

        one: Any = One()
        one.inc, one.set, one.observe = inc, put, lambda value, tags: self.seen.append(value)
        return one

    def of(self, name: str) -> dict[str, float]:
        """By the label that is not of the worker."""
        return {
            dict(tags).get("label", ""): amount for (each, tags), amount in self.told.items() if each == name
        }


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    kept = Kept()
    for kind in ("Counter", "Gauge", "Histogram"):
        monkeypatch.setattr(metrics, kind, kept.kind)
    return kept


def item(done: int, counts: Mapping[tuple[str, str], float] | None = None) -> Event:
    return Event(kind=EventKind.ITEM, done=done, counts=counts or {})


def test_items_and_counts_are_added_up_and_what_was_there_before_is_not(kept: Kept) -> None:
    clock = iter([0.0, 10.0, 12.0, 12.0, 20.0, 20.0, 21.0, 21.0, 30.0, 31.0, 31.0])
    mine = Metrics(LABELS, lambda: next(clock))
    with mine.of_a_task("host:1"):
        assert kept.of("fsd_worker_busy") == {"": 1}
        mine.take(Event(kind=EventKind.RESUMED, done=3))
        mine.take(item(4, {("stage_cpu_s", "trace"): 1.5, ("stage_cpu_s", "author"): 0.0}))
        mine.take(Event(kind=EventKind.NOTE, counts={("refused", "overexposed"): 1}))
        mine.take(item(5, {("stage_cpu_s", "trace"): 2.0}))
    assert kept.of("fsd_worker_busy") == {"": 0}
    with mine.of_a_task("host:1"):
        mine.take(item(1))
    assert kept.of("fsd_items") == {"": 3}
    assert kept.of("fsd_stage_cpu_s") == {"trace": 3.5} and kept.of("fsd_refused") == {"overexposed": 1}
    assert len(kept.seen) == 3 and all(seconds > 0 for seconds in kept.seen)
    assert all({("pool", "gpu"), ("backend", "mitsuba")} <= set(tags) for _, tags in kept.told)


def test_a_busy_worker_that_finishes_nothing_is_told_of_again_and_again(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "REFRESH_S", 0.005)
    mine = Metrics(LABELS)
    for state in (1, 0):
        with mine.of_a_task("host:1") if state else nullcontext():
            kept.told.clear()
            deadline = time.monotonic() + 10
            while not kept.of("fsd_worker_busy") and time.monotonic() < deadline:
                time.sleep(0.005)
            assert kept.of("fsd_worker_busy") == {"": state}


FORGETS_AFTER_S = 20.0  # Ray, a gauge that nobody sets


class Slow:
    """Finishes two items, then waits until somebody has looked, later than Ray forgets a gauge."""

    labels: Mapping[str, str] = {"backend": "slow"}

    def run(self, task: Task, report: Report) -> None:
        for done in (1, 2):
            report(item(done, {("stage_cpu_s", "trace"): 0.5}))
        deadline = time.monotonic() + 90
        time.sleep(2 * FORGETS_AFTER_S)
        while time.monotonic() < deadline:
            found = exported(task.payload)
            if found.get("fsd_items_total") == "2.0" and "fsd_worker_busy" in found:
                report(Event(kind=EventKind.NOTE, data=found))
                return
            time.sleep(0.5)
        raise TimeoutError(f"metrics were not exported: {found}")

    def close(self) -> None:
        pass


def exported(port: int) -> dict[str, str]:
    """Value by name of what the worker's node tells Prometheus of our metrics, and their tags."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    rows = re.findall(r"^(?:ray_)?(fsd_\w+)\{([^}]*)\} (\S+)$", text, re.MULTILINE)
    return {name: value for name, _, value in rows} | {f"{name} tags": tags for name, tags, _ in rows}


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("opentelemetry") is None, reason="needs the exporter: pip install 'ray[default]'"
)
def test_ray_hands_them_to_prometheus_where_its_exporter_is_installed() -> None:
    import ray

    from jobs.farm import run_tasks

    port = 18_211
    ray.init(num_cpus=1, include_dashboard=False, _metrics_export_port=port, log_to_driver=False)
    events: list[Event] = []
    try:
        farm = FarmConfig(pools=(Pool(name="gpu", workers=1),), max_retries=0)
        report = run_tasks({"gpu": Slow}, [Task("one", port, size=2)], farm, events.append)
    finally:
        ray.shutdown()
    assert not report.failed, report.failed
    (found,) = (event.data for event in events if event.kind is EventKind.NOTE)
    assert found["fsd_stage_cpu_s_total"] == "1.0" and found["fsd_worker_busy"] == "1.0"
    tags = found["fsd_stage_cpu_s_total tags"]
    assert all(each in tags for each in ('pool="gpu"', 'backend="slow"', 'label="trace"'))
