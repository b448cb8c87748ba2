"""The update block with one convolution per gate, and the context read in every iteration."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from stereo_model.network.context import ContextLevel
from stereo_model.network.update import ConvGRUCell, MotionEncoder, SelectiveGRU, UpdateBlock, enlarge, halve


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

    def forward(self, state_bchw: Tensor, level: ContextLevel, rest: Sequence[Tensor]) -> Tensor:
        x = F.relu(self.input_conv(torch.cat([level.context_bchw, *rest], dim=1)))
        gate_input = F.relu(self.gate_conv(torch.cat([x, state_bchw], dim=1)))
        small = self.small(state_bchw, x, gate_input)
        large = self.large(state_bchw, x, gate_input)
        return small * level.attention_b1hw + large * (1 - level.attention_b1hw)


class PlainUpdateBlock(UpdateBlock):
    """The three GRUs with the context itself in place of a term computed from it once."""

    def forward(
        self,
        states: Sequence[Tensor],
        levels: Sequence[ContextLevel],
        lookup_bkhw: Tensor,
        disparity_b1hw: Tensor,
    ) -> tuple[list[Tensor], Tensor]:
        l4, l8, l16 = levels
        s4, s8, s16 = states
        s16 = self.gru16(s16, l16, [halve(s8)])
        s8 = self.gru8(s8, l8, [halve(s4), enlarge(s16, s8)])
        motion = self.motion(lookup_bkhw, disparity_b1hw)
        s4 = self.gru4(s4, l4, [motion, enlarge(s8, s4)])
        return [s4, s8, s16], self.disparity_head(s4)
