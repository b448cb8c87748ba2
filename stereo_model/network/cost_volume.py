"""Hybrid cost volume at 1/4 resolution: group-wise correlation and concatenated features (paper 3.2).

    V_gwc(g,d,y,x) = <L_g(y,x) / |L_g(y,x)|, R_g(y,x-d) / |R_g(y,x-d)|>        for 8 groups of channels
    V_cat(d,y,x)   = [project(L)(y,x), project(R)(y,x-d)]
    V_C            = [V_gwc, V_cat]

Bin d of pixel x compares the left feature at x with the right feature at x - d, d in quarter-resolution
pixels. Where x < d the right image ends: the correlation and the right features are zero there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.blocks import (
    BasicBlock3d,
    FeatureAttention,
    PointwiseConv3d,
    conv_bn_3d,
)
from stereo_model.network.config import ModelConfig
from stereo_model.network.precision import float32


def group_correlation(left_bchw: Tensor, right_bchw: Tensor, *, bins: int, groups: int) -> Tensor:
    """Cosine of each group of channels for every disparity bin: (B,groups,bins,h,w), float32 in [-1, 1].

    All pairs of a row are one matrix product, and the bins are its diagonals: beside a border of zeros on
    the right image's left, and mirrored, they are the columns of the product read with a shear.
    """
    width = left_bchw.shape[-1]
    with float32(left_bchw):
        left, right = (
            F.normalize(torch.unflatten(view.float(), 1, (groups, -1)), dim=2)
            for view in (left_bchw, right_bchw)
        )
        mirrored = F.pad(right, (bins - 1, 0)).flip(-1)
        pairs = left.permute(0, 1, 3, 4, 2) @ mirrored.permute(0, 1, 3, 2, 4)  # (B,groups,h,w,bins-1+w)
    step = pairs.shape[-1] - 1
    diagonals = pairs.flatten(-2)[..., width - 1 : width - 1 + width * step]
    sheared = torch.unflatten(diagonals, -1, (width, step))
    return sheared[..., :bins].permute(0, 1, 4, 2, 3)


class HybridCostVolume(nn.Module):
    """Build the volume and bring it to `volume_dim` channels.

    The first layer, `mix`, is a 1x1x1 convolution of [correlation, evidence, left, right]. Of the last two
    it is applied to the maps before they are spread over the disparities, so the wide volume V_C never
    exists. Where the configuration asks for evidence, it is given (`evidence.py`).

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
        self.project = nn.Conv2d(feature_dim, self.concat_dim, 1) if self.concat_dim else None
        self.given = self.groups + config.evidence_dim  # channels that differ between all disparities
        self.mix = PointwiseConv3d(self.given + 2 * self.concat_dim, dim)
        blocks = (BasicBlock3d(dim) for _ in range(config.volume_blocks))
        layers = [conv_bn_3d(dim, dim), *blocks] if config.volume_smoothing else []
        self.smooth = nn.Sequential(*layers)
        self.attention = FeatureAttention(dim, feature_dim)

    def forward(self, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None = None) -> Tensor:
        volume = self.mixed(left_bchw, right_bchw, evidence_bedhw)
        volume = volume.contiguous(memory_format=torch.channels_last_3d)
        weighted: Tensor = self.attention(self.smooth(volume), left_bchw)
        return weighted

    def mixed(self, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None = None) -> Tensor:
        """The volume after the first layer: (B,volume_dim,D,h,w)."""
        terms = self.concatenated_terms(left_bchw, right_bchw)
        return self.mixed_rows(left_bchw, right_bchw, evidence_bedhw, terms).permute(0, 4, 2, 1, 3)

    def concatenated_terms(self, left_bchw: Tensor, right_bchw: Tensor) -> list[Tensor]:
        """What left and right features add to the mixed volume: maps (B,h,w,C), the right one's last column
        of zeros standing for all that lies outside the image. Empty without concatenated features.
        """
        if self.project is None:
            return []
        of_left, of_right = self.mix.weight.flatten(1)[:, self.given :].chunk(2, dim=1)
        left = F.linear(self.project(left_bchw).permute(0, 2, 3, 1), of_left)
        right = F.linear(self.project(right_bchw).permute(0, 2, 3, 1), of_right)
        return [left, F.pad(right, (0, 0, 0, 1))]

    def mixed_rows(
        self, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None, terms: list[Tensor]
    ) -> Tensor:
        """The mixed volume of some rows of the image, (B,h,D,w,C); `terms` from `concatenated_terms`."""
        given = []
        if self.groups:
            given.append(group_correlation(left_bchw, right_bchw, bins=self.bins, groups=self.groups))
        if evidence_bedhw is not None:
            given.append(evidence_bedhw)
        if given:
            weight = self.mix.weight.flatten(1)[:, : self.given]
            rows = F.linear(torch.cat(given, dim=1).permute(0, 3, 2, 4, 1), weight, self.mix.bias)
        else:  # a product over no channel at all is more than some runtimes of exported files can do
            rows = self.mix.get_parameter("bias").expand(1, 1, self.bins, 1, -1)
        if terms:
            left, right = terms
            rows = rows + left.unsqueeze(2)
            rows += self._shifted(right)
        return rows

    def _shifted(self, right_bhwc: Tensor) -> Tensor:
        """The right term, whose last column is zero, at every bin and left column: (B,h,D,w,C)."""
        width = right_bhwc.shape[2] - 1
        columns = torch.arange(width, device=right_bhwc.device)
        columns = columns - torch.arange(self.bins, device=right_bhwc.device)[:, None]
        columns = torch.where(columns < 0, width, columns).flatten()
        return torch.unflatten(right_bhwc.index_select(2, columns), 2, (self.bins, -1))
