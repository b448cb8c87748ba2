"""The network such that a trace of it holds for images of every size, as ONNX needs it.

A trace is what happened for one size. It holds for others where sizes enter as tensors alone: no Python
number is made from them, no branch depends on them, and no list is as long as they say. The network of
`network` is so but for three parts, which are rewritten here and give the same numbers: the census of the
small presets, and of the monocular prior its sizes and its position embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from stereo_model.network.config import VOLUME_STRIDE
from stereo_model.network.evidence import LIKE_COLOUR, CensusEvidence, census, in_bins
from stereo_model.network.model import FoundationStereo, StereoOutput
from stereo_model.network.prior import SIDE_LIMIT, SIDE_MULTIPLE, MonocularPrior, ViTPrior
from stereo_model.network.variant import variant
from stereo_model.network.vit import GRID, GRID_OFFSET, DinoViT

CUBIC = -0.75  # the parameter of torch's bicubic interpolation

Side = Any  # length of an axis: an int, and while tracing a tensor that passes for one


class TraceableStereo(nn.Module):
    """forward: left, right (B,3,H,W) RGB 0..255, sides multiples of 32 -> disparity (B,1,H,W), pixels.

    The model in evaluation mode with a fixed number of iterations. Trace it inside `PlainShapes`.
    """

    def __init__(self, model: FoundationStereo, iterations: int) -> None:
        super().__init__()
        self.net = variant(model, ANY_SIZE)
        self.iterations = iterations
        self.eval()

    def forward(self, left_bchw: Tensor, right_bchw: Tensor) -> Tensor:
        out: StereoOutput = self.net(left_bchw, right_bchw, iterations=self.iterations, every_iteration=False)
        return out.disparities[-1]


def holds_for_every_size(prior: MonocularPrior | None) -> bool:
    """Whether a trace of a model with this prior does; nothing is known of one that was handed in."""
    return prior is None or isinstance(prior, ViTPrior)


# ---------------------------------------------------------------- evidence


class AnySizeCensus(CensusEvidence):
    """Planes are shifted one by one."""

    def forward(self, left_bchw: Tensor, right_bchw: Tensor, backbone_bchw: Tensor | None) -> Tensor:
        side = VOLUME_STRIDE
        left, right = census(left_bchw), census(right_bchw)
        right = torch.cat([right, torch.ones_like(right[:, :1])], dim=1)  # and where there is an image at all
        planes = []
        for shifted in _shifted(right, side * self.bins):
            products = F.avg_pool2d((left * shifted[:, :-1]).sum(1, keepdim=True), side)
            planes.append(products * F.avg_pool2d(shifted[:, -1:], side).floor())
        cells, colour = torch.cat(planes, dim=1), F.avg_pool2d(left_bchw, side)
        return in_bins(cells, self._supported(cells, colour), bins=self.bins)

    def _supported(self, cells_bnhw: Tensor, colour_bchw: Tensor) -> Tensor:
        rows = _like_average(cells_bnhw, colour_bchw, self.radius, dim=3)
        return _like_average(rows, colour_bchw, self.radius, dim=2)


def _like_average(planes_bnhw: Tensor, colour_bchw: Tensor, radius: int, *, dim: int) -> Tensor:
    """census._like_average, neighbours beyond the image weighing nothing."""
    there = torch.cat([planes_bnhw, colour_bchw, torch.ones_like(colour_bchw[:, :1])], dim=1)
    padding = (radius, radius, 0, 0) if dim == 3 else (0, 0, radius, radius)
    padded, length = F.pad(there, padding), colour_bchw.shape[dim]
    total, weights = planes_bnhw, torch.ones_like(colour_bchw[:, :1])
    for place in (*range(radius), *range(radius + 1, 2 * radius + 1)):
        near = padded.narrow(dim, place, length)
        sizes = [planes_bnhw.shape[1], colour_bchw.shape[1], 1]
        planes, colour, inside = torch.split(near, sizes, dim=1)
        weight = inside * torch.exp(-(colour - colour_bchw).abs().sum(1, keepdim=True) / LIKE_COLOUR)
        total, weights = total + weight * planes, weights + weight
    return total / weights


def _shifted(right: Tensor, bins: int) -> list[Tensor]:
    """The right map (...,w) as each disparity bin sees it, zero where the right image ends."""
    width = right.shape[-1]
    padded = F.pad(right, (bins, 0))
    return [padded[..., bins - d : bins - d + width] for d in range(bins)]


# ---------------------------------------------------------------- prior


class AnySizePrior(ViTPrior):
    """Sizes are computed from tensors, and resizes are products with matrices."""

    def resize_image(self, image_bchw: Tensor) -> Tensor:
        size: Any = transformer_size(*image_bchw.shape[-2:])
        image = image_bchw * self.gain + self.shift
        return F.interpolate(image, size=size, mode="bicubic", align_corners=False)

    def at_quarter(self, prior_bchw: Tensor, image_size: Sequence[Side]) -> Tensor:
        rows, columns = (
            linear_matrix(start, middle) @ linear_matrix(middle, length // VOLUME_STRIDE)
            for start, middle, length in zip(
                prior_bchw.shape[-2:], transformer_size(*image_size), image_size, strict=True
            )
        )
        return rows.transpose(0, 1) @ (prior_bchw @ columns)


class AnySizeViT(DinoViT):
    """The position embedding is resized by products with matrices."""

    def positions(self, rows: Side, columns: Side) -> Tensor:
        embedding = self.position_embedding
        grid = torch.unflatten(embedding[:, 1:].transpose(1, 2), 2, (GRID, GRID))
        grid = cubic_matrix(rows) @ grid @ cubic_matrix(columns).transpose(0, 1)
        return torch.cat([embedding[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)


ANY_SIZE: Mapping[type[nn.Module], type[nn.Module]] = {
    CensusEvidence: AnySizeCensus,
    ViTPrior: AnySizePrior,
    DinoViT: AnySizeViT,
}


def transformer_size(height: Side, width: Side) -> tuple[Tensor, Tensor]:
    """prior.transformer_size in whole-number arithmetic: (H, W), multiples of 112, none above 1344."""
    rows, columns = (SIDE_MULTIPLE * _at_least(side, SIDE_MULTIPLE) for side in (height, width))
    longest = torch.maximum(torch.as_tensor(rows), torch.as_tensor(columns))
    most = SIDE_LIMIT // SIDE_MULTIPLE
    fits = longest <= SIDE_LIMIT
    return (
        torch.where(fits, rows, SIDE_MULTIPLE * _at_least(rows * most, longest)),
        torch.where(fits, columns, SIDE_MULTIPLE * _at_least(columns * most, longest)),
    )


def _at_least(length: Side, parts: Side) -> Side:
    """Length / parts, rounded up."""
    return (length + parts - 1) // parts


def linear_matrix(start: Side, end: Side) -> Tensor:
    """(start,end): column j says how end point j mixes the start points, linearly, corners aligned."""
    step = (start - 1) / torch.clamp(torch.as_tensor(end - 1), min=1)
    places = torch.arange(end) * step
    return F.relu(1 - (places - torch.arange(start).unsqueeze(1)).abs())


def cubic_matrix(length: Side) -> Tensor:
    """(length,37): how each patch's embedding mixes those of a grid of 37, bicubically.

    The scale is DINOv2's, a tenth of a patch too large.
    """
    places = (torch.arange(length) + 0.5) * (GRID / (length + GRID_OFFSET)) - 0.5
    first = places.floor()
    share = places - first
    near, far = (_cubic_near(share), _cubic_near(1 - share)), (_cubic_far(1 + share), _cubic_far(2 - share))
    matrix = torch.zeros(1, GRID)
    for offset, weight in zip((-1, 0, 1, 2), (far[0], *near, far[1]), strict=True):
        index = (first + offset).clamp(0, GRID - 1).unsqueeze(1)
        matrix = matrix + weight.unsqueeze(1) * (index == torch.arange(GRID)).float()
    return matrix


def _cubic_near(x: Tensor) -> Tensor:
    """Keys' cubic kernel at distances 0..1."""
    return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1


def _cubic_far(x: Tensor) -> Tensor:
    """The same at 1..2."""
    return ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC


# ---------------------------------------------------------------- operations


class PlainShapes(TorchFunctionMode):
    """Rewrites, while tracing, operations whose translation to ONNX freezes sizes or mistakes axes."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _REWRITTEN.get(func, func)(*args, **(kwargs or {}))


def _movedim(x: Tensor, source: int, destination: int) -> Tensor:
    order = list(range(x.dim()))
    order.insert(destination % x.dim(), order.pop(source % x.dim()))
    return x.permute(order)


def _unflatten(x: Tensor, dim: int, sizes: Sequence[Side]) -> Tensor:
    dim %= x.dim()
    return x.reshape(*x.shape[:dim], *sizes, *x.shape[dim + 1 :])


def _transpose(x: Tensor, *_: Any) -> Tensor:
    return x.transpose(-2, -1)


def _as_it_is(x: Tensor, **_: Any) -> Tensor:
    """ONNX knows no layouts of memory."""
    return x


_REWRITTEN: dict[Any, Callable[..., Tensor]] = {
    Tensor.mT.__get__: _transpose,  # type: ignore[attr-defined]  # the stub has a tensor, not its descriptor
    Tensor.contiguous: _as_it_is,
    Tensor.movedim: _movedim,
    Tensor.unflatten: _unflatten,
    torch.unflatten: _unflatten,
}
