"""One limit for all rounds of a run: whoever spent it, it is counted; with a higher one the rounds go on."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from curation.rounds import effort, spending
from curation.rounds.effort import NOTE_EVERY_S, measured, worked
from curation.rounds.layout import RoundDir
from curation.rounds.spending import LimitReached, _drawn, spent
from fsd_gen.production.places import work_place
from fsd_gen.production.telling import telling
from jobs.config import FarmConfig
from jobs.status.book import Claim
from jobs.status.budget import Budget
from jobs.status.model import Prices, Used
from jobs.status.writer import StatusWriter
from jobs.task import Event, EventKind, Task
from tests.curation.rounds.test_stages import bring, results
from tests.curation.world import FakeWorld, make_run

SECONDS = Prices(worker_hour=3600)  # a worker's second costs 1


class Clock:
    """Time passes where somebody says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    for module in (effort, spending):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def run(tmp_path) -> Path:
    return make_run(tmp_path / "run", slots=8)


class TimedWorld(FakeWorld):
    """A second for each step and each sample, ten for drawing slots again: two workers, five each."""

    clock: Clock

    def _count(self, name: str) -> None:
        super()._count(name)
        self.clock.now += name in ("step", "predict")

    def render(self, run_dir, requests, on_done) -> None:
        where = requests[0].path.parent.relative_to(run_dir)
        claims = {"": Claim(cpus=1.0)}
        tasks = [Task("a", None)]
        with StatusWriter(run_dir, tasks, what=str(where), claims=claims, clock=self.clock) as writer:
            for name in ("one:1", "two:2"):
                writer(Event(kind=EventKind.WORKER_STARTED, worker=name))
            self.clock.now += 5
            super().render(run_dir, requests, on_done)


def world(clock: Clock, most: float | None = None, prices: Prices = SECONDS) -> TimedWorld:
    made = TimedWorld(budget=Budget(prices=prices, max_cost=most))
    made.clock = clock
    return made


def test_rounds_stop_at_their_price_wherever_they_are_and_go_on_with_a_higher_one(run, clock, tmp_path):
    undisturbed = shutil.copytree(run, tmp_path / "undisturbed")
    first = world(clock, 6)
    with pytest.raises(LimitReached, match=r"it has cost 6\.00, of 6 that it may"):
        bring(run, 1, first)
    assert first.calls["step"] == 6 and spent(run, SECONDS) == 6
    again = world(clock, 6)
    with pytest.raises(LimitReached, match=r"it has cost 6\.00"):
        bring(run, 1, again)
    assert again.calls == {}
    scoring = world(clock, 12)
    with pytest.raises(LimitReached, match=r"it has cost 12\.00"):
        bring(run, 1, scoring)
    assert scoring.calls["step"] == 4 and scoring.calls["predict"] == 2 and spent(run, SECONDS) == 12
    bring(run, 1, world(clock, 1000))
    assert spent(run, SECONDS) == 12 + 6 + 10  # samples that are left, slots drawn again by two workers
    assert spent(run, Prices(cpu_hour=3600)) == 2 * (12 + 6) + 10  # this process claims two CPUs
    with pytest.raises(LimitReached, match=r"it has cost 30\.00, of 30"):
        bring(run, 2, world(clock, 30))
    bring(run, 2, world(clock))
    bring(undisturbed, 2, FakeWorld())
    assert results(run) == results(undisturbed)


def test_a_stage_that_is_killed_was_counted_up_to_its_last_minute(tmp_path, clock):
    one = RoundDir(run_dir=tmp_path, number=1)
    with measured(one, "train", Claim(cpus=4.0, gpus=1.0)) as note:
        clock.now = NOTE_EVERY_S - 1
        note()
        assert list(worked(tmp_path)) == []
        clock.now = NOTE_EVERY_S
        note()
        known = Used(pool="", cpus=4.0, gpus=1.0, worker_s=NOTE_EVERY_S)
        assert list(worked(tmp_path)) == [known]
        clock.now += 5
    assert list(worked(tmp_path)) == [known, replace(known, worker_s=5.0)]
    with measured(one, "regenerate"):  # it only waits for others
        clock.now += 100
    assert len(list(worked(tmp_path))) == 2


@pytest.mark.parametrize("through", ["run", "link"])
def test_what_a_session_of_the_farm_used_to_draw_slots_again_is_counted(run, tmp_path, through):
    (tmp_path / "link").symlink_to(run)
    run_dir, farm = tmp_path / through, FarmConfig(workers=3)
    for folder in ("rounds/1/regenerated", "shards"):  # the first draw is not a round's
        task = Task("a", {"path": str(run_dir / folder / "00000.h5")})
        with telling(work_place(run_dir), [task], farm, Budget(), lambda event: None) as tell:
            tell.on_event(Event(kind=EventKind.WORKER_STARTED, worker="one:1"))
            time.sleep(0.02)
    (use,) = _drawn(run_dir)
    assert use.worker_s >= 0.02 and use.cpus == 1.0
    assert spent(run_dir, SECONDS) == pytest.approx(use.worker_s)
