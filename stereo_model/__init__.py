"""FoundationStereo in plain torch: model, checkpoints, loss, metrics, training, evaluation.

model = create_model("tiny")
out = model(left, right, iterations=6)    # (B,3,H,W) RGB 0..255, sides multiples of 32
out.initial_disparity                     # (B,1,H/4,W/4), quarter-resolution pixels
out.disparities                           # list of (B,1,H,W), pixels
model.predict(left, right)                # any size
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from stereo_model.backbone import BackboneWeightsError, installed_lite0_weights, load_lite0_weights
from stereo_model.checkpoint import CheckpointError, load_checkpoint, model_digest, save_checkpoint
from stereo_model.config import PRESETS, ConfigError, ModelConfig, model_config
from stereo_model.model import FoundationStereo, ImageSizeError, StereoOutput

__all__ = [
    "PRESETS",
    "BackboneWeightsError",
    "CheckpointError",
    "ConfigError",
    "FoundationStereo",
    "ImageSizeError",
    "ModelConfig",
    "StereoOutput",
    "create_model",
    "installed_lite0_weights",
    "load_checkpoint",
    "model_config",
    "model_digest",
    "save_checkpoint",
]


def create_model(
    preset: str = "tiny", *, seed: int = 0, backbone_weights: str | Path | None = None, **overrides: Any
) -> FoundationStereo:
    """A new model of a named size, with random weights drawn from `seed`.

    `backbone_weights` is a file of ImageNet weights for EfficientNet-Lite0 to start the backbone from, such
    as installed_lite0_weights();
    `overrides` replace single fields of ModelConfig. Raises ConfigError or BackboneWeightsError, each in
    one line.
    """
    config = model_config(preset, **overrides)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FoundationStereo(config)
    if backbone_weights is not None:
        load_lite0_weights(model.features.backbone, backbone_weights)
    return model.eval()
