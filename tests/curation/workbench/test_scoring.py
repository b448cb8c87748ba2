"""Scores in batches: the same as one by one, and the same whichever samples are scored together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from curation.rounds.state import read_run
from curation.workbench import scoring
from curation.workbench.scoring import BATCH_PIXELS, LARGEST_BATCH, batch_size, predictions
from stereo_model import create_model
from tests.curation.world import make_run


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Five samples in two shards of three and two."""
    return read_run(make_run(tmp_path_factory.mktemp("scoring") / "run", slots=5, per_shard=3)).first.samples


@pytest.fixture(scope="module")
def model():
    model = create_model("nano")
    with torch.no_grad():
        model.update.disparity_head[-1].weight *= 1000
    return model


def predicted(model, samples):
    return {each.key: each.predicted_hw for each in predictions(model, samples, iterations=2)}


def test_the_cpu_takes_one_at_a_time_and_a_gpu_as_many_as_its_memory_is_meant_for():
    assert batch_size("cpu", 40, 64) == 1
    assert batch_size("cuda", 180, 320) == LARGEST_BATCH
    assert batch_size("cuda", 720, 1280) == batch_size("cuda", 2160, 3840) == 1
    assert all(batch_size("cuda", h, 1000) * h * 1000 <= BATCH_PIXELS for h in range(32, 900, 97))


def test_batches_say_what_single_samples_say_in_their_order(model, samples, monkeypatch):
    one_by_one = predicted(model, samples)
    monkeypatch.setattr(scoring, "batch_size", lambda *_: 2)
    in_batches = predicted(model, samples)
    assert list(in_batches) == list(one_by_one) == [sample.key for sample in samples]
    for key, disparity_hw in one_by_one.items():
        np.testing.assert_allclose(in_batches[key], disparity_hw, atol=1e-3)


def test_a_batchs_sample_does_not_depend_on_the_others(model, samples, monkeypatch):
    monkeypatch.setattr(scoring, "batch_size", lambda *_: 2)
    whole = predicted(model, samples)
    for rest in (samples[1:], samples[2:], samples[::2], samples[-1:]):
        for key, disparity_hw in predicted(model, rest).items():
            assert np.array_equal(disparity_hw, whole[key]), key
