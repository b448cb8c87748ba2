"""A new model, and the published weights that its parts may start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from stereo_model.network.config import ConfigError, model_config
from stereo_model.network.drawn import drawn_now
from stereo_model.network.model import FoundationStereo
from stereo_model.weights.backbone import load_backbone_weights
from stereo_model.weights.checkpoint import load_prior_weights
from stereo_model.weights.hub import resolve_weights


def create_model(
    preset: str = "tiny",
    *,
    seed: int = 0,
    backbone_weights: str | Path | None = None,
    prior_weights: str | Path | None = None,
    **overrides: Any,
) -> FoundationStereo:
    """A new model of a named size, with random weights drawn from `seed`.

    `backbone_weights` are ImageNet weights of the backbone to start from, such as installed_lite0_weights();
    `prior_weights` are published weights of the prior (see load_prior_weights), without which the frozen
    prior is random and tells nothing. Until something trains it, asking the model for an answer warns once
    that its weights are random. Both are a path, a name such as "edgenext_small" or
    "depth_anything_v2_vits", or a place "hf:OWNER/REPO/FILE@REVISION" on the Hugging Face hub.
    `overrides` replace single fields of ModelConfig. Raises ConfigError, BackboneWeightsError,
    CheckpointError or WeightsUnavailableError, each in one line.
    """
    config = model_config(preset, **overrides)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FoundationStereo(config)
    if backbone_weights is not None:
        if model.features.backbone is None:
            raise ConfigError("backbone_weights: side_tuning 'a' has no backbone to load them into")
        load_backbone_weights(model.features.backbone, resolve_weights(backbone_weights))
    if prior_weights is not None:
        load_prior_weights(model, resolve_weights(prior_weights))
    model.drawn = drawn_now(model)
    return model.eval()
