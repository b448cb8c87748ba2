"""A model is hashed once, and again when it has changed."""

from __future__ import annotations

import pytest
import torch

from stereo_model import create_model, load_model, save_checkpoint
from stereo_model.inference import identity
from stereo_model.inference.identity import forget, model_id
from stereo_model.inference.images import write_image
from stereo_model.inference.infer import infer_pair
from stereo_model.inference.options import InferOptions
from tests.stereo_model.inference.test_infer import pair


@pytest.fixture
def hashed(monkeypatch):
    """The models that were hashed, in order."""
    models = []
    plain = identity.model_digest
    monkeypatch.setattr(identity, "model_digest", lambda model: models.append(model) or plain(model))
    return models


def test_a_model_is_hashed_once_for_all_its_pairs(tmp_path, hashed):
    model = create_model("nano")
    for name, image in zip(("left.png", "right.png"), pair(), strict=True):
        write_image(tmp_path / name, image)
    options = InferOptions(iterations=1)
    found = [
        infer_pair(model, tmp_path / "left.png", tmp_path / "right.png", tmp_path / out, options=options)
        for out in "abc"
    ]
    assert len(hashed) == 1 and {content["model"] for content in found} == {model_id(model)}


def changed_in_place(model):
    with torch.no_grad():
        model.context.stem[0].weight[0, 0, 0, 0] += 1


def changed_by_a_step(model):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    images = torch.rand(2, 1, 3, 64, 96) * 255
    model(*images, iterations=1).disparities[0].mean().backward()
    optimizer.step()


def changed_by_loading(model):
    model.load_state_dict(create_model("nano", seed=1).state_dict())


def changed_behind_torchs_back(model):
    model.context.stem[0].weight.data.mul_(2)
    forget(model)


@pytest.mark.parametrize(
    "change", [changed_in_place, changed_by_a_step, changed_by_loading, changed_behind_torchs_back]
)
def test_a_model_that_changed_is_another_one(change):
    model = create_model("nano")
    before = model_id(model)
    assert model_id(model) == before
    change(model)
    assert model_id(model) != before


def test_equal_models_are_one_and_the_same(tmp_path):
    model = create_model("nano")
    save_checkpoint(model, tmp_path / "model.pt")
    assert (
        model_id(load_model(tmp_path / "model.pt"))
        == model_id(model)
        != model_id(create_model("nano", seed=1))
    )


def test_weights_made_in_inference_mode_are_hashed_each_time(hashed):
    with torch.inference_mode():
        model = create_model("nano")
    assert model_id(model) == model_id(model) and len(hashed) == 2
