"""The published checkpoints of FoundationStereo and of its priors: names, shapes and cfg.yaml.

A published checkpoint is a `.pth` with the weights under `model`, and a cfg.yaml beside it. Every key of it
is either a weight of ours, half of one (the update and reset gates of a cell are one convolution here), or
one of the weights that the published network holds but never uses. Nothing else is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from stereo_model.network.config import PRIOR_DIMS, ConfigError, ModelConfig, parse_config
from stereo_model.network.prior import DensePredictionHead, ViTPrior
from stereo_model.network.vit import VIT_SIZES
from stereo_model.weights.files import CheckpointError, refuse_misfits

CONFIG_FILE = "cfg.yaml"
DEFAULT_VIT = "vitl"  # where cfg.yaml has no vit_size, as with the first published checkpoint
SIZES = ("vits", "vitb", "vitl")

_FIXED = {"hidden_dims": [128, 128, 128], "n_gru_layers": 3, "n_downsample": 2}  # no other value is supported
_FREE_FIELDS = frozenset(
    {"prior", "prior_dim", "max_disparity", "disparity_attention", "iterations", "transformer_dropout"}
)
"""Fields in which a model may differ from the defaults and still have the published weights."""

_VIT = "feature.dino.depth_anything.pretrained."
_HEAD = "feature.dino.depth_anything.depth_head."

# A convolution and its norm: ours are `.0` and `.1`, the published ones `.conv` and `.bn`.
_CONV_NORM = {
    "cost_volume.smooth.0": "corr_stem.1",
    "cost_volume.attention.squeeze": "corr_feature_att.feat_att.0",
    "hourglass.down8.reduce": "cost_agg.conv1.0",
    "hourglass.down16.reduce": "cost_agg.conv2.0",
    "hourglass.down32.reduce": "cost_agg.conv3.0",
    "hourglass.down8.attention.squeeze": "cost_agg.feature_att_8.feat_att.0",
    "hourglass.down16.attention.squeeze": "cost_agg.feature_att_16.feat_att.0",
    "hourglass.down32.attention.squeeze": "cost_agg.feature_att_32.feat_att.0",
    "hourglass.up16.expand": "cost_agg.conv3_up",
    "hourglass.up16.merge": "cost_agg.agg_0.0",
    "hourglass.up16.attention.squeeze": "cost_agg.feature_att_up_16.feat_att.0",
    "hourglass.up8.expand": "cost_agg.conv2_up",
    "hourglass.up8.merge": "cost_agg.agg_1.0",
    "hourglass.up8.attention.squeeze": "cost_agg.feature_att_up_8.feat_att.0",
    "hourglass.up4": "cost_agg.conv1_up",
    "initial.classify.0": "classifier.0",
    "context.fuse": "cnet.conv2",
}

_PREFIXES = {
    "features.backbone.net.stem_": "feature.stem.",
    "features.backbone.net.stages_": "feature.stages.",
    "features.decoder16.up.0.": "feature.deconv32_16.conv1.conv.",
    "features.decoder16.merge.": "feature.deconv32_16.conv2.",
    "features.decoder8.up.0.": "feature.deconv16_8.conv1.conv.",
    "features.decoder8.merge.": "feature.deconv16_8.conv2.",
    "features.decoder4.up.0.": "feature.deconv8_4.conv1.conv.",
    "features.decoder4.merge.": "feature.deconv8_4.conv2.",
    "features.fusion.0.0.": "feature.conv4.0.conv.",
    "features.fusion.": "feature.conv4.",
    "half_stem.conv1.": "stem_2.0.conv.",
    "half_stem.conv2.": "stem_2.1.",
    "cost_volume.project.": "proj_cmb.",
    "cost_volume.mix.": "corr_stem.0.",
    "cost_volume.smooth.1.": "corr_stem.2.",
    "cost_volume.smooth.2.": "corr_stem.3.",
    "cost_volume.attention.excite.": "corr_feature_att.feat_att.1.",
    "hourglass.down8.attention.excite.": "cost_agg.feature_att_8.feat_att.1.",
    "hourglass.down16.attention.excite.": "cost_agg.feature_att_16.feat_att.1.",
    "hourglass.down32.attention.excite.": "cost_agg.feature_att_32.feat_att.1.",
    "hourglass.up16.attention.excite.": "cost_agg.feature_att_up_16.feat_att.1.",
    "hourglass.up8.attention.excite.": "cost_agg.feature_att_up_8.feat_att.1.",
    "hourglass.down8.filter.": "cost_agg.conv1.1.",
    "hourglass.down16.filter.": "cost_agg.conv2.1.",
    "hourglass.down32.filter.": "cost_agg.conv3.1.",
    "hourglass.up16.filter.0.": "cost_agg.agg_0.1.",
    "hourglass.up16.filter.1.": "cost_agg.agg_0.2.",
    "hourglass.up8.filter.0.": "cost_agg.agg_1.1.",
    "hourglass.up8.filter.1.": "cost_agg.agg_1.2.",
    "hourglass.out.": "cost_agg.conv_out.",
    "hourglass.transformer.patch.": "cost_agg.conv_patch.",
    "hourglass.transformer.layers.": "cost_agg.atts.4.sa.",
    "initial.classify.1.": "classifier.1.",
    "initial.classify.2.": "classifier.2.",
    "context.stem.0.": "cnet.conv1.",
    "context.stem.1.": "cnet.norm1.",
    "context.stage": "cnet.layer",
    "context.heads4.": "cnet.outputs04.",
    "context.heads8.": "cnet.outputs08.",
    "context.heads16.": "cnet.outputs16.",
    "context.channel_attention.gate.": "cam.fc.",
    "context.spatial_attention.conv.": "sam.samconv.",
    "update.motion.corr": "update_block.encoder.convc",
    "update.motion.disp": "update_block.encoder.convd",
    "update.motion.join.": "update_block.encoder.conv.",
    "update.gru4.": "update_block.gru04.",
    "update.gru8.": "update_block.gru08.",
    "update.gru16.": "update_block.gru16.",
    "update.disparity_head.": "update_block.disp_head.conv.",
    "upsampler.mask.": "update_block.mask.",
    "upsampler.to_half.": "spx_2_gru.conv1.conv.",
    "upsampler.mix.": "spx_2_gru.conv2.conv.",
    "upsampler.to_full.": "spx_gru.0.",
    "prior.vit.net.": _VIT,
    "prior.head.project.": _HEAD + "projects.",
    "prior.head.resize.": _HEAD + "resize_layers.",
    "prior.head.reduce.0.": _HEAD + "scratch.layer1_rn.",
    "prior.head.reduce.1.": _HEAD + "scratch.layer2_rn.",
    "prior.head.reduce.2.": _HEAD + "scratch.layer3_rn.",
    "prior.head.reduce.3.": _HEAD + "scratch.layer4_rn.",
    "prior.head.fuse.0.": _HEAD + "scratch.refinenet1.",
    "prior.head.fuse.1.": _HEAD + "scratch.refinenet2.",
    "prior.head.fuse.2.": _HEAD + "scratch.refinenet3.",
    "prior.head.fuse.3.": _HEAD + "scratch.refinenet4.",
    "prior.head.out.": _HEAD + "scratch.output_conv1.",
}

# Names inside a part, applied to the published name that the tables above gave; (where, ours, published).
_INNER = (
    (r"^corr_stem\.[23]|^classifier\.1", r"\.norm([12])\.", r".bn\1."),
    (r"^cost_agg\.", r"\.planar\.", ".conv1."),
    (r"^cost_agg\.", r"\.axial\.", ".conv2."),
    (r"^cost_agg\.atts", r"\.attention\.query\.", ".self_attn.q_proj."),
    (r"^cost_agg\.atts", r"\.attention\.key\.", ".self_attn.k_proj."),
    (r"^cost_agg\.atts", r"\.attention\.value\.", ".self_attn.v_proj."),
    (r"^cost_agg\.atts", r"\.attention\.out\.", ".self_attn.out_proj."),
    (r"^cnet\.", r"\.shortcut\.", ".downsample."),
    (r"^update_block\.gru", r"\.input_conv\.", ".conv0.0."),
    (r"^update_block\.gru", r"\.gate_conv\.", ".conv1.0."),
    (r"^update_block\.gru", r"\.(small|large)\.", r".\1_gru."),
    (r"^update_block\.gru", r"\.candidate\.", ".convq."),
    (r"^update_block\.disp_head", r"\.depthwise\.", ".dwconv."),
    (r"^update_block\.disp_head", r"\.linear([12])\.", r".pwconv\1."),
    (r"^update_block\.disp_head", r"\.scale$", ".gamma"),
    (r"\.refinenet\d\.", r"\.unit([12])\.", r".resConfUnit\1."),
    (r"\.refinenet\d\.", r"\.out\.", ".out_conv."),
)

_NORM_BUFFERS = ("weight", "bias", "running_mean", "running_var")
_TWICE = tuple(f"cnet.layer{n}.0" for n in (2, 3, 4, 5))  # blocks whose shortcut norm has two names


def published_names(keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """For each of our keys the published keys whose tensors, joined along axis 0, are its value.

    Raises CheckpointError for a key that no published network has.
    """
    return {key: _published_name(key) for key in keys}


def unused_shapes(size: str) -> dict[str, tuple[int, ...]]:
    """Published keys that the published network holds but never reads, and their shapes."""
    channels = 2 * PRIOR_DIMS[size]
    shapes: dict[str, tuple[int, ...]] = {
        "stem_4.0.conv.weight": (48, 32, 3, 3),
        "stem_4.1.weight": (48, 48, 3, 3),
    }
    for index in range(3):
        shapes |= _conv(f"context_zqr_convs.{index}", 384, 128, 3)
    shapes |= _conv("cnet.down.0", 128, 128, 4) | _norm("cnet.down.1", 128) | _norm("cnet.norm", 256)
    for block, width in zip(_TWICE, (96, 128, 128, 128), strict=True):
        shapes |= _norm(f"{block}.norm3", width)
    return shapes | {_VIT + "mask_token": (1, VIT_SIZES[size].dim)} | _unused_head(channels, _HEAD)


def load_published(model: nn.Module, state: Mapping[str, Tensor], *, source: str) -> None:
    """Load the weights of a published checkpoint, every key accounted for.

    `model` is a FoundationStereo of a published size. Raises CheckpointError naming the published keys and
    shapes that do not fit; the model is then unchanged.
    """
    _require_published(model.config, source)
    _load(model, state, published_names(model.state_dict()), unused_shapes(model.config.prior_size), source)


def to_published(model: nn.Module) -> dict[str, Tensor]:
    """The model's weights under the published names, with the unused ones as zeros (variances as ones)."""
    _require_published(model.config, "this model")
    weights: dict[str, Tensor] = {}
    own = model.state_dict()
    for key, names in published_names(own).items():
        weights |= dict(zip(names, _split(own[key], len(names)), strict=True))
    for key, shape in unused_shapes(model.config.prior_size).items():
        kind = torch.int64 if key.endswith("num_batches_tracked") else torch.float32
        weights[key] = torch.full(shape, float(key.endswith("running_var")), dtype=kind)
    for block in _TWICE:
        for name in (*_NORM_BUFFERS, "num_batches_tracked"):
            weights[f"{block}.norm3.{name}"] = weights[f"{block}.downsample.1.{name}"]
    return {key: value.detach().cpu().contiguous() for key, value in weights.items()}


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
        values = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
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


def load_prior(prior: ViTPrior, state: Mapping[str, Tensor], *, source: str) -> None:
    """Load published weights of the prior alone: DepthAnythingV2's, or DINOv2's for a `dinov2` prior.

    Raises CheckpointError for weights of the other kind, another size, or with missing or foreign keys.
    """
    whole = isinstance(prior.head, DensePredictionHead)
    found = "DepthAnythingV2" if any(key.startswith("depth_head.") for key in state) else "DINOv2"
    wanted = "DepthAnythingV2" if whole else "DINOv2"
    if found != wanted:
        raise CheckpointError(f"{source}: looks like {found} weights, the model's prior needs {wanted}'s")
    part = prior if whole else prior.vit.net
    if whole:
        names = {
            key: (_published_name(f"prior.{key}")[0].removeprefix("feature.dino.depth_anything."),)
            for key in prior.state_dict()
        }
        unused = {"pretrained.mask_token": (1, prior.vit.size.dim)}
        unused |= _unused_head(2 * prior.channels, "depth_head.")
    else:
        names = {key: (key,) for key in part.state_dict()}
        unused = {"mask_token": (1, prior.vit.size.dim)} if "mask_token" in state else {}
    _load(part, state, names, unused, source)


def _load(
    model: nn.Module,
    state: Mapping[str, Tensor],
    names: Mapping[str, tuple[str, ...]],
    unused: Mapping[str, tuple[int, ...]],
    source: str,
) -> None:
    expected = dict(unused)
    for key, value in model.state_dict().items():
        parts = _split(value, len(names[key]))
        expected |= {name: tuple(part.shape) for name, part in zip(names[key], parts, strict=True)}
    refuse_misfits(state, expected, source=source)
    weights = {
        key: state[sources[0]] if len(sources) == 1 else torch.cat([state[name] for name in sources])
        for key, sources in names.items()
    }
    model.load_state_dict(weights, strict=True)


def _split(value: Tensor, parts: int) -> tuple[Tensor, ...]:
    return value.chunk(parts) if parts > 1 else (value,)


def _published_name(key: str) -> tuple[str, ...]:
    name = _outer_name(key)
    if name is None:
        raise CheckpointError(f"{key}: the published network has no such weight")
    for where, ours, published in _INNER:
        if re.search(where, name):
            name = re.sub(ours, published, name)
    if ".gates." in name:
        return name.replace(".gates.", ".convz."), name.replace(".gates.", ".convr.")
    return (name,)


def _outer_name(key: str) -> str | None:
    for ours, published in _CONV_NORM.items():
        for index, leaf in ((0, "conv"), (1, "bn")):
            if key.startswith(f"{ours}.{index}."):
                return f"{published}.{leaf}." + key.removeprefix(f"{ours}.{index}.")
    for ours, published in _PREFIXES.items():
        if key.startswith(ours):
            return published + key.removeprefix(ours)
    return None


def _conv(name: str, outputs: int, inputs: int, kernel: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def _norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{leaf}": (channels,) for leaf in _NORM_BUFFERS} | {f"{name}.num_batches_tracked": ()}


def _unused_head(channels: int, prefix: str) -> dict[str, tuple[int, ...]]:
    """The head's weights for the depth itself, and of a unit whose input does not exist."""
    unit, out = prefix + "scratch.refinenet4.resConfUnit1.", prefix + "scratch.output_conv2."
    shapes = _conv(unit + "conv1", channels, channels, 3) | _conv(unit + "conv2", channels, channels, 3)
    return shapes | _conv(out + "0", 32, channels // 2, 3) | _conv(out + "2", 1, 32, 1)


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


def _foreign_fields(config: ModelConfig) -> list[str]:
    """Fields that make a configuration another architecture than the published ones."""
    plain = ModelConfig(prior=f"depth_anything_v2_{DEFAULT_VIT}")
    fields = set(ModelConfig.model_fields) - _FREE_FIELDS
    foreign = [name for name in sorted(fields) if getattr(config, name) != getattr(plain, name)]
    known = config.prior is not None and config.prior in {f"depth_anything_v2_{size}" for size in SIZES}
    return foreign if known else ["prior", *foreign]


def _require_published(config: ModelConfig, source: str) -> None:
    foreign = _foreign_fields(config)
    if foreign:
        given = ", ".join(f"{name}={getattr(config, name)!r}" for name in foreign)
        raise CheckpointError(f"{source}: not a published architecture: {given}")
