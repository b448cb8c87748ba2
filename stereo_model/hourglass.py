"""Filtering of the cost volume: 3-D hourglass beside a disparity transformer, soft-argmin (paper 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stereo_model.config import ModelConfig
from stereo_model.disparity_transformer import DisparityTransformer, add_enlarged_, enlarge
from stereo_model.layers import (
    AxialPlanarConv,
    BasicBlock3d,
    FeatureAttention,
    SingleMapConv,
    conv_bn_3d,
    infers,
    upconv_bn_3d,
)


class CoarseVolumes(NamedTuple):
    """What the hourglass needs of its input, so that the input itself can go."""

    filtered_bcdhw: Tensor  # decoder at 1/8
    mixed_bcdhw: Tensor  # disparity transformer, at 1/16


class Hourglass(nn.Module):
    """Three levels down and up with axial-planar convolutions, guided by the left features at each level.

    forward: volume (B,C,D,h,w) and left features at 1/8, 1/16, 1/32 -> volume (B,C,D,h,w), not negative.
    """

    def __init__(self, config: ModelConfig, feature_dims: Sequence[int]) -> None:
        super().__init__()
        c = config.volume_dim
        c8, c16, c32 = (c * width for width in config.hourglass_widths)
        f8, f16, f32 = feature_dims
        self.down8 = _Down(c, c8, f8, config)
        self.down16 = _Down(c8, c16, f16, config)
        self.down32 = _Down(c16, c32, f32, config)
        self.up16 = _Up(c32, c16, f16, config)
        self.up8 = _Up(c16, c8, f8, config)
        self.up4 = upconv_bn_3d(c8, c)
        self.transformer = DisparityTransformer(config)
        self.out = nn.Sequential(
            *(AxialPlanarConv(c, config.disparity_kernel) for _ in range(config.axial_blocks))
        )

    def forward(self, volume_bcdhw: Tensor, features: Sequence[Tensor]) -> Tensor:
        return self.finish(self.coarse(volume_bcdhw, features))

    def coarse(self, volume_bcdhw: Tensor, features: Sequence[Tensor]) -> CoarseVolumes:
        """All levels below the volume's own."""
        x8, x16, x32 = features
        mixed = self.transformer.coarse(volume_bcdhw)
        v8 = self.down8(volume_bcdhw, x8)
        v16 = self.down16(v8, x16)
        v16 = self.up16(self.down32(v16, x32), v16, x16)
        return CoarseVolumes(filtered_bcdhw=self.up8(v16, v8, x8), mixed_bcdhw=mixed)

    def finish(self, coarse: CoarseVolumes) -> Tensor:
        """The last step up and the filters at full resolution."""
        volume = self.up4(coarse.filtered_bcdhw)
        if infers(self):
            add_enlarged_(volume, coarse.mixed_bcdhw)
        else:
            volume = volume + enlarge(coarse.mixed_bcdhw)
        for block in self.out:
            volume = block(volume)
        return volume


class _Down(nn.Module):
    def __init__(self, inputs: int, outputs: int, feature_dim: int, config: ModelConfig) -> None:
        super().__init__()
        self.reduce = conv_bn_3d(inputs, outputs, stride=2)
        self.filter = AxialPlanarConv(outputs, config.disparity_kernel)
        self.attention = FeatureAttention(outputs, feature_dim)

    def forward(self, volume_bcdhw: Tensor, feature_bchw: Tensor) -> Tensor:
        return self.attention(self.filter(self.reduce(volume_bcdhw)), feature_bchw)


class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int, feature_dim: int, config: ModelConfig) -> None:
        super().__init__()
        self.expand = upconv_bn_3d(inputs, outputs)
        self.merge = conv_bn_3d(2 * outputs, outputs, kernel=1)
        self.filter = nn.Sequential(
            *(AxialPlanarConv(outputs, config.disparity_kernel) for _ in range(config.axial_blocks))
        )
        self.attention = FeatureAttention(outputs, feature_dim)

    def forward(self, coarse_bcdhw: Tensor, skip_bcdhw: Tensor, feature_bchw: Tensor) -> Tensor:
        merged = self.merge(torch.cat([self.expand(coarse_bcdhw), skip_bcdhw], dim=1))
        return self.attention(self.filter(merged), feature_bchw)


class InitialDisparity(nn.Module):
    """Expected disparity under a softmax over the bins.

    forward: volume (B,C,D,h,w), evidence (B,1,D,h,w) if configured -> (B,1,h,w) in quarter-resolution pixels.
    """

    INITIAL_TEMPERATURE = 80.0
    """Logits per unit of cosine; low values average over far too many bins before training."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim, kernel, blocks = config.volume_dim, config.classifier_kernel, config.classifier_blocks
        half = dim // 2 if blocks else dim
        self.classify = nn.Sequential(
            *([conv_bn_3d(dim, half)] if blocks else []),
            *(BasicBlock3d(half) for _ in range(blocks)),
            SingleMapConv(half, kernel),
        )
        self.log_temperature = (
            nn.Parameter(torch.tensor(self.INITIAL_TEMPERATURE).log()) if config.evidence_skip else None
        )

    def forward(self, volume_bcdhw: Tensor, evidence_b1dhw: Tensor | None = None) -> Tensor:
        logits = self.classify(volume_bcdhw).squeeze(1).float()
        if self.log_temperature is not None:
            logits = logits + self.log_temperature.exp() * evidence_b1dhw.squeeze(1)
        return soft_argmin(logits)


def soft_argmin(logits_bdhw: Tensor) -> Tensor:
    """Expectation of the bin index under softmax over D: (B,1,h,w), in bins."""
    bins = torch.arange(logits_bdhw.shape[1], device=logits_bdhw.device, dtype=logits_bdhw.dtype)
    return (logits_bdhw.softmax(1) * bins[:, None, None]).sum(1, keepdim=True)
