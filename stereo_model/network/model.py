"""FoundationStereo: features, cost volume, initial disparity, iterative refinement (arXiv 2501.09898).

Images are (B,3,H,W) RGB in 0..255, rectified, H and W multiples of 32. Disparity d >= 0 means that the left
pixel x is seen at x - d in the right image. Inside the network disparity is in quarter-resolution pixels,
outside in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from stereo_model.fast import winograd
from stereo_model.fast.update import FastUpdate
from stereo_model.network.blocks import infers
from stereo_model.network.config import SIZE_MULTIPLE, VOLUME_STRIDE, ModelConfig
from stereo_model.network.context import ContextLevel, ContextNetwork
from stereo_model.network.cost_volume import HybridCostVolume, window_evidence
from stereo_model.network.evidence import census_evidence
from stereo_model.network.features import HalfResolutionStem, build_pyramid
from stereo_model.network.filtering import Hourglass, InitialDisparity
from stereo_model.network.lookup import GeometryLookup
from stereo_model.network.prior import MonocularPrior, build_prior
from stereo_model.network.update import UpdateBlock
from stereo_model.network.upsample import ConvexUpsampler

HIERARCHY_RATIO = 0.5  # size of the images of the first pass of hierarchical inference


class ImageSizeError(ValueError):
    """The images of a pair do not fit each other or the network."""


class NonFiniteImageError(ValueError):
    """An image holds pixels that are not finite numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StereoOutput:
    """What the network says about one batch of pairs."""

    initial_disparity: Tensor  # (B,1,H/4,W/4), quarter-resolution pixels
    disparities: list[Tensor]  # each (B,1,H,W), pixels; one per iteration, or the last alone
    logits: Tensor | None = None  # (B,D,H/4,W/4) of the bins of the initial disparity, unless that was given


class FoundationStereo(nn.Module):
    """The network. Use `stereo_model.create_model` to build one by preset.

    The prior the configuration names is built with it; `prior` hands in another one of `prior_dim` channels.
    """

    def __init__(self, config: ModelConfig, prior: MonocularPrior | None = None) -> None:
        super().__init__()
        prior = build_prior(config) if prior is None else prior
        given = prior.channels if prior is not None else 0
        if given != config.prior_dim:
            raise ValueError(
                f"the prior gives {given} channels, the configuration says prior_dim={config.prior_dim}"
            )
        self.config = config
        self.checkpointing = False
        """Whether training computes the volumes and each iteration again in the backward pass, in place of
        keeping all they need: the same gradients, less memory, about a third more time. A compiled network
        does so for the iterations alone."""
        self.prior = prior
        self.features = build_pyramid(config, prior)
        self.half_stem = HalfResolutionStem(config.half_dim)
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
        _check_pair(left_bchw, right_bchw)
        _check_initial(initial_disparity, left_bchw)
        left, right = self._normalise(left_bchw), self._normalise(right_bchw)
        pyramid, raw, prior_left = self._features(left, right)
        evidence = self._evidence(left_bchw, right_bchw, raw)
        initial, logits, lookup = self._volumes(pyramid, evidence, initial_disparity)
        del pyramid, raw, evidence
        if steps == 0:
            return StereoOutput(initial_disparity=initial, disparities=[], logits=logits)
        every = self.training if every_iteration is None else every_iteration
        levels = self.context(left, prior_left)
        disparities = self._refine(initial, lookup, levels, self.half_stem(left), steps, every)
        return StereoOutput(initial_disparity=initial, disparities=disparities, logits=logits)

    def _volumes(
        self, pyramid: list[Tensor], evidence_bedhw: Tensor | None, given_b1hw: Tensor | None
    ) -> tuple[Tensor, Tensor | None, GeometryLookup]:
        """Initial disparity, its logits and the volumes to look up, from the features of [left; right]."""
        left4, right4 = pyramid[0].chunk(2)
        volume = self._filtered(pyramid, evidence_bedhw)
        initial, logits = self.initial(volume, evidence_bedhw) if given_b1hw is None else (given_b1hw, None)
        lookup = GeometryLookup(
            volume, left4, right4, levels=self.config.corr_levels, radius=self.config.corr_radius
        )
        return initial, logits, lookup

    def _evidence(self, left_bchw: Tensor, right_bchw: Tensor, raw_bchw: Tensor | None) -> Tensor | None:
        """What the images say before any training, from the images in 0..255 and [left; right] features."""
        config = self.config
        if not config.evidence_skip:
            return None
        if config.census_radius is None:
            return window_evidence(*raw_bchw.chunk(2), bins=config.bins)
        with torch.autocast(left_bchw.device.type, enabled=False):
            return census_evidence(left_bchw, right_bchw, bins=config.bins, radius=config.census_radius)

    def _filtered(self, pyramid: list[Tensor], evidence_bedhw: Tensor | None) -> Tensor:
        """The filtered volume. The unfiltered one is let go as soon as its coarse levels are there."""
        left4, right4 = pyramid[0].chunk(2)
        features = [level.chunk(2)[0] for level in pyramid[1:]]
        volume = self._run(self.cost_volume, self.cost_volume, left4, right4, evidence_bedhw)
        coarse = self._run(self.hourglass, self.hourglass.coarse, volume, features)
        del volume
        return self._run(self.hourglass, self.hourglass.finish, coarse)

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

    @torch.inference_mode()
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
        helps large images with disparities beyond `max_disparity`. Raises ImageSizeError for unequal shapes
        and NonFiniteImageError for pixels that are NaN or infinite.
        """
        if left_bchw.shape != right_bchw.shape or left_bchw.dim() != 4:
            raise ImageSizeError(_pair_message(left_bchw, right_bchw))
        if iterations is not None and iterations < 1:
            raise ValueError(f"iterations must be at least 1, got {iterations}")
        left, right = left_bchw.float(), right_bchw.float()
        _check_finite(left, right)
        was_training = self.training
        self.eval()
        try:
            start = self._predict_small(left, right, iterations) if hierarchical else None
            return self._predict_padded(left, right, iterations, start)
        finally:
            self.train(was_training)

    def _predict_small(self, left_bchw: Tensor, right_bchw: Tensor, iterations: int | None) -> Tensor:
        """Disparity in full-size pixels, (B,1,H,W), estimated from images of half the size."""
        size = tuple(left_bchw.shape[-2:])
        small = tuple(max(1, int(side * HIERARCHY_RATIO)) for side in size)
        views = (F.interpolate(view, size=small, mode="bilinear") for view in (left_bchw, right_bchw))
        disparity = self._predict_padded(*views, iterations, None)
        enlarged = F.interpolate(disparity, size=size, mode="bilinear", align_corners=True)
        return (enlarged / HIERARCHY_RATIO).clamp(min=0)

    def _predict_padded(
        self, left_bchw: Tensor, right_bchw: Tensor, iterations: int | None, start_b1hw: Tensor | None
    ) -> Tensor:
        """Disparity of images of any size, refined from `start_b1hw` (full-size pixels) if given.

        Both images are shifted alike by the padding, which changes no disparity.
        """
        height, width = left_bchw.shape[-2:]
        rows, columns = -height % SIZE_MULTIPLE, -width % SIZE_MULTIPLE
        top, side = rows // 2, columns // 2
        border = (side, columns - side, top, rows - top)
        left, right = (F.pad(view, border, mode="replicate") for view in (left_bchw, right_bchw))
        initial = None
        if start_b1hw is not None:
            quarter = tuple(length // VOLUME_STRIDE for length in left.shape[-2:])
            start = F.pad(start_b1hw, border, mode="replicate") / VOLUME_STRIDE
            initial = F.interpolate(start, size=quarter, mode="bilinear", align_corners=True)
        out = self(left, right, iterations=iterations, every_iteration=False, initial_disparity=initial)
        return out.disparities[-1][..., top : top + height, side : side + width]

    def _normalise(self, image_bchw: Tensor) -> Tensor:
        return (image_bchw.float() / 255.0 - self.pixel_mean) / self.pixel_std

    def _features(
        self, left_bchw: Tensor, right_bchw: Tensor
    ) -> tuple[list[Tensor], Tensor | None, Tensor | None]:
        """Pyramid and backbone map at 1/4 of [left; right] along the batch; prior of the left images."""
        pyramid, raw, prior = self.features(torch.cat([left_bchw, right_bchw]), self.prior)
        return pyramid, raw, None if prior is None else prior.chunk(2)[0]

    def _refine(
        self,
        initial_b1hw: Tensor,
        lookup: GeometryLookup,
        levels: list[ContextLevel],
        half_bchw: Tensor,
        steps: int,
        every: bool,
    ) -> list[Tensor]:
        step = self._step(levels)
        states = [level.hidden_bchw for level in levels]
        disparity = initial_b1hw
        maps = []
        for iteration in range(steps):
            disparity = disparity.detach()
            states, change = self._run(self.update, step, states, lookup, disparity)
            disparity = disparity + change.float()
            if every or iteration == steps - 1:
                maps.append(self._run(self.upsampler, self.upsampler, states[0], half_bchw, disparity))
        return maps

    def _step(self, levels: list[ContextLevel]) -> Callable[..., tuple[list[Tensor], Tensor]]:
        """One iteration: (states, lookup, disparity) -> (states, change of disparity)."""
        if infers(self) and winograd.applicable(levels[0].hidden_bchw):
            fast = FastUpdate(self.update, levels)
            return lambda states, lookup, disparity: fast(states, lookup.read(disparity), disparity)
        terms = self.update.context_terms(levels)
        attentions = [level.attention_b1hw for level in levels]
        return lambda states, lookup, disparity: self.update(
            states, terms, attentions, lookup.read(disparity), disparity
        )

    def _run(self, owner: nn.Module, part: Callable[..., Any], *given: Any) -> Any:
        """part(*given), a function of `owner`; with `checkpointing`, again when its gradient is asked for."""
        if not (self.checkpointing and torch.is_grad_enabled()):
            return part(*given)
        norms = [module for module in owner.modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d)]
        if not norms:
            return checkpoint(part, *given, use_reentrant=False)
        if torch.compiler.is_compiling():  # which cannot keep the statistics
            return part(*given)
        return checkpoint(
            part, *given, use_reentrant=False, context_fn=lambda: (nullcontext(), _statistics_kept(norms))
        )


@contextmanager
def _statistics_kept(norms: list[nn.BatchNorm2d | nn.BatchNorm3d]) -> Iterator[None]:
    """The second computation of a batch must not count in the running statistics."""
    before = [(norm, norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum, batches in before:
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(batches)


def _check_pair(left_bchw: Tensor, right_bchw: Tensor) -> None:
    fits = left_bchw.shape == right_bchw.shape and left_bchw.dim() == 4 and left_bchw.shape[1] == 3
    if not fits or left_bchw.shape[2] % SIZE_MULTIPLE or left_bchw.shape[3] % SIZE_MULTIPLE:
        raise ImageSizeError(_pair_message(left_bchw, right_bchw) + f", H and W multiples of {SIZE_MULTIPLE}")


def _check_initial(disparity_b1hw: Tensor | None, image_bchw: Tensor) -> None:
    b, _, height, width = image_bchw.shape
    expected = (b, 1, height // VOLUME_STRIDE, width // VOLUME_STRIDE)
    if disparity_b1hw is not None and tuple(disparity_b1hw.shape) != expected:
        raise ImageSizeError(f"initial_disparity is {tuple(disparity_b1hw.shape)}, expected {expected}")


def _check_finite(left_bchw: Tensor, right_bchw: Tensor) -> None:
    for name, image in (("left", left_bchw), ("right", right_bchw)):
        bad = int((~image.isfinite()).any(1).sum())
        if bad:
            raise NonFiniteImageError(
                f"the {name} image has {bad} pixels that are not finite, expected RGB values in 0..255"
            )


def _pair_message(left: Tensor, right: Tensor) -> str:
    return f"got left {tuple(left.shape)} and right {tuple(right.shape)}, expected two equal (B,3,H,W)"


def _learns(part: nn.Module) -> bool:
    return any(weight.requires_grad for weight in part.parameters())
