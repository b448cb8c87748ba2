"""Cost volume at 1/4 resolution: group-wise correlation, concatenated features or both (paper 3.2).

Bin d of pixel x compares the left feature at x with the right feature at x - d, d in quarter-resolution
pixels. Where x < d the right image ends: the correlation and the right features are zero there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.blocks import (
    BasicBlock3d,
    Conv2d,
    Conv3d,
    FeatureAttention,
    conv_bn_3d,
    infers,
    row_slabs,
)
from stereo_model.network.config import ModelConfig
from stereo_model.network.evidence import EVIDENCE_DIM


def group_correlation(left_bchw: Tensor, right_bchw: Tensor, *, bins: int, groups: int) -> Tensor:
    """Cosine of each group of channels for every disparity bin: (B,groups,bins,h,w), float32 in [-1, 1].

    All pairs of a row are one matrix product, and the bins are its diagonals: beside a border of zeros on
    the right image's left, and mirrored, they are the columns of the product read with a shear.
    """
    width = left_bchw.shape[-1]
    with torch.autocast(left_bchw.device.type, enabled=False):
        left = F.normalize(left_bchw.float().unflatten(1, (groups, -1)), dim=2)
        right = F.normalize(right_bchw.float().unflatten(1, (groups, -1)), dim=2)
        mirrored = F.pad(right, (bins - 1, 0)).flip(-1)
        pairs = left.permute(0, 1, 3, 4, 2) @ mirrored.permute(0, 1, 3, 2, 4)  # (B,groups,h,w,bins-1+w)
    step = pairs.shape[-1] - 1
    sheared = pairs.flatten(-2)[..., width - 1 : width - 1 + width * step].unflatten(-1, (width, step))
    return sheared[..., :bins].permute(0, 1, 4, 2, 3)


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
    both = torch.cat([left_bchw, right_bchw]).float()  # torch 2.13 has wrong gradients for one image alone
    left, right = F.instance_norm(both).chunk(2)
    planes = group_correlation(left, right, bins=bins, groups=1)[:, 0]
    for _ in range(2):
        planes = F.avg_pool2d(planes, 3, stride=1, padding=1, count_include_pad=False)
    return planes.unsqueeze(1)


def evidence_dim(config: ModelConfig) -> int:
    """Channels of the volume that need no training."""
    if not config.evidence_skip:
        return 0
    return EVIDENCE_DIM if config.census_radius else 1


class HybridCostVolume(nn.Module):
    """Build the volume and bring it to `volume_dim` channels.

    The first layer, `mix`, is a 1x1x1 convolution of [correlation, evidence, left, right]. Of the last two
    it is applied to the maps before they are spread over the disparities, so the wide volume of
    concatenated features (`concatenation`) never exists.

    forward: left and right (B,C,h,w), evidence (B,E,D,h,w) if configured -> (B,volume_dim,D,h,w).
    """

    def __init__(self, config: ModelConfig, feature_dim: int) -> None:
        super().__init__()
        if feature_dim % config.cv_groups:
            raise ValueError(
                f"{feature_dim} feature channels at 1/4 do not split into cv_groups={config.cv_groups}"
            )
        dim = config.volume_dim
        self.bins = config.bins
        self.groups = 0 if config.cost_volume == "concat" else config.cv_groups
        self.concat_dim = 0 if config.cost_volume == "groupwise" else config.concat_dim
        self.project = Conv2d(feature_dim, self.concat_dim, 1) if self.concat_dim else None
        self.given = self.groups + evidence_dim(config)  # channels that differ between all disparities
        self.mix = Conv3d(self.given + 2 * self.concat_dim, dim, 1)
        blocks = (BasicBlock3d(dim) for _ in range(config.volume_blocks))
        layers = [conv_bn_3d(dim, dim), *blocks] if config.volume_smoothing else []
        self.smooth = nn.Sequential(*layers)
        self.attention = FeatureAttention(dim, feature_dim)

    def forward(self, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None = None) -> Tensor:
        volume = self.mixed(left_bchw, right_bchw, evidence_bedhw)
        if not infers(self):
            volume = volume.contiguous(memory_format=torch.channels_last_3d)
        for layer in self.smooth:
            volume = layer(volume)
        return self.attention(volume, left_bchw)

    def mixed(self, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None = None) -> Tensor:
        """The volume after the first layer: (B,volume_dim,D,h,w), laid out by rows."""
        terms = self._concatenated_terms(left_bchw, right_bchw)
        b, _, h, w = left_bchw.shape
        if not infers(self):
            return self._rows(left_bchw, right_bchw, evidence_bedhw, terms).permute(0, 4, 2, 1, 3)
        frame = left_bchw.new_empty(b, h, self.bins, w, self.mix.out_channels)
        for row, end in row_slabs(frame.permute(0, 4, 1, 2, 3)):
            views = (left_bchw[:, :, row:end], right_bchw[:, :, row:end])
            evidence = None if evidence_bedhw is None else evidence_bedhw[:, :, :, row:end]
            frame[:, row:end] = self._rows(*views, evidence, [term[:, row:end] for term in terms])
        return frame.permute(0, 4, 2, 1, 3)

    def _concatenated_terms(self, left_bchw: Tensor, right_bchw: Tensor) -> list[Tensor]:
        """What left and right features add to the mixed volume: maps (B,h,w,C), the right one's last column
        of zeros standing for all that lies outside the image."""
        if self.project is None:
            return []
        weights = self.mix.weight.flatten(1)[:, self.given :].split(self.concat_dim, dim=1)
        views = (self.project(view).permute(0, 2, 3, 1) for view in (left_bchw, right_bchw))
        left, right = (F.linear(view, weight) for view, weight in zip(views, weights, strict=True))
        return [left, F.pad(right, (0, 0, 0, 1))]

    def _rows(
        self, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None, terms: list[Tensor]
    ) -> Tensor:
        """The mixed volume of some rows, (B,h,D,w,C)."""
        given = []
        if self.groups:
            given.append(group_correlation(left_bchw, right_bchw, bins=self.bins, groups=self.groups))
        if evidence_bedhw is not None:
            given.append(evidence_bedhw)
        weight = self.mix.weight.flatten(1)[:, : self.given]
        if given:
            rows = F.linear(torch.cat(given, dim=1).permute(0, 3, 2, 4, 1), weight, self.mix.bias)
        else:
            rows = self.mix.bias.expand(*terms[0].shape[:2], self.bins, *terms[0].shape[2:]).contiguous()
        if terms:
            left, right = terms
            rows = rows + left.unsqueeze(2)
            rows += right.index_select(2, self._columns(left)).unflatten(2, (self.bins, -1))
        return rows

    def _columns(self, left_bhwc: Tensor) -> Tensor:
        """The right image's column for every bin and left column; the width where there is none."""
        width = left_bhwc.shape[2]
        columns = torch.arange(width, device=left_bhwc.device)
        columns = columns - torch.arange(self.bins, device=left_bhwc.device)[:, None]
        return torch.where(columns < 0, width, columns).flatten()
