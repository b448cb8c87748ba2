"""A running average of a model's weights, which scores better than the weights of any one step."""

from __future__ import annotations

import copy

import torch

from stereo_model.network.model import FoundationStereo

AVERAGE_START = 10  # steps; see WeightAverage


class WeightAverage:
    """A running average of a model's weights and batch norm statistics.

    The decay of step n (from 1) is the smaller of `decay` and n / (n + AVERAGE_START), so that a short run
    forgets where it began. A frozen prior is shared with the model, not copied.
    """

    def __init__(self, model: FoundationStereo, decay: float) -> None:
        prior = getattr(model, "prior", None)
        self.model = copy.deepcopy(model, {id(prior): prior} if prior is not None else {}).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, model: FoundationStereo, step: int) -> None:
        """Take in the weights after `step`, counted from 1."""
        decay = min(self.decay, step / (step + AVERAGE_START))
        new = model.state_dict()
        for name, mean in self.model.state_dict().items():
            if mean.data_ptr() == new[name].data_ptr():
                continue  # shared
            if mean.is_floating_point():
                mean.lerp_(new[name], 1 - decay)
            else:
                mean.copy_(new[name])
