"""The network computed the plain way: the oracle of everything that is computed in another form.

`plain_copy` keeps a model's weights and replaces every rewriting by what it stands for: 3-D convolutions as
such, the correlation one disparity at a time with its own normalisation, the wide volume of concatenated
features, lookups by grid sampling of every tap, one convolution per gate, the context's share of each
convolution in every iteration, and every tensor kept until the end. Nothing but speed, memory and rounding
differs.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from stereo_model.network.blocks import DisparityConv, PointwiseConv3d, SingleMapConv
from stereo_model.network.cost_volume import HybridCostVolume
from stereo_model.network.model import FoundationStereo, StereoOutput
from stereo_model.network.update import ConvGRUCell, MotionEncoder, SelectiveGRU, UpdateBlock
from stereo_model.network.variant import variant
from tests.stereo_model.oracles.cost_volume import PlainCostVolume
from tests.stereo_model.oracles.lookup import PlainLookup
from tests.stereo_model.oracles.update import (
    PlainGRUCell,
    PlainMotionEncoder,
    PlainSelectiveGRU,
    PlainUpdateBlock,
)


def plain_copy(model: FoundationStereo) -> FoundationStereo:
    """A model with equal weights of its own, under equal names, that takes no shortcut."""
    return variant(copy.deepcopy(model), PLAIN)


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
        left, right = self.normalised(left_bchw), self.normalised(right_bchw)
        pyramid, backbone, prior = self.features(torch.cat([left, right]), self.prior)
        left4, right4 = pyramid[0].chunk(2)
        evidence = None if self.evidence is None else self.evidence(left_bchw, right_bchw, backbone)
        volume = self.cost_volume(left4, right4, evidence)
        filtered = self.hourglass(volume, [level.chunk(2)[0] for level in pyramid[1:]])
        initial, logits = self.initial(filtered, evidence)
        initial = initial if initial_disparity is None else initial_disparity
        lookup = PlainLookup(filtered, left4, right4, levels=config.corr_levels, radius=config.corr_radius)
        levels = self.context(left, None if prior is None else prior.chunk(2)[0])
        half = self.half_stem(left)
        states, disparity, maps = [level.hidden_bchw for level in levels], initial, []
        for step in range(steps):
            disparity = disparity.detach()
            states, change = self.update(states, levels, lookup(disparity), disparity)
            disparity = disparity + change.float()
            if every or step == steps - 1:
                maps.append(self.upsampler(states[0], half, disparity))
        return StereoOutput(initial_disparity=initial, disparities=maps, logits=logits)


PLAIN: dict[type[nn.Module], type[nn.Module]] = {
    PointwiseConv3d: nn.Conv3d,
    DisparityConv: nn.Conv3d,
    SingleMapConv: nn.Conv3d,
    HybridCostVolume: PlainCostVolume,
    MotionEncoder: PlainMotionEncoder,
    ConvGRUCell: PlainGRUCell,
    SelectiveGRU: PlainSelectiveGRU,
    UpdateBlock: PlainUpdateBlock,
    FoundationStereo: PlainStereo,
}
