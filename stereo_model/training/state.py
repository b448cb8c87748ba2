"""The state between two steps of a training, and which training may continue from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from stereo_model.network.model import FoundationStereo
from stereo_model.training.config import TrainConfig
from stereo_model.training.run_folder import checkpoint_name, forget_old
from stereo_model.weights.checkpoint import read_checkpoint, save_checkpoint
from stereo_model.weights.files import CheckpointError, load_weights


class ResumeError(ValueError):
    """A run folder holds a training with another configuration or other data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """All but the weights of what a training is after a step."""

    step: int  # steps done
    best: float | None  # the best validation so far
    config: str  # JSON of the TrainConfig
    data_digest: str
    optimizer: Mapping[str, Any]
    average: Mapping[str, Tensor] | None  # the running average of the weights; None if none is kept


def write_state(run_dir: Path, model: FoundationStereo, state: TrainingState, *, keep: int) -> None:
    """Write weights and state as a checkpoint, whole or not at all, and delete all but the newest `keep`."""
    training = {field.name: getattr(state, field.name) for field in fields(state)}
    save_checkpoint(model, run_dir / checkpoint_name(state.step), training=training)
    forget_old(run_dir, keep)


def read_state(path: Path, model: FoundationStereo, config: TrainConfig, data_digest: str) -> TrainingState:
    """Load a checkpoint's weights into the model, and give the rest of its state.

    Raises:
        CheckpointError: the file is damaged, or holds no training.
        ResumeError: it was made with another configuration, model or data.
    """
    payload = read_checkpoint(path)
    training = payload.get("training")
    if not isinstance(training, Mapping):
        raise CheckpointError(f"{path}: holds a model but no training state; it cannot be resumed")
    state = TrainingState(**training)
    other = "; ".join(config.differences(state.config))
    if other:
        raise ResumeError(_another(path, "training configuration", other))
    _require_equal(path, "model configuration", payload["model_config"], model.config.model_dump_json())
    _require_equal(path, "data digest", state.data_digest, data_digest)
    load_weights(model, payload["model"], source=str(path))
    return state


def _require_equal(path: Path, what: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise ResumeError(_another(path, what, f"{found}, now {wanted}"))


def _another(path: Path, what: str, difference: str) -> str:
    return f"{path}: was made with another {what} ({difference}); use another run folder"
