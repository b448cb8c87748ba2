"""`network.disparity_transformer` for inference: the patches' norm folded, the enlarged volume never made."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.fast.convolve import convolved, folded
from stereo_model.fast.frames import rows_first
from stereo_model.network.disparity_transformer import PATCH, DisparityTransformer


class FastDisparityTransformer(DisparityTransformer):
    """Patches are made by one convolution."""

    def coarse(self, volume_bcdhw: Tensor) -> Tensor:
        conv, norm = cast(tuple[nn.Conv3d, nn.BatchNorm3d], tuple(self.patch))
        return self.attend(convolved(conv, volume_bcdhw, *folded(conv, norm)))


def add_enlarged_(volume_bcdhw: Tensor, coarse_bcdhw: Tensor) -> Tensor:
    """Add `enlarge(coarse_bcdhw)` in place, one of every PATCH rows at a time."""
    frame, coarse = rows_first(volume_bcdhw), rows_first(coarse_bcdhw)
    size = [frame.shape[2] // PATCH, *frame.shape[3:]]
    planes = F.interpolate(coarse, size=size, mode="trilinear", align_corners=False)
    planes = torch.cat([planes[:, :, :1], planes, planes[:, :, -1:]], dim=2)
    for phase in range(PATCH):
        offset = (phase + 0.5) / PATCH + 0.5  # of the row, in coarse rows, from the one above
        first, weight = int(offset), offset % 1
        above, below = (planes[:, :, start : start + size[0]] for start in (first, first + 1))
        frame[:, :, phase::PATCH] += torch.lerp(above, below, weight)
    return volume_bcdhw
