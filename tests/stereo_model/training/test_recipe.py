from __future__ import annotations

import pytest
import yaml

from stereo_model.training.recipe import RecipeError, load_recipe, preset_names


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


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1])
def test_a_wrong_entry_of_a_list_is_the_only_complaint(weight):
    with pytest.raises(RecipeError) as error:
        load_recipe("cpu", **{"data.shards.weight": weight})
    message = str(error.value)
    assert "data.shards.weight: should be" in message and ";" not in message and "Tuple" not in message


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
            "training.steps: should be greater than or equal to 1 (got 0)",
        ),
        ("paper", {"data.0.kind": "fds"}, "did you mean 'fsd'?"),
        ("paper", {"data.fds.root": "x"}, "there is no 'fds', only fsd, sceneflow"),
        ("paper", {"data.1.kind": "fsd"}, "fsd comes twice; give each entry a name of its own"),
        ("paper", {"training.micro_batch": 5}, "batch_size must be a multiple of micro_batch=5"),
        ("paper", {"model.weights": "a.pth"}, "give preset (a new model) or weights"),
        ("paper", {"training.steps.more": 1}, "no field 'training.steps.more' to replace"),
        ("paper", {"data": []}, "data: expected at least 1 item"),
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


def test_an_unknown_field_of_an_entry_is_named_as_it_was_typed():
    with pytest.raises(RecipeError, match=r"unknown field 'data.shards.rot', did you mean 'root'\?"):
        load_recipe("cpu", **{"data.shards.rot": "runs/demo"})
    with pytest.raises(RecipeError, match=r"training.steps: expected an integer \(got 'many'\)"):
        load_recipe("cpu", **{"training.steps": "many"})
