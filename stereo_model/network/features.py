"""Feature pyramid of both images, with a frozen monocular prior as side input (side tuning, paper 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.backbone import Backbone
from stereo_model.network.blocks import LEAK, BasicBlock2d, ResidualBlock, conv_in_2d
from stereo_model.network.config import ModelConfig
from stereo_model.network.prior import MonocularPrior, ViTPrior

__all__ = ["FeaturePyramid", "HalfResolutionStem", "MonocularPrior", "PriorPyramid", "TokenExchange"]

_PYRAMID_DIMS = (48, 96, 160, 304)  # where neither backbone nor configuration says; those of EdgeNeXt-S


class Pyramid(NamedTuple):
    """What both ways of building a pyramid give."""

    levels: list[Tensor]  # at 1/4, 1/8, 1/16, 1/32
    backbone_bchw: Tensor | None  # the backbone's own map at 1/4
    prior_bchw: Tensor | None  # (B,prior_dim,H/4,W/4)


class Decoder(nn.Module):
    """Bring a coarse level to the size of the next finer one and merge them into `2 * skip` channels."""

    def __init__(self, inputs: int, skip: int) -> None:
        super().__init__()
        self.up = nn.Sequential(
            nn.ConvTranspose2d(inputs, skip, 4, stride=2, padding=1, bias=False),
            nn.InstanceNorm2d(skip),
            nn.LeakyReLU(LEAK),
        )
        self.merge = BasicBlock2d(2 * skip)

    def forward(self, coarse_bchw: Tensor, fine_bchw: Tensor) -> Tensor:
        merged: Tensor = self.merge(torch.cat([self.up(coarse_bchw), fine_bchw], dim=1))
        return merged


class FeaturePyramid(nn.Module):
    """Backbone, decoder and fusion with the prior at 1/4 (side tuning `c`, and `b` with a TokenExchange).

    forward: (B,3,H,W) normalised and the prior network or None -> Pyramid, its levels with `channels`
    channels.
    """

    def __init__(self, config: ModelConfig, prior: MonocularPrior | None = None) -> None:
        super().__init__()
        self.backbone = Backbone(config.backbone)
        dims = config.lateral_dims or self.backbone.channels
        self.laterals = nn.ModuleList(
            nn.Conv2d(raw, dim, 1, bias=False) if config.lateral_dims else nn.Identity()
            for raw, dim in zip(self.backbone.channels, dims, strict=True)
        )
        self.exchange = None
        if config.side_tuning == "b":
            self.exchange = TokenExchange(_transformer(prior, config).vit.size.dim, dims)
        self.decoder16 = Decoder(dims[3], dims[2])
        self.decoder8 = Decoder(2 * dims[2], dims[1])
        self.decoder4 = Decoder(2 * dims[1], dims[0])
        self.channels = _pyramid_channels(dims, config)
        self.fusion = _fusion(self.channels[0], config.fusion_blocks)

    def forward(self, image_bchw: Tensor, prior: MonocularPrior | None) -> Pyramid:
        raw = self.backbone(image_bchw)
        levels = [lateral(level) for lateral, level in zip(self.laterals, raw, strict=True)]
        levels, guide = self._meet(image_bchw, levels, prior)
        x4, x8, x16, x32 = levels
        x16 = self.decoder16(x32, x16)
        x8 = self.decoder8(x16, x8)
        x4 = self.decoder4(x8, x4)
        if guide is not None:
            x4 = torch.cat([x4, guide], dim=1)
        return Pyramid([self.fusion(x4), x8, x16, x32], raw[0], guide)

    def _meet(
        self, image_bchw: Tensor, levels: list[Tensor], prior: MonocularPrior | None
    ) -> tuple[list[Tensor], Tensor | None]:
        """The levels, changed by the prior only where they exchange, and the prior at 1/4."""
        if prior is None:
            return levels, None
        if self.exchange is None:
            return levels, prior(image_bchw)
        met: tuple[list[Tensor], Tensor] = self.exchange(image_bchw, levels, prior)
        return met


class TokenExchange(nn.Module):
    """Side tuning `b`: before each quarter of the transformer a level is added to its tokens, after it the
    tokens are added to the level.

    The idea of ViT-Adapter (arXiv 2205.08534) with projections in place of its attentions. What is added to
    the tokens starts at zero, so the frozen transformer starts as it was trained. Gradients run through it.
    forward: normalised image, four levels from 1/4 to 1/32, prior -> changed levels, prior at 1/4.
    """

    def __init__(self, tokens: int, levels: Sequence[int]) -> None:
        super().__init__()
        inject = [nn.Conv2d(level, tokens, 1) for level in levels]
        self.inject = nn.ModuleList(inject)
        self.extract = nn.ModuleList(nn.Conv2d(tokens, level, 1) for level in levels)
        for projection in inject:
            for weight in projection.parameters():
                nn.init.zeros_(weight)

    def forward(
        self, image_bchw: Tensor, levels: Sequence[Tensor], prior: ViTPrior
    ) -> tuple[list[Tensor], Tensor]:
        image = prior.resize_image(image_bchw)
        tokens = prior.vit.embed(image)
        maps, changed = [], []
        for stage, level in enumerate(levels):
            tokens = self._inject(stage, tokens, level, prior.vit.grid(image))
            tokens = prior.vit.run_stage(stage, tokens)
            maps.append(prior.vit.to_map(tokens, image))
            changed.append(level + _resized(self.extract[stage](maps[-1]), level.shape[-2:]))
        return changed, prior.from_tokens(maps, image_bchw.shape[-2:])[0]

    def _inject(self, stage: int, tokens_bnc: Tensor, level_bchw: Tensor, grid: tuple[int, int]) -> Tensor:
        added = self.inject[stage](_resized(level_bchw, grid)).flatten(2).mT
        return torch.cat([tokens_bnc[:, :1], tokens_bnc[:, 1:] + added], dim=1)


class PriorPyramid(nn.Module):
    """Side tuning `a`: the levels of the prior's own head, resized and convolved; no convolutional backbone.

    Same interface and channels as FeaturePyramid, but there is no backbone map.
    """

    backbone = None

    def __init__(self, config: ModelConfig, prior: ViTPrior) -> None:
        super().__init__()
        dims = config.lateral_dims or _PYRAMID_DIMS
        self.channels = _pyramid_channels(dims, config)
        widths = (2 * dims[0], *self.channels[1:])
        self.laterals = nn.ModuleList(
            conv_in_2d(level, width) for level, width in zip(prior.head.level_channels, widths, strict=True)
        )
        self.fusion = _fusion(self.channels[0], config.fusion_blocks)

    def forward(self, image_bchw: Tensor, prior: ViTPrior) -> Pyramid:
        guide, raw = prior.pyramid(image_bchw)
        height, width = image_bchw.shape[-2:]
        sizes = [(height // stride, width // stride) for stride in (4, 8, 16, 32)]
        levels = [
            lateral(_resized(level, size))
            for lateral, level, size in zip(self.laterals, raw, sizes, strict=True)
        ]
        return Pyramid([self.fusion(torch.cat([levels[0], guide], dim=1)), *levels[1:]], None, guide)


def build_pyramid(config: ModelConfig, prior: MonocularPrior | None) -> FeaturePyramid | PriorPyramid:
    """The pyramid for a configuration's way of side tuning."""
    if config.side_tuning == "a":
        return PriorPyramid(config, _transformer(prior, config))
    return FeaturePyramid(config, prior)


def _transformer(prior: MonocularPrior | None, config: ModelConfig) -> ViTPrior:
    if not isinstance(prior, ViTPrior):
        got = type(prior).__name__
        raise TypeError(f"side_tuning {config.side_tuning!r} needs a vision transformer as prior, got {got}")
    return prior


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


def _pyramid_channels(dims: Sequence[int], config: ModelConfig) -> tuple[int, int, int, int]:
    return (2 * dims[0] + config.prior_dim, 2 * dims[1], 2 * dims[2], dims[3])


def _fusion(channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(
        conv_in_2d(channels, channels),
        *(ResidualBlock(channels, channels, norm=nn.InstanceNorm2d) for _ in range(blocks)),
    )


def _resized(x_bchw: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x_bchw, size=tuple(size), mode="bilinear", align_corners=False)
