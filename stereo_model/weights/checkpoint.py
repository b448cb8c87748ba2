"""Checkpoints: one file that holds the weights and everything needed to use or continue them.

The file is what torch.save writes, of plain values and tensors alone, so that it loads with
weights_only=True. Model files and training checkpoints share the keys `format`, `model_config` (JSON) and
`model`; the latter add `training`. A model that nothing has trained is marked `random`. A file that exists
under its name is complete.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from jobs.files import write_text_atomic
from stereo_model.network.config import ConfigError, ModelConfig, parse_config
from stereo_model.network.drawn import drawn_now, is_random
from stereo_model.network.model import FoundationStereo
from stereo_model.network.prior import ViTPrior
from stereo_model.weights.files import (
    CheckpointError,
    load_weights,
    read_file,
    refuse_misfits,
    require_tensors,
    shapes_of,
    write_atomically,
)
from stereo_model.weights.hub import SCHEME, resolve_weights
from stereo_model.weights.published import is_published, load_prior, load_published, to_published
from stereo_model.weights.published_config import CONFIG_FILE, config_yaml, read_config
from stereo_model.weights.wrappers import bare_names, bare_weights

FORMAT = "stereo_model/1"
COUNTS = ("_blocks", "_layers", "_levels")  # settings of which each one brings weights
FEW_BLOCKS = 64  # which any file may claim
LARGEST_SETTING = 16_384


def save_checkpoint(
    model: FoundationStereo, path: str | Path, *, training: Mapping[str, Any] | None = None
) -> None:
    """Write the model's configuration and weights, and optionally the state of its training, atomically."""
    if model.prior is not None and model.config.prior is None:
        raise CheckpointError(
            f"{path}: the model's prior was handed to it and cannot be built again from its configuration; "
            "only priors that ModelConfig.prior names can be saved"
        )
    config = model.config.model_dump_json()
    payload: dict[str, Any] = {"format": FORMAT, "model_config": config, "model": model.state_dict()}
    if is_random(model):
        payload["random"] = True
    if training is not None:
        payload["training"] = dict(training)
    write_atomically(payload, Path(path))


def load_model(place: str | Path, **overrides: Any) -> FoundationStereo:
    """The model of a checkpoint, on the CPU, in evaluation mode.

    Takes a path or "hf:OWNER/REPO/FILE@REVISION", our own files and the published ones, which need their
    cfg.yaml beside them. `overrides` replace fields of the stored configuration that leave the weights as
    they are, such as `max_disparity`, `disparity_attention` and `iterations`. Raises CheckpointError,
    ConfigError or WeightsUnavailableError in one line.
    """
    path = resolve_weights(place) if str(place).startswith(SCHEME) else Path(place)
    payload = read_file(path)
    if is_published(payload):
        config = read_config(path, overrides)
        weights = bare_weights(payload, source=str(path))
        model = FoundationStereo(config)
        load_published(model, weights, source=str(path))
        return model.eval()
    return build_model(_checked(payload, path), source=str(path), overrides=overrides).eval()


def load_prior_weights(model: FoundationStereo, path: str | Path) -> None:
    """Put published weights of the prior alone (`.pth` or `.safetensors`) into a model.

    DepthAnythingV2's file for a `depth_anything_v2` prior, DINOv2's for a `dinov2` prior. Raises
    CheckpointError; the model is then unchanged.
    """
    if not isinstance(model.prior, ViTPrior):
        raise CheckpointError(f"{path}: the model has no prior to load these weights into")
    state = bare_weights(read_file(path), source=str(path))
    load_prior(model.prior, state, source=str(path))


def convert(source: str | Path, target: str | Path, *, to: Literal["ours", "published"]) -> None:
    """Write a checkpoint of either format in the other one (or the same).

    `published` writes `target` and a cfg.yaml beside it, and refuses models of another architecture. Raises
    CheckpointError.
    """
    model, target = load_model(source), Path(target)
    if to == "ours":
        save_checkpoint(model, target)
        return
    weights = to_published(model, source=f"{source}: cannot be converted")
    write_atomically({"model": weights, "global_step": 0, "epoch": 0}, target)
    write_text_atomic(target.parent / CONFIG_FILE, config_yaml(model.config))


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The checked content of a file in our own format; tensors on the CPU. Raises CheckpointError."""
    return _checked(read_file(path), path)


def build_model(
    payload: Mapping[str, Any], *, source: str, overrides: Mapping[str, Any] | None = None
) -> FoundationStereo:
    """Build the model a checkpoint describes and load its weights, every key accounted for.

    Raises CheckpointError for the checkpoint and ConfigError for a bad override.
    """
    try:
        config = parse_config(ModelConfig, json.loads(payload["model_config"]))
    except (ConfigError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{source}: unusable model configuration: {str(error)[:300]}") from error
    weights = bare_names(require_tensors(payload["model"], source=source), source=source)
    refuse_absurd(config, len(weights), source=source)
    if overrides:
        config = parse_config(ModelConfig, {**config.model_dump(), **overrides})
    refuse_misfits(weights, _shapes_of(config), source=source)
    model = FoundationStereo(config)
    load_weights(model, weights, source=source)
    if payload.get("random") is True:
        model.drawn = drawn_now(model)
    return model


@lru_cache(maxsize=8)
def _shapes_of(config: ModelConfig) -> Mapping[str, tuple[int, ...]]:
    """What a model would consist of, without its numbers; states of one training ask for the same."""
    with torch.device("meta"):
        return shapes_of(FoundationStereo(config))


def refuse_absurd(config: ModelConfig, tensors: int, *, source: str) -> None:
    """Refuse a configuration that is out of all proportion to its weights. Raises CheckpointError."""
    for name, value in config.model_dump().items():
        counted = name.endswith(COUNTS)
        for number in value if isinstance(value, list | tuple) else [value]:
            most = max(tensors, FEW_BLOCKS) if counted else LARGEST_SETTING
            if isinstance(number, int) and number > most:
                raise CheckpointError(
                    f"{source}: its configuration has {name}={number}, "
                    + (f"but it holds {tensors} weights" if counted else f"expected at most {most}")
                )


def model_digest(model: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of all weights and buffers; independent of the device."""
    sha = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        sha.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        sha.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def _checked(payload: Any, path: str | Path) -> dict[str, Any]:
    if not isinstance(payload, dict) or payload.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: expected a checkpoint of format {FORMAT!r} or a published one, found {_told(payload)}"
        )
    missing = [key for key in ("model_config", "model") if key not in payload]
    if missing:
        raise CheckpointError(f"{path}: the checkpoint lacks {', '.join(missing)}")
    return payload


def _told(payload: Any) -> str:
    """What a file that could be read holds instead of a checkpoint."""
    if not isinstance(payload, dict):
        return f"one {type(payload).__name__}"
    if "format" in payload:
        return f"format {payload['format']!r:.60}"
    if payload and all(isinstance(value, torch.Tensor) for value in payload.values()):
        return (
            f"bare weights ({len(payload)} tensors, {next(iter(payload))!r:.60} ...) without a configuration"
        )
    return f"a mapping with the keys {', '.join(sorted(map(repr, payload)))[:120]}"
