from __future__ import annotations

import pytest
import torch

from stereo_model.network.backbone import Backbone


@pytest.mark.parametrize(
    ("name", "channels"), [("efficientnet_lite0", (24, 40, 112, 320)), ("edgenext_small", (48, 96, 160, 304))]
)
def test_a_backbone_gives_four_levels_from_a_quarter_to_a_thirty_second(name, channels):
    levels = Backbone(name).eval()(torch.zeros(1, 3, 64, 96))
    assert [tuple(level.shape) for level in levels] == [
        (1, c, 64 // s, 96 // s) for c, s in zip(channels, (4, 8, 16, 32), strict=True)
    ]
