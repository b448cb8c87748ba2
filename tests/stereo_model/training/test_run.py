from __future__ import annotations

import json
from pathlib import Path

import pytest

from stereo_model import create_model, load_model, model_digest, save_checkpoint
from stereo_model.training.amend import ResumeError
from stereo_model.training.progress import Nobody
from stereo_model.training.recipe import ModelChoice, RecipeError, load_recipe
from stereo_model.training.run import build_model, build_trainer, run_recipe
from stereo_model.training.start import backbone_weights
from stereo_model.weights.backbone import installed_lite0_weights
from stereo_model.weights.hub import KNOWN_WEIGHTS, WeightsUnavailableError
from tests.stereo_model.pairs import write_pairs


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), 3)


def tiny_recipe(pairs, **more):
    values = {
        "model": {"preset": "nano"},
        "data": [{"kind": "folder", "root": str(pairs), "weight": 3}],
        "training.steps": 2,
        "training.batch_size": 2,
        "training.crop_hw": [32, 64],
        "training.iterations": 1,
        "training.loader_workers": 0,
        "training.tensorboard": False,
    }
    return load_recipe("cpu", **{**values, **more})


def test_a_recipe_trains_resumes_and_is_written_down(pairs, tmp_path):
    recipe = tiny_recipe(pairs, **{"training.tensorboard": True})
    seen = []
    model = run_recipe(recipe, tmp_path, on_step=lambda step, loss, rate: seen.append(step))
    assert model == tmp_path / "model.pt" and load_model(model).config.max_disparity == 64
    assert load_recipe(tmp_path / "recipe.yaml") == recipe and seen == [1, 2]
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1
    run_recipe(recipe, tmp_path, on_step=lambda *step: pytest.fail("no step is left to do"))
    with pytest.raises(
        ResumeError, match=r"other data \(folder: samples 3, weight 3.0 there, samples 3, weight 2.0 here\)"
    ):
        run_recipe(tiny_recipe(pairs, **{"data.folder.weight": 2}), tmp_path)


def test_a_mixture_with_a_set_left_out(pairs, tmp_path):
    two = [{"kind": "folder", "root": str(pairs), "name": name} for name in ("one", "other")]
    recipe = tiny_recipe(pairs, data=[*two, {"kind": "fsd", "weight": 0}])
    trainer = build_trainer(recipe, tmp_path)
    trainer.run(until=1)
    assert json.loads((tmp_path / "log.jsonl").read_text())["mix"] == {"one": 1, "other": 1}


def test_validation_sets_are_scored(pairs, tmp_path):
    recipe = tiny_recipe(
        pairs, validation=[{"kind": "folder", "root": str(pairs)}], **{"training.validate_every": 2}
    )
    run_recipe(recipe, tmp_path)
    scores = json.loads((tmp_path / "validation.jsonl").read_text())
    assert scores["step"] == 2 and scores["sets"]["folder"]["samples"] == 3
    assert (tmp_path / "best.pt").exists()


def test_a_checkpoint_is_where_fine_tuning_starts(tmp_path):
    model = create_model("nano", seed=5)
    save_checkpoint(model, tmp_path / "model.pt")
    started = build_model(ModelChoice(weights=tmp_path / "model.pt", overrides={"max_disparity": 128}))
    assert model_digest(started) == model_digest(model) and started.config.max_disparity == 128


def test_a_frozen_prior_of_noise_is_refused():
    with pytest.raises(RecipeError, match="model.prior_weights is not given: the frozen prior depth_any"):
        build_model(ModelChoice(preset="vits"))


@pytest.mark.parametrize(
    ("source", "overrides", "expected"),
    [
        (
            "paper",
            {},
            "model.prior_weights is not given: .*=depth_anything_v2_vits to fetch it; data.fsd.root, "
            "data.sceneflow.root, .*, data.sintel.root are not given, .* data.NAME.weight=0",
        ),
        (
            "finetune",
            {},
            "model: give preset.*; data.folder.root is not given.*; validation.folder.root is not",
        ),
        ("cpu", {"data.shards.weight": 0}, "every weight is 0"),
        (
            "finetune",
            {"model.weights": "m.pt", "data.folder.root": "x", "validation": []},
            "no validation set",
        ),
        (
            "finetune",
            {"model.weights": "m.pt", "data.folder.root": "x"},
            "^validation.folder.root is not given, the folder of each data set; or leave all",
        ),
    ],
)
def test_what_a_recipe_leaves_open_must_be_given(tmp_path, source, overrides, expected):
    with pytest.raises(RecipeError, match=expected):
        run_recipe(load_recipe(source, **overrides), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_are_given_by_name_place_or_file_alike(monkeypatch):
    asked = []

    def unavailable(place):
        asked.append(place)
        raise WeightsUnavailableError(f"{place}: the hub cannot be reached")

    monkeypatch.setattr("stereo_model.weights.create.resolve_weights", unavailable)
    paper = load_recipe("paper", **{"model.prior_weights": "depth_anything_v2_vits"}).model
    choices = [
        ModelChoice(preset="nano", backbone_weights="hf:o/r/file.pth"),
        ModelChoice(preset="nano", backbone_weights=Path("some.pth")),
        ModelChoice(preset="nano", backbone_weights="imagenet"),
    ]
    for choice in choices:
        with pytest.raises(WeightsUnavailableError):
            build_model(choice)
    assert asked[:2] == ["hf:o/r/file.pth", "some.pth"] and asked[2] == installed_lite0_weights()
    assert backbone_weights(paper) == "edgenext_small" in KNOWN_WEIGHTS  # as the paper's training starts
    assert paper.prior_weights in KNOWN_WEIGHTS


def test_what_starts_from_noise_is_said(pairs, tmp_path):
    said = []

    class Ears(Nobody):
        def note(self, what):
            said.append(what)

    build_trainer(tiny_recipe(pairs), tmp_path, listener=Ears())
    assert said == [
        "the model starts with the backbone efficientnet_lite0 from NOISE (give "
        "model.backbone_weights=imagenet, or a file), all else from noise"
    ]
    model = tiny_recipe(pairs, model={"preset": "nano", "backbone_weights": "imagenet"})
    build_trainer(model, tmp_path / "two", listener=Ears())
    assert (
        said[1] == "the model starts with the backbone efficientnet_lite0 from imagenet, all else from noise"
    )
