"""The published checkpoints of FoundationStereo and of its priors: weights in and out.

A published checkpoint is a `.pth` with the weights under `model`, and a cfg.yaml beside it. Every key of it
is either a weight of ours, half of one (the update and reset gates of a cell are one convolution here), or
one of the weights that the published network holds but never uses. Nothing else is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stereo_model.network.config import ModelConfig, parse_config
from stereo_model.network.model import FoundationStereo
from stereo_model.network.prior import DensePredictionHead, ViTPrior
from stereo_model.weights.files import NAMED_KEYS, CheckpointError, refuse_misfits
from stereo_model.weights.published_config import DEFAULT_VIT, SIZES
from stereo_model.weights.published_names import (
    NORM_BUFFERS,
    TWICE,
    published_name,
    published_names,
    unused_head_shapes,
    unused_shapes,
)
from stereo_model.weights.wrappers import holds_name

PART = ".cost_agg."  # in the names of its weights, and of no other network's

_FREE_FIELDS = frozenset(
    {"prior", "prior_dim", "max_disparity", "disparity_attention", "iterations", "transformer_dropout"}
)
"""Fields in which a model may differ from the defaults and still have the published weights."""


def load_published(model: FoundationStereo, state: Mapping[str, Tensor], *, source: str) -> None:
    """Load the weights of a published checkpoint, every key accounted for.

    `model` is of a published size. Raises CheckpointError naming the published keys and
    shapes that do not fit; the model is then unchanged.
    """
    _require_published(model.config, source)
    _load(model, state, published_names(model.state_dict()), unused_shapes(model.config.prior_size), source)


def to_published(model: FoundationStereo, *, source: str = "this model") -> dict[str, Tensor]:
    """The model's weights under the published names, with the unused ones as zeros (variances as ones).

    Raises CheckpointError, naming `source`, for a model of another architecture.
    """
    _require_published(model.config, source)
    weights: dict[str, Tensor] = {}
    own = model.state_dict()
    for key, names in published_names(own).items():
        weights |= dict(zip(names, _split(own[key], len(names)), strict=True))
    for key, shape in unused_shapes(model.config.prior_size).items():
        kind = torch.int64 if key.endswith("num_batches_tracked") else torch.float32
        weights[key] = torch.full(shape, float(key.endswith("running_var")), dtype=kind)
    for block in TWICE:
        for name in (*NORM_BUFFERS, "num_batches_tracked"):
            weights[f"{block}.norm3.{name}"] = weights[f"{block}.downsample.1.{name}"]
    return {key: value.detach().cpu().contiguous() for key, value in weights.items()}


def load_prior(prior: ViTPrior, state: Mapping[str, Tensor], *, source: str) -> None:
    """Load published weights of the prior alone: DepthAnythingV2's, or DINOv2's for a `dinov2` prior.

    Raises CheckpointError for weights of the other kind, another size, or with missing or foreign keys.
    """
    whole = isinstance(prior.head, DensePredictionHead)
    found, wanted = _prior_kind(state), "DepthAnythingV2" if whole else "DINOv2"
    if found is None:
        held = ", ".join(list(state)[:NAMED_KEYS])
        raise CheckpointError(
            f"{source}: neither DepthAnythingV2's weights (pretrained.*, depth_head.*) nor DINOv2's "
            f"(cls_token, blocks.*); it holds {held} ...; the model's prior needs {wanted}'s"
        )
    if found != wanted:
        raise CheckpointError(f"{source}: looks like {found} weights, the model's prior needs {wanted}'s")
    part = prior if whole else prior.vit.net
    if whole:
        names = {
            key: (published_name(f"prior.{key}")[0].removeprefix("feature.dino.depth_anything."),)
            for key in prior.state_dict()
        }
        unused: dict[str, tuple[int, ...]] = {"pretrained.mask_token": (1, prior.vit.size.dim)}
        unused |= unused_head_shapes(2 * prior.channels, "depth_head.")
    else:
        names = {key: (key,) for key in part.state_dict()}
        unused = {"mask_token": (1, prior.vit.size.dim)} if "mask_token" in state else {}
    _load(part, state, names, unused, source)


def is_published(payload: Any) -> bool:
    """Whether a file's content is a published checkpoint, bare or in wrappers, and not in our own format."""
    if not isinstance(payload, Mapping) or "format" in payload:
        return False
    return "model" in payload or holds_name(payload, PART)


def _prior_kind(state: Mapping[str, Tensor]) -> str | None:
    if any(key.startswith("depth_head.") for key in state):
        return "DepthAnythingV2"
    return "DINOv2" if any(key == "cls_token" or key.startswith("blocks.") for key in state) else None


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


def _foreign_fields(config: ModelConfig) -> list[str]:
    """Fields that make a configuration another architecture than the published ones."""
    plain = parse_config(ModelConfig, {"prior": f"depth_anything_v2_{DEFAULT_VIT}"})
    fields = set(ModelConfig.model_fields) - _FREE_FIELDS
    foreign = [name for name in sorted(fields) if getattr(config, name) != getattr(plain, name)]
    known = config.prior is not None and config.prior in {f"depth_anything_v2_{size}" for size in SIZES}
    return foreign if known else ["prior", *foreign]


def _require_published(config: ModelConfig, source: str) -> None:
    foreign = _foreign_fields(config)
    if foreign:
        given = [f"{name}={getattr(config, name)!r}" for name in foreign]
        more = f" and {len(given) - NAMED_KEYS} fields more" if len(given) > NAMED_KEYS else ""
        raise CheckpointError(
            f"{source}: not a published architecture (those are {', '.join(SIZES)}): "
            f"{', '.join(given[:NAMED_KEYS])}{more}"
        )
