from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from stereo_model import create_model
from stereo_model.data.sample import SampleError
from stereo_model.evaluation.evaluate import (
    SceneResult,
    evaluate,
    evaluate_estimator,
    known_policies,
    score,
)
from stereo_model.evaluation.evaluation import Evaluation, EvaluationError, dump_evaluation
from stereo_model.evaluation.metrics import MaskPolicy, MetricError


def test_a_model_is_scored_on_a_sample_of_any_size_the_same_way_twice():
    rng = np.random.default_rng(0)
    sample = {
        "left": rng.integers(0, 256, (3, 45, 70), np.uint8),
        "right": rng.integers(0, 256, (3, 45, 70), np.uint8),
        "disparity": np.full((45, 70), 5, np.float32),
        "valid": rng.random((45, 70)) < 0.5,
    }
    model = create_model("nano")
    first = score(model, sample, iterations=1)
    assert first == score(model, sample, iterations=1)
    assert first.regions[MaskPolicy.ALL].n_valid == sample["valid"].sum()
    with pytest.raises(SampleError, match="lacks disparity"):
        score(model, {key: sample[key] for key in ("left", "right", "valid")})


class Scenes:
    """Two by two pixels a scene; the estimate of a scene is written into its left image."""

    kind = "by_hand"

    def __init__(self, *scenes: tuple[np.ndarray, np.ndarray, np.ndarray | None]) -> None:
        self.scenes = scenes  # truth, estimate, occluded

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int, /) -> dict[str, np.ndarray]:
        truth, estimate, occluded = self.scenes[index]
        picture = np.broadcast_to(estimate, (3, *truth.shape)).astype(np.uint8)
        sample = {"left": picture, "right": picture, "valid": np.isfinite(truth)}
        sample["disparity"] = np.nan_to_num(truth).astype(np.float32)
        return sample if occluded is None else sample | {"occluded": occluded}

    def scene(self, index: int, /) -> str:
        return f"scenes/{index}"

    def digest(self) -> str:
        return "0" * 64


def written_down(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The estimate that stands in the picture; 255 is none."""
    return np.where(left[0] == 255, np.nan, left[0]).astype(np.float32)


def by_hand() -> Scenes:
    hidden = np.array([[True, False], [False, False]])
    first = (np.array([[10.0, 20.0], [30.0, 40.0]]), np.array([[14, 20], [30, 40]]), hidden)  # one off by 4
    second = (
        np.array([[np.nan, np.nan], [np.nan, 40.0]]),
        np.array([[0, 0], [0, 50]]),
        np.zeros((2, 2), bool),
    )
    return Scenes(first, second)


def test_the_mean_counts_scenes_alike_and_the_pool_counts_pixels_alike():
    policies = (MaskPolicy.ALL, MaskPolicy.NON_OCCLUDED)
    result = evaluate_estimator(written_down, by_hand(), policies=policies)
    mean, pooled = result.mean(MaskPolicy.ALL), result.pooled(MaskPolicy.ALL)
    assert (mean.bp2, pooled.bp2) == ((0.25 + 1) / 2, 2 / 5)
    assert (mean.epe, pooled.epe) == ((1 + 10) / 2, 14 / 5)
    assert mean.n_valid == pooled.n_valid == 5 and sum(pooled.histogram) == 5
    assert result.mean(MaskPolicy.NON_OCCLUDED).bp2 == 0.5  # 0 of 3 and 1 of 1
    assert result.pooled(MaskPolicy.NON_OCCLUDED).bp2 == 0.25
    assert [scene.scene for scene in result.worst_first(MaskPolicy.ALL, "bp2")] == ["scenes/1", "scenes/0"]


def test_a_scene_without_pixels_is_left_out_of_the_mean_and_comes_last():
    nothing = (np.full((2, 2), np.nan), np.zeros((2, 2)), None)
    one = (np.full((2, 2), 9.0), np.full((2, 2), 9), None)
    result = evaluate_estimator(written_down, Scenes(nothing, one))
    assert result.mean(MaskPolicy.ALL).bp1 == result.pooled(MaskPolicy.ALL).bp1 == 0.0
    assert result.worst_first(MaskPolicy.ALL, "bp1")[-1].regions[MaskPolicy.ALL].bp1 is None
    assert result.scenes[0].truth_max_px is None
    assert result.scene_count == "2 scenes, 1 without truth"
    assert evaluate_estimator(written_down, Scenes(one)).scene_count == "1 scene"
    empty = evaluate_estimator(written_down, Scenes(nothing))
    assert empty.mean(MaskPolicy.ALL).epe is None and empty.pooled(MaskPolicy.ALL).n_valid == 0


def test_pixels_without_an_estimate_are_bad_and_reported():
    holes = Scenes((np.full((2, 2), 9.0), np.array([[255, 9], [9, 9]]), None))
    region = evaluate_estimator(written_down, holes).pooled(MaskPolicy.ALL)
    assert (region.not_finite, region.bp3, region.epe) == (1, 0.25, math.inf)


def test_the_limit_on_the_truth_stands_beside_the_mask():
    result = evaluate_estimator(written_down, by_hand(), max_disparity=40.0)
    assert result.pooled(MaskPolicy.ALL).n_valid == 3
    assert result.mask_name(MaskPolicy.ALL) == "all, truth < 40 px"
    assert result.mask_name(MaskPolicy.NON_OCCLUDED) == "non-occluded, truth < 40 px"


def test_truth_beyond_the_search_range_is_said():
    result = evaluate_estimator(written_down, by_hand(), search_range=32.0)
    assert [scene.beyond_range for scene in result.scenes] == [0.25, 1.0]
    assert "25.0% of the truth lies beyond the search range of 32 px" in result.scenes[0].warnings


def test_an_evaluation_goes_through_json_and_back():
    holes = (np.full((2, 2), 9.0), np.array([[255, 9], [9, 9]]), None)
    result = evaluate_estimator(written_down, Scenes(holes), search_range=5.0, max_disparity=64.0)
    result = replace(result, settings={"iterations": 3, "hierarchical": False})
    text = dump_evaluation(result)
    assert Evaluation.from_json(json.loads(text)) == result
    assert json.loads(text)["summary"]["all"]["mean"]["epe"] == "inf"


@pytest.mark.parametrize("change", [{"format": "other"}, {"scenes": [{}]}, {"policies": ["some"]}])
def test_a_file_that_is_no_evaluation_is_refused(change):
    content = evaluate_estimator(written_down, by_hand()).to_json()
    with pytest.raises(EvaluationError):
        Evaluation.from_json(content | change)


def test_a_mask_the_data_cannot_give_is_an_error_that_names_the_scene():
    scenes = Scenes((np.full((2, 2), 9.0), np.full((2, 2), 9), None))
    with pytest.raises(MetricError, match="scenes/0: mask policy 'non_occluded' needs occluded_hw"):
        evaluate_estimator(written_down, scenes, policies=(MaskPolicy.NON_OCCLUDED,))
    assert known_policies(scenes[0]) == (MaskPolicy.ALL,)
    assert MaskPolicy.NON_OCCLUDED in known_policies(by_hand()[0])


def test_nothing_to_evaluate_is_an_error():
    with pytest.raises(EvaluationError, match="0 scenes"):
        evaluate_estimator(written_down, Scenes())
    with pytest.raises(EvaluationError, match="0 mask policies"):
        evaluate_estimator(written_down, by_hand(), policies=())


def test_chosen_scenes_are_evaluated_and_handed_over_as_they_are_done():
    seen: list[SceneResult] = []
    result = evaluate_estimator(written_down, by_hand(), indices=[1], on_scene=seen.append)
    assert [scene.scene for scene in result.scenes] == ["scenes/1"]
    assert seen[0].score == result.scenes[0] and seen[0].estimate_hw[1, 1] == 50


def test_a_model_is_evaluated_with_its_settings_on_record():
    rng = np.random.default_rng(0)
    scenes = Scenes((np.full((40, 64), 5.0), rng.integers(0, 256, (40, 64)), None))
    model = create_model("nano")
    result = evaluate(model, scenes, iterations=1, name="nano")
    assert result.estimator == "nano" and result.search_range == model.config.max_disparity
    assert result.settings["iterations"] == 1 and result.settings["hierarchical"] is False
    alone = score(model, scenes[0], iterations=1).regions[MaskPolicy.ALL]
    assert result.scenes[0].regions[MaskPolicy.ALL] == alone and result.scenes[0].seconds > 0


def test_exchanged_images_of_a_scene_that_is_nearly_all_wrong_are_said():
    wide = (
        np.random.default_rng(0).integers(0, 256, (3, 48, 64), np.uint8).repeat(2, axis=1).repeat(2, axis=2)
    )

    class Swapped(Scenes):
        def __getitem__(self, index: int, /) -> dict[str, np.ndarray]:
            truth = np.full((96, 116), 12, np.float32)
            views = {"left": wide[..., 12:], "right": wide[..., :116]}
            return views | {"disparity": truth, "valid": np.ones_like(truth, bool)}

    def zero(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.zeros(left.shape[1:])

    (scene,) = evaluate_estimator(zero, Swapped((np.zeros((2, 2)), np.zeros((2, 2)), None))).scenes
    assert any("look exchanged" in line for line in scene.warnings)
