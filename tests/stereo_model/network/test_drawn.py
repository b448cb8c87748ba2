"""A model whose weights are random says so once; what has learned, by whatever way, says nothing."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch

from stereo_model import RandomWeightsWarning, TrainConfig, create_model, load_model, predict, save_checkpoint
from stereo_model.evaluation.evaluate import score
from stereo_model.fast.accelerate import accelerate
from stereo_model.inference.options import InferOptions
from stereo_model.network.drawn import is_random
from stereo_model.training.trainer import Trainer
from tests.stereo_model.inference.test_infer import pair

ONCE = InferOptions(iterations=1)


def words(call) -> list[str]:
    """What a call warns of weights."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(each.message) for each in caught if each.category is RandomWeightsWarning]


def sample():
    left, right = (np.ascontiguousarray(image.transpose(2, 0, 1)) for image in pair())
    truth = np.full((64, 96), 8, np.float32)
    return {"left": left, "right": right, "disparity": truth, "valid": truth > 0}


@pytest.mark.parametrize(
    "use",
    [
        lambda model: predict(model, *pair(), ONCE),
        lambda model: score(model, sample(), iterations=1),
        lambda model: model.predict(*torch.rand(2, 1, 3, 64, 96), iterations=1),
        lambda model: accelerate(model).predict(*torch.rand(2, 1, 3, 64, 96), iterations=1),
    ],
    ids=["predict", "score", "the network's predict", "the accelerated copy"],
)
def test_whoever_asks_a_model_that_was_only_created_is_told_once(use):
    model = create_model("nano")
    (said,) = words(lambda: use(model))
    assert said.startswith("weights are random") and "load_model" in said
    assert words(lambda: use(model)) == []


def test_the_mark_outlives_copies_and_files(tmp_path):
    model = create_model("nano")
    save_checkpoint(model, tmp_path / "model.pt")
    for other in (copy.deepcopy(model), load_model(tmp_path / "model.pt")):
        assert is_random(other) and len(words(lambda: predict(other, *pair(), ONCE))) == 1  # noqa: B023


def a_loop_of_ones_own(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(*torch.rand(2, 1, 3, 64, 96) * 255, iterations=1).disparities[0].mean().backward()
    optimizer.step()
    return model


def loading_other_weights(model):
    model.load_state_dict(create_model("nano", seed=1).state_dict())
    return model


@pytest.mark.parametrize("learn", [a_loop_of_ones_own, loading_other_weights])
def test_what_has_learned_says_nothing_and_is_saved_without_the_mark(learn, tmp_path):
    model = learn(create_model("nano"))
    assert words(lambda: predict(model, *pair(), ONCE)) == [] and not is_random(model)
    save_checkpoint(model, tmp_path / "model.pt")
    assert not is_random(load_model(tmp_path / "model.pt"))


def test_a_training_of_one_step_takes_the_mark_away(tmp_path):
    settings = TrainConfig(steps=1, batch_size=1, crop_hw=(32, 64), iterations=1, device="cpu")
    trainer = Trainer(create_model("nano"), [sample()], settings, tmp_path, data_digest="d")
    model = trainer.run()
    assert not is_random(model) and words(lambda: predict(model, *pair(), ONCE)) == []


def test_a_known_prior_does_not_make_the_rest_known():
    model = create_model("nano", prior="dinov2_nano")
    with torch.no_grad():
        for weight in model.prior.parameters():
            weight.mul_(1.5)
    assert is_random(model)
