"""FoundationStereo: features, cost volume, initial disparity, refinement (arXiv 2501.09898, section 3).

Images are (B,3,H,W) RGB in 0..255, rectified, H and W multiples of 32. Disparity d >= 0 means that the left
pixel x is seen at x - d in the right image. Inside the network disparity is in quarter-resolution pixels,
outside in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from stereo_model.network.any_size import (
    ImageSizeError,
    NonFiniteImageError,
    check_initial,
    check_pair,
    checked_images,
    estimate_padded,
    estimate_small,
)
from stereo_model.network.checkpointing import recomputing
from stereo_model.network.config import ModelConfig
from stereo_model.network.context import ContextLevel, ContextNetwork
from stereo_model.network.cost_volume import HybridCostVolume
from stereo_model.network.drawn import Drawn, warn_if_random
from stereo_model.network.evidence import build_evidence
from stereo_model.network.features import HalfResolutionStem, build_pyramid
from stereo_model.network.filtering import Hourglass, InitialDisparity
from stereo_model.network.lookup import GeometryLookup
from stereo_model.network.prior import MonocularPrior, build_prior
from stereo_model.network.update import UpdateBlock, UpdateContexts
from stereo_model.network.upsample import ConvexUpsampler

__all__ = ["FoundationStereo", "ImageSizeError", "NonFiniteImageError", "StereoOutput"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StereoOutput:
    """What the network says about one batch of pairs."""

    initial_disparity: Tensor  # (B,1,H/4,W/4), quarter-resolution pixels
    disparities: list[Tensor]  # each (B,1,H,W), pixels; one per iteration, or the last alone
    logits: Tensor | None = None  # (B,D,H/4,W/4) of the bins of the initial disparity, unless that was given


class FoundationStereo(nn.Module):
    """The network. Use `stereo_model.create_model` to build one by preset.

    The prior the configuration names is built with it; `prior` hands in another one of `prior_dim` channels.
    This is the network that trains; `stereo_model.fast.accelerate` makes the copy that infers.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, config: ModelConfig, prior: MonocularPrior | None = None) -> None:
        super().__init__()
        prior = build_prior(config) if prior is None else prior
        given = prior.channels if prior is not None else 0
        if given != config.prior_dim:
            raise ValueError(
                f"the prior gives {given} channels, the configuration says prior_dim={config.prior_dim}"
            )
        self.config = config
        self.drawn: Drawn | None = None  # of weights that are drawn and not learned (see `drawn.py`)
        self.checkpointing = False
        """Whether training computes the volumes and each iteration again in the backward pass (see
        `checkpointing.py`). A compiled network does so for the iterations alone."""
        self.prior = prior
        self.features = build_pyramid(config, prior)
        self.half_stem = HalfResolutionStem(config.half_dim)
        self.evidence = build_evidence(config)
        self.cost_volume = HybridCostVolume(config, self.features.channels[0])
        self.hourglass = Hourglass(config, self.features.channels[1:])
        self.initial = InitialDisparity(config)
        self.context = ContextNetwork(config)
        self.update = UpdateBlock(config)
        self.upsampler = ConvexUpsampler(config)
        self.register_buffer("pixel_mean", torch.tensor(config.pixel_mean).view(3, 1, 1), persistent=False)
        self.register_buffer("pixel_std", torch.tensor(config.pixel_std).view(3, 1, 1), persistent=False)
        for part in prior.frozen_parts() if prior is not None else []:
            part.requires_grad_(False).eval()

    def forward(
        self,
        left_bchw: Tensor,
        right_bchw: Tensor,
        *,
        iterations: int | None = None,
        every_iteration: bool | None = None,
        initial_disparity: Tensor | None = None,
    ) -> StereoOutput:
        """Estimate the disparity of the left image.

        0 iterations give the initial disparity alone. `every_iteration` asks for the full-resolution map of
        each iteration; by default that is so in training mode. `initial_disparity` (B,1,H/4,W/4), in
        quarter-resolution pixels, replaces the network's own, which is then not computed. Raises
        ImageSizeError for unequal shapes or sides that are not multiples of 32.
        """
        steps = self.config.iterations if iterations is None else iterations
        if steps < 0:
            raise ValueError(f"iterations must not be negative, got {steps}")
        check_pair(left_bchw, right_bchw)
        check_initial(initial_disparity, left_bchw)
        left, right = self.normalised(left_bchw), self.normalised(right_bchw)
        # 3.1 Features of both images, with the monocular prior
        pyramid, backbone, prior = self.features(torch.cat([left, right]), self.prior)
        evidence = None if self.evidence is None else self.evidence(left_bchw, right_bchw, backbone)
        # 3.2 Cost volume, its filtering, and the disparity to start from
        volume = self._filtered_volume(pyramid, evidence)
        initial, logits = initial_disparity, None
        if initial is None:
            initial, logits = self.initial(volume, evidence)
        if steps == 0:
            return StereoOutput(initial_disparity=initial, disparities=[], logits=logits)
        # 3.3 Iterative refinement
        lookup = self.lookup(volume, pyramid[0])
        del pyramid, backbone, evidence, volume  # make room for the iterations
        levels = self.context(left, None if prior is None else prior.chunk(2)[0])
        every = self.training if every_iteration is None else every_iteration
        disparities = self._refined(initial, lookup, levels, self.half_stem(left), steps, every)
        return StereoOutput(initial_disparity=initial, disparities=disparities, logits=logits)

    def normalised(self, image_bchw: Tensor) -> Tensor:
        """An image in 0..255 as the backbone was trained on."""
        return (image_bchw.float() / 255.0 - self.pixel_mean) / self.pixel_std

    def lookup(self, volume_bcdhw: Tensor, features_bchw: Tensor) -> GeometryLookup:
        """What the iterations read: the filtered volume, and features at 1/4 of [left; right]."""
        left4, right4 = features_bchw.chunk(2)
        levels, radius = self.config.corr_levels, self.config.corr_radius
        return GeometryLookup(volume_bcdhw, left4, right4, levels=levels, radius=radius)

    def _filtered_volume(self, pyramid: Sequence[Tensor], evidence_bedhw: Tensor | None) -> Tensor:
        """The filtered volume. The unfiltered one is let go as soon as its coarse levels are there."""
        left4, right4 = pyramid[0].chunk(2)
        features = [level.chunk(2)[0] for level in pyramid[1:]]
        volume = self._run(self.cost_volume, self.cost_volume, left4, right4, evidence_bedhw)
        coarse = self._run(self.hourglass, self.hourglass.coarse, volume, features)
        del volume
        filtered: Tensor = self._run(self.hourglass, self.hourglass.finish, coarse)
        return filtered

    def _refined(
        self,
        initial_b1hw: Tensor,
        lookup: GeometryLookup,
        levels: Sequence[ContextLevel],
        half_bchw: Tensor,
        steps: int,
        every: bool,
    ) -> list[Tensor]:
        """Disparities at full resolution, of every iteration or of the last alone."""
        contexts = self.update.prepare(levels)
        states = [level.hidden_bchw for level in levels]
        disparity = initial_b1hw
        maps = []
        for iteration in range(steps):
            disparity = disparity.detach()
            states, change = self._run(self.update, self._step, states, contexts, lookup, disparity)
            disparity = disparity + change.float()
            if every or iteration == steps - 1:
                maps.append(self._run(self.upsampler, self.upsampler, states[0], half_bchw, disparity))
        return maps

    def _step(
        self,
        states: Sequence[Tensor],
        contexts: UpdateContexts,
        lookup: GeometryLookup,
        disparity_b1hw: Tensor,
    ) -> tuple[list[Tensor], Tensor]:
        """New states and the change of disparity."""
        step: tuple[list[Tensor], Tensor] = self.update(
            states, contexts, lookup.read(disparity_b1hw), disparity_b1hw
        )
        return step

    def _run(self, owner: nn.Module, part: Callable[..., Any], *given: Any) -> Any:
        """part(*given), a function of `owner`; with `checkpointing`, again when its gradient is asked for."""
        if self.checkpointing and torch.is_grad_enabled():
            return recomputing(owner, part, *given)
        return part(*given)

    @torch.no_grad()
    def predict(
        self,
        left_bchw: Tensor,
        right_bchw: Tensor,
        *,
        iterations: int | None = None,
        hierarchical: bool = False,
    ) -> Tensor:
        """Disparity (B,1,H,W) in pixels of images of any size, in evaluation mode.

        Pads both images alike to multiples of 32 by repeating the border, and crops the result.
        `hierarchical` first estimates the disparity of images of half the size and starts from it, which
        helps large images with disparities beyond `max_disparity`. Runs the model as it is; call it on the
        copy that `stereo_model.fast.accelerate` makes, to infer fast. Records no gradient; the result is an
        ordinary tensor, fit to be the target of a loss. Warns once where the weights are random. Raises
        ImageSizeError for unequal shapes and NonFiniteImageError for pixels that are NaN or infinite.
        """
        warn_if_random(self, stacklevel=4)  # past the decorator
        if iterations is not None and iterations < 1:
            raise ValueError(f"iterations must be at least 1, got {iterations}")
        left, right = checked_images(left_bchw, right_bchw)

        def estimate(left_bchw: Tensor, right_bchw: Tensor, initial_b1hw: Tensor | None) -> Tensor:
            out: StereoOutput = self(
                left_bchw,
                right_bchw,
                iterations=iterations,
                every_iteration=False,
                initial_disparity=initial_b1hw,
            )
            return out.disparities[-1]

        was_training = self.training
        self.eval()
        try:
            start = estimate_small(estimate, left, right) if hierarchical else None
            return estimate_padded(estimate, left, right, start)
        finally:
            self.train(was_training)

    def train(self, mode: bool = True) -> FoundationStereo:
        """Training mode for everything but the prior and a frozen backbone."""
        super().train(mode)
        for part in self._frozen_parts():
            part.eval()
        return self

    def freeze_backbone(self) -> None:
        """Keep the backbone as it is: no gradients, and its batch norms use their stored statistics."""
        if self.features.backbone is not None:
            self.features.backbone.requires_grad_(False)
        self.train(self.training)

    def learn_only(self, what: Literal["initial", "refinement"]) -> None:
        """Let only what the initial disparity comes from learn, or only the rest; both but the prior."""
        for part in self._initial_parts():
            part.requires_grad_(what == "initial")
        for part in self._refinement_parts():
            part.requires_grad_(what == "refinement")
        self.train(self.training)

    def _initial_parts(self) -> list[nn.Module]:
        return [self.features, self.cost_volume, self.hourglass, self.initial]

    def _refinement_parts(self) -> list[nn.Module]:
        return [self.half_stem, self.context, self.update, self.upsampler]

    def _frozen_parts(self) -> list[nn.Module]:
        backbone = [] if self.features.backbone is None else [self.features.backbone]
        parts = (*backbone, *self._initial_parts(), *self._refinement_parts())
        frozen = [part for part in parts if not _learns(part)]
        return frozen + ([] if self.prior is None else self.prior.frozen_parts())


def _learns(part: nn.Module) -> bool:
    return any(weight.requires_grad for weight in part.parameters())
