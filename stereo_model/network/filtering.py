"""Filtering of the cost volume: 3-D hourglass beside a disparity transformer, soft-argmin (paper 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stereo_model.network.blocks import (
    AxialPlanarConv,
    BasicBlock3d,
    FeatureAttention,
    SingleMapConv,
    conv_bn_3d,
    pointwise_bn_3d,
    upconv_bn_3d,
)
from stereo_model.network.config import ModelConfig
from stereo_model.network.disparity_transformer import DisparityTransformer, enlarge


class CoarseVolumes(NamedTuple):
    """What the hourglass needs of its input, so that the input itself can go where it is not skipped past."""

    filtered_bcdhw: Tensor  # decoder at 1/8
    mixed_bcdhw: Tensor  # disparity transformer, at 1/16
    input_bcdhw: Tensor | None  # the input itself, for `volume_skip`


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
        self.skip = config.volume_skip
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
        return CoarseVolumes(
            filtered_bcdhw=self.up8(v16, v8, x8),
            mixed_bcdhw=mixed,
            input_bcdhw=volume_bcdhw if self.skip else None,
        )

    def finish(self, coarse: CoarseVolumes) -> Tensor:
        """The last step up and the filters at full resolution."""
        volume: Tensor = self.up4(coarse.filtered_bcdhw) + enlarge(coarse.mixed_bcdhw)
        if coarse.input_bcdhw is not None:
            volume = volume + coarse.input_bcdhw
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
        weighted: Tensor = self.attention(self.filter(self.reduce(volume_bcdhw)), feature_bchw)
        return weighted


class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int, feature_dim: int, config: ModelConfig) -> None:
        super().__init__()
        self.expand = upconv_bn_3d(inputs, outputs)
        self.merge = pointwise_bn_3d(2 * outputs, outputs)
        self.filter = nn.Sequential(
            *(AxialPlanarConv(outputs, config.disparity_kernel) for _ in range(config.axial_blocks))
        )
        self.attention = FeatureAttention(outputs, feature_dim)

    def forward(self, coarse_bcdhw: Tensor, skip_bcdhw: Tensor, feature_bchw: Tensor) -> Tensor:
        merged = self.merge(torch.cat([self.expand(coarse_bcdhw), skip_bcdhw], dim=1))
        weighted: Tensor = self.attention(self.filter(merged), feature_bchw)
        return weighted


class InitialDisparity(nn.Module):
    """Expected disparity under a softmax over the bins.

    forward: volume (B,C,D,h,w), evidence (B,E,D,h,w) if configured -> disparity (B,1,h,w) in
    quarter-resolution pixels, and the logits (B,D,h,w) of its bins.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim, kernel, blocks = config.volume_dim, config.classifier_kernel, config.classifier_blocks
        half = dim // 2 if blocks else dim
        first = [conv_bn_3d(dim, half)] if blocks else []
        residual = [BasicBlock3d(half) for _ in range(blocks)]
        last = SingleMapConv(half, kernel)
        self.classify = nn.Sequential(*first, *residual, last)
        if config.evidence_skip:
            nn.init.zeros_(last.weight)  # training begins at what the evidence says
        self.argmin_radius = config.argmin_radius
        self.log_temperature = (
            nn.Parameter(torch.tensor(config.evidence_temperature).log()) if config.evidence_skip else None
        )

    def forward(self, volume_bcdhw: Tensor, evidence_bedhw: Tensor | None = None) -> tuple[Tensor, Tensor]:
        logits = self.classify(volume_bcdhw).squeeze(1).float()
        if self.log_temperature is not None:
            if evidence_bedhw is None:
                raise ValueError("this configuration reads evidence (evidence_skip), got None")
            logits = self.log_temperature.exp() * (logits + evidence_bedhw[:, 0])
        return soft_argmin(logits, radius=self.argmin_radius), logits


def soft_argmin(logits_bdhw: Tensor, *, radius: int | None = None) -> Tensor:
    """Expectation of the bin index under softmax over D: (B,1,h,w), in bins.

    With a `radius`, over the likeliest bin and so many on each side only, so that two surfaces are not
    averaged into a third one between them.
    """
    if radius is not None:
        return _peak_argmin(logits_bdhw, radius)
    bins = torch.arange(logits_bdhw.shape[1], device=logits_bdhw.device, dtype=logits_bdhw.dtype)
    return (logits_bdhw.softmax(1) * bins[:, None, None]).sum(1, keepdim=True)


def _peak_argmin(logits_bdhw: Tensor, radius: int) -> Tensor:
    peak = logits_bdhw.argmax(1, keepdim=True)
    bins = peak + torch.arange(-radius, radius + 1, device=peak.device)[:, None, None]
    inside = (bins >= 0) & (bins < logits_bdhw.shape[1])
    near = logits_bdhw.gather(1, bins.clamp(0, logits_bdhw.shape[1] - 1)).masked_fill(~inside, -torch.inf)
    return (near.softmax(1) * bins).sum(1, keepdim=True)
