"""`fsd-curate`: one clear line for every mistake, and nothing done twice."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

import curation.cli.commands as cli
from curation.cli.errors import BAD, LIMITED, WRONG
from curation.config import Policy, load_config
from curation.report.pages import write_round_report
from curation.rounds.layout import RoundDir
from curation.rounds.stages import bring_to
from fsd_gen.production.farm import render_farm
from jobs.extras import MissingExtraError
from jobs.locks import RunLock
from jobs.status.budget import Budget
from jobs.status.model import Prices
from jobs.task import FarmHalted, FarmReport
from tests.curation.world import CONFIG, FakeWorld, Interrupted, make_run

CLI = CliRunner()
COMMANDS = ("round", "status", "report", "publish", "sweep")


@pytest.fixture
def world(monkeypatch) -> FakeWorld:
    """The commands work with a fake world."""
    fake = FakeWorld()
    monkeypatch.setattr(cli, "make_world", lambda **kwargs: fake)
    return fake


@pytest.fixture
def run(tmp_path):
    run_dir = make_run(tmp_path / "run", slots=8)
    (run_dir / "config.yaml").write_text(
        "curation: {steps_first: 3, steps_next: 2, max_disparity: 64, crop: [32, 64]}\n"
    )
    return run_dir


def call(*arguments, code: int = 0) -> str:
    result = CLI.invoke(cli.app, [str(a) for a in arguments])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return " ".join(result.output.split())


def test_two_rounds_then_nothing_to_do(run, world):
    text = call("round", "--iter", 2, run)
    assert "round 1: training takes about 0 s on cpu (2 models of 3 steps," in text
    assert "round 1: 8 scored, 5 kept, 2 dropped, 1 unscorable, 0 unjudged, 3 drawn again" in text
    assert "round 2: 8 scored, 6 kept, 2 dropped, 0 unscorable, 0 unjudged, 2 drawn again" in text
    assert (run / "rounds" / "report.html").exists()
    assert "nothing to do" in call("round", "--iter", 2, run) and world.calls["train"] == 4


def test_a_kill_between_a_rounds_report_and_the_runs_leaves_nothing_stale(run, world):
    call("round", "--iter", 1, run)
    older = {name: (run / "rounds" / name).read_bytes() for name in ("report.html", "report.json")}
    bring_to(
        run, 2, load_config(run), world, write_round_report, lambda event: None
    )  # the run's is not written
    assert (run / "rounds" / "report.json").read_bytes() == older["report.json"]
    assert "nothing to do" in call("round", "--iter", 2, run)
    newer = {name: (run / "rounds" / name).read_bytes() for name in older}
    assert len(json.loads(newer["report.json"])["rounds"]) == 2
    assert newer["report.html"] != older["report.html"]
    (run / "rounds" / "report.html").write_text("untouched")
    call("round", "--iter", 2, run)
    assert (run / "rounds" / "report.html").read_text() == "untouched"
    (run / "rounds" / "report.json").unlink()
    call("round", "--iter", 1, run)
    assert (run / "rounds" / "report.json").read_bytes() == newer["report.json"]


def test_status_says_what_an_unfinished_round_is_at(run, world):
    assert "8 of 8 slots hold a sample" in call("status", run)
    for stop_at, expected in [
        (("checkpoint", 2), "training, 1 of 2 models done"),
        (("predict", 6), "scoring, 5 samples done"),
        (("render", 1), "drawing 3 slots again, 0 shards done"),
    ]:
        with pytest.raises(Interrupted):
            bring_to(run, 1, load_config(run), FakeWorld(stop_at=stop_at), write_round_report, lambda e: None)
        assert expected in call("status", run)
    call("round", "--iter", 1, run)
    assert "not complete" not in call("status", run) and "publishing will score" in call("status", run)


def test_an_interruption_is_answered_in_words_and_the_same_command_goes_on(run, monkeypatch):
    class Stopped(FakeWorld):
        def predict(self, checkpoint, samples, config):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
            yield

    monkeypatch.setattr(cli, "make_world", lambda **kwargs: Stopped())
    text = call("round", "--iter", 1, run, code=130)
    assert "stopping: what is in work" in text and "stopped; the same command goes on from here" in text
    monkeypatch.setattr(cli, "make_world", lambda **kwargs: FakeWorld())
    assert "round 1: 8 scored" in call("round", "--iter", 1, run)


def test_in_sample_and_force_reach_the_round_and_are_frozen_with_it(run, world):
    call("round", "--iter", 1, "--in-sample", "--force", run)
    assert len(world.jobs) == 1 and world.jobs[0].config.policy.force
    text = call("round", "--iter", 2, run, code=2)
    assert "in_sample (" in text and "must stay the same" in text


def test_sweep_prints_what_other_thresholds_would_drop(run, world):
    call("round", "--iter", 1, run)
    text = call("sweep", run, "--from", 0.5, "--to", 0.7, "--step", 0.1, "--tau", 3)
    assert "visible pixels off by more than 3 px" in text
    assert [f"{t}%" in text for t in (50, 60, 70)] == [True] * 3 and "28.6" in text


def test_report_is_written_again(run, world):
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
        (("status", "{tmp}"), "is no run; {tmp}/run is a run"),
        (("publish", "{run}"), "no round is complete"),
        (("sweep", "{run}"), "no round is scored yet"),
        (("report", "{run}"), "no round is complete"),
        (("round", "{run}", "--config", "{tmp}/none.yaml"), "no such file"),
        (("round", "{run}", "--iter", "0"), "--iter: expected a whole number from 1 to 1000, got '0'"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(run, world, tmp_path, arguments, expected):
    text = call(*(a.format(run=run, tmp=tmp_path) for a in arguments), code=2)
    assert expected.format(tmp=tmp_path) in text and "Traceback" not in text


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--tau", "2.2"), "--tau: expected one of"),
        (("--mask", "both"), "--mask: expected visible or all"),
        (("--from", "0.9", "--to", "0.3"), "must not be above"),
    ],
)
def test_bad_sweeps_are_refused(run, world, options, expected):
    bring_to(run, 1, CONFIG, world, write_round_report, lambda event: None)
    assert expected in call("sweep", run, *options, code=2)


def test_a_sweep_of_a_round_that_is_not_there_names_those_that_are(run, world):
    bring_to(run, 2, CONFIG, world, write_round_report, lambda event: None)
    text = call("sweep", run, "--round", 7, code=2)
    assert "no scores of round 7; there are those of rounds 1, 2" in " ".join(text.split())


def test_a_bad_config_names_the_field(run, world):
    (run / "config.yaml").write_text("curation: {fold: 3}\n")
    assert "fold: unknown setting; did you mean 'folds'?" in call("round", run, code=2)


def test_a_run_in_use_is_left_alone(run, world):
    with RunLock(run):
        assert "is in use by process" in call("round", run, code=2)
    assert not (run / "rounds").exists()


def test_a_model_that_diverged_is_a_failure_and_not_a_crash(run, world):
    world.fate = lambda key: "nan"
    assert "predicts no finite disparity" in call("round", run, code=1)


def test_ctrl_c_says_how_to_go_on(run, world, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(world, "train", interrupted, raising=False)
    assert "the same command goes on from here" in call("round", run, code=130)


# ---------------------------------------------------------------- publish


def test_the_demo_flow_ends_in_a_publication_without_unjudged_samples(run, world):
    call("round", "--iter", 2, run)
    assert "publishing will score" in call("status", run)
    assert "8 samples in 2 shards" in call("publish", run)
    assert "0 of the last successors failed" in call("status", run)
    assert "0 last successors left out, none unjudged" in call("publish", run)
    assert "there already" in call("publish", run)


def test_what_a_weak_scorer_left_unjudged_needs_a_decision(run, world):
    world.fate = lambda key: "bad"
    text = call("round", "--iter", 1, run)
    assert "0 kept, 0 dropped, 1 unscorable, 7 unjudged, 1 drawn again" in text and "too weak" in text
    assert "7 samples are unjudged: their scorer is too weak" in call("status", run)
    assert "8 of 8 samples are unjudged" in call("publish", run, code=2)
    assert "8 of the samples are of a model too weak" in call("sweep", run)
    assert "8 samples in 2 shards" in call("publish", run, "--unjudged", "keep")
    assert "Invalid value" in call("publish", run, "--unjudged", "maybe", code=2)


# ---------------------------------------------------------------- the program itself


def test_a_redraw_has_the_farm_of_a_render_with_the_same_options(run, monkeypatch):
    farms = []

    def note(*, farm, **more):
        farms.append(farm)
        return FakeWorld()

    monkeypatch.setattr(cli, "make_world", note)
    call("round", "--iter", 1, run, "--workers", 3, "--gpus-per-worker", 0.5, "--address", "10.0.0.1:6379")
    call("round", "--iter", 1, run)
    call("round", "--iter", 1, run, "--pool", "gpu:ovrtx:2", "--pool", "cpu:mitsuba:all:cpus=2")
    wanted = render_farm(workers=3, gpus_per_worker=0.5, address="10.0.0.1:6379")
    pools = render_farm(pools=("gpu:ovrtx:2", "cpu:mitsuba:all:cpus=2"))
    assert farms == [wanted, render_farm(), pools] and len(pools.pools) == 2
    assert wanted.stall_timeout_s and wanted.recycle_after and wanted.gpus_per_worker == 0.5


def test_a_round_ends_at_its_time_or_price_and_says_how_it_goes_on(run, monkeypatch):
    budgets = []

    class Late(FakeWorld):
        def render(self, run_dir, requests, on_done):
            left = ("regenerated/00000",)
            report = FarmReport(done={}, failed={}, unfinished=left, retried=0, recycled=0, seconds=0.0)
            raise FarmHalted("it is late", report)

    def note(*, budget, **more):
        budgets.append(budget)
        return Late()

    monkeypatch.setattr(cli, "make_world", note)
    limits = ("--until", "2999-01-31T18:30", "--max-cost", 9, "--cost-per-hour-cpu", 0.5)
    text = call("round", "--iter", 1, run, *limits, code=3)
    goes_on = "with a higher limit the same command goes on from here"
    assert f"stopped: it is late; 1 tasks unfinished; {goes_on}" in text
    assert budgets[0].until.isoformat()[:16] == "2999-01-31T18:30"
    assert budgets[0] == Budget(prices=Prices(cpu_hour=0.5), max_cost=9, until=budgets[0].until)
    assert "--until: '2001-01-01' is over" in call("round", run, "--until", "2001-01-01", code=2)
    assert "--max-cost: needs prices" in call("round", run, "--max-cost", 9, code=2)
    dear = FakeWorld(budget=Budget(prices=Prices(worker_hour=1e9), max_cost=1e-3))
    monkeypatch.setattr(cli, "make_world", lambda **kwargs: dear)
    text = call("round", "--iter", 2, run, code=3)
    assert "stopped: it has cost " in text and f"of 0.001 that it may; {goes_on}" in text
    monkeypatch.setattr(
        cli, "make_world", lambda **kwargs: FakeWorld(budget=Budget(prices=dear.budget.prices))
    )
    text = call("round", "--iter", 2, run)
    assert "round 2: 8 scored" in text and "all rounds have cost " in text


def test_a_missing_extra_is_one_line_with_its_command(run, monkeypatch):
    def missing(**kwargs):
        raise MissingExtraError("mitsuba is not installed; it comes with: pip install '.[render]'")

    monkeypatch.setattr(cli, "make_world", missing)
    assert "pip install '.[render]'" in call("round", run, code=2)


@pytest.mark.parametrize("name", [*BAD, *WRONG, *LIMITED])
def test_every_expected_error_is_where_its_name_says(name):
    module, _, error = name.partition(":")
    found = getattr(importlib.import_module(module), error)
    assert all(issubclass(each, BaseException) for each in (found if isinstance(found, tuple) else (found,)))


HELP = """
import resource, sys
from curation.cli import app
for command in sys.argv[1:]:
    try:
        app([*command.split(), "--help"])
    except SystemExit as stop:
        assert stop.code == 0, stop.code
heavy = {"torch", "h5py", "pyarrow", "ray", "matplotlib", "scipy", "mitsuba", "pxr"} & set(sys.modules)
assert not heavy, heavy
print("CPU", resource.getrusage(resource.RUSAGE_SELF).ru_utime)
"""


def test_help_is_there_at_once_and_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", HELP, "", *COMMANDS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < 1.0 * (1 + len(COMMANDS))


REFUSED = """
import sys
from curation.cli import app
try:
    app(["status", sys.argv[1]])
except SystemExit as stop:
    assert stop.code == 2, stop.code
heavy = {"torch", "matplotlib", "scipy", "timm", "ray"} & set(sys.modules)
assert not heavy, heavy
"""


def test_what_is_no_run_is_said_before_anything_heavy_is_loaded(run):
    done = subprocess.run([sys.executable, "-c", REFUSED, str(run.parent)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"is no run; {run} is a run" in " ".join(done.stderr.split())


BASE = """
import sys
extras = "mitsuba drjit mitsuba_oidn pxr embreex OpenEXR ray tensorboard onnx onnxruntime"
for extra in extras.split():
    sys.modules[extra] = None  # as if it were not installed
from curation.cli import app
run = sys.argv[1]
for arguments in ["status", run], ["sweep", run], ["publish", run, "--unjudged", "drop"]:
    try:
        app(arguments)
    except SystemExit as stop:
        assert not stop.code, (arguments, stop.code)
print("all done")
"""


def test_a_base_installation_looks_at_a_curated_run_and_publishes_it(run, world):
    world.fate = lambda key: "good"
    settings = CONFIG.model_copy(update={"policy": Policy(rules=("bp2",))})
    bring_to(run, 1, settings, world, write_round_report, lambda progress: None)
    done = subprocess.run([sys.executable, "-c", BASE, str(run)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("all done\n"), done.stderr
