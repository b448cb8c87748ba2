"""`fsd-curate`: one clear line for every mistake, and nothing done twice."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from curation import cli
from curation.report.pages import write_round_report
from curation.rounds.layout import RoundDir
from curation.rounds.stages import bring_to
from jobs.rundir import RunLock
from tests.curation.world import CONFIG, FakeTools, Interrupted, make_run

CLI = CliRunner()


@pytest.fixture
def tools(monkeypatch) -> FakeTools:
    """The commands work with fake tools."""
    fake = FakeTools()
    monkeypatch.setattr(cli, "Workbench", lambda **kwargs: fake)
    return fake


@pytest.fixture
def run(tmp_path):
    run_dir = make_run(tmp_path / "run", slots=8)
    (run_dir / "config.yaml").write_text("curation: {steps_first: 3, steps_next: 2, max_disparity: 64}\n")
    return run_dir


def call(*arguments, code: int = 0) -> str:
    result = CLI.invoke(cli.app, [str(a) for a in arguments])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return " ".join(result.output.split())


def test_two_rounds_then_nothing_to_do(run, tools):
    text = call("round", "--iter", 2, run)
    assert "round 1: 8 scored, 5 kept, 2 dropped, 1 unscorable, 3 drawn again" in text
    assert "round 2: 8 scored, 6 kept, 2 dropped, 0 unscorable, 2 drawn again" in text
    assert (run / "rounds" / "report.html").exists()
    assert "nothing to do" in call("round", "--iter", 2, run) and tools.calls["train"] == 4


def test_status_says_what_an_unfinished_round_is_at(run, tools):
    assert "8 of 8 slots hold a sample" in call("status", run)
    for stop_at, expected in [
        (("checkpoint", 2), "training, 1 of 2 models done"),
        (("predict", 6), "scoring, 5 samples done"),
        (("render", 1), "drawing 3 slots again, 0 shards done"),
    ]:
        with pytest.raises(Interrupted):
            bring_to(
                run, 1, cli.load_config(run), FakeTools(stop_at=stop_at), write_round_report, lambda e: None
            )
        assert expected in call("status", run)
    call("round", "--iter", 1, run)
    assert "not complete" not in call("status", run) and "publishing will score" in call("status", run)


def test_in_sample_and_force_reach_the_round_and_are_frozen_with_it(run, tools):
    call("round", "--iter", 1, "--in-sample", "--force", run)
    assert len(tools.jobs) == 1 and tools.jobs[0].config.policy.force
    text = call("round", "--iter", 2, run, code=2)
    assert "in_sample must stay the same" in text


def test_sweep_prints_what_other_thresholds_would_drop(run, tools):
    call("round", "--iter", 1, run)
    text = call("sweep", run, "--from", 0.5, "--to", 0.7, "--step", 0.1, "--tau", 3)
    assert "visible pixels off by more than 3 px" in text
    assert [f"{t}%" in text for t in (50, 60, 70)] == [True] * 3 and "28.6" in text


def test_report_is_written_again(run, tools):
    call("round", "--iter", 1, run)
    page = RoundDir(run_dir=run, number=1).report_html
    page.unlink()
    call("report", run)
    assert page.exists()
    assert "round 7 is not complete" in call("report", run, "--round", 7, code=2)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("round", "{tmp}/none"), "no such directory"),
        (("status", "{tmp}"), "no finished shard"),
        (("publish", "{run}"), "no round is complete"),
        (("sweep", "{run}"), "there are no scores"),
        (("report", "{run}"), "no round is complete"),
        (("round", "{run}", "--config", "{tmp}/none.yaml"), "no such file"),
        (("round", "{run}", "--iter", "0"), "Invalid value"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(run, tools, tmp_path, arguments, expected):
    text = call(*(a.format(run=run, tmp=tmp_path) for a in arguments), code=2)
    assert expected in text and "Traceback" not in text


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--tau", "2.2"), "--tau: expected one of"),
        (("--mask", "both"), "--mask: expected visible or all"),
        (("--from", "0.9", "--to", "0.3"), "must not be above"),
    ],
)
def test_bad_sweeps_are_refused(run, tools, options, expected):
    bring_to(run, 1, CONFIG, tools, write_round_report, lambda event: None)
    assert expected in call("sweep", run, *options, code=2)


def test_a_bad_config_names_the_field(run, tools):
    (run / "config.yaml").write_text("curation: {fold: 3}\n")
    assert "fold: Extra inputs are not permitted" in call("round", run, code=2)


def test_a_run_in_use_is_left_alone(run, tools):
    with RunLock(run):
        assert "is in use by process" in call("round", run, code=2)
    assert not (run / "rounds").exists()


def test_a_model_that_diverged_is_a_failure_and_not_a_crash(run, tools):
    tools.fate = lambda key: "nan"
    assert "predicts no finite disparity" in call("round", run, code=1)


def test_ctrl_c_says_how_to_go_on(run, tools, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(tools, "train", interrupted, raising=False)
    assert "the same command goes on from here" in call("round", run, code=130)
