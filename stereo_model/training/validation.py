"""How good a model is while it is being trained: mean EPE and BP-2 of whole data sets.

The workers of a team share the samples out; each sample counts alike, over all its pixels with known truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from stereo_model.data.sample import SampleError, StereoDataset
from stereo_model.evaluation.evaluate import score
from stereo_model.evaluation.metrics import MaskPolicy
from stereo_model.network.model import FoundationStereo
from stereo_model.training.team import Team


@dataclass(frozen=True, slots=True, kw_only=True)
class SetScore:
    """Means over the samples of one data set."""

    epe: float  # pixels
    bp2: float  # share of pixels off by more than 2 px, 0..1
    samples: int  # that have known pixels


def validate(
    model: FoundationStereo,
    sets: Mapping[str, StereoDataset],
    *,
    team: Team,
    iterations: int | None = None,
) -> dict[str, SetScore]:
    """Score every set. Raises SampleError for a set without a single known pixel."""
    return {name: _score_set(model, name, dataset, team, iterations) for name, dataset in sets.items()}


def overall(scores: Mapping[str, SetScore]) -> float:
    """One number to choose a model by: the mean of the sets' BP-2; smaller is better."""
    return sum(found.bp2 for found in scores.values()) / len(scores)


def _score_set(
    model: FoundationStereo, name: str, dataset: StereoDataset, team: Team, iterations: int | None
) -> SetScore:
    sums = torch.zeros(3, dtype=torch.float64)
    for index in range(team.rank, len(dataset), team.size):
        found = score(model, dataset[index], iterations=iterations).regions[MaskPolicy.ALL]
        if found.epe is not None and found.bp2 is not None:
            sums += torch.tensor([found.epe, found.bp2, 1.0], dtype=torch.float64)
    epe, bp2, count = team.summed(sums.to(next(model.parameters()).device)).tolist()
    if count == 0:
        raise SampleError(f"the validation set {name!r} has no sample with known disparity")
    return SetScore(epe=epe / count, bp2=bp2 / count, samples=int(count))
