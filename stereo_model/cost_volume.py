"""Hybrid cost volume at 1/4 resolution: group-wise correlation and concatenated features (paper 3.2).

Bin d of pixel x compares the left feature at x with the right feature at x - d, d in quarter-resolution
pixels. Where x < d the right image ends: the correlation and the right features are zero there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.config import ModelConfig
from stereo_model.layers import BasicBlock, FeatureAttention, conv_bn_3d


def group_correlation(left_bchw: Tensor, right_bchw: Tensor, *, bins: int, groups: int) -> Tensor:
    """Cosine of each group of channels for every disparity bin: (B,groups,bins,h,w), float32 in [-1, 1]."""
    left = F.normalize(left_bchw.float().unflatten(1, (groups, -1)), dim=2)
    right = F.normalize(right_bchw.float().unflatten(1, (groups, -1)), dim=2)
    width = left.shape[-1]
    planes = [
        F.pad((left[..., d:] * right[..., : width - d]).sum(2), (d, 0))
        if d < width
        else torch.zeros_like(left[:, :, 0])
        for d in range(bins)
    ]
    return torch.stack(planes, dim=2)


def concatenation(left_bchw: Tensor, right_bchw: Tensor, *, bins: int) -> Tensor:
    """Left features, and right features shifted by the bin, for every bin: (B,2C,bins,h,w)."""
    width = right_bchw.shape[-1]
    shifted = [F.pad(right_bchw[..., : max(width - d, 0)], (min(d, width), 0)) for d in range(bins)]
    left = left_bchw.unsqueeze(2).expand(-1, -1, bins, -1, -1)
    return torch.cat([left, torch.stack(shifted, dim=2)], dim=1)


def window_evidence(left_bchw: Tensor, right_bchw: Tensor, *, bins: int) -> Tensor:
    """How alike the surroundings of two pixels are: (B,1,bins,h,w), float32 in [-1, 1].

    The cosine of all channels, each centred and scaled over its image, averaged over 5x5 pixels with weights
    that fall off from the middle. Needs no training: with ImageNet features it finds two thirds of the
    visible pixels of rendered pairs within 2 px.
    """
    left, right = F.instance_norm(left_bchw.float()), F.instance_norm(right_bchw.float())
    planes = group_correlation(left, right, bins=bins, groups=1)[:, 0]
    for _ in range(2):
        planes = F.avg_pool2d(planes, 3, stride=1, padding=1, count_include_pad=False)
    return planes.unsqueeze(1)


class HybridCostVolume(nn.Module):
    """Build the volume and bring it to `volume_dim` channels.

    forward: left and right (B,C,h,w), evidence (B,1,D,h,w) if configured -> (B,volume_dim,D,h,w).
    """

    def __init__(self, config: ModelConfig, feature_dim: int) -> None:
        super().__init__()
        if feature_dim % config.cv_groups:
            raise ValueError(
                f"{feature_dim} feature channels at 1/4 do not split into cv_groups={config.cv_groups}"
            )
        dim = config.volume_dim
        self.bins = config.bins
        self.groups = config.cv_groups
        self.project = nn.Conv2d(feature_dim, config.concat_dim, 1)
        self.mix = nn.Conv3d(config.cv_groups + 2 * config.concat_dim + config.evidence_skip, dim, 1)
        blocks = (BasicBlock(dim, nn.Conv3d, nn.BatchNorm3d) for _ in range(config.volume_blocks))
        self.smooth = (
            nn.Sequential(conv_bn_3d(dim, dim), *blocks) if config.volume_smoothing else nn.Identity()
        )
        self.attention = FeatureAttention(dim, feature_dim)

    def forward(self, left_bchw: Tensor, right_bchw: Tensor, evidence_b1dhw: Tensor | None = None) -> Tensor:
        correlation = group_correlation(left_bchw, right_bchw, bins=self.bins, groups=self.groups)
        features = concatenation(self.project(left_bchw), self.project(right_bchw), bins=self.bins)
        given = [correlation] if evidence_b1dhw is None else [correlation, evidence_b1dhw]
        hybrid = torch.cat([*(part.to(features.dtype) for part in given), features], dim=1)
        volume = self.smooth(self.mix(hybrid.contiguous(memory_format=torch.channels_last_3d)))
        return self.attention(volume, left_bchw)
