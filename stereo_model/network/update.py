"""One iteration of the refinement: motion features, selective ConvGRUs, disparity step (paper 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.network.config import ModelConfig
from stereo_model.network.context import ContextLevel
from stereo_model.network.lookup import channels_innermost

FIRST_CHANGE = 0.01  # scale of the last layer's initial weights; an untrained refinement hardly changes
LAYER_SCALE = 0.1  # initial weight of the residual branches of the disparity head


class MotionEncoder(nn.Module):
    """What GeometryLookup.read gives, (B,h,w,K), and the disparity (B,1,h,w) -> (B,hidden,h,w).

    The last channel is the disparity.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        taps = 2 * config.corr_radius + 1
        corr, disp = config.motion_corr_dim, config.motion_disparity_dim
        self.corr1 = nn.Conv2d(config.corr_levels * taps * (config.volume_dim + 1), corr, 1)
        self.levels, self.taps = config.corr_levels, taps
        self.corr2 = nn.Conv2d(corr, corr, 3, padding=1)
        self.disp1 = nn.Conv2d(1, disp, 7, padding=3)
        self.disp2 = nn.Conv2d(disp, disp, 3, padding=1)
        self.join = nn.Conv2d(corr + disp, config.hidden_dim - 1, 3, padding=1)

    def forward(self, lookup_bhwk: Tensor, disparity_b1hw: Tensor) -> Tensor:
        weight = channels_innermost(self.corr1.weight.flatten(1), levels=self.levels, taps=self.taps)
        corr = F.relu(F.linear(lookup_bhwk, weight, self.corr1.bias)).permute(0, 3, 1, 2)
        corr = F.relu(self.corr2(corr))
        disp = F.relu(self.disp2(F.relu(self.disp1(disparity_b1hw))))
        joined = F.relu(self.join(torch.cat([corr, disp], dim=1)))
        return torch.cat([joined, disparity_b1hw], dim=1)


class ConvGRUCell(nn.Module):
    """Convolutional GRU whose gates read `gate_input` and whose candidate reads the reset state and `x`."""

    def __init__(self, hidden: int, inputs: int, kernel: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(hidden + inputs, 2 * hidden, kernel, padding=kernel // 2)  # update, reset
        self.candidate = nn.Conv2d(hidden + inputs, hidden, kernel, padding=kernel // 2)

    def forward(self, state_bchw: Tensor, x_bchw: Tensor, gate_input_bchw: Tensor) -> Tensor:
        update, reset = torch.sigmoid(self.gates(gate_input_bchw)).chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(torch.cat([reset * state_bchw, x_bchw], dim=1)))
        return (1 - update) * state_bchw + update * candidate


class GRUContext(NamedTuple):
    """What a SelectiveGRU takes from the context: the same in every iteration of a pair."""

    term_bchw: Tensor  # the context's share of the GRU's first convolution, with its bias
    attention_b1hw: Tensor  # in (0, 1): share of the 1x1 cell


class UpdateContexts(NamedTuple):
    """What an UpdateBlock takes from the context: the same in every iteration of a pair."""

    at4: GRUContext
    at8: GRUContext
    at16: GRUContext


class SelectiveGRU(nn.Module):
    """A 1x1 cell and a 3x3 cell, blended per pixel by the context attention.

    The input is [context, rest]; the context's part of the first convolution does not change between
    iterations, so `prepare` computes it once.
    """

    def __init__(self, hidden: int, inputs: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.input_conv = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.gate_conv = nn.Conv2d(inputs + hidden, inputs + hidden, 3, padding=1)
        self.small = ConvGRUCell(hidden, inputs, 1)
        self.large = ConvGRUCell(hidden, inputs, 3)

    def prepare(self, level: ContextLevel) -> GRUContext:
        """Once per pair."""
        weight, bias = self.input_conv.weight[:, : self.hidden], self.input_conv.bias
        term = F.conv2d(level.context_bchw, weight, bias, padding=1)
        return GRUContext(term, level.attention_b1hw)

    def forward(self, state_bchw: Tensor, context: GRUContext, rest: Sequence[Tensor]) -> Tensor:
        mixed = F.conv2d(torch.cat(list(rest), dim=1), self.input_conv.weight[:, self.hidden :], padding=1)
        x = F.relu(context.term_bchw + mixed)
        gate_input = F.relu(self.gate_conv(torch.cat([x, state_bchw], dim=1)))
        small = self.small(state_bchw, x, gate_input)
        large = self.large(state_bchw, x, gate_input)
        blended: Tensor = small * context.attention_b1hw + large * (1 - context.attention_b1hw)
        return blended


class ConvNeXtBlock(nn.Module):
    """x + scale * perceptron(depthwise 7x7(x)), without norm."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.linear1 = nn.Linear(channels, expansion * channels)
        self.linear2 = nn.Linear(expansion * channels, channels)

    def forward(self, x_bchw: Tensor) -> Tensor:
        y = self.depthwise(x_bchw).permute(0, 2, 3, 1)
        y = self.scale * self.linear2(F.gelu(self.linear1(y)))
        changed: Tensor = x_bchw + y.permute(0, 3, 1, 2)
        return changed


class DisparityHead(nn.Sequential):
    """Hidden state (B,C,h,w) -> change of disparity (B,1,h,w): 3x3, ReLU, two ConvNeXt blocks, 3x3."""

    def __init__(self, hidden: int, expansion: int) -> None:
        super().__init__(
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.ReLU(),
            ConvNeXtBlock(hidden, expansion),
            ConvNeXtBlock(hidden, expansion),
            nn.Conv2d(hidden, 1, 3, padding=1),
        )
        for weight in self[-1].parameters():
            weight.data.mul_(FIRST_CHANGE)


class UpdateBlock(nn.Module):
    """Three GRUs from coarse to fine, then the change of disparity."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        hidden = config.hidden_dim
        self.motion = MotionEncoder(config)
        self.gru4 = SelectiveGRU(hidden, 3 * hidden)
        self.gru8 = SelectiveGRU(hidden, 3 * hidden)
        self.gru16 = SelectiveGRU(hidden, 2 * hidden)
        self.disparity_head = DisparityHead(hidden, config.head_expansion)

    def prepare(self, levels: Sequence[ContextLevel]) -> UpdateContexts:
        """Once per pair, from the context at 1/4, 1/8, 1/16."""
        l4, l8, l16 = levels
        return UpdateContexts(self.gru4.prepare(l4), self.gru8.prepare(l8), self.gru16.prepare(l16))

    def forward(
        self,
        states: Sequence[Tensor],  # hidden states at 1/4, 1/8, 1/16
        contexts: UpdateContexts,
        lookup_bhwk: Tensor,  # from GeometryLookup.read
        disparity_b1hw: Tensor,
    ) -> tuple[list[Tensor], Tensor]:
        """New hidden states and the change of disparity (B,1,h,w) in quarter-resolution pixels."""
        s4, s8, s16 = states
        s16 = self.gru16(s16, contexts.at16, [halve(s8)])
        s8 = self.gru8(s8, contexts.at8, [halve(s4), enlarge(s16, s8)])
        motion = self.motion(lookup_bhwk, disparity_b1hw)
        s4 = self.gru4(s4, contexts.at4, [motion, enlarge(s8, s4)])
        return [s4, s8, s16], self.disparity_head(s4)


def halve(x_bchw: Tensor) -> Tensor:
    """Average of 3x3 pixels around every second one."""
    return F.avg_pool2d(x_bchw, 3, stride=2, padding=1)


def enlarge(x_bchw: Tensor, like_bchw: Tensor) -> Tensor:
    """Bilinear, corners aligned, to the size of another map."""
    return F.interpolate(x_bchw, size=like_bchw.shape[2:], mode="bilinear", align_corners=True)
