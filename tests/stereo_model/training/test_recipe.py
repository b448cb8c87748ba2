from __future__ import annotations

import json

import pytest
import torch
import yaml

from stereo_model import create_model, load_checkpoint, model_digest, save_checkpoint
from stereo_model.training.recipe import (
    ModelChoice,
    RecipeError,
    build_model,
    build_trainer,
    load_recipe,
    preset_names,
    run_recipe,
)
from stereo_model.training.trainer import ResumeError
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
        "training.checkpoint_every": 1,
    }
    return load_recipe("cpu", **{**values, **more})


def test_the_presets_are_the_trainings_they_say_they_are():
    assert preset_names() == ("cpu", "cpu-refine", "finetune", "paper")
    paper = load_recipe("paper")
    training = paper.training
    assert (training.steps, training.batch_size, training.crop_hw) == (200_000, 128, (320, 736))
    assert (training.iterations, training.gamma, training.weight_decay) == (22, 0.9, 0.0)
    assert [training.learning_rate_at(step) for step in (0, 159_999, 160_000)] == [1e-4, 1e-4, 1e-5]
    assert training.precision == "bf16" and paper.model.overrides == {"max_disparity": 416}
    assert len(paper.data) == 7 and len({choice.kind for choice in paper.data}) == 7
    assert load_recipe("finetune").validation[0].kind == "folder"


def test_a_recipe_trains_resumes_and_is_written_down(pairs, tmp_path):
    recipe = tiny_recipe(pairs)
    seen = []
    model = run_recipe(recipe, tmp_path, on_step=lambda step, loss, rate: seen.append(step))
    assert model == tmp_path / "model.pt" and load_checkpoint(model).config.max_disparity == 64
    assert load_recipe(tmp_path / "recipe.yaml") == recipe and seen == [1, 2]
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1
    run_recipe(recipe, tmp_path, on_step=lambda *step: pytest.fail("no step is left to do"))
    with pytest.raises(ResumeError, match="another data digest"):
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


def test_a_frozen_prior_of_noise_is_refused(monkeypatch):
    monkeypatch.setattr("stereo_model.training.recipe.create_model", lambda *given, **named: PriorModel())
    with pytest.raises(RecipeError, match="model.prior_weights is not given: the frozen prior dinov2_vits"):
        build_model(ModelChoice(preset="vits"))


class PriorModel:
    prior = torch.nn.Identity()

    class config:
        prior = "dinov2_vits"


@pytest.mark.parametrize(
    ("source", "overrides", "expected"),
    [
        ("papr", {}, "neither a file nor one of cpu, cpu-refine, finetune, paper, did you mean 'paper'?"),
        ("paper", {"training.stepz": 1}, "unknown field 'training.stepz', did you mean 'steps'?"),
        (
            "paper",
            {"training.augment.scle": 1},
            "unknown field 'training.augment.scle', did you mean 'scale'?",
        ),
        ("paper", {"modl": 1}, "unknown field 'modl', did you mean 'model'?"),
        (
            "paper",
            {"training.steps": 0},
            "training.steps: Input should be greater than or equal to 1 (got 0)",
        ),
        ("paper", {"data.0.kind": "fds"}, "did you mean 'fsd'?"),
        ("paper", {"data.fds.root": "x"}, "there is no 'fds', only fsd, sceneflow"),
        ("paper", {"data.1.kind": "fsd"}, "fsd comes twice; give each entry a name of its own"),
        ("paper", {"training.micro_batch": 5}, "batch_size must be a multiple of micro_batch=5"),
        ("paper", {"model.weights": "a.pth"}, "give preset (a new model) or weights"),
        ("paper", {"training.steps.more": 1}, "no field 'training.steps.more' to replace"),
        ("paper", {"data": []}, "data: Tuple should have at least 1 item"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(source, overrides, expected):
    with pytest.raises(RecipeError) as error:
        load_recipe(source, **overrides)
    assert expected in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("- a\n", "expected a mapping"), ("a: [", "not valid YAML"), ("!!python/object:x {}", "not valid YAML")],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path, text, expected):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=expected):
        load_recipe(path)


@pytest.mark.parametrize(
    ("source", "overrides", "expected"),
    [
        ("paper", {}, "data.fsd.root is not given; set it to the folder of fsd, or leave it out with"),
        ("finetune", {}, "model: give preset"),
        ("cpu", {"data.shards.weight": 0}, "every weight is 0"),
        (
            "finetune",
            {"model.weights": "m.pt", "data.folder.root": "x", "validation": []},
            "no validation set",
        ),
        (
            "finetune",
            {"model.weights": "m.pt", "data.folder.root": "x"},
            "validation.folder.root is not given; set it to the folder of folder$",
        ),
    ],
)
def test_what_a_recipe_leaves_open_must_be_given(tmp_path, source, overrides, expected):
    with pytest.raises(RecipeError, match=expected):
        run_recipe(load_recipe(source, **overrides), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_overrides_reach_into_lists_by_name_kind_and_number(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "model": {"preset": "nano"},
                "data": [{"kind": "fsd", "name": "first"}, {"kind": "sintel"}, {"kind": "eth3d"}],
                "training": {"steps": 1},
            }
        )
    )
    recipe = load_recipe(path, **{"data.first.root": "a", "data.sintel.root": "b", "data.2.root": "c"})
    assert [str(choice.root) for choice in recipe.data] == ["a", "b", "c"]
