"""`fsd-gen status` and the limits of `render`, as a user meets them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from fsd_gen.checks.defects import Defect, DefectCode
from fsd_gen.cli import app
from fsd_gen.config import load_config
from fsd_gen.production.attempt import Attempt
from fsd_gen.production.run import Run
from fsd_gen.production.unfinished import want_shards
from fsd_gen.scene.slots import SlotKey
from jobs.status.model import Eta, Failure, Incident, WorkerState
from jobs.status.reading import status_files
from tests.conftest import SPARSE
from tests.fsd_gen.cli.test_commands import RUNNER, run, small_render
from tests.fsd_gen.synthetic import make_sample

PARTS = (Eta, Failure, Incident, WorkerState)  # of which there may be none
LISTS = ("workers` ", "failures` ", "incidents` ")  # fields whose own fields stand beside them


@pytest.fixture(scope="module")
def halted(tmp_path_factory, library) -> Path:
    """A run of two samples that was stopped after the first because it cost too much."""
    folder = tmp_path_factory.mktemp("run")
    code, output = run(*small_render(folder, "--worker-cost", 1e9, "--max-cost", 1))
    assert code == 3, output
    assert "stopped: it has cost" in output and "the same command goes on from here" in output
    return folder


def look(folder: Path, *more: object) -> dict:
    code, output = run("status", folder, "--json", *more)
    assert code in (0, 1), output
    return json.loads(output)


def test_a_run_that_reached_its_limit_is_stopped_and_says_what_it_cost(halted):
    shown = look(halted)
    assert (shown["state"], shown["slots"]) == ("stopped", {"done": 1, "wanted": 2})
    assert shown["cost"] > 1
    code, output = run("status", halted)
    assert code == 0 and "\n1 of 2 slots" in output and "cost so far" in output


def test_the_fields_that_the_farms_page_names_are_those_of_the_json(halted):
    page = (Path(__file__).parents[3] / "docs" / "farm.md").read_text()
    table = page.split("| field of `status --json` | |\n|---|---|\n")[1].split("\n\n")[0]
    known = keys_in(look(halted)) | {field.name for part in PARTS for field in fields(part)}
    rows = [row.split("|") for row in table.splitlines()]
    texts = [first + (rest if first.endswith(LISTS) else "") for _, first, rest, _ in rows]
    named = [word.split(".") for text in texts for word in re.findall(r"`([a-z_.]+)`", text)]
    assert len(named) > 40
    assert {key for path in named for key in path if key} <= known


def keys_in(value: object) -> set[str]:
    """Of all mappings in a JSON document."""
    if isinstance(value, dict):
        return set(value).union(*map(keys_in, value.values()))
    return set().union(*map(keys_in, value)) if isinstance(value, list) else set()


def test_another_price_may_be_asked_for_afterwards(halted):
    assert look(halted, "--worker-cost", 1e-9)["cost"] < 1


def test_the_page_shows_the_same_and_escapes_what_it_is_told(halted, tmp_path):
    path = status_files(halted)[-1]
    stored = path.read_text()
    try:
        evil = json.loads(stored)
        evil["driver"]["user"] = "<script>\x1b[2J"
        path.write_text(json.dumps(evil))
        code, output = run("status", halted, "--html", tmp_path / "page.html")
        page = (tmp_path / "page.html").read_text()
    finally:
        path.write_text(stored)
    assert code == 0 and "\x1b[2J" not in output
    assert "&lt;script&gt;" in page and "<script>" not in page and "1 of 2 slots" in page


def test_the_same_command_goes_on_and_the_run_is_finished(halted):
    code, output = run(*small_render(halted))
    assert code == 0, output
    shown = look(halted)
    assert (shown["state"], shown["slots"]["done"], len(shown["sessions"])) == ("finished", 2, 2)
    last = shown["sessions"][-1]["progress"]
    assert (last["items_made"], last["items_done"], last["items_total"]) == (1, 2, 2)
    assert last["counts"]["stage_cpu_s"]["truth"] > 0
    before = len(status_files(halted))
    run(*small_render(halted))
    assert len(status_files(halted)) == before  # where nothing is to be done, nobody writes


def test_a_run_that_nobody_began_says_so(sparse_config, tmp_path):
    Run.start(tmp_path, sparse_config)
    want_shards(tmp_path, 3)
    shown = look(tmp_path)
    assert (shown["state"], shown["shards"]) == ("not begun", {"done": 0, "wanted": 3})


def drawn(key, config, *_):
    """Slot 1 is refused each time; no renderer is at work."""
    if key.slot != 1:
        sample = make_sample(key.slot, width=config.image.width, height=config.image.height)
        yield Attempt(key=key, sample=sample, defects=())
        return
    for number in range(config.max_attempts):
        refused = SlotKey(slot=key.slot, attempt=number)
        yield Attempt(
            key=refused, sample=None, defects=(Defect(code=DefectCode.EXPOSURE, detail="all black"),)
        )


def test_a_slot_that_is_given_up_is_counted_by_its_reason(library, tmp_path, monkeypatch):
    monkeypatch.setattr("fsd_gen.production.worker.attempts", drawn)
    code, output = run(*small_render(tmp_path))
    assert code == 0, output
    shown = look(tmp_path)
    tries = load_config(str(SPARSE)).max_attempts
    assert (shown["quarantined"], shown["refused"]) == ({"exposure": 1}, {"exposure": tries})
    assert (shown["state"], shown["slots"]) == ("finished", {"done": 2, "wanted": 2})
    code, output = run("status", tmp_path, "--html", tmp_path / "page.html")
    assert code == 0 and "Slots given up" in output and "Draws refused" in output
    assert "Slots given up" in (tmp_path / "page.html").read_text()


def test_a_status_that_cannot_be_written_is_told_once_and_the_run_goes_on(library, tmp_path, monkeypatch):
    monkeypatch.setattr("fsd_gen.production.worker.attempts", drawn)
    (tmp_path / "status").write_text("in the way")
    code, output = run(*small_render(tmp_path))
    told = " ".join(output.split())
    assert code == 0 and told.count("`fsd-gen status` will not know how far this is: ") == 1
    assert "1 samples in 1 shards" in told


KILLED = """
import os, signal, sys
from fsd_gen.cli import app
from jobs.status.writer import StatusWriter
StatusWriter.__call__ = lambda self, event: os.kill(os.getpid(), signal.SIGKILL)
app()
"""


@pytest.mark.slow
def test_a_killed_driver_is_told_with_exit_code_1(tmp_path, library):
    command = [sys.executable, "-c", KILLED, *map(str, small_render(tmp_path))]
    assert subprocess.run(command, env=os.environ).returncode == -signal.SIGKILL
    code, output = run("status", tmp_path)
    assert code == 1 and "killed" in output and "nobody has written since" in " ".join(output.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("status", "nowhere"), "no run here"),
        (("status", "nowhere", "--worker-cost", 1, "--cost-per-hour-cpu", 1), "--worker-cost is what"),
        (("render", "--shards", 1, "--config", SPARSE, "--max-cost", 1), "--max-cost: needs prices"),
        (("render", "--shards", 1, "--config", SPARSE, "--until", "soon"), "--until: expected a time"),
        (("render", "--shards", 1, "--config", SPARSE, "--until", "2001-01-01"), "'2001-01-01' is over"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_or_kept_is_one_line(arguments, told):
    result = RUNNER.invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 2 and told in " ".join(result.output.split())
