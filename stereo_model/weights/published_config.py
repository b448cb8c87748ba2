"""The cfg.yaml beside a published checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from jobs.contents import contents
from jobs.plain_yaml import PlainYamlError, read_plain
from stereo_model.network.config import ConfigError, ModelConfig, parse_config
from stereo_model.weights.files import CheckpointError

CONFIG_FILE = "cfg.yaml"
DEFAULT_VIT = "vitl"  # where cfg.yaml has no vit_size, as with the first published checkpoint
SIZES = ("vits", "vitb", "vitl")

_FIXED = {"hidden_dims": [128, 128, 128], "n_gru_layers": 3, "n_downsample": 2}  # no other value is supported


def read_config(checkpoint: str | Path, overrides: Mapping[str, Any]) -> ModelConfig:
    """The configuration of a published checkpoint, from the cfg.yaml beside it.

    `overrides` are fields of ModelConfig and win. Without cfg.yaml, `prior` must be among them. Raises
    CheckpointError, or ConfigError for an override.
    """
    path = Path(checkpoint).parent / CONFIG_FILE
    if not path.is_file():
        if "prior" in overrides:
            return parse_config(ModelConfig, overrides)
        raise CheckpointError(
            f"{path}: missing beside the published checkpoint; put its cfg.yaml there, or give the size as "
            'prior="depth_anything_v2_vits" (vitb, vitl)'
        )
    try:
        values = read_plain(path.read_text("utf-8-sig"))
    except PlainYamlError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: is not a text in UTF-8, but {contents(path)}") from error
    if not isinstance(values, Mapping):
        raise CheckpointError(f"{path}: expected a mapping of settings, found {type(values).__name__}")
    fields = _config_fields(values, path)
    try:
        parse_config(ModelConfig, fields)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return parse_config(ModelConfig, {**fields, **overrides})


def config_yaml(config: ModelConfig) -> str:
    """The cfg.yaml that belongs to a model converted with to_published."""
    fields = _FIXED | {
        "corr_levels": config.corr_levels,
        "corr_radius": config.corr_radius,
        "max_disp": config.max_disparity,
        "valid_iters": config.iterations,
        "vit_size": config.prior_size,
        "mixed_precision": True,
        "low_memory": 0,
    }
    return yaml.safe_dump(fields, sort_keys=True)


def _config_fields(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    for name, only in _FIXED.items():
        if name in values and values[name] != only:
            raise CheckpointError(f"{path}: {name} must be {only}, got {values[name]!r}")
    size = values.get("vit_size", DEFAULT_VIT)
    if size not in SIZES:
        raise CheckpointError(f"{path}: vit_size must be one of {', '.join(SIZES)}, got {size!r}")
    renamed = {"max_disp": "max_disparity", "valid_iters": "iterations"}
    read = ("corr_levels", "corr_radius", *renamed)
    fields = {renamed.get(name, name): values[name] for name in read if name in values}
    return {"prior": f"depth_anything_v2_{size}", **fields}
