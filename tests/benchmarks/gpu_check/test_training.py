from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.gpu_check import training
from benchmarks.gpu_check.part import Context
from benchmarks.gpu_check.steps import WARM_UP
from benchmarks.gpu_check.training import SMOKE, First, fitting_steps, opened, settings, trained
from stereo_model import create_model


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(device="cpu", smoke=True, out=tmp_path, scratch=tmp_path, end=time.monotonic() + 60)


def test_the_pairs_held_out_are_not_trained_on(context: Context):
    pairs = opened(context, SMOKE)
    data, held_out = pairs.sets["held out"]
    assert list(held_out) == [18, 19] and len(pairs.train) == 18 and len(data) == 20
    with pytest.raises(IndexError, match="no pair 18 among the first 18"):
        pairs.train[18]
    assert isinstance(pairs.train, First)


def test_as_many_steps_are_planned_as_fit_at_the_pace_of_the_first_ones(
    context: Context, monkeypatch: pytest.MonkeyPatch
):
    pace = [5.0] + [3.0] * (WARM_UP - 1) + [0.5] * training.PACE_STEPS  # the first one starts the loaders
    monkeypatch.setattr(training, "step_seconds", lambda *_: pace)
    config = settings(context, SMOKE, "cpu", keep_backbone=True)
    model, pairs = create_model("nano"), opened(context, SMOKE)
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: 100.0))
    steps = fitting_steps(context, model, pairs, config, "cpu", 155.0)
    assert steps == pytest.approx(0.9 * (55 - 5) / 0.5, abs=1)


def test_a_stage_stops_at_its_time_whatever_was_planned(context: Context):
    config = settings(context, replace(SMOKE, steps=100_000), "cpu", keep_backbone=True)
    model, row = trained(
        context, create_model("nano"), opened(context, SMOKE), config, "cpu", time.monotonic() + 2
    )
    assert 1 <= row["steps"] < row["planned"] == 100_000
    assert row["seconds"] < 30 and all(weight.requires_grad for weight in model.parameters())


def test_a_backbone_of_noise_is_trained_and_one_of_imagenet_is_kept(context: Context):
    assert settings(context, SMOKE, "cpu", keep_backbone=True).freeze_backbone
    assert not settings(context, SMOKE, "cpu", keep_backbone=False).freeze_backbone
