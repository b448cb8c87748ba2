"""Matching evidence that needs no training. Not in the paper: the small presets alone have it.

The network asks its `evidence` module, if it has one, before it builds the cost volume. What that answers,
(B,E,D,h,w), are more channels of the volume; the first of them is, times a learned temperature, added to
the logits of the initial disparity. So a small network is of use before it has learned anything.

WindowEvidence compares the backbone's features over small windows. CensusEvidence compares the pixels
themselves: the features of the network see a pixel only through strides of 4, but here every whole pixel of
disparity is compared, and the four that belong to a bin of the cost volume become channels of it, so that
the volume knows disparities finer than its bins.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.config import VOLUME_STRIDE, ModelConfig
from stereo_model.network.cost_volume import group_correlation
from stereo_model.network.precision import float32

CENSUS_SCALE = 4.0  # levels of brightness at which a difference begins to saturate
LIKE_COLOUR = 20.0  # summed difference of R, G and B, in levels, at which a neighbour weighs 1/e
CENSUS_OFFSETS = (
    *((dy, dx) for dy in (-2, 0, 2) for dx in (-2, 0, 2) if dy or dx),
    *((dy, dx) for dy in (-1, 1) for dx in (-1, 1)),
)  # rows, columns


class CensusEvidence(nn.Module):
    """Census codes of the pixels, over pixels of like colour. See `census_evidence`."""

    def __init__(self, bins: int, radius: int) -> None:
        super().__init__()
        self.bins, self.radius = bins, radius

    def forward(self, left_bchw: Tensor, right_bchw: Tensor, backbone_bchw: Tensor | None) -> Tensor:
        """From images (B,3,H,W) in 0..255."""
        with float32(left_bchw):
            return census_evidence(left_bchw, right_bchw, bins=self.bins, radius=self.radius)


class WindowEvidence(nn.Module):
    """The backbone's features over small windows. See `window_evidence`."""

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins

    def forward(self, left_bchw: Tensor, right_bchw: Tensor, backbone_bchw: Tensor | None) -> Tensor:
        """From the backbone's map at 1/4 of [left; right]."""
        if backbone_bchw is None:
            raise ValueError("the evidence of windows needs a backbone's map, got None")
        left, right = backbone_bchw.chunk(2)
        return window_evidence(left, right, bins=self.bins)


def build_evidence(config: ModelConfig) -> CensusEvidence | WindowEvidence | None:
    """What a configuration asks for; None for the paper's network."""
    if not config.evidence_skip:
        return None
    if config.census_radius is None:
        return WindowEvidence(config.bins)
    return CensusEvidence(config.bins, config.census_radius)


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


def census(image_bchw: Tensor) -> Tensor:
    """How a pixel's brightness compares with its neighbours': (B,3,H,W) in 0..255 -> (B,12,H,W), length 1.

    A soft census: differences to 12 neighbours within 2 pixels, saturating, so that a change of exposure or
    an edge in the neighbourhood matters little.
    """
    grey = image_bchw.mean(1, keepdim=True)
    height, width = grey.shape[2:]
    around = F.pad(grey, (2, 2, 2, 2), mode="replicate")
    differences = [
        around[..., 2 + dy : 2 + dy + height, 2 + dx : 2 + dx + width] - grey for dy, dx in CENSUS_OFFSETS
    ]
    return F.normalize(torch.tanh(torch.cat(differences, dim=1) / CENSUS_SCALE), dim=1)


@torch.no_grad()
def census_evidence(left_bchw: Tensor, right_bchw: Tensor, *, bins: int, radius: int) -> Tensor:
    """How alike the surroundings of two pixels are: (B,9,bins,h,w), float32 in [-1, 1].

    From images (B,3,H,W) in 0..255. Channel 1 + k of bin d is the agreement of the census codes at a
    disparity of 4 d + k pixels, averaged over quarter-resolution pixels of like colour up to `radius` away
    (adaptive support: Yoon and Kweon 2006, here along rows, then columns); channel 5 + k is that of the pixel
    alone. Channel 0 is the best of the averages within 2 pixels of disparity of the bin. Needs no training:
    its peaks are within 2 px for nine tenths of the visible pixels of Middlebury pairs.
    """
    cells = _cell_agreement(census(left_bchw.float()), census(right_bchw.float()), VOLUME_STRIDE * bins)
    colour = F.avg_pool2d(left_bchw.float(), VOLUME_STRIDE)
    support = _like_average(_like_average(cells, colour, radius, dim=3), colour, radius, dim=2)
    return in_bins(cells, support, bins=bins)


def in_bins(cells_bnhw: Tensor, support_bnhw: Tensor, *, bins: int) -> Tensor:
    """Agreement per pixel of disparity, alone and averaged, as channels of bins: see `census_evidence`."""
    side = VOLUME_STRIDE
    near = F.max_pool3d(support_bnhw.unsqueeze(1), (5, 1, 1), stride=(side, 1, 1), padding=(2, 0, 0))
    fine = (torch.unflatten(plane, 1, (bins, side)).transpose(1, 2) for plane in (support_bnhw, cells_bnhw))
    return torch.cat([near, *fine], dim=1)


def _like_average(planes_bnhw: Tensor, colour_bchw: Tensor, radius: int, *, dim: int) -> Tensor:
    """Average along one axis over neighbours, weighted by how alike their colours are."""
    length = colour_bchw.shape[dim]
    total, weights = planes_bnhw.clone(), torch.ones_like(colour_bchw[:, :1])
    for offset in range(1, min(radius, length - 1) + 1):
        here, there = (0, length - offset), (offset, length - offset)
        difference = (colour_bchw.narrow(dim, *here) - colour_bchw.narrow(dim, *there)).abs().sum(1, True)
        weight = torch.exp(-difference / LIKE_COLOUR)
        for own, other in ((here, there), (there, here)):
            total.narrow(dim, *own).addcmul_(weight, planes_bnhw.narrow(dim, *other))
            weights.narrow(dim, *own).add_(weight)
    return total / weights


def _cell_agreement(left_bchw: Tensor, right_bchw: Tensor, shifts: int) -> Tensor:
    """Mean product of cells of 4x4 pixels, the right ones 0, 1, .. pixels further left: (B,shifts,h,w)."""
    side = VOLUME_STRIDE
    left = left_bchw.unfold(2, side, side).unfold(3, side, side)  # (B,C,h,w,4,4)
    right = right_bchw.unfold(2, side, side).unfold(3, side, 1)  # (B,C,h,W-3,4,4)
    b, _, h, w = left.shape[:4]
    rows = left.permute(0, 2, 3, 1, 4, 5).reshape(b, h, w, -1)
    columns = right.permute(0, 2, 1, 4, 5, 3).reshape(b, h, rows.shape[-1], -1)
    products = rows @ columns / side**2
    place = side * torch.arange(w, device=left.device)[:, None] - torch.arange(shifts, device=left.device)
    agreement = products.gather(3, place.clamp(min=0).expand(b, h, w, shifts)) * (place >= 0)
    return agreement.permute(0, 3, 1, 2)
