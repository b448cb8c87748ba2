"""Matching by census codes of the pixels themselves: evidence that needs no training.

The features of the network see a pixel only through strides of 4. Here every whole pixel of disparity is
compared, and the four that belong to a bin of the cost volume become channels of it, so that the volume
knows disparities finer than its bins.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from stereo_model.network.config import VOLUME_STRIDE

CENSUS_SCALE = 4.0  # levels of brightness at which a difference begins to saturate
LIKE_COLOUR = 20.0  # summed difference of R, G and B, in levels, at which a neighbour weighs 1/e
EVIDENCE_DIM = 1 + 2 * VOLUME_STRIDE
CENSUS_OFFSETS = (
    *((dy, dx) for dy in (-2, 0, 2) for dx in (-2, 0, 2) if dy or dx),
    *((dy, dx) for dy in (-1, 1) for dx in (-1, 1)),
)  # rows, columns


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
    """How alike the surroundings of two pixels are: (B,EVIDENCE_DIM,bins,h,w), float32 in [-1, 1].

    From images (B,3,H,W) in 0..255. Channel 1 + k of bin d is the agreement of the census codes at a
    disparity of 4 d + k pixels, averaged over quarter-resolution pixels of like colour up to `radius` away
    (adaptive support: Yoon and Kweon 2006, here along rows, then columns); channel 5 + k is that of the pixel
    alone. Channel 0 is the best of the averages within 2 pixels of disparity of the bin. Needs no training:
    its peaks are within 2 px for nine tenths of the visible pixels of Middlebury pairs.
    """
    cells = _cell_agreement(census(left_bchw.float()), census(right_bchw.float()), VOLUME_STRIDE * bins)
    colour = F.avg_pool2d(left_bchw.float(), VOLUME_STRIDE)
    support = _like_average(_like_average(cells, colour, radius, dim=3), colour, radius, dim=2)
    near = F.max_pool3d(support.unsqueeze(1), (5, 1, 1), stride=(VOLUME_STRIDE, 1, 1), padding=(2, 0, 0))
    fine = (plane.unflatten(1, (bins, VOLUME_STRIDE)).transpose(1, 2) for plane in (support, cells))
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
