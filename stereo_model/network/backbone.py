"""Convolutional backbones at 1/4, 1/8, 1/16 and 1/32 of the image. Makes timm importable for `vit` too.

A backbone starts from random numbers unless `stereo_model.weights.backbone` loads a file of weights.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stereo_model.network.config import BackboneName


def _declare_missing_torchvision_ops() -> torch.library.Library | None:
    """Let torchvision be imported where its compiled extension does not fit the installed torch.

    timm imports torchvision, which at import attaches shape functions to its own compiled operators and
    fails if these do not exist, as with a torchvision wheel built for another torch variant. Declaring the
    operators' schemas is enough for the import; they are never called here. Returns the declaring library,
    which must stay alive.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return None
    compiled = sorted(Path(spec.origin).parent.glob("_C*.so")) + sorted(
        Path(spec.origin).parent.glob("_C*.pyd")
    )
    try:
        torch.ops.load_library(str(compiled[0]) if compiled else "")  # type: ignore[no-untyped-call]  # torch's
        return None
    except OSError:
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]  # torch's
        for name in ("nms", "qnms"):
            schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(schema)  # type: ignore[no-untyped-call]  # torch's
        return library


_declared_ops = _declare_missing_torchvision_ops()
import timm as timm  # noqa: E402  (must follow the declarations above)

_TIMM: Mapping[BackboneName, tuple[str, tuple[int, ...]]] = {
    "efficientnet_lite0": (
        "tf_efficientnet_lite0",
        (1, 2, 3, 4),
    ),  # timm name, indices of the 1/4 .. 1/32 levels
    "edgenext_small": ("edgenext_small", (0, 1, 2, 3)),
}


class Backbone(nn.Module):
    """Feature levels of one image batch.

    forward: (B,3,H,W) normalised -> four maps at 1/4, 1/8, 1/16, 1/32 with `channels` channels.
    """

    def __init__(self, name: BackboneName) -> None:
        super().__init__()
        timm_name, indices = _TIMM[name]
        self.name = name
        self.net = timm.create_model(timm_name, pretrained=False, features_only=True, out_indices=indices)
        info: Any = self.net.feature_info
        self.channels: tuple[int, ...] = tuple(info.channels())

    def forward(self, image_bchw: Tensor) -> list[Tensor]:
        levels: list[Tensor] = self.net(image_bchw)
        return levels
