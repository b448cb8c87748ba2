"""Monocular priors: frozen single-image networks whose features guide the stereo network (paper 3.1).

DepthAnythingV2 (arXiv 2406.09414) is a DINOv2 transformer and a dense prediction head; its last feature map,
before the layers that turn it into one depth channel, is the prior. The head's depth itself is never
computed. The `dinov2` priors of the ablation have no such head: their tokens go through one trained 1x1
projection.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.config import IMAGENET_MEAN, IMAGENET_STD, PRIOR_DIMS, VOLUME_STRIDE, ModelConfig
from stereo_model.network.precision import float32
from stereo_model.network.vit import VIT_SIZES, DinoViT, ViTSize

SIDE_MULTIPLE = 112  # pixels; of the resized image: whole patches of 14 whose number halves three times
SIDE_LIMIT = 1344  # pixels

_HEAD_CHANNELS: Mapping[str, tuple[int, int, int, int]] = {
    "nano": (4, 8, 8, 8),
    "vits": (48, 96, 192, 384),
    "vitb": (96, 192, 384, 768),
    "vitl": (256, 512, 1024, 1024),
}


class MonocularPrior(nn.Module):
    """Interface of a single-image network whose features are concatenated at 1/4 resolution."""

    channels: int

    @abstractmethod
    def forward(self, image_bchw: Tensor) -> Tensor:
        """(B,3,H,W) normalised image -> (B,channels,H/4,W/4)."""

    def frozen_parts(self) -> list[nn.Module]:
        """Modules that never learn and stay in evaluation mode; by default all of it."""
        return [self]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMaps:
    """What a head makes of the tokens."""

    prior_bchw: Tensor  # at the head's own resolution
    levels: list[Tensor]  # four maps, from fine to coarse, at about 1/4, 1/8, 1/16, 1/32 of the image


class DensePredictionHead(nn.Module):
    """DepthAnythingV2's head up to its last feature map.

    forward: four token maps (B,C,h,w) -> `channels` channels at (8h,8w), and levels of twice as many at
    (4h,4w), (2h,2w), (h,w), (h/2,w/2).
    """

    def __init__(self, inputs: int, widths: Sequence[int], channels: int) -> None:
        super().__init__()
        inner = 2 * channels
        w0, w1, _, w3 = widths
        self.level_channels = (inner,) * 4
        self.project = nn.ModuleList(nn.Conv2d(inputs, width, 1) for width in widths)
        self.resize = nn.ModuleList(
            [
                nn.ConvTranspose2d(w0, w0, 4, stride=4),
                nn.ConvTranspose2d(w1, w1, 2, stride=2),
                nn.Identity(),
                nn.Conv2d(w3, w3, 3, stride=2, padding=1),
            ]
        )
        self.reduce = nn.ModuleList(nn.Conv2d(width, inner, 3, padding=1, bias=False) for width in widths)
        self.fuse = nn.ModuleList([FusionUnit(inner, skip=index < 3) for index in range(4)])
        self.out = nn.Conv2d(inner, channels, 3, padding=1)

    def forward(self, maps: Sequence[Tensor]) -> HeadMaps:
        parts = zip(maps, self.project, self.resize, self.reduce, strict=True)
        l1, l2, l3, l4 = (reduce(resize(project(x))) for x, project, resize, reduce in parts)
        p4 = self.fuse[3](l4, None, l3.shape[-2:])
        p3 = self.fuse[2](p4, l3, l2.shape[-2:])
        p2 = self.fuse[1](p3, l2, l1.shape[-2:])
        p1 = self.fuse[0](p2, l1, (2 * l1.shape[-2], 2 * l1.shape[-1]))
        return HeadMaps(prior_bchw=self.out(p1), levels=[p2, p3, p4, l4])


class FusionUnit(nn.Module):
    """Add a finer map to a coarse one and bring the sum to a given size.

    The 1x1 convolution stands before the bilinear resize: both are linear over different axes, so the order
    does not change the result, and this one convolves fewer pixels.
    """

    def __init__(self, channels: int, *, skip: bool) -> None:
        super().__init__()
        self.unit1 = PreActivationUnit(channels) if skip else None
        self.unit2 = PreActivationUnit(channels)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, coarse_bchw: Tensor, fine_bchw: Tensor | None, size: Sequence[int]) -> Tensor:
        x = coarse_bchw
        if self.unit1 is not None and fine_bchw is not None:
            x = x + self.unit1(fine_bchw)
        x = self.out(self.unit2(x))
        return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


class PreActivationUnit(nn.Module):
    """x + conv(relu(conv(relu(x)))), 3x3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = x + self.conv2(F.relu(self.conv1(F.relu(x))))
        return changed


class TokenHead(nn.Module):
    """One trained 1x1 projection of all four token maps; the levels are the token maps themselves."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.level_channels = (inputs,) * 4
        self.project = nn.Conv2d(4 * inputs, channels, 1)

    def forward(self, maps: Sequence[Tensor]) -> HeadMaps:
        return HeadMaps(prior_bchw=self.project(torch.cat(list(maps), dim=1)), levels=list(maps))


class ViTPrior(MonocularPrior):
    """A frozen DINOv2 transformer and a head: frozen for DepthAnythingV2, trained for plain DINOv2.

    Images are normalised with the stereo network's own `pixel_mean` and `pixel_std`; the transformer gets
    them as it was trained, with those of ImageNet.
    """

    gain: Tensor
    shift: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size: ViTSize = VIT_SIZES[config.prior_size]
        self.channels = PRIOR_DIMS[config.prior_size]
        self.vit = DinoViT(size)
        self.trained_head = (config.prior or "").startswith("dinov2")
        self.head: DensePredictionHead | TokenHead = (
            TokenHead(size.dim, self.channels)
            if self.trained_head
            else DensePredictionHead(size.dim, _HEAD_CHANNELS[config.prior_size], self.channels)
        )
        mean, std = torch.tensor(config.pixel_mean), torch.tensor(config.pixel_std)
        wanted_mean, wanted_std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer("gain", (std / wanted_std).view(3, 1, 1), persistent=False)
        self.register_buffer("shift", ((mean - wanted_mean) / wanted_std).view(3, 1, 1), persistent=False)

    def frozen_parts(self) -> list[nn.Module]:
        return [self.vit] if self.trained_head else [self]

    def forward(self, image_bchw: Tensor) -> Tensor:
        return self.pyramid(image_bchw)[0]

    def pyramid(self, image_bchw: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The prior (B,channels,H/4,W/4) and the head's four levels at their own resolutions."""
        with torch.no_grad():
            tokens = self.vit(self.resize_image(image_bchw))
        return self.from_tokens(tokens, image_bchw.shape[-2:])

    def resize_image(self, image_bchw: Tensor) -> Tensor:
        """The image as the transformer wants it: ImageNet-normalised, bicubic to `transformer_size`."""
        image = image_bchw * self.gain + self.shift
        size = transformer_size(*image_bchw.shape[-2:])
        return F.interpolate(image, size=size, mode="bicubic", align_corners=False)

    def from_tokens(self, maps: Sequence[Tensor], image_size: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """`pyramid` from the transformer's token maps; `image_size` is (H, W) before resizing."""
        out: HeadMaps = self.head(maps)
        return self.at_quarter(out.prior_bchw, image_size), out.levels

    def at_quarter(self, prior_bchw: Tensor, image_size: Sequence[int]) -> Tensor:
        """The head's last map at 1/4 of the image, by way of the transformer's image, as published."""
        height, width = image_size
        quarter = (height // VOLUME_STRIDE, width // VOLUME_STRIDE)
        return resize_twice(prior_bchw, transformer_size(height, width), quarter)


def build_prior(config: ModelConfig) -> ViTPrior | None:
    """The prior a configuration names, with random weights; None where it names none."""
    return None if config.prior is None else ViTPrior(config)


def transformer_size(height: int, width: int) -> tuple[int, int]:
    """(H, W) to which an image is resized: multiples of 112, none above 1344.

    The aspect ratio is kept only roughly, as published.
    """
    rows, columns = _round_up(height), _round_up(width)
    if max(rows, columns) <= SIDE_LIMIT:
        return rows, columns
    if rows > columns:
        return SIDE_LIMIT, _round_up(columns * SIDE_LIMIT / rows)
    return _round_up(rows * SIDE_LIMIT / columns), SIDE_LIMIT


def resize_twice(x_bchw: Tensor, middle: Sequence[int], size: Sequence[int]) -> Tensor:
    """Bilinear (corners aligned) to `middle` and from there to `size`, without the map at `middle`.

    Each resize is a linear map of rows and one of columns; the two of each axis are multiplied first.
    Computed in float32, as torch's own resize is, and returned in the type of `x_bchw`.
    """
    with float32(x_bchw):
        rows, columns = (
            _two_resizes(x_bchw.shape[axis], middle[axis], size[axis], x_bchw.device) for axis in (-2, -1)
        )
        return (rows.mT @ (x_bchw.float() @ columns)).to(x_bchw.dtype)


def _two_resizes(start: int, middle: int, end: int, device: torch.device) -> Tensor:
    """(start,end) matrix of two linear resizes, made by resizing unit vectors."""
    units = torch.eye(start, device=device).unsqueeze(0)
    for length in (middle, end):
        units = F.interpolate(units, size=length, mode="linear", align_corners=True)
    return units[0]


def _round_up(side: float) -> int:
    return -int(-side // SIDE_MULTIPLE) * SIDE_MULTIPLE
