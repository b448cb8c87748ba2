"""Which model gave an answer: one digest of its configuration and weights, computed once while they stay.

Hashing takes a second for every 1.5 GB of weights, so the digest is kept for as long as no weight changes.
Torch counts the changes of each tensor; what is written behind its back, through `weight.data`, it does not
count, and a model changed in that way has to be made known with `forget`.
"""

from __future__ import annotations

import hashlib
from weakref import WeakKeyDictionary

from stereo_model.network.model import FoundationStereo
from stereo_model.weights.checkpoint import model_digest

State = tuple[tuple[str, int, int], ...]  # name, place in memory and count of changes of each tensor

_known: WeakKeyDictionary[FoundationStereo, tuple[State | None, str]] = WeakKeyDictionary()


def model_id(model: FoundationStereo) -> str:
    """SHA-256 over a model's configuration and weights; equal for models that give equal answers."""
    state = _state(model)
    known = _known.get(model)
    if known is None or state is None or known[0] != state:
        text = f"{model.config.digest()} {model_digest(model)}"
        known = _known[model] = state, hashlib.sha256(text.encode()).hexdigest()
    return known[1]


def forget(model: FoundationStereo) -> None:
    """Hash the model anew when it is next asked for."""
    _known.pop(model, None)


def _state(model: FoundationStereo) -> State | None:
    """None where nobody counts: weights that were made in torch's inference mode."""
    tensors = model.state_dict(keep_vars=True)
    if any(tensor.is_inference() for tensor in tensors.values()):
        return None
    return tuple((name, tensor.data_ptr(), tensor._version) for name, tensor in tensors.items())
