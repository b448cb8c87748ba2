"""Feature pyramid of both images, with a slot for a frozen monocular prior (side tuning, paper 3.1)."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.backbone import Backbone
from stereo_model.config import ModelConfig
from stereo_model.layers import LEAK, BasicBlock, ResidualBlock, conv_in_2d


class MonocularPrior(nn.Module):
    """Interface of a frozen single-image network whose features are concatenated at 1/4 resolution."""

    channels: int

    @abstractmethod
    def forward(self, image_bchw: Tensor) -> Tensor:
        """(B,3,H,W) normalised image -> (B,channels,H/4,W/4)."""


class Decoder(nn.Module):
    """Bring a coarse level to the size of the next finer one and merge them into `2 * skip` channels."""

    def __init__(self, inputs: int, skip: int) -> None:
        super().__init__()
        self.up = nn.Sequential(
            nn.ConvTranspose2d(inputs, skip, 4, stride=2, padding=1, bias=False),
            nn.InstanceNorm2d(skip),
            nn.LeakyReLU(LEAK),
        )
        self.merge = BasicBlock(2 * skip, nn.Conv2d, nn.InstanceNorm2d)

    def forward(self, coarse_bchw: Tensor, fine_bchw: Tensor) -> Tensor:
        return self.merge(torch.cat([self.up(coarse_bchw), fine_bchw], dim=1))


class FeaturePyramid(nn.Module):
    """Backbone, decoder and fusion with the prior.

    forward: (B,3,H,W) normalised and (B,prior_dim,H/4,W/4) or None -> maps at 1/4, 1/8, 1/16, 1/32 with
    `channels` channels, and the backbone's own map at 1/4.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.backbone = Backbone(config.backbone)
        dims = config.lateral_dims or self.backbone.channels
        self.laterals = nn.ModuleList(
            nn.Conv2d(raw, dim, 1, bias=False) if config.lateral_dims else nn.Identity()
            for raw, dim in zip(self.backbone.channels, dims, strict=True)
        )
        self.decoder16 = Decoder(dims[3], dims[2])
        self.decoder8 = Decoder(2 * dims[2], dims[1])
        self.decoder4 = Decoder(2 * dims[1], dims[0])
        fused = 2 * dims[0] + config.prior_dim
        self.fusion = nn.Sequential(
            conv_in_2d(fused, fused),
            *(ResidualBlock(fused, fused, norm=nn.InstanceNorm2d) for _ in range(config.fusion_blocks)),
        )
        self.channels = (fused, 2 * dims[1], 2 * dims[2], dims[3])

    def forward(self, image_bchw: Tensor, prior_bchw: Tensor | None) -> tuple[list[Tensor], Tensor]:
        raw = self.backbone(image_bchw)
        x4, x8, x16, x32 = (lateral(level) for lateral, level in zip(self.laterals, raw, strict=True))
        x16 = self.decoder16(x32, x16)
        x8 = self.decoder8(x16, x8)
        x4 = self.decoder4(x8, x4)
        if prior_bchw is not None:
            x4 = torch.cat([x4, prior_bchw], dim=1)
        return [self.fusion(x4), x8, x16, x32], raw[0]


class HalfResolutionStem(nn.Module):
    """Shallow features of the left image at 1/2, which guide the upsampling. (B,3,H,W) -> (B,C,H/2,W/2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels, 3, stride=2, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, image_bchw: Tensor) -> Tensor:
        x = F.leaky_relu(self.norm(self.conv1(image_bchw)), LEAK)
        return F.relu(self.norm(self.conv2(x)))
