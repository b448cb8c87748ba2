"""Context network: hidden states, context and attention of the left image at 1/4, 1/8, 1/16 (paper 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.blocks import NormedConv, ResidualBlock, conv_bn_2d
from stereo_model.network.config import ModelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextLevel:
    """What one resolution of the refinement starts from."""

    hidden_bchw: Tensor  # initial state, in (-1, 1)
    context_bchw: Tensor  # channel-weighted context, not negative
    attention_b1hw: Tensor  # in (0, 1): share of the fine-detail cell


class ContextNetwork(nn.Module):
    """forward: (B,3,H,W) normalised left image and its prior or None -> levels at 1/4, 1/8, 1/16."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d1, d2, d3 = config.context_dims
        s1, s2, s3 = config.context_strides
        hidden = config.hidden_dim
        self.stem = NormedConv(nn.Conv2d(3, d1, 7, stride=s1, padding=3), nn.BatchNorm2d(d1), nn.ReLU())
        self.stage1 = _stage(d1, d1, 1)
        self.stage2 = _stage(d1, d2, s2)
        self.stage3 = _stage(d2, d3, s3)
        self.fuse = conv_bn_2d(d3 + config.prior_dim, hidden, 3)
        self.stage4 = _stage(hidden, hidden, 2)
        self.stage5 = _stage(hidden, hidden, 2)
        self.heads4 = nn.ModuleList(_head(hidden) for _ in range(2))
        self.heads8 = nn.ModuleList(_head(hidden) for _ in range(2))
        self.heads16 = nn.ModuleList(nn.Conv2d(hidden, hidden, 3, padding=1) for _ in range(2))
        self.channel_attention = ChannelAttention(hidden, config.squeeze_dim)
        self.spatial_attention = SpatialAttention()

    def forward(self, image_bchw: Tensor, prior_bchw: Tensor | None) -> list[ContextLevel]:
        x = self.stage3(self.stage2(self.stage1(self.stem(image_bchw))))
        x4 = self.fuse(x if prior_bchw is None else torch.cat([x, prior_bchw], dim=1))
        x8 = self.stage4(x4)
        x16 = self.stage5(x8)
        return [
            self._level(x4, self.heads4),
            self._level(x8, self.heads8),
            self._level(x16, self.heads16),
        ]

    def _level(self, feature_bchw: Tensor, heads: nn.ModuleList) -> ContextLevel:
        context = F.relu(heads[1](feature_bchw))
        context = self.channel_attention(context) * context
        return ContextLevel(
            hidden_bchw=torch.tanh(heads[0](feature_bchw)),
            context_bchw=context,
            attention_b1hw=self.spatial_attention(context),
        )


class ChannelAttention(nn.Module):
    """Weights in (0, 1) per channel from the image's mean and maximum: (B,C,h,w) -> (B,C,1,1)."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Conv2d(channels, squeeze, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(squeeze, channels, 1, bias=False),
        )

    def forward(self, x_bchw: Tensor) -> Tensor:
        return torch.sigmoid(
            self.gate(x_bchw.mean((2, 3), keepdim=True)) + self.gate(x_bchw.amax((2, 3), keepdim=True))
        )


class SpatialAttention(nn.Module):
    """Weights in (0, 1) per pixel from the channels' mean and maximum: (B,C,h,w) -> (B,1,h,w)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x_bchw: Tensor) -> Tensor:
        return torch.sigmoid(
            self.conv(torch.cat([x_bchw.mean(1, keepdim=True), x_bchw.amax(1, keepdim=True)], dim=1))
        )


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(ResidualBlock(inputs, outputs, stride=stride), ResidualBlock(outputs, outputs))


def _head(channels: int) -> nn.Sequential:
    return nn.Sequential(ResidualBlock(channels, channels), nn.Conv2d(channels, channels, 3, padding=1))
