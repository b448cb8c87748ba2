"""The network computed the plain way: the reference for everything that is computed faster.

`plain_copy` keeps a model's weights and replaces every shortcut by what it stands for: 3-D convolutions as
such, the correlation one disparity at a time with its own normalisation, the wide volume of concatenated
features, lookups by grid sampling of every tap, one convolution per gate, the context's share of each
convolution in every iteration, the averaging weights' network in every iteration, and every tensor kept
until the end. Nothing but speed, memory and rounding differs.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.blocks import Conv3d, DisparityConv, SingleMapConv
from stereo_model.network.context import ContextLevel
from stereo_model.network.cost_volume import HybridCostVolume
from stereo_model.network.lookup import all_pairs_correlation
from stereo_model.network.model import FoundationStereo, StereoOutput
from stereo_model.network.update import ConvGRUCell, MotionEncoder, SelectiveGRU, UpdateBlock, enlarge, halve


def plain_copy(model: FoundationStereo) -> FoundationStereo:
    """A model with equal weights of its own, under equal names, that takes no shortcut."""
    plain = copy.deepcopy(model)
    for module in plain.modules():
        module.fast = False
        module.__class__ = _PLAIN.get(type(module), type(module))
    return plain


class PlainCostVolume(HybridCostVolume):
    """Correlation and concatenation built bin by bin, joined, then convolved."""

    def forward(self, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None = None) -> Tensor:
        parts = []
        if self.groups:
            parts.append(plain_correlation(left_bchw, right_bchw, bins=self.bins, groups=self.groups))
        if evidence_bedhw is not None:
            parts.append(evidence_bedhw)
        if self.project is not None:
            views = (self.project(view) for view in (left_bchw, right_bchw))
            parts.append(plain_concatenation(*views, bins=self.bins))
        volume = torch.cat(parts, dim=1)
        return self.attention(self.smooth(self.mix(volume)), left_bchw)


def plain_correlation(left_bchw: Tensor, right_bchw: Tensor, *, bins: int, groups: int) -> Tensor:
    """cost_volume.group_correlation, one bin at a time."""
    left, right = (view.float().unflatten(1, (groups, -1)) for view in (left_bchw, right_bchw))
    b, _, _, h, w = left.shape
    volume = left.new_zeros(b, groups, bins, h, w)
    for d in range(min(bins, w)):
        pair = F.normalize(left[..., d:], dim=2) * F.normalize(right[..., : w - d], dim=2)
        volume[:, :, d, :, d:] = pair.sum(2)
    return volume


def plain_concatenation(left_bchw: Tensor, right_bchw: Tensor, *, bins: int) -> Tensor:
    """cost_volume.concatenation, one bin at a time."""
    b, c, h, w = left_bchw.shape
    volume = left_bchw.new_zeros(b, 2 * c, bins, h, w)
    for d in range(bins):
        volume[:, :c, d] = left_bchw
        if d < w:
            volume[:, c:, d, :, d:] = right_bchw[..., : w - d]
    return volume


class PlainLookup:
    """lookup.GeometryLookup by torch's own bilinear sampling with zero padding."""

    def __init__(
        self, volume_bcdhw: Tensor, left_bchw: Tensor, right_bchw: Tensor, *, levels: int, radius: int
    ) -> None:
        b, c, d, h, w = volume_bcdhw.shape
        geometry = volume_bcdhw.float().permute(0, 3, 4, 1, 2).reshape(b * h * w, c, 1, d)
        correlation = all_pairs_correlation(left_bchw, right_bchw).reshape(b * h * w, 1, 1, w)
        self.taps_t = torch.arange(-radius, radius + 1.0, device=volume_bcdhw.device)
        self.columns_n1 = torch.arange(w, device=volume_bcdhw.device).expand(b, h, w).reshape(-1, 1)
        self.levels = [(geometry, correlation)]
        for _ in range(levels - 1):
            geometry, correlation = (F.avg_pool2d(line, (1, 2)) for line in self.levels[-1])
            self.levels.append((geometry, correlation))

    def __call__(self, disparity_b1hw: Tensor) -> Tensor:
        """(B, levels * (C + 1) * taps, h, w); for each level, the taps of every channel."""
        b, _, h, w = disparity_b1hw.shape
        at = disparity_b1hw.reshape(-1, 1)
        read = []
        for level, (geometry, correlation) in enumerate(self.levels):
            read.append(_sample(geometry, at / 2**level + self.taps_t))
            read.append(_sample(correlation, (self.columns_n1 - at) / 2**level + self.taps_t))
        return torch.cat(read, dim=1).reshape(b, h, w, -1).permute(0, 3, 1, 2).contiguous()


def _sample(line_nc1l: Tensor, position_nt: Tensor) -> Tensor:
    x = 2 * position_nt / (line_nc1l.shape[-1] - 1) - 1
    grid = torch.stack([x, torch.zeros_like(x)], dim=-1).unsqueeze(1)
    return F.grid_sample(line_nc1l, grid, align_corners=True, padding_mode="zeros").flatten(1)


class PlainMotionEncoder(MotionEncoder):
    """Reads the lookup as (B,K,h,w)."""

    def forward(self, lookup_bkhw: Tensor, disparity_b1hw: Tensor) -> Tensor:
        corr = F.relu(self.corr2(F.relu(self.corr1(lookup_bkhw))))
        disp = F.relu(self.disp2(F.relu(self.disp1(disparity_b1hw))))
        joined = F.relu(self.join(torch.cat([corr, disp], dim=1)))
        return torch.cat([joined, disparity_b1hw], dim=1)


class PlainGRUCell(ConvGRUCell):
    """One convolution per gate."""

    def forward(self, state_bchw: Tensor, x_bchw: Tensor, gate_input_bchw: Tensor) -> Tensor:
        weights, biases = self.gates.weight.chunk(2), self.gates.bias.chunk(2)
        update, reset = (
            torch.sigmoid(F.conv2d(gate_input_bchw, weight, bias, padding=self.gates.padding))
            for weight, bias in zip(weights, biases, strict=True)
        )
        candidate = torch.tanh(self.candidate(torch.cat([reset * state_bchw, x_bchw], dim=1)))
        return (1 - update) * state_bchw + update * candidate


class PlainSelectiveGRU(SelectiveGRU):
    """The first convolution reads context and rest together."""

    def forward(
        self, state_bchw: Tensor, context_bchw: Tensor, rest: Sequence[Tensor], attention_b1hw: Tensor
    ) -> Tensor:
        x = F.relu(self.input_conv(torch.cat([context_bchw, *rest], dim=1)))
        gate_input = F.relu(self.gate_conv(torch.cat([x, state_bchw], dim=1)))
        small = self.small(state_bchw, x, gate_input)
        large = self.large(state_bchw, x, gate_input)
        return small * attention_b1hw + large * (1 - attention_b1hw)


class PlainUpdateBlock(UpdateBlock):
    """The three GRUs with the context itself in place of a term computed from it once."""

    def forward(
        self,
        states: Sequence[Tensor],
        levels: Sequence[ContextLevel],
        lookup_bkhw: Tensor,
        disparity_b1hw: Tensor,
    ) -> tuple[list[Tensor], Tensor]:
        contexts = [level.context_bchw for level in levels]
        attentions = [level.attention_b1hw for level in levels]
        s4, s8, s16 = states
        s16 = self.gru16(s16, contexts[2], [halve(s8)], attentions[2])
        s8 = self.gru8(s8, contexts[1], [halve(s4), enlarge(s16, s8)], attentions[1])
        motion = self.motion(lookup_bkhw, disparity_b1hw)
        s4 = self.gru4(s4, contexts[0], [motion, enlarge(s8, s4)], attentions[0])
        return [s4, s8, s16], self.disparity_head(s4)


class PlainStereo(FoundationStereo):
    """The network as a straight line; every tensor lives to the end."""

    def forward(
        self,
        left_bchw: Tensor,
        right_bchw: Tensor,
        *,
        iterations: int | None = None,
        every_iteration: bool | None = None,
        initial_disparity: Tensor | None = None,
    ) -> StereoOutput:
        config = self.config
        steps = config.iterations if iterations is None else iterations
        every = self.training if every_iteration is None else every_iteration
        left, right = self._normalise(left_bchw), self._normalise(right_bchw)
        pyramid, raw, prior_left = self._features(left, right)
        left4, right4 = pyramid[0].chunk(2)
        evidence = self._evidence(left_bchw, right_bchw, raw)
        volume = self.cost_volume(left4, right4, evidence)
        filtered = self.hourglass(volume, [level.chunk(2)[0] for level in pyramid[1:]])
        initial, logits = self.initial(filtered, evidence)
        initial = initial if initial_disparity is None else initial_disparity
        lookup = PlainLookup(filtered, left4, right4, levels=config.corr_levels, radius=config.corr_radius)
        levels = self.context(left, prior_left)
        half = self.half_stem(left)
        states, disparity, maps = [level.hidden_bchw for level in levels], initial, []
        for step in range(steps):
            disparity = disparity.detach()
            states, change = self.update(states, levels, lookup(disparity), disparity)
            disparity = disparity + change.float()
            mask = self.upsampler.mask(states[0])
            if every or step == steps - 1:
                maps.append(self.upsampler.finish(mask, half, disparity))
        return StereoOutput(initial_disparity=initial, disparities=maps, logits=logits)


_PLAIN: dict[type[nn.Module], type[nn.Module]] = {
    Conv3d: nn.Conv3d,
    DisparityConv: nn.Conv3d,
    SingleMapConv: nn.Conv3d,
    HybridCostVolume: PlainCostVolume,
    MotionEncoder: PlainMotionEncoder,
    ConvGRUCell: PlainGRUCell,
    SelectiveGRU: PlainSelectiveGRU,
    UpdateBlock: PlainUpdateBlock,
    FoundationStereo: PlainStereo,
}
