from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.gpu_check.progress import teller
from benchmarks.gpu_check.runner import Outcome

STARTED = Outcome(name="step", state="running", deadline_s=40.0)
ROWS = ({"case": "vits", "seconds_per_step": 0.5}, {"case": "vitl", "failed": "out of memory"})


def test_each_start_row_and_end_is_printed_once(capsys: pytest.CaptureFixture[str]):
    tell = teller()
    tell(STARTED)
    tell(replace(STARTED, rows=ROWS[:1]))
    tell(replace(STARTED, rows=ROWS))
    tell(replace(STARTED, rows=ROWS, state="failed", why="no more", seconds=12.0))
    tell(Outcome(name="render", state="skipped", why="budget exhausted"))
    assert capsys.readouterr().out.splitlines() == [
        "step (at most 40 s)",
        "  vits: seconds per step 0.5",
        "  vitl: failed out of memory",
        "  step: failed after 12 s: no more",
        "  render: skipped: budget exhausted",
    ]


def test_a_second_part_of_as_many_rows_is_printed_as_well(capsys: pytest.CaptureFixture[str]):
    tell = teller()
    for name in ("one", "two"):
        tell(replace(STARTED, name=name))
        tell(replace(STARTED, name=name, rows=ROWS[:1], state="done", seconds=1.0))
    assert capsys.readouterr().out.count("vits: seconds per step") == 2
