"""Score a model, or any other estimator, on one sample or on a whole data set, for every mask asked for.

A data set's number is given twice: `mean` is the mean over scenes, in which every scene counts alike (the way
Middlebury and ETH3D rank), `pooled` counts every pixel alike (the way Scene Flow and KITTI tables are often
made). The two differ, and papers differ in which one they print.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from stereo_model.data.sample import Sample, checked_sample
from stereo_model.evaluation.metrics import (
    MaskPolicy,
    MetricError,
    PixelFlags,
    bad_pixels,
    d1,
    epe,
    error_histogram,
    not_finite,
    valid_mask,
)
from stereo_model.fast.accelerate import accelerate
from stereo_model.inference.swap import check_pair
from stereo_model.network.model import FoundationStereo

FORMAT = "stereo_model.evaluation/1"
SHARES = ("bp05", "bp1", "bp2", "bp3", "d1")
SUSPICIOUS_BP3 = 0.5  # of the pixels; worse scenes are checked for exchanged images

Estimator = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.floating]]
"""From left and right image (3,H,W) RGB to the left view's disparity (H,W) in pixels, NaN where unknown."""


class EvaluationError(ValueError):
    """A data set that cannot be evaluated, or a file that holds no evaluation."""


class EvaluationSet(Protocol):
    """Samples by index, with a name for each scene."""

    kind: str

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]: ...

    def scene(self, index: int, /) -> str: ...

    def digest(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionScore:
    """Metrics over the pixels of one mask; None where there are none. Shares are 0..1."""

    n_valid: int
    epe: float | None  # pixels; infinite if an estimate is not finite
    bp05: float | None
    bp1: float | None
    bp2: float | None
    bp3: float | None
    d1: float | None
    not_finite: int  # of the pixels, those without a finite estimate; they count as bad
    histogram: tuple[int, ...]  # pixels per bin of metrics.HISTOGRAM_EDGES


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleScore:
    """Metrics of one sample by mask policy."""

    regions: Mapping[MaskPolicy, RegionScore]


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
class SceneResult:
    """A scene's score with the arrays it was made of."""

    score: SceneScore
    sample: Sample
    estimate_hw: NDArray[np.floating]  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """An estimator on a data set. `mean` counts scenes alike, `pooled` counts pixels alike."""

    estimator: str
    settings: Mapping[str, str | int | float | bool | None]  # what the estimator was told
    dataset: str  # kind
    data_digest: str
    policies: tuple[MaskPolicy, ...]
    max_disparity: float | None  # pixels; truth at or above was left out
    search_range: float | None  # pixels the estimator looks for; None: no limit known
    scenes: tuple[SceneScore, ...]

    def mean(self, policy: MaskPolicy) -> RegionScore:
        """Mean over the scenes that have pixels; `n_valid`, `not_finite` and the histogram are sums."""
        return _combined([scene.regions[policy] for scene in self.scenes], by_pixels=False)

    def pooled(self, policy: MaskPolicy) -> RegionScore:
        """The metrics over all pixels of all scenes."""
        return _combined([scene.regions[policy] for scene in self.scenes], by_pixels=True)

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
        content = {"format": FORMAT} | _plain(self)
        content["summary"] = {
            policy.value: {"mean": _plain(self.mean(policy)), "pooled": _plain(self.pooled(policy))}
            for policy in self.policies
        }
        return content

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


# ---------------------------------------------------------------- a data set


def evaluate(
    model: FoundationStereo,
    dataset: EvaluationSet,
    *,
    policies: Sequence[MaskPolicy] = (MaskPolicy.ALL,),
    max_disparity: float | None = None,  # pixels; truth at or above is left out
    iterations: int | None = None,
    hierarchical: bool = False,
    indices: Sequence[int] | None = None,  # scenes to evaluate; None: all
    name: str = "model",
    on_scene: Callable[[SceneResult], None] = lambda result: None,
) -> Evaluation:
    """Predict and measure every scene of a data set; `on_scene` gets each one when it is done.

    Which pixels count is the caller's choice (`metrics.BENCHMARKS` has the customs); it stands beside every
    number. Raises EvaluationError and MetricError naming the scene.
    """

    def estimate(left_chw: NDArray[np.uint8], right_chw: NDArray[np.uint8]) -> NDArray[np.float32]:
        return predict_disparity(model, left_chw, right_chw, iterations=iterations, hierarchical=hierarchical)

    evaluation = evaluate_estimator(
        estimate,
        dataset,
        policies=policies,
        max_disparity=max_disparity,
        search_range=float(model.config.max_disparity),
        indices=indices,
        name=name,
        on_scene=on_scene,
    )
    steps = model.config.iterations if iterations is None else iterations
    settings = {"config": model.config.digest(), "iterations": steps, "hierarchical": hierarchical}
    return replace(evaluation, settings=settings)


def evaluate_estimator(
    estimate: Estimator,
    dataset: EvaluationSet,
    *,
    policies: Sequence[MaskPolicy] = (MaskPolicy.ALL,),
    max_disparity: float | None = None,
    search_range: float | None = None,
    indices: Sequence[int] | None = None,
    name: str = "estimator",
    on_scene: Callable[[SceneResult], None] = lambda result: None,
) -> Evaluation:
    """The same for any function of two images. A pixel without a finite estimate counts as bad."""
    wanted = range(len(dataset)) if indices is None else indices
    if not policies or not len(wanted):
        raise EvaluationError(f"nothing to evaluate: {len(wanted)} scenes, {len(policies)} mask policies")
    scores = []
    for index in wanted:
        scene = dataset.scene(index)
        sample = checked_sample(dataset[index], source=scene)
        result = _evaluate_scene(estimate, sample, scene, policies, max_disparity, search_range)
        scores.append(result.score)
        on_scene(result)
    return Evaluation(
        estimator=name,
        settings={},
        dataset=dataset.kind,
        data_digest=dataset.digest(),
        policies=tuple(policies),
        max_disparity=max_disparity,
        search_range=search_range,
        scenes=tuple(scores),
    )


def known_policies(sample: Mapping[str, np.ndarray]) -> tuple[MaskPolicy, ...]:
    """The masks that a sample can be measured under: all pixels, and the parts where it knows occlusion."""
    parts = (MaskPolicy.NON_OCCLUDED, MaskPolicy.OCCLUDED) if "occluded" in sample else ()
    return (MaskPolicy.ALL, *parts)


def _evaluate_scene(
    estimate: Estimator,
    sample: Sample,
    scene: str,
    policies: Sequence[MaskPolicy],
    max_disparity: float | None,
    search_range: float | None,
) -> SceneResult:
    started = time.perf_counter()
    estimate_hw = estimate(sample["left"], sample["right"])
    seconds = time.perf_counter() - started
    truth_hw = truth_of(sample)
    try:
        regions = score_disparity(
            estimate_hw, truth_hw, policies=policies, flags=flags_of(sample), max_disparity=max_disparity
        ).regions
    except MetricError as error:
        raise MetricError(f"{scene}: {error}") from error
    known = truth_hw[valid_mask(MaskPolicy.ALL, truth_hw)]
    beyond = 0.0 if search_range is None or not known.size else float((known >= search_range).mean())
    score = SceneScore(
        scene=scene,
        width=truth_hw.shape[1],
        height=truth_hw.shape[0],
        seconds=seconds,
        truth_max_px=float(known.max()) if known.size else None,
        beyond_range=beyond,
        warnings=_warnings(sample, estimate_hw, truth_hw, beyond, search_range),
        regions=regions,
    )
    return SceneResult(score=score, sample=sample, estimate_hw=estimate_hw)


def _warnings(
    sample: Sample,
    estimate_hw: NDArray[np.floating],
    truth_hw: NDArray[np.floating],
    beyond: float,
    search_range: float | None,
) -> tuple[str, ...]:
    """What a reader should know before believing a scene's numbers."""
    lines = []
    if beyond > 0:
        lines.append(f"{beyond:.1%} of the truth lies beyond the search range of {search_range:g} px")
    bad = bad_pixels(estimate_hw, truth_hw, valid_mask(MaskPolicy.ALL, truth_hw), tau=3.0)
    if bad is not None and bad > SUSPICIOUS_BP3:
        left_hwc, right_hwc = (np.moveaxis(sample[side], 0, -1) for side in ("left", "right"))
        lines += check_pair(left_hwc, right_hwc).warnings()
    return tuple(lines)


# ---------------------------------------------------------------- one sample


def score(
    model: FoundationStereo,
    sample: Mapping[str, np.ndarray],
    *,
    policies: Sequence[MaskPolicy] = (MaskPolicy.ALL,),
    flags: PixelFlags | None = None,  # None: what the sample itself knows
    iterations: int | None = None,
) -> SampleScore:
    """Predict a sample's disparity and measure it. Any size; keys as in `stereo_model.data.sample`."""
    checked = checked_sample(sample, source="sample")
    estimate_hw = predict_disparity(model, checked["left"], checked["right"], iterations=iterations)
    flags = flags_of(checked) if flags is None else flags
    return score_disparity(estimate_hw, truth_of(checked), policies=policies, flags=flags)


def predict_disparity(
    model: FoundationStereo,
    left_chw: np.ndarray,  # (3,H,W) uint8
    right_chw: np.ndarray,
    *,
    iterations: int | None = None,
    hierarchical: bool = False,
) -> np.ndarray:
    """Disparity (H,W) float32 in pixels of one pair, on the model's device, by its accelerated copy."""
    device = model.pixel_mean.device
    left, right = (
        torch.from_numpy(np.array(image)).unsqueeze(0).to(device) for image in (left_chw, right_chw)
    )
    fast = accelerate(model)
    disparity_b1hw = fast.predict(left, right, iterations=iterations, hierarchical=hierarchical)
    return disparity_b1hw[0, 0].float().cpu().numpy()


def truth_of(sample: Sample) -> NDArray[np.float32]:
    """The true disparity (H,W) in pixels, NaN where there is none."""
    return np.where(sample["valid"], sample["disparity"], np.float32(np.nan))


def flags_of(sample: Sample) -> PixelFlags:
    """A sample's own knowledge about its pixels; its `occluded` includes what is out of frame."""
    if "occluded" not in sample:
        return PixelFlags()
    occluded_hw = sample["occluded"]
    return PixelFlags(occluded_hw=occluded_hw, out_of_frame_hw=np.zeros_like(occluded_hw))


def score_disparity(
    estimate_hw: np.ndarray,
    truth_hw: np.ndarray,  # pixels; not finite where unknown
    *,
    policies: Sequence[MaskPolicy] = (MaskPolicy.ALL,),
    flags: PixelFlags | None = None,
    max_disparity: float | None = None,  # pixels; truth at or above is left out
) -> SampleScore:
    """Measure an estimate under each policy. Raises MetricError where a policy lacks its flags."""
    masks = {policy: valid_mask(policy, truth_hw, flags, max_disparity=max_disparity) for policy in policies}
    return SampleScore(
        regions={policy: region_score(estimate_hw, truth_hw, mask_hw) for policy, mask_hw in masks.items()}
    )


def region_score(estimate_hw: np.ndarray, truth_hw: np.ndarray, mask_hw: np.ndarray) -> RegionScore:
    """All metrics over one mask."""
    arrays = (estimate_hw, truth_hw, mask_hw)
    return RegionScore(
        n_valid=int(mask_hw.sum()),
        epe=epe(*arrays),
        bp05=bad_pixels(*arrays, tau=0.5),
        bp1=bad_pixels(*arrays, tau=1.0),
        bp2=bad_pixels(*arrays, tau=2.0),
        bp3=bad_pixels(*arrays, tau=3.0),
        d1=d1(*arrays),
        not_finite=not_finite(*arrays),
        histogram=error_histogram(*arrays),
    )


def _combined(parts: Sequence[RegionScore], *, by_pixels: bool) -> RegionScore:
    """Mean of the parts that have pixels, each weighing as much as it has of them or all alike."""
    scored = [part for part in parts if part.n_valid]
    weights = [part.n_valid if by_pixels else 1 for part in scored]

    def mean(metric: str) -> float | None:
        values = [weight * getattr(part, metric) for part, weight in zip(scored, weights, strict=True)]
        return sum(values) / sum(weights) if values else None

    return RegionScore(
        n_valid=sum(part.n_valid for part in parts),
        not_finite=sum(part.not_finite for part in parts),
        histogram=tuple(int(count) for count in np.sum([part.histogram for part in parts], axis=0)),
        **{metric: mean(metric) for metric in ("epe", *SHARES)},
    )


# ---------------------------------------------------------------- JSON


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


def dump_evaluation(evaluation: Evaluation) -> str:
    """The evaluation as the text of a JSON file."""
    return json.dumps(evaluation.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
