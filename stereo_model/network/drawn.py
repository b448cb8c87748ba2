"""Whether a model's weights are still the random ones that it was created with, and one word about it.

It is asked of the weights and not remembered, so that any training and any loading of weights answers it.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass

import torch
from torch import nn

VALUES = 8  # of each weight; a step of training changes them all

UNLEARNED = (
    "weights are random: nothing has trained this model and no checkpoint was loaded, so what it answers has "
    "not been learned; use load_model, or train it"
)


class RandomWeightsWarning(UserWarning):
    """A model is asked for an answer that nobody has taught it."""


@dataclass
class Drawn:
    """What the weights were when they were drawn."""

    digest: str
    settled: bool = False  # it was said, or something has taught the model since


def drawn_now(model: nn.Module) -> Drawn:
    """The weights of this moment, as a model keeps them in `drawn`."""
    return Drawn(_digest(model))


def is_random(model: nn.Module) -> bool:
    """Whether the weights are those that `model.drawn` speaks of. Those of a prior do not count."""
    drawn = getattr(model, "drawn", None)
    return isinstance(drawn, Drawn) and drawn.digest == _digest(model)


def unlearned(model: nn.Module) -> str | None:
    """What to say of a model with random weights; None where it was said before, and for all others."""
    drawn = getattr(model, "drawn", None)
    if not isinstance(drawn, Drawn) or drawn.settled:
        return None
    drawn.settled = True
    return UNLEARNED if is_random(model) else None


def warn_if_random(model: nn.Module, *, stacklevel: int = 3) -> None:
    """Once per model, a RandomWeightsWarning."""
    if text := unlearned(model):
        warnings.warn(text, RandomWeightsWarning, stacklevel=stacklevel)


def _digest(model: nn.Module) -> str:
    learned = (weight for name, weight in model.named_parameters() if not name.startswith("prior."))
    values = torch.cat([weight.detach().flatten()[:VALUES].float() for weight in learned])
    return hashlib.sha256(values.cpu().numpy().tobytes()).hexdigest()
