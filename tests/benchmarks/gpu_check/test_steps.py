from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from benchmarks.gpu_check import steps
from benchmarks.gpu_check.pairs import layered_pair
from benchmarks.gpu_check.part import Context
from stereo_model import create_model
from stereo_model.training.config import TrainConfig


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(device="cpu", smoke=True, out=tmp_path, scratch=tmp_path, end=time.monotonic() + 60)


def test_as_many_steps_as_asked_for_are_timed_and_no_weights_are_saved(tmp_path: Path):
    config = TrainConfig(
        steps=1000, batch_size=1, crop_hw=None, iterations=1, augment=None, tensorboard=False
    )
    seconds = steps.step_seconds(create_model("nano"), [layered_pair(0, 64, 96)], config, tmp_path, 3)
    assert len(seconds) == 3 and min(seconds) > 0
    assert not list(tmp_path.rglob("*.pt"))


def test_a_batch_that_does_not_fit_is_told_and_halved(context: Context, monkeypatch: pytest.MonkeyPatch):
    def only_one_fits(model, pairs, config, folder, count):
        if config.batch_size > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [9.0, 5.0, 0.25]

    monkeypatch.setattr(steps, "step_seconds", only_one_fits)
    rows = list(steps.vits(context))
    assert [(row["case"], row["pairs"], row.get("failed")) for row in rows] == [
        ("nano, bf16", 2, "out of memory"),
        ("nano, bf16", 1, None),
        ("nano, bf16, checkpointing", 2, "out of memory"),
        ("nano, bf16, checkpointing", 1, None),
    ]
    assert (rows[1]["seconds_per_step"], rows[1]["pairs_per_second"]) == (0.25, 4.0)
    assert rows[1]["first_step_seconds"] == 9.0


def test_each_case_is_trained_as_its_name_says(context: Context, monkeypatch: pytest.MonkeyPatch):
    seen = []

    def remember(model, pairs, config, folder, count):
        seen.append((config.gradient_checkpointing, config.compile, config.precision))
        return [1.0] * count

    monkeypatch.setattr(steps, "step_seconds", remember)
    names = [row["case"] for row in steps.vitl_compiled(context)]
    assert names == ["nano, bf16, compiled", "nano, bf16, checkpointing, compiled"]
    assert seen == [(False, True, "bf16"), (True, True, "bf16")]
