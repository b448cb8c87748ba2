from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from stereo_model import ConfigError, ModelConfig, create_model, model_config
from stereo_model.network.config import CENTRED, IMAGENET_MEAN, IMAGENET_STD
from stereo_model.network.prior import (
    SIDE_LIMIT,
    DensePredictionHead,
    FusionUnit,
    TokenHead,
    ViTPrior,
    build_prior,
    resize_twice,
    transformer_size,
)
from stereo_model.network.vit import GRID, PATCH, VIT_SIZES, DinoViT


@pytest.fixture(scope="module")
def prior():
    torch.manual_seed(0)
    return build_prior(ModelConfig(prior="depth_anything_v2_nano")).eval()


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ((128, 256), (224, 336)),
        ((320, 736), (336, 784)),
        ((480, 640), (560, 672)),
        ((384, 1248), (448, 1344)),
        ((544, 960), (560, 1008)),
        ((736, 1280), (784, 1344)),
        ((1088, 1920), (784, 1344)),
        ((1920, 1088), (1344, 784)),
        ((112, 112), (112, 112)),
    ],
)
def test_the_transformer_sees_the_published_sizes(image, expected):
    assert transformer_size(*image) == expected


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_the_transformer_never_sees_more_than_its_limit(height, width):
    sides = transformer_size(height, width)
    assert all(side % 112 == 0 and 0 < side <= SIDE_LIMIT for side in sides)


@given(
    start=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    middle=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    end=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_two_resizes_in_one_equal_two_resizes_one_after_the_other(start, middle, end):
    x = torch.rand(2, 3, *start, generator=torch.Generator().manual_seed(0))
    step = F.interpolate(x, size=middle, mode="bilinear", align_corners=True)
    plain = F.interpolate(step, size=end, mode="bilinear", align_corners=True)
    torch.testing.assert_close(resize_twice(x, middle, end), plain, rtol=1e-5, atol=1e-6)


def test_convolving_before_the_resize_changes_nothing():
    torch.manual_seed(0)
    unit = FusionUnit(4, skip=True)
    coarse, fine = torch.randn(2, 1, 4, 5, 6)
    late = unit.unit2(coarse + unit.unit1(fine))
    late = unit.out(F.interpolate(late, size=(9, 13), mode="bilinear", align_corners=True))
    torch.testing.assert_close(unit(coarse, fine, (9, 13)), late, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["depth_anything_v2_nano", "dinov2_nano"])
def test_a_prior_gives_its_channels_at_a_quarter(name):
    out = build_prior(ModelConfig(prior=name))(torch.zeros(2, 3, 64, 96))
    assert out.shape == (2, 8, 16, 24)


def test_a_prior_in_half_precision_is_close_to_itself(prior):
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = prior(image)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), prior(image), rtol=0.1, atol=0.05)


def test_the_levels_are_close_to_the_strides_of_the_pyramid(prior):
    _, levels = prior.pyramid(torch.zeros(1, 3, 224, 224))  # 16 patches a side
    assert [tuple(level.shape) for level in levels] == [(1, 16, side, side) for side in (64, 32, 16, 8)]


def test_depth_anything_is_frozen_and_plain_dinov2_trains_its_projection_alone():
    frozen = create_model("nano", prior="depth_anything_v2_nano").train()
    assert not any(weight.requires_grad for weight in frozen.prior.parameters()) and not frozen.prior.training
    ablation = create_model("nano", prior="dinov2_nano").train()
    learning = [name for name, weight in ablation.prior.named_parameters() if weight.requires_grad]
    assert learning == ["head.project.weight", "head.project.bias"]
    assert ablation.prior.training and not ablation.prior.vit.training
    out = ablation(*torch.rand(2, 2, 3, 64, 96), iterations=1)
    out.disparities[0].mean().backward()
    assert ablation.prior.head.project.weight.grad.any()
    assert all(weight.grad is None for weight in ablation.prior.vit.parameters())


def test_the_transformer_gets_imagenet_pixels_whatever_the_backbone_wants():
    torch.manual_seed(0)
    imagenet = build_prior(ModelConfig(prior="depth_anything_v2_nano"))
    centred = build_prior(ModelConfig(prior="depth_anything_v2_nano", pixel_mean=CENTRED, pixel_std=CENTRED))
    pixels = torch.rand(1, 3, 112, 112)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    torch.testing.assert_close(
        centred.resize_image((pixels - 0.5) / 0.5), imagenet.resize_image((pixels - mean) / std)
    )


def test_positions_are_used_as_they_are_for_the_size_they_were_trained_on():
    vit = DinoViT(VIT_SIZES["nano"])
    assert torch.equal(vit.positions(GRID, GRID), vit.net.pos_embed)
    assert vit.positions(GRID, GRID + 1).shape == (1, 1 + GRID * (GRID + 1), 16)


def test_every_number_of_patches_gets_as_many_positions():
    vit = DinoViT(VIT_SIZES["nano"])
    for side in range(8, 1 + SIDE_LIMIT // PATCH, 8):
        assert vit.positions(8, side).shape[1] == 1 + 8 * side


def test_stages_run_every_block_once():
    for size in VIT_SIZES.values():
        assert size.taps[-1] == size.depth - 1 and list(size.taps) == sorted(set(size.taps))
    vit = DinoViT(VIT_SIZES["nano"]).eval()
    image = torch.randn(1, 3, 28, 42)
    tokens = vit.embed(image)
    for block in vit.net.blocks:
        tokens = block(tokens)
    torch.testing.assert_close(vit(image)[-1], vit.to_map(tokens, image))


def test_the_channels_follow_from_the_name():
    sizes = ("vits", "vitb", "vitl")
    assert [ModelConfig(prior=f"depth_anything_v2_{size}").prior_dim for size in sizes] == [32, 64, 128]
    assert model_config("vitl", prior=None).prior_dim == 0
    with pytest.raises(ConfigError, match="prior_dim of dinov2_nano is 8, got 9"):
        model_config("nano", prior="dinov2_nano", prior_dim=9)


@pytest.mark.parametrize(
    ("size", "vit", "head"), [("vits", 22_056_576, 2_728_512), ("vitl", 304_367_616, 30_947_000)]
)
def test_the_published_priors_have_the_published_number_of_weights(size, vit, head):
    with torch.device("meta"):
        prior = ViTPrior(ModelConfig(prior=f"depth_anything_v2_{size}"))
    assert isinstance(prior.head, DensePredictionHead) and not isinstance(prior.head, TokenHead)
    assert sum(weight.numel() for weight in prior.vit.parameters()) == pytest.approx(vit, rel=1e-4)
    unused = 0.04 * head  # the layers for the depth itself and one unit without input are not built
    assert sum(weight.numel() for weight in prior.head.parameters()) == pytest.approx(head, abs=unused)
