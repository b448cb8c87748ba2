from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.gpu_check.part import Context, Part
from benchmarks.gpu_check.runner import Outcome, run_parts
from tests.benchmarks.gpu_check import fakes


def part(function: str, *, share: float = 1.0, **values) -> Part:
    values = {"least_s": 0.0, "gpu": False} | values
    return Part(name=function, run=f"{fakes.__name__}:{function}", share=share, **values)


def run(folder: Path, *parts: Part, budget_s: float = 60.0, **values) -> tuple[Outcome, ...]:
    return run_and_listen(folder, *parts, budget_s=budget_s, **values)[0]


def run_and_listen(folder: Path, *parts: Part, budget_s: float = 60.0, **values):
    heard: list[Outcome] = []
    settings = {"device": "cpu", "smoke": True} | values
    context = Context(out=folder, scratch=folder, end=time.monotonic() + budget_s, **settings)
    return run_parts(parts, context, budget_s, folder / "log.txt", heard.append), heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Hung:
    """What came of a part that hangs, and what it left; waited for once."""

    folder: Path
    outcome: Outcome
    heard: tuple[Outcome, ...]
    seconds: float


def test_rows_come_back_in_their_order_and_nan_as_text(tmp_path: Path):
    (outcome,) = run(tmp_path, part("works"))
    assert outcome.state == "done" and outcome.why == ""
    assert outcome.rows == ({"case": "first", "seconds": 1.5}, {"case": "second", "seconds": "nan"})
    assert "between the rows" in (tmp_path / "log.txt").read_text()


@pytest.fixture(scope="module")
def hung(tmp_path_factory: pytest.TempPathFactory) -> Hung:
    folder, began = tmp_path_factory.mktemp("hung"), time.monotonic()
    (outcome,), heard = run_and_listen(folder, part("hangs"), budget_s=5.0)
    return Hung(folder=folder, outcome=outcome, heard=tuple(heard), seconds=time.monotonic() - began)


def test_a_part_that_hangs_is_ended_at_its_deadline_and_keeps_what_it_measured(hung: Hung):
    assert hung.seconds < 15
    assert hung.outcome.state == "timed out" and hung.outcome.rows == ({"case": "measured before"},)
    assert hung.outcome.why == "not finished within 3 s; last line: about to hang"


def test_the_log_tells_where_a_hanging_part_stood(hung: Hung):
    assert "fakes.py" in (hung.folder / "log.txt").read_text().partition("Timeout (")[2]


def test_what_a_hanging_part_started_ends_with_it(hung: Hung):
    grandchild = int((hung.folder / "grandchild").read_text())
    state = Path(f"/proc/{grandchild}/stat")
    deadline = time.monotonic() + 5
    while state.exists() and state.read_text().split(") ")[1][0] != "Z" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not state.exists() or state.read_text().split(") ")[1][0] == "Z"


@pytest.mark.parametrize(
    ("function", "why"),
    [
        ("crashes", "RuntimeError: CUDA error: an illegal memory access was encountered"),
        ("dies", "killed by SIGSEGV; last line: about to die"),
        ("finds_fault", "2 of 3 are wrong"),
    ],
)
def test_a_part_that_fails_is_reported_with_its_last_line_and_keeps_its_rows(
    tmp_path: Path, function: str, why: str
):
    (outcome,) = run(tmp_path, part(function))
    assert (outcome.state, outcome.why, len(outcome.rows)) == ("failed", why, 1)


def test_a_part_without_a_row_has_failed(tmp_path: Path):
    (outcome,) = run(tmp_path, part("says_nothing"))
    assert outcome.state == "failed"
    assert outcome.why == "left no result; last line: nothing was printed"


def test_the_parts_after_a_crash_run(tmp_path: Path):
    outcomes = run(tmp_path, part("dies"), part("works"))
    assert [outcome.state for outcome in outcomes] == ["failed", "done"]


def test_a_part_that_cannot_run_is_skipped_with_its_reason(tmp_path: Path):
    (outcome,) = run(tmp_path, part("refuses"))
    assert (outcome.state, outcome.why, outcome.rows) == ("skipped", "the moon is not full", ())


def test_a_part_whose_modules_are_missing_is_skipped_and_names_them(tmp_path: Path):
    (outcome,) = run(tmp_path, part("works", needs=("json", "no_such_module", "nor_this")))
    assert (outcome.state, outcome.why) == ("skipped", "not importable: no_such_module, nor_this")


def test_a_part_that_lacks_an_extra_is_skipped_with_the_command_that_installs_it(tmp_path: Path):
    (outcome,) = run(tmp_path, part("lacks_an_extra"))
    assert outcome.state == "skipped"
    assert outcome.why.endswith("it comes with: pip install '.[render]' in the checkout of fsd-gen")


def test_a_part_for_the_gpu_is_skipped_where_there_is_none(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (outcome,) = run(tmp_path, part("works", gpu=True), device="cuda")
    assert outcome.state == "skipped" and outcome.why.startswith("no CUDA: torch ")


def test_an_exhausted_budget_skips_the_rest_with_the_reason(tmp_path: Path):
    outcomes = run(tmp_path, part("hangs", share=0.6), part("works", least_s=8.0), budget_s=8.0)
    assert [outcome.state for outcome in outcomes] == ["timed out", "skipped"]
    assert outcomes[1].why.startswith("budget exhausted: ") and outcomes[1].why.endswith("it needs 8 s")


def test_a_part_gets_its_share_and_what_those_before_it_left_over(tmp_path: Path):
    one, two, three = run(tmp_path, *[part("tells_its_time", share=0.3)] * 3, budget_s=90.0)
    assert one.deadline_s == pytest.approx(30.0, abs=0.1)
    assert two.deadline_s == pytest.approx(60.0 - one.seconds, abs=0.5)
    assert three.deadline_s == pytest.approx(90.0 - 2.0 - one.seconds - two.seconds, abs=0.5)


def test_a_part_is_told_how_much_time_it_has(tmp_path: Path):
    (outcome,) = run(tmp_path, part("tells_its_time"), budget_s=40.0)
    assert 10 < outcome.rows[0]["left_s"] < outcome.deadline_s


def test_every_start_and_row_is_told_at_once(hung: Hung):
    told = [(outcome.state, len(outcome.rows)) for outcome in hung.heard]
    assert told == [("running", 0), ("running", 1), ("timed out", 1)]


def test_the_log_names_each_part_before_what_it_printed(tmp_path: Path):
    run(tmp_path, part("works"))
    assert (tmp_path / "log.txt").read_text().startswith("==== works\n")
