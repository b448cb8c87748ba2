"""The result of an evaluation, scene by scene, and its JSON form.

A data set's number is given twice: `mean` is the mean over scenes, in which every scene counts alike (the way
Middlebury and ETH3D rank), `pooled` counts every pixel alike (the way Scene Flow and KITTI tables are often
made). The two differ, and papers differ in which one they print. `weighted` is the mean of a benchmark that
counts some scenes half, as Middlebury's own table does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from stereo_model.evaluation.benchmarks import SCENE_WEIGHTS
from stereo_model.evaluation.metrics import MaskPolicy
from stereo_model.evaluation.scores import RegionScore, combined

FORMAT = "stereo_model.evaluation/1"
Setting = str | int | float | bool | None


class EvaluationError(ValueError):
    """A data set that cannot be evaluated, or a file that holds no evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneScore:
    """One scene of an evaluation."""

    scene: str
    width: int  # pixels
    height: int  # pixels
    seconds: float  # wall time of the estimate
    truth_max_px: float | None  # largest known disparity; None where nothing is known
    beyond_range: float  # share of known pixels whose truth lies beyond the estimator's search range
    warnings: tuple[str, ...]
    regions: Mapping[MaskPolicy, RegionScore]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """An estimator on a data set. `mean` counts scenes alike, `pooled` counts pixels alike."""

    estimator: str
    settings: Mapping[str, Setting]  # what the estimator was told
    dataset: str  # kind
    data_digest: str
    policies: tuple[MaskPolicy, ...]
    max_disparity: float | None  # pixels; truth at or above was left out
    search_range: float | None  # pixels the estimator looks for; None: no limit known
    scenes: tuple[SceneScore, ...]

    def mean(self, policy: MaskPolicy) -> RegionScore:
        """Mean over the scenes that have pixels; `n_valid`, `not_finite` and the histogram are sums."""
        return combined(self._parts(policy))

    def pooled(self, policy: MaskPolicy) -> RegionScore:
        """The metrics over all pixels of all scenes."""
        parts = self._parts(policy)
        return combined(parts, [part.n_valid for part in parts])

    def weighted(self, policy: MaskPolicy) -> RegionScore | None:
        """The benchmark's own mean over scenes, where it counts some of these scenes less than others."""
        known = SCENE_WEIGHTS.get(self.dataset, {})
        weights = [known.get(scene.scene, 1.0) for scene in self.scenes]
        return combined(self._parts(policy), weights) if set(weights) != {1.0} else None

    def _parts(self, policy: MaskPolicy) -> list[RegionScore]:
        return [scene.regions[policy] for scene in self.scenes]

    @property
    def scene_count(self) -> str:
        """How many scenes there are, and of how many nothing is known, in words."""
        bare = sum(scene.truth_max_px is None for scene in self.scenes)
        count = f"{len(self.scenes)} scene{'' if len(self.scenes) == 1 else 's'}"
        return f"{count}, {bare} without truth" if bare else count

    def mask_name(self, policy: MaskPolicy) -> str:
        """The mask in words, to stand beside a number."""
        limit = "" if self.max_disparity is None else f", truth < {self.max_disparity:g} px"
        return policy.value.replace("_", "-") + limit

    def worst_first(self, policy: MaskPolicy, metric: str) -> tuple[SceneScore, ...]:
        """Scenes by falling error; those without pixels last."""

        def rank(scene: SceneScore) -> tuple[float, str]:
            value = getattr(scene.regions[policy], metric)
            return (math.inf if value is None else -value, scene.scene)

        return tuple(sorted(self.scenes, key=rank))

    def to_json(self) -> dict[str, Any]:
        """Plain values for a strict JSON file, with both summaries; infinity is the string "inf"."""
        content: dict[str, Any] = {"format": FORMAT} | _plain(self)
        content["summary"] = {
            policy.value: {name: _plain(score) for name, score in self._summaries(policy).items()}
            for policy in self.policies
        }
        return content

    def _summaries(self, policy: MaskPolicy) -> dict[str, RegionScore]:
        means = {"mean": self.mean(policy), "weighted": self.weighted(policy), "pooled": self.pooled(policy)}
        return {name: score for name, score in means.items() if score is not None}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Evaluation:
        """The evaluation again; the summaries are computed anew. Raises EvaluationError."""
        if content.get("format") != FORMAT:
            raise EvaluationError(
                f"expected an evaluation of format {FORMAT!r}, got {content.get('format')!r}"
            )
        try:
            values = {field.name: content[field.name] for field in fields(cls)}
            values["policies"] = tuple(MaskPolicy(name) for name in values["policies"])
            values["scenes"] = tuple(_scene_from(scene) for scene in values["scenes"])
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise EvaluationError(f"not a complete evaluation: {type(error).__name__} {error}") from error


def dump_evaluation(evaluation: Evaluation) -> str:
    """The evaluation as the text of a JSON file."""
    return json.dumps(evaluation.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Frozen values as JSON: enums by value, infinity as "inf", never NaN."""
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {
            key.value if isinstance(key, MaskPolicy) else key: _plain(item) for key, item in value.items()
        }
    if isinstance(value, MaskPolicy):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return "inf" if isinstance(value, float) and value == math.inf else value


def _scene_from(content: Mapping[str, Any]) -> SceneScore:
    values = {field.name: content[field.name] for field in fields(SceneScore)}
    values["warnings"] = tuple(values["warnings"])
    values["regions"] = {MaskPolicy(name): _region_from(region) for name, region in values["regions"].items()}
    return SceneScore(**values)


def _region_from(content: Mapping[str, Any]) -> RegionScore:
    values = {field.name: content[field.name] for field in fields(RegionScore)}
    values["histogram"] = tuple(values["histogram"])
    values["epe"] = math.inf if values["epe"] == "inf" else values["epe"]
    return RegionScore(**values)
