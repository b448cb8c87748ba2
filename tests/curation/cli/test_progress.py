"""Progress always says how far and how long, also while nothing happens."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress

import curation.cli.progress as module
from curation.cli.progress import Bars, Lines, Pace, TimeLeftColumn, duration
from curation.rounds.world import StageProgress


def step(done: int, loss: float | None = 1.0, total: int = 10) -> StageProgress:
    return StageProgress(
        round=1, stage="train", done=done, total=total, unit="steps", note="model 0", loss=loss
    )


def samples(done: int) -> StageProgress:
    return StageProgress(round=1, stage="score", done=done, total=10, unit="samples", note="by model 0")


@pytest.fixture
def log(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(module, "err", Console(file=out, width=60))
    return out


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_is_known_after_the_first_step():
    pace = Pace.of(step(0, None), 100.0)
    assert pace.each_s() is None and pace.left(105.0) == "estimating"
    pace = pace.after(step(1), 112.0)
    assert pace.each_s() == 12.0 and pace.left_s(112.0) == 108.0
    assert pace.left(118.0) == "about 2 min left" and pace.left_s(1e6) == 0.0


def test_the_first_step_counts_only_until_there_is_a_second():
    pace = Pace.of(step(0, None), 0.0).after(step(1), 30.0)
    assert pace.each_s() == 30.0
    pace = pace.after(step(2), 32.0)
    assert pace.each_s() == 2.0 and pace.after(step(3), 36.0).each_s() == 3.0


def test_a_training_that_goes_on_is_timed_from_where_it_goes_on():
    pace = Pace.of(step(0, None), 0.0).after(step(7, None), 30.0)
    assert pace.left(31.0) == "estimating"
    assert pace.after(step(8), 34.0).left_s(34.0) == 8.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (7200, "2 h"), (12000, "3 h 20 min"),
     (120_000, "33 h 20 min"), (187_200, "2 d 4 h")],
)  # fmt: skip
def test_times_are_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_log_is_never_silent_for_long(log):
    clock = Clock()
    lines = Lines(clock)
    for clock.now in (10.0, 31.0, 40.0, 62.0):
        lines.look()
    clock.now = 63.0
    lines(step(0, None))
    for clock.now in (80.0, 94.0):
        lines.look()
    clock.now = 103.0
    lines(step(1))
    for clock.now in (110.0, 125.0):
        lines.look()
    assert log.getvalue().splitlines() == [
        "reading the run, for 31 s",
        "reading the run, for 62 s",
        "round 1: train model 0: 0/10 steps, estimating",
        "round 1: train model 0: 0/10 steps, for 31 s, estimating",
        "round 1: train model 0: 1/10 steps loss=1.000, for 62 s, about 6 min left",
    ]


def test_the_log_looks_at_the_time_by_itself(log, monkeypatch):
    monkeypatch.setattr(Lines, "LOOK_S", 0.01)
    monkeypatch.setattr(Lines, "EVERY_S", 0.0)
    with Lines() as lines:
        lines(samples(0))
        lines._ended.wait(0.2)
    assert log.getvalue().count("round 1: score by model 0: 0/10 samples") > 3
    assert not lines._ticker.is_alive()


def test_each_stage_is_a_line_and_its_end_one():
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "err", Console(file=out, width=60))
        lines = Lines(Clock())
        for done in range(11):
            lines(samples(done))
    assert [line.split(",")[0] for line in out.getvalue().splitlines()] == [
        "round 1: score by model 0: 0/10 samples",
        "round 1: score by model 0: 10/10 samples",
    ]


def test_bars_have_the_time_left_in_words_and_no_dashes():
    out, clock = io.StringIO(), Clock()
    console = Console(file=out, force_terminal=True, width=120, color_system=None)
    with Progress("{task.description}", TimeLeftColumn(), console=console) as display:
        bars = Bars(display, clock)
        assert [task.description for task in display.tasks] == ["reading the run"]
        bars(step(0, None))
        column, task = TimeLeftColumn(), display.tasks[0]
        assert (task.description, str(column.render(task))) == ("round 1: train model 0", "estimating")
        bars(step(1, total=1000))
        assert task.fields["pace"].done == 1 and task.fields["loss"] == "loss 1.000"
    assert "-:--:--" not in out.getvalue()
