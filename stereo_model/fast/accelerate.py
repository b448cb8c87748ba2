"""The copy of a network that infers: the same weights under the computations of this folder.

    fast = accelerate(model)      # milliseconds; no weight is copied
    fast.predict(left, right)     # as model.predict; `vits` on a CPU in 60 % of the time

For the CPU above all; on a GPU the copy folds norms and keeps fewer tensors alive. Beside each file of
`network` that is computed in another way here stands one of the same name. The results agree but for
rounding (some 1e-4 px). The rule: `FoundationStereo.predict` runs the model as it is, and whoever infers
calls it on `accelerate(model)`, as `stereo_model.inference.predict` does for the commands.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from stereo_model.fast.blocks import (
    FastAxialPlanarConv,
    FastBasicBlock3d,
    FastConv2d,
    FastFeatureAttention,
    FastNormedConv,
    FastResidualBlock,
    FastSingleMapConv,
)
from stereo_model.fast.cost_volume import FastCostVolume
from stereo_model.fast.disparity_transformer import FastDisparityTransformer
from stereo_model.fast.filtering import FastHourglass
from stereo_model.fast.update import FastUpdateBlock
from stereo_model.network.blocks import (
    AxialPlanarConv,
    BasicBlock3d,
    FeatureAttention,
    NormedConv,
    ResidualBlock,
    SingleMapConv,
)
from stereo_model.network.cost_volume import HybridCostVolume
from stereo_model.network.disparity_transformer import DisparityTransformer
from stereo_model.network.filtering import Hourglass
from stereo_model.network.model import FoundationStereo, StereoOutput
from stereo_model.network.update import UpdateBlock
from stereo_model.network.variant import variant


class InferenceOnlyError(TypeError):
    """An accelerated copy was asked to learn."""


class AcceleratedStereo(FoundationStereo):
    """A FoundationStereo that only infers: it stays in evaluation mode and records no gradients."""

    @torch.no_grad()
    def forward(
        self,
        left_bchw: Tensor,
        right_bchw: Tensor,
        *,
        iterations: int | None = None,
        every_iteration: bool | None = None,
        initial_disparity: Tensor | None = None,
    ) -> StereoOutput:
        return super().forward(
            left_bchw,
            right_bchw,
            iterations=iterations,
            every_iteration=every_iteration,
            initial_disparity=initial_disparity,
        )

    def train(self, mode: bool = True) -> AcceleratedStereo:
        """Raises InferenceOnlyError for training mode."""
        if mode:
            raise InferenceOnlyError("an accelerated copy only infers; train the model that it was made from")
        super().train(False)
        return self


FAST: Mapping[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: FastConv2d,
    SingleMapConv: FastSingleMapConv,
    NormedConv: FastNormedConv,
    ResidualBlock: FastResidualBlock,
    BasicBlock3d: FastBasicBlock3d,
    AxialPlanarConv: FastAxialPlanarConv,
    FeatureAttention: FastFeatureAttention,
    HybridCostVolume: FastCostVolume,
    DisparityTransformer: FastDisparityTransformer,
    Hourglass: FastHourglass,
    UpdateBlock: FastUpdateBlock,
    FoundationStereo: AcceleratedStereo,
}

REFERENCE: Mapping[type[nn.Module], type[nn.Module]] = {fast: plain for plain, fast in FAST.items()}


def accelerate(model: FoundationStereo) -> FoundationStereo:
    """A copy of `model` for inference, in evaluation mode, that shares its weights and their names.

    The model stays as it is and can go on learning: the copy infers with whatever its weights are at the
    time. Move the model to its device first. An accelerated copy is returned as it is.
    """
    return model if isinstance(model, AcceleratedStereo) else variant(model, FAST).eval()


def reference(model: FoundationStereo) -> FoundationStereo:
    """The plain network that an accelerated copy was made from; any other model as it is."""
    return variant(model, REFERENCE).eval() if isinstance(model, AcceleratedStereo) else model
