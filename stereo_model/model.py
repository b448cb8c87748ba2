"""FoundationStereo: features, cost volume, initial disparity, iterative refinement (arXiv 2501.09898).

Images are (B,3,H,W) RGB in 0..255, rectified, H and W multiples of 32. Disparity d >= 0 means that the left
pixel x is seen at x - d in the right image. Inside the network disparity is in quarter-resolution pixels,
outside in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.config import SIZE_MULTIPLE, ModelConfig
from stereo_model.context import ContextLevel, ContextNetwork
from stereo_model.cost_volume import HybridCostVolume, window_evidence
from stereo_model.features import FeaturePyramid, HalfResolutionStem, MonocularPrior
from stereo_model.hourglass import Hourglass, InitialDisparity
from stereo_model.lookup import GeometryLookup
from stereo_model.update import UpdateBlock
from stereo_model.upsample import ConvexUpsampler


class ImageSizeError(ValueError):
    """The images of a pair do not fit each other or the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StereoOutput:
    """What the network says about one batch of pairs."""

    initial_disparity: Tensor  # (B,1,H/4,W/4), quarter-resolution pixels
    disparities: list[Tensor]  # each (B,1,H,W), pixels; one per iteration, or the last alone


class FoundationStereo(nn.Module):
    """The network. Use `stereo_model.create_model` to build one by preset."""

    def __init__(self, config: ModelConfig, prior: MonocularPrior | None = None) -> None:
        super().__init__()
        given = prior.channels if prior is not None else 0
        if given != config.prior_dim:
            raise ValueError(
                f"the prior gives {given} channels, the configuration says prior_dim={config.prior_dim}"
            )
        self.config = config
        self.prior = prior
        self.features = FeaturePyramid(config)
        self.half_stem = HalfResolutionStem(config.half_dim)
        self.cost_volume = HybridCostVolume(config, self.features.channels[0])
        self.hourglass = Hourglass(config, self.features.channels[1:])
        self.initial = InitialDisparity(config)
        self.context = ContextNetwork(config)
        self.update = UpdateBlock(config)
        self.upsampler = ConvexUpsampler(config)
        self.register_buffer("pixel_mean", torch.tensor(config.pixel_mean).view(3, 1, 1), persistent=False)
        self.register_buffer("pixel_std", torch.tensor(config.pixel_std).view(3, 1, 1), persistent=False)

    def forward(
        self,
        left_bchw: Tensor,
        right_bchw: Tensor,
        *,
        iterations: int | None = None,
        every_iteration: bool | None = None,
    ) -> StereoOutput:
        """Estimate the disparity of the left image.

        `every_iteration` asks for the full-resolution map of each iteration; by default that is so in
        training mode. Raises ImageSizeError for unequal shapes or sides that are not multiples of 32.
        """
        steps = self.config.iterations if iterations is None else iterations
        if steps < 1:
            raise ValueError(f"iterations must be at least 1, got {steps}")
        _check_pair(left_bchw, right_bchw)
        left, right = self._normalise(left_bchw), self._normalise(right_bchw)
        pyramid, raw, prior_left = self._features(left, right)
        left4, right4 = pyramid[0].chunk(2)
        evidence = (
            window_evidence(*raw.chunk(2), bins=self.config.bins) if self.config.evidence_skip else None
        )
        volume = self.cost_volume(left4, right4, evidence)
        volume = self.hourglass(volume, [level.chunk(2)[0] for level in pyramid[1:]])
        initial = self.initial(volume, evidence)
        lookup = GeometryLookup(
            volume, left4, right4, levels=self.config.corr_levels, radius=self.config.corr_radius
        )
        every = self.training if every_iteration is None else every_iteration
        levels = self.context(left, prior_left)
        disparities = self._refine(initial, lookup, levels, self.half_stem(left), steps, every)
        return StereoOutput(initial_disparity=initial, disparities=disparities)

    def train(self, mode: bool = True) -> FoundationStereo:
        """Training mode for everything but the prior and a frozen backbone."""
        super().train(mode)
        for part in self._frozen_parts():
            part.eval()
        return self

    def freeze_backbone(self) -> None:
        """Keep the backbone as it is: no gradients, and its batch norms use their stored statistics."""
        self.features.backbone.requires_grad_(False)
        self.train(self.training)

    def _frozen_parts(self) -> list[nn.Module]:
        backbone = self.features.backbone
        frozen = not any(weight.requires_grad for weight in backbone.parameters())
        return [part for part in (self.prior, backbone if frozen else None) if part is not None]

    @torch.inference_mode()
    def predict(self, left_bchw: Tensor, right_bchw: Tensor, *, iterations: int | None = None) -> Tensor:
        """Disparity (B,1,H,W) in pixels of images of any size, in evaluation mode.

        Pads both images alike to multiples of 32 by repeating the border, and crops the result.
        """
        if left_bchw.shape != right_bchw.shape or left_bchw.dim() != 4:
            raise ImageSizeError(_pair_message(left_bchw, right_bchw))
        height, width = left_bchw.shape[-2:]
        rows, columns = -height % SIZE_MULTIPLE, -width % SIZE_MULTIPLE
        top, start = rows // 2, columns // 2
        border = (start, columns - start, top, rows - top)
        left, right = (F.pad(image.float(), border, mode="replicate") for image in (left_bchw, right_bchw))
        was_training = self.training
        self.eval()
        try:
            disparity = self(left, right, iterations=iterations, every_iteration=False).disparities[-1]
        finally:
            self.train(was_training)
        return disparity[..., top : top + height, start : start + width]

    def _normalise(self, image_bchw: Tensor) -> Tensor:
        return (image_bchw.float() / 255.0 - self.pixel_mean) / self.pixel_std

    def _features(self, left_bchw: Tensor, right_bchw: Tensor) -> tuple[list[Tensor], Tensor, Tensor | None]:
        """Pyramid and backbone map at 1/4 of [left; right] along the batch; prior of the left images."""
        both = torch.cat([left_bchw, right_bchw])
        if self.prior is None:
            return *self.features(both, None), None
        with torch.no_grad():
            prior = self.prior(both)
        return *self.features(both, prior), prior.chunk(2)[0]

    def _refine(
        self,
        initial_b1hw: Tensor,
        lookup: GeometryLookup,
        levels: list[ContextLevel],
        half_bchw: Tensor,
        steps: int,
        every: bool,
    ) -> list[Tensor]:
        states = [level.hidden_bchw for level in levels]
        attentions = [level.attention_b1hw for level in levels]
        terms = self.update.context_terms(levels)
        disparity = initial_b1hw
        maps = []
        for step in range(steps):
            disparity = disparity.detach()
            states, change = self.update(states, terms, attentions, lookup(disparity), disparity)
            disparity = disparity + change.float()
            if every or step == steps - 1:
                maps.append(self.upsampler(states[0], half_bchw, disparity))
        return maps


def _check_pair(left_bchw: Tensor, right_bchw: Tensor) -> None:
    fits = left_bchw.shape == right_bchw.shape and left_bchw.dim() == 4 and left_bchw.shape[1] == 3
    if not fits or left_bchw.shape[2] % SIZE_MULTIPLE or left_bchw.shape[3] % SIZE_MULTIPLE:
        raise ImageSizeError(_pair_message(left_bchw, right_bchw) + f", H and W multiples of {SIZE_MULTIPLE}")


def _pair_message(left: Tensor, right: Tensor) -> str:
    return f"got left {tuple(left.shape)} and right {tuple(right.shape)}, expected two equal (B,3,H,W)"
