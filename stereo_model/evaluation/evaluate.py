"""Score a model, or any other estimator, on one sample or on a whole data set, for every mask asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stereo_model.data.sample import RawSample, Sample, checked_sample
from stereo_model.evaluation.advice import truth_scale_line
from stereo_model.evaluation.evaluation import Evaluation, EvaluationError, SceneScore, Setting
from stereo_model.evaluation.metrics import MaskPolicy, MetricError, PixelFlags, bad_pixels, valid_mask
from stereo_model.evaluation.scores import SampleScore, flags_of, score_disparity, truth_of
from stereo_model.inference.predict import predict_disparity
from stereo_model.inference.search import search_range
from stereo_model.inference.swap import check_pair
from stereo_model.network.model import FoundationStereo

SUSPICIOUS_BP3 = 0.5  # of the pixels; worse scenes are checked for exchanged images

Estimator = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.floating]]
"""From left and right image (3,H,W) RGB to the left view's disparity (H,W) in pixels, NaN where unknown."""


class EvaluationSet(Protocol):
    """Samples by index, with a name for each scene."""

    @property
    def kind(self) -> str: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> RawSample: ...

    def scene(self, index: int, /) -> str: ...

    def digest(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneResult:
    """A scene's score with the arrays it was made of."""

    score: SceneScore
    sample: Sample
    estimate_hw: NDArray[np.floating]  # pixels


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

    Which pixels count is the caller's choice (`benchmarks.BENCHMARKS` has the customs); it stands beside
    every number. Raises EvaluationError and MetricError naming the scene.
    """

    def estimate(left_chw: NDArray[np.uint8], right_chw: NDArray[np.uint8]) -> NDArray[np.float32]:
        return predict_disparity(model, left_chw, right_chw, iterations=iterations, hierarchical=hierarchical)

    evaluation = evaluate_estimator(
        estimate,
        dataset,
        policies=policies,
        max_disparity=max_disparity,
        search_range=float(search_range(model.config.max_disparity, hierarchical=hierarchical)),
        indices=indices,
        name=name,
        on_scene=on_scene,
    )
    steps = model.config.iterations if iterations is None else iterations
    settings: dict[str, Setting] = {
        "config": model.config.digest(),
        "iterations": steps,
        "hierarchical": hierarchical,
    }
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


def known_policies(sample: RawSample) -> tuple[MaskPolicy, ...]:
    """The masks that a sample can be measured under: all pixels, and the parts where it knows occlusion."""
    parts = (MaskPolicy.NON_OCCLUDED, MaskPolicy.OCCLUDED) if "occluded" in sample else ()
    return (MaskPolicy.ALL, *parts)


def score(
    model: FoundationStereo,
    sample: RawSample,
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
        scale = truth_scale_line(sample, truth_hw)
        lines += [] if scale is None else [scale]
    return tuple(lines)
