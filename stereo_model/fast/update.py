"""`network.update` for inference on the CPU: the same numbers from fewer multiplications.

Everything that does not change between iterations is prepared once per image pair: the context's share of
the first convolutions, and the transformed weights of `winograd`. Of the convolutions that read the same
input, those of one kernel size become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.fast import winograd
from stereo_model.fast.convolve import bias_of
from stereo_model.network.context import ContextLevel
from stereo_model.network.lookup import channels_innermost
from stereo_model.network.update import (
    ConvNeXtBlock,
    DisparityHead,
    GRUContext,
    MotionEncoder,
    SelectiveGRU,
    UpdateBlock,
    UpdateContexts,
    enlarge,
    halve,
)

PIXELS_AT_ONCE = 1024  # keeps the widest layer inside the processor's caches


class FastUpdateBlock(UpdateBlock):
    """Takes its own layers where `winograd` is of use, and does as UpdateBlock elsewhere."""

    def prepare(self, levels: Sequence[ContextLevel]) -> UpdateContexts:
        contexts = super().prepare(levels)
        if not winograd.applicable(levels[0].hidden_bchw):
            return contexts
        prepared = PreparedUpdate(*map(_channels_last, contexts))
        prepared.layers = _Layers(self)
        return prepared

    def forward(
        self,
        states: Sequence[Tensor],
        contexts: UpdateContexts,
        lookup_bhwk: Tensor,
        disparity_b1hw: Tensor,
    ) -> tuple[list[Tensor], Tensor]:
        if not isinstance(contexts, PreparedUpdate):
            return super().forward(states, contexts, lookup_bhwk, disparity_b1hw)
        layers = contexts.layers
        s4, s8, s16 = states
        s16 = layers.gru16(s16, contexts.at16, [halve(s8)])
        s8 = layers.gru8(s8, contexts.at8, [halve(s4), enlarge(s16, s8)])
        motion = layers.motion(lookup_bhwk, disparity_b1hw)
        s4 = layers.gru4(s4, contexts.at4, [motion, enlarge(s8, s4)])
        return [s4, s8, s16], layers.head(s4)


class PreparedUpdate(UpdateContexts):
    """Contexts in channels-last order, and the layers with the weights that the block has now."""

    layers: _Layers


class _Layers:
    """UpdateBlock's layers, their weights ready for many iterations."""

    def __init__(self, block: UpdateBlock) -> None:
        self.motion = _FastMotion(block.motion)
        self.head = _FastHead(block.disparity_head)
        self.gru4, self.gru8, self.gru16 = map(_FastGRU, (block.gru4, block.gru8, block.gru16))


def _channels_last(context: GRUContext) -> GRUContext:
    return context._replace(term_bchw=context.term_bchw.contiguous(memory_format=torch.channels_last))


class _Conv3x3:
    """A 3x3 convolution of joined maps, the first channels of whose result are rectified."""

    def __init__(self, weight_oihw: Tensor, bias_o: Tensor | None = None, *, rectified: int = 0) -> None:
        self.rectified = rectified
        self.direct = (weight_oihw, bias_o)
        outputs, inputs = weight_oihw.shape[:2]
        self.fast = winograd.prepare(*self.direct) if winograd.pays(inputs, outputs) else None

    def __call__(self, *parts: Tensor) -> Tensor:
        if self.fast is not None:
            return winograd.convolve(parts, self.fast, rectified=self.rectified)
        result = F.conv2d(torch.cat(parts, dim=1), *self.direct, padding=1)
        result = result.contiguous(memory_format=torch.channels_last)
        F.relu_(result[:, : self.rectified])
        return result


class _FastMotion:
    """update.MotionEncoder; a channel without weights is computed where the disparity goes."""

    def __init__(self, motion: MotionEncoder) -> None:
        weight = motion.corr1.weight.flatten(1)
        self.corr1 = (channels_innermost(weight, levels=motion.levels, taps=motion.taps), motion.corr1.bias)
        self.corr2 = _Conv3x3(motion.corr2.weight, motion.corr2.bias, rectified=motion.corr2.out_channels)
        self.disp1, self.disp2 = motion.disp1, motion.disp2
        join = (F.pad(motion.join.weight, (0, 0, 0, 0, 0, 0, 0, 1)), F.pad(bias_of(motion.join), (0, 1)))
        self.join = _Conv3x3(*join, rectified=motion.join.out_channels)

    def __call__(self, lookup_bhwk: Tensor, disparity_b1hw: Tensor) -> Tensor:
        corr = self.corr2(F.relu_(F.linear(lookup_bhwk, *self.corr1)).permute(0, 3, 1, 2))
        disp = F.relu_(self.disp2(F.relu_(self.disp1(disparity_b1hw))))
        joined = self.join(corr, disp)
        joined[:, -1:] = disparity_b1hw
        return joined


class _FastHead:
    """update.DisparityHead, some pixels of its wide layers at a time."""

    def __init__(self, head: DisparityHead) -> None:
        first, _, *blocks, self.last = head
        first = cast(nn.Conv2d, first)
        self.first = _Conv3x3(first.weight, first.bias, rectified=first.out_channels)
        self.blocks = [cast(ConvNeXtBlock, block) for block in blocks]

    def __call__(self, state_bchw: Tensor) -> Tensor:
        x = self.first(state_bchw)
        for block in self.blocks:
            inner = block.depthwise(x).contiguous(memory_format=torch.channels_last)
            x = x.contiguous(memory_format=torch.channels_last)
            weight, bias = block.scale[:, None] * block.linear2.weight, block.scale * block.linear2.bias
            pieces = (torch.split(_pixels(maps), PIXELS_AT_ONCE) for maps in (inner, x))
            for pixels, part in zip(*pieces, strict=True):
                part.addmm_(F.gelu(block.linear1(pixels)), weight.T).add_(bias)
        change: Tensor = self.last(x)
        return change


class _FastGRU:
    """update.SelectiveGRU. Maps are channels-last; 1x1 convolutions are matrix products."""

    def __init__(self, gru: SelectiveGRU) -> None:
        hidden = gru.hidden
        large, small = gru.large, gru.small
        self.hidden = hidden
        self.mix = _Conv3x3(gru.input_conv.weight[:, hidden:])
        candidate_of_x = F.pad(large.candidate.weight[:, hidden:], (0, 0, 0, 0, 0, hidden))
        self.wide = _Conv3x3(  # of [x, state]: the gates' input, and the part of x in the large candidate
            torch.cat([gru.gate_conv.weight, candidate_of_x]),
            torch.cat([bias_of(gru.gate_conv), bias_of(large.candidate)]),
            rectified=gru.gate_conv.out_channels,
        )
        self.large_gates = _Conv3x3(large.gates.weight, large.gates.bias)
        self.large_reset = _Conv3x3(large.candidate.weight[:, :hidden])
        self.small_gates = (small.gates.weight.flatten(1).T, bias_of(small.gates))
        of_both = small.candidate.weight.flatten(1).T
        self.small_candidate = (of_both[:hidden], of_both[hidden:], bias_of(small.candidate))

    def __call__(self, state_bchw: Tensor, context: GRUContext, rest: Sequence[Tensor]) -> Tensor:
        state = state_bchw.contiguous(memory_format=torch.channels_last)
        x = F.relu_(self.mix(*rest).add_(context.term_bchw))
        wide = self.wide(x, state)
        gate_input, candidate = wide[:, : -self.hidden], wide[:, -self.hidden :]
        large = self._large(state, gate_input, candidate)
        small = self._small(_pixels(state), _pixels(x), _pixels(wide)[:, : -self.hidden])
        b, _, h, w = state.shape
        small = small.view(b, h, w, self.hidden).permute(0, 3, 1, 2)
        return torch.lerp(large, small, context.attention_b1hw)

    def _large(self, state_bchw: Tensor, gate_input_bchw: Tensor, candidate_bchw: Tensor) -> Tensor:
        update, reset = self.large_gates(gate_input_bchw).sigmoid_().chunk(2, dim=1)
        candidate = self.large_reset(reset * state_bchw).add_(candidate_bchw).tanh_()
        return torch.lerp(state_bchw, candidate, update)

    def _small(self, state_nc: Tensor, x_nc: Tensor, gate_input_nc: Tensor) -> Tensor:
        weight, bias = self.small_gates
        update, reset = torch.addmm(bias, gate_input_nc, weight).sigmoid_().chunk(2, dim=1)
        of_reset, of_x, bias = self.small_candidate
        candidate = torch.addmm(bias, x_nc, of_x).addmm_(reset * state_nc, of_reset).tanh_()
        return torch.lerp(state_nc, candidate, update)


def _pixels(x_bchw: Tensor) -> Tensor:
    """Channels-last maps as a matrix (pixels, channels), without a copy."""
    return x_bchw.permute(0, 2, 3, 1).flatten(0, 2)
