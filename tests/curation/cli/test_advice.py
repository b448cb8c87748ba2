"""A CPU with a GPU's settings is told so after one step, with settings that fit."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import yaml
from rich.console import Console

import curation.cli.advice as module
from curation.cli.advice import Advice
from curation.cli.progress import duration
from curation.config import CurationConfig, load_config
from curation.rounds.estimate import FITS_S, TrainingTime, as_yaml
from tests.curation.cli.test_progress import Clock, samples, step

DEFAULTS = CurationConfig()


def said(monkeypatch, config: CurationConfig, device: str, *, step_s: float, starting_s: float = 0.0) -> str:
    out, clock, heard = io.StringIO(), Clock(), []
    monkeypatch.setattr(module, "err", Console(file=out, width=60))
    advice = Advice(heard.append, Path("runs/mine"), config, device, clock)
    events = [step(0, None), step(3, None), step(4), step(5), step(6), samples(1)]
    for event in events:
        clock.now += step_s + (starting_s if event.done == 4 else 0.0)
        advice(event)
    assert heard == events  # handed on, all of them
    return out.getvalue()


def test_the_estimate_comes_after_the_first_step_and_once(monkeypatch):
    assert said(monkeypatch, DEFAULTS, "cuda", step_s=0.2) == (
        "round 1: training takes about 33 min on cuda (2 models of 5000 steps, 0.2 s each), "
        "by the first step, which includes starting up\n"
    )


def test_a_first_step_that_starts_things_up_raises_no_alarm(monkeypatch):
    first, second = said(monkeypatch, DEFAULTS, "cpu", step_s=0.1, starting_s=30.0).splitlines()
    assert "about 3 d 11 h on cpu" in first and "includes starting up" in first
    assert second == "round 1: training takes about 17 min on cpu (2 models of 5000 steps, 0.1 s each)"


def test_a_cpu_with_the_defaults_is_warned_with_what_to_write(monkeypatch, tmp_path):
    text = said(monkeypatch, DEFAULTS, "cpu", step_s=12.0)
    first, warning, command, *yaml_lines = text.splitlines()
    assert "training takes about 33 h 20 min on cpu" in first
    assert "long for a CPU" in warning and "remove runs/mine/rounds/1 and run" in warning
    assert command.split() == "fsd-curate round --config curation.yaml runs/mine".split()
    (tmp_path / "curation.yaml").write_text("\n".join(yaml_lines))
    found = load_config(tmp_path, tmp_path / "curation.yaml")
    assert (found.crop, found.batch, found.steps_first, found.steps_next) == ((128, 256), 2, 600, 300)


def test_half_an_hour_on_a_cpu_is_warned_with_the_time_that_the_offered_settings_take(monkeypatch):
    takes = TrainingTime(config=DEFAULTS, round=1, step_s=0.2)
    assert 0 < takes.fitting_s() < 0.5 * takes.total_s
    text = said(monkeypatch, DEFAULTS, "cpu", step_s=0.2)
    assert f"The following take about {duration(takes.fitting_s())} on this machine" in text


@pytest.mark.parametrize(("device", "step_s"), [("cuda", 12.0), ("cpu", 0.1)])
def test_who_has_time_is_not_warned(monkeypatch, device, step_s):
    assert "warning" not in said(monkeypatch, DEFAULTS, device, step_s=step_s)


@pytest.mark.parametrize("step_s", [0.8, 3.0, 12.0, 90.0, 400.0])
def test_what_is_offered_takes_no_more_than_an_hour_where_that_can_be(step_s):
    config = DEFAULTS.model_copy(update={"folds": 3, "batch": 4})
    fitting = TrainingTime(config=config, round=1, step_s=step_s).fitting()
    share = (128 * 256 * 2) / (256 * 512 * 4)
    takes = fitting.model_count * fitting.steps_first * step_s * share
    assert takes <= FITS_S or fitting.steps_first == 20
    assert fitting.folds == 3 and fitting.steps_next <= fitting.steps_first


def test_settings_that_are_small_already_are_not_made_larger():
    small = CurationConfig(crop=(32, 64), batch=1, steps_first=10, steps_next=5, max_disparity=64)
    assert TrainingTime(config=small, round=1, step_s=400.0).fitting() == small
    assert yaml.safe_load(as_yaml(small))["curation"]["max_disparity"] == 64
