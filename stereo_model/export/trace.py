"""The network written so that a trace of it holds for images of every size, as ONNX needs it.

A trace is what happened for one size. It holds for others where sizes enter as tensors alone: no Python
number is made from them, no branch depends on them, and no list is as long as they say. The parts are the
model's own; what is rewritten here gives the same numbers: the volume, whose slices depend on the width in
`cost_volume`, and the sizes and position embedding of the monocular prior, which branch in `prior` and `vit`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from stereo_model.network.config import VOLUME_STRIDE, ModelConfig
from stereo_model.network.cost_volume import HybridCostVolume
from stereo_model.network.evidence import LIKE_COLOUR, census
from stereo_model.network.lookup import GeometryLookup
from stereo_model.network.model import FoundationStereo
from stereo_model.network.prior import SIDE_LIMIT, SIDE_MULTIPLE, MonocularPrior, ViTPrior
from stereo_model.network.vit import GRID, GRID_OFFSET, DinoViT

CUBIC = -0.75  # the parameter of torch's bicubic interpolation

Side = Tensor | int  # length of an axis; a tensor while tracing


class TraceableStereo(nn.Module):
    """forward: left, right (B,3,H,W) RGB 0..255, sides multiples of 32 -> disparity (B,1,H,W), pixels.

    The model in evaluation mode with a fixed number of iterations. Trace it inside `PlainShapes`.
    """

    def __init__(self, model: FoundationStereo, iterations: int) -> None:
        super().__init__()
        self.net = model
        self.prior = AnySizePrior(model.prior) if isinstance(model.prior, ViTPrior) else model.prior
        self.iterations = iterations

    def forward(self, left_bchw: Tensor, right_bchw: Tensor) -> Tensor:
        net, config = self.net, self.net.config
        left, right = ((x / 255.0 - net.pixel_mean) / net.pixel_std for x in (left_bchw, right_bchw))
        pyramid, raw, prior = net.features(torch.cat([left, right]), self.prior)
        left4, right4 = pyramid[0].chunk(2)
        evidence = evidence_of(config, left_bchw, right_bchw, raw)
        volume = cost_volume(net.cost_volume, left4, right4, evidence)
        volume = net.hourglass(volume, [level.chunk(2)[0] for level in pyramid[1:]])
        disparity, _ = net.initial(volume, evidence)
        lookup = GeometryLookup(volume, left4, right4, levels=config.corr_levels, radius=config.corr_radius)
        levels = net.context(left, None if prior is None else prior.chunk(2)[0])
        states, terms = [level.hidden_bchw for level in levels], net.update.context_terms(levels)
        attentions = [level.attention_b1hw for level in levels]
        for _ in range(self.iterations):
            states, change = net.update(states, terms, attentions, lookup.read(disparity), disparity)
            disparity = disparity + change
        return net.upsampler(states[0], net.half_stem(left), disparity)


def holds_for_every_size(prior: MonocularPrior | None) -> bool:
    """Whether a trace of a model with this prior does; nothing is known of one that was handed in."""
    return prior is None or isinstance(prior, ViTPrior)


# ---------------------------------------------------------------- volume


def cost_volume(
    net: HybridCostVolume, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None
) -> Tensor:
    """HybridCostVolume.forward."""
    correlation = group_correlation(left_bchw, right_bchw, bins=net.bins, groups=net.groups)
    left = net.project(left_bchw).unsqueeze(2).expand(-1, -1, net.bins, -1, -1)
    right = torch.stack(_shifted(net.project(right_bchw), net.bins), dim=2)
    given = [correlation] if evidence_bedhw is None else [correlation, evidence_bedhw]
    return net.attention(net.smooth(net.mix(torch.cat([*given, left, right], dim=1))), left_bchw)


def group_correlation(left_bchw: Tensor, right_bchw: Tensor, *, bins: int, groups: int) -> Tensor:
    """cost_volume.group_correlation."""
    left, right = (F.normalize(x.unflatten(1, (groups, -1)), dim=2) for x in (left_bchw, right_bchw))
    return torch.stack([(left * plane).sum(2) for plane in _shifted(right, bins)], dim=2)


def evidence_of(
    config: ModelConfig, left_bchw: Tensor, right_bchw: Tensor, raw_bchw: Tensor
) -> Tensor | None:
    """FoundationStereo._evidence."""
    if not config.evidence_skip:
        return None
    if config.census_radius is None:
        return window_evidence(*raw_bchw.chunk(2), bins=config.bins)
    return census_evidence(left_bchw, right_bchw, bins=config.bins, radius=config.census_radius)


def census_evidence(left_bchw: Tensor, right_bchw: Tensor, *, bins: int, radius: int) -> Tensor:
    """census.census_evidence."""
    side = VOLUME_STRIDE
    left, right = census(left_bchw), census(right_bchw)
    right = torch.cat([right, torch.ones_like(right[:, :1])], dim=1)  # and where there is an image at all
    planes = []
    for shifted in _shifted(right, side * bins):
        products = F.avg_pool2d((left * shifted[:, :-1]).sum(1, keepdim=True), side)
        planes.append(products * F.avg_pool2d(shifted[:, -1:], side).floor())
    cells, colour = torch.cat(planes, dim=1), F.avg_pool2d(left_bchw, side)
    support = _like_average(_like_average(cells, colour, radius, dim=3), colour, radius, dim=2)
    near = F.max_pool3d(support.unsqueeze(1), (5, 1, 1), stride=(side, 1, 1), padding=(2, 0, 0))
    fine = (plane.unflatten(1, (bins, side)).transpose(1, 2) for plane in (support, cells))
    return torch.cat([near, *fine], dim=1)


def _like_average(planes_bnhw: Tensor, colour_bchw: Tensor, radius: int, *, dim: int) -> Tensor:
    """census._like_average, neighbours beyond the image weighing nothing."""
    there = torch.cat([planes_bnhw, colour_bchw, torch.ones_like(colour_bchw[:, :1])], dim=1)
    padding = (radius, radius, 0, 0) if dim == 3 else (0, 0, radius, radius)
    padded, length = F.pad(there, padding), colour_bchw.shape[dim]
    total, weights = planes_bnhw, torch.ones_like(colour_bchw[:, :1])
    for place in (*range(radius), *range(radius + 1, 2 * radius + 1)):
        near = padded.narrow(dim, place, length)
        planes, colour, inside = near.split([planes_bnhw.shape[1], colour_bchw.shape[1], 1], dim=1)
        weight = inside * torch.exp(-(colour - colour_bchw).abs().sum(1, keepdim=True) / LIKE_COLOUR)
        total, weights = total + weight * planes, weights + weight
    return total / weights


def window_evidence(left_bchw: Tensor, right_bchw: Tensor, *, bins: int) -> Tensor:
    """cost_volume.window_evidence."""
    left, right = F.instance_norm(left_bchw), F.instance_norm(right_bchw)
    planes = group_correlation(left, right, bins=bins, groups=1)[:, 0]
    for _ in range(2):
        planes = F.avg_pool2d(planes, 3, stride=1, padding=1, count_include_pad=False)
    return planes.unsqueeze(1)


def _shifted(right: Tensor, bins: int) -> list[Tensor]:
    """The right map (...,w) as each disparity bin sees it, zero where the right image ends."""
    width = right.shape[-1]
    padded = F.pad(right, (bins, 0))
    return [padded[..., bins - d : bins - d + width] for d in range(bins)]


# ---------------------------------------------------------------- prior


class AnySizePrior(ViTPrior):
    """A ViTPrior that shares all weights with the given one."""

    def __init__(self, prior: ViTPrior) -> None:
        nn.Module.__init__(self)
        self.channels, self.trained_head = prior.channels, prior.trained_head
        self.vit, self.head = AnySizeViT(prior.vit), prior.head
        self.register_buffer("gain", prior.gain, persistent=False)
        self.register_buffer("shift", prior.shift, persistent=False)

    def resize_image(self, image_bchw: Tensor) -> Tensor:
        size = transformer_size(*image_bchw.shape[-2:])
        image = image_bchw * self.gain + self.shift
        return F.interpolate(image, size=size, mode="bicubic", align_corners=False)

    def from_tokens(self, maps: Sequence[Tensor], image_size: Sequence[Side]) -> tuple[Tensor, list[Tensor]]:
        out = self.head(maps)
        rows, columns = (
            linear_matrix(start, middle) @ linear_matrix(middle, length // VOLUME_STRIDE)
            for start, middle, length in zip(
                out.prior_bchw.shape[-2:], transformer_size(*image_size), image_size, strict=True
            )
        )
        return rows.transpose(0, 1) @ (out.prior_bchw @ columns), out.levels


class AnySizeViT(DinoViT):
    """A DinoViT that shares all weights with the given one."""

    def __init__(self, vit: DinoViT) -> None:
        nn.Module.__init__(self)
        self.size, self.net = vit.size, vit.net

    def embed(self, image_bchw: Tensor) -> Tensor:
        patches = self.net.patch_embed.proj(image_bchw)
        batch, _, rows, columns = patches.shape
        tokens = torch.cat(
            [self.net.cls_token.expand(batch, -1, -1), patches.flatten(2).transpose(1, 2)], dim=1
        )
        return tokens + self._positions(rows, columns)

    def _positions(self, rows: Side, columns: Side) -> Tensor:
        embedding = self.net.pos_embed
        grid = embedding[:, 1:].transpose(1, 2).unflatten(2, (GRID, GRID))
        grid = cubic_matrix(rows) @ grid @ cubic_matrix(columns).transpose(0, 1)
        return torch.cat([embedding[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)


def transformer_size(height: Side, width: Side) -> tuple[Side, Side]:
    """prior.transformer_size in whole-number arithmetic: (H, W), multiples of 112, none above 1344."""
    rows, columns = (SIDE_MULTIPLE * _at_least(side, SIDE_MULTIPLE) for side in (height, width))
    longest = torch.maximum(torch.as_tensor(rows), torch.as_tensor(columns))
    most = SIDE_LIMIT // SIDE_MULTIPLE
    shrunk = (SIDE_MULTIPLE * _at_least(side * most, longest) for side in (rows, columns))
    return tuple(
        torch.where(longest <= SIDE_LIMIT, side, smaller)
        for side, smaller in zip((rows, columns), shrunk, strict=True)
    )


def _at_least(length: Side, parts: Side) -> Side:
    """length / parts, rounded up."""
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


def _unflatten(x: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    dim %= x.dim()
    return x.reshape(*x.shape[:dim], *sizes, *x.shape[dim + 1 :])


def _transpose(x: Tensor, *_: Any) -> Tensor:
    return x.transpose(-2, -1)


_REWRITTEN: dict[Any, Callable[..., Tensor]] = {
    Tensor.mT.__get__: _transpose,
    Tensor.movedim: _movedim,
    Tensor.unflatten: _unflatten,
}
