"""Convex upsampling: learned averages of 3x3 coarse neighbours at full resolution (paper 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.blocks import LEAK
from stereo_model.network.config import VOLUME_STRIDE, ModelConfig

CENTRE = 4  # the middle of the nine neighbours
CENTRE_LOGIT = 4.0  # initial: the middle has about 0.87 of the weight, so that edges are sharp from the start
MASK_SCALE = 0.25  # keeps the gradient through the averaging weights small


def convex_upsample(disparity_b1hw: Tensor, logits_b9HW: Tensor) -> Tensor:
    """(B,1,h,w) quarter-resolution pixels and (B,9,4h,4w) logits -> (B,1,4h,4w) full-resolution pixels.

    Neighbours are row-major; beyond the image they count as zero.
    """
    b, _, h, w = disparity_b1hw.shape
    neighbours = F.unfold(VOLUME_STRIDE * disparity_b1hw, 3, padding=1).reshape(b, 9, h, w)
    neighbours = neighbours.repeat_interleave(VOLUME_STRIDE, 2).repeat_interleave(VOLUME_STRIDE, 3)
    return (neighbours * logits_b9HW.softmax(1)).sum(1, keepdim=True)


class ConvexUpsampler(nn.Module):
    """forward: hidden state (B,C,h,w), half-resolution features, disparity (B,1,h,w) -> (B,1,H,W) pixels."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        wide, mask = config.mask_dims
        half = config.half_dim
        self.mask = nn.Sequential(
            nn.Conv2d(config.hidden_dim, wide, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(wide, mask, 3, padding=1),
            nn.ReLU(),
        )
        self.to_half = nn.ConvTranspose2d(mask, half, 4, stride=2, padding=1, bias=False)
        self.mix = nn.Conv2d(2 * half, 2 * half, 3, padding=1, bias=False)
        self.to_full = nn.ConvTranspose2d(2 * half, 9, 4, stride=2, padding=1)
        with torch.no_grad():
            self.to_full.get_parameter("bias")[CENTRE] += CENTRE_LOGIT

    def forward(self, state_bchw: Tensor, half_bchw: Tensor, disparity_b1hw: Tensor) -> Tensor:
        x = F.leaky_relu(self.to_half(MASK_SCALE * self.mask(state_bchw)), LEAK)
        x = F.leaky_relu(self.mix(torch.cat([x, half_bchw], dim=1)), LEAK)
        return convex_upsample(disparity_b1hw, self.to_full(x).float())
