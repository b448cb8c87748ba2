from __future__ import annotations

import io

import pytest
from rich.console import Console

from stereo_model.training import progress
from stereo_model.training.progress import Lines, StepClock, bar, spoken_s


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test turns by hand."""
    at = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: at[0])
    return at


def test_the_time_left_is_known_after_the_first_step_and_follows_recent_ones(clock):
    watch = StepClock(100)
    clock[0] = 50  # the start
    watch.begin()
    clock[0] += 40
    assert watch.stepped(1) == 99 * 40
    for step in range(2, 40):
        clock[0] += 2
        left = watch.stepped(step)
    assert left == 61 * 2


def test_lines_tell_phases_notes_and_steps_now_and_then(clock):
    said = []
    lines = Lines(said.append, every_s=30)
    lines.phase("loading the program")  # nothing is known yet
    lines.begin(3)
    lines.phase("opening data.shards: runs/demo")
    lines.note("the model starts from noise")
    lines.phase("step 1")
    for step in (1, 2, 3):
        clock[0] += 20
        lines.on_step(step, 1.25, 1e-4)
    assert said == [
        "opening data.shards: runs/demo ...",
        "the model starts from noise",
        "step 1 ...",
        "step 1/3: loss 1.250  rate 1.0e-04  40 s left",
        "step 3/3: loss 1.250  rate 1.0e-04  0 s left",
    ]
    assert lines.done == 0


def test_the_line_on_a_terminal_tells_what_is_done_step_loss_and_time_left(clock):
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    with bar(console) as shown:
        shown.begin(10)
        shown.phase("opening data.shards")
        shown.note("the model starts from noise")
        clock[0] += 1
        shown.on_step(3, 1.25, 1e-4)
        clock[0] += 1
    text = console.file.getvalue()
    assert all(
        part in text for part in ("opening data.shards", "from noise", "3/10", "loss 1.250", "7 s left")
    )
    assert "-:--:--" not in text and shown.done == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (99, "99 s"), (600, "10 min"), (7300, "2 h 2 min")]
)
def test_durations_are_spoken(seconds, text):
    assert spoken_s(seconds) == text
