"""The state between two steps of a training, and which training may continue from it."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from stereo_model.network.model import FoundationStereo
from stereo_model.training.amend import AS_BEFORE, Amendment, Change, ResumeError, config_changes, other_data
from stereo_model.training.config import TrainConfig
from stereo_model.training.damage import read_damaged
from stereo_model.training.run_folder import checkpoint_name, checkpoints, forget_old, set_aside
from stereo_model.weights.checkpoint import read_checkpoint, save_checkpoint
from stereo_model.weights.files import CheckpointError, load_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIdentity:
    """What a training is told of its data, to recognise it."""

    digest: str
    repaired: Collection[str] = ()  # digests of the same data before damaged files of it were repaired
    facts: Mapping[str, Mapping[str, Any]]  # of every part, for people


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """All but the weights of what a training is after a step."""

    step: int  # steps done
    best: float | None  # the best validation so far
    config: str  # JSON of the TrainConfig
    data_digest: str
    data_facts: str = "{}"  # JSON: what is known of every part of the data
    optimizer: Mapping[str, Any]
    average: Mapping[str, Tensor] | None  # the running average of the weights; None if none is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A checkpoint of a run folder that was read whole."""

    path: Path
    payload: Mapping[str, Any]
    state: TrainingState


def write_state(run_dir: Path, model: FoundationStereo, state: TrainingState, *, keep: int) -> None:
    """Write weights and state as a checkpoint, whole or not at all, and delete all but the newest `keep`."""
    training = {field.name: getattr(state, field.name) for field in fields(state)}
    save_checkpoint(model, run_dir / checkpoint_name(state.step), training=training)
    forget_old(run_dir, keep)


def newest_state(run_dir: Path, *, leads: bool = True) -> Found | None:
    """The newest state that can be read; None where there is no state at all.

    A newer one that is empty, cut or otherwise damaged is named in a warning and, by the worker that
    `leads`, given another name, so that it is neither taken nor counted again.

    Raises:
        CheckpointError: there are states, but none of them can be read.
    """
    damaged: list[tuple[Path, str]] = []
    for path in reversed(checkpoints(run_dir)):
        try:
            found = _read(path)
        except CheckpointError as error:
            damaged.append((path, str(error)))
            continue
        for bad, why in damaged if leads else ():
            log.warning("%s; it is now called %s, going on from %s", why, set_aside(bad).name, path.name)
        return found
    if damaged:
        raise CheckpointError(
            f"{damaged[0][1]}; no other state in {run_dir} can be read: restore one from a copy, or remove "
            f"{', '.join(path.name for path, _ in damaged)} to begin again"
        )
    return None


def resume(
    found: Found,
    model: FoundationStereo,
    config: TrainConfig,
    data: DataIdentity,
    amendment: Amendment = AS_BEFORE,
) -> list[Change]:
    """Load a state's weights into the model; what is different from now on.

    Raises:
        CheckpointError: the weights do not fit their own configuration.
        ResumeError: it was made with another configuration, model or data, and nobody asked for that.
    """
    path, state = found.path, found.state
    changes = config_changes(path, state.step, json.loads(state.config), config, amendment)
    if (was := found.payload["model_config"]) != (now := model.config.model_dump_json()):
        raise ResumeError(
            f"{path}: was made with another model configuration ({_differing(was, now)}); give the one of "
            "its recipe.yaml, or use another run folder"
        )
    changes += _data_changes(path, state, data, amendment)
    load_weights(model, found.payload["model"], source=str(path))
    return changes


def _read(path: Path) -> Found:
    payload = read_checkpoint(path)
    training = payload.get("training")
    if not isinstance(training, Mapping):
        raise CheckpointError(f"{path}: holds a model but no training state; it cannot be resumed")
    try:
        state = TrainingState(**training)
    except TypeError as error:
        raise CheckpointError(f"{path}: its training state is of another version ({error})") from error
    return Found(path=path, payload=payload, state=state)


def _data_changes(path: Path, state: TrainingState, data: DataIdentity, amendment: Amendment) -> list[Change]:
    if state.data_digest == data.digest:
        return []
    if state.data_digest in data.repaired:
        names = ", ".join(file.file for file in read_damaged(path.parent))
        return [Change(field=f"data: {names}", was="damaged", now="repaired")]
    if not amendment.data:
        raise ResumeError(other_data(path, json.loads(state.data_facts), data.facts))
    return [Change(field="data", was=json.loads(state.data_facts), now=dict(data.facts))]


def _differing(was: str, now: str) -> str:
    before, after = json.loads(was), json.loads(now)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return "; ".join(f"{name}: {before.get(name)} there, {after.get(name)} here" for name in names)
