from __future__ import annotations

import json
from pathlib import Path

from benchmarks.gpu_check.results import as_markdown, write_results
from benchmarks.gpu_check.runner import Outcome

DONE = Outcome(
    name="step",
    state="done",
    rows=({"case": "vits | bf16", "seconds_per_step": 0.123456, "peak_GB": None, "equal": True, "pairs": 1},),
)
LATE = Outcome(name="infer", state="timed out", why="not finished\nwithin 3 s", rows=({"case": "first"},))


def test_a_row_is_a_line_and_an_end_that_is_none_another():
    assert as_markdown([DONE, LATE]).splitlines() == [
        "| part | case | measured |",
        "|---|---|---|",
        "| step | vits \\| bf16 | seconds per step 0.1235; peak GB unknown; equal yes; pairs 1 |",
        "| infer | first |  |",
        "| infer | timed out | not finished within 3 s |",
    ]


def test_large_numbers_keep_their_digits():
    outcome = Outcome(name="a", state="done", rows=({"case": "b", "tokens": 123456.7},))
    assert as_markdown([outcome]).splitlines()[2] == "| a | b | tokens 123457 |"


def test_the_json_file_holds_all_of_it(tmp_path: Path):
    write_results(tmp_path, {"budget_s": 480.0}, [DONE, LATE])
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["about"] == {"budget_s": 480.0}
    assert [part["state"] for part in content["parts"]] == ["done", "timed out"]
    assert content["parts"][0]["rows"][0]["seconds_per_step"] == 0.123456
    assert (tmp_path / "results.md").read_text() == as_markdown([DONE, LATE])
