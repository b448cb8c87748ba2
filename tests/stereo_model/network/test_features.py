from __future__ import annotations

import pytest
import torch

from stereo_model import (
    ConfigError,
    create_model,
    load_model,
    model_config,
    model_digest,
    save_checkpoint,
)
from stereo_model.network.features import FeaturePyramid, PriorPyramid, TokenExchange, build_pyramid
from stereo_model.network.prior import build_prior

PRIORS = ("depth_anything_v2_nano", "dinov2_nano")
SMALL = {"evidence_skip": False, "volume_smoothing": False}


def pyramid(tuning: str, prior: str = PRIORS[0]):
    config = model_config("nano", prior=prior, side_tuning=tuning, **SMALL)
    torch.manual_seed(0)
    network = build_prior(config)
    for part in network.frozen_parts():
        part.requires_grad_(False)
    return build_pyramid(config, network), network


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("tuning", ["a", "b", "c"])
def test_every_way_of_side_tuning_gives_the_same_levels(tuning, prior):
    features, network = pyramid(tuning, prior)
    levels, raw, guide = features(torch.randn(2, 3, 64, 96), network)
    assert [tuple(level.shape) for level in levels] == [
        (2, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(features.channels, (4, 8, 16, 32), strict=True)
    ]
    assert features.channels == (2 * 8 + 8, 16, 32, 16) and guide.shape == (2, 8, 16, 24)
    assert (raw is None) == (tuning == "a")


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("tuning", ["a", "b", "c"])
def test_a_training_step_reaches_every_trained_weight_of_the_features(tuning, prior):
    model = create_model("nano", prior=prior, side_tuning=tuning, **SMALL).train()
    if tuning == "b":  # what is injected starts at zero, which would hide its own way back
        for projection in model.features.exchange.inject:
            torch.nn.init.normal_(projection.weight, std=0.1)
    out = model(*(torch.rand(2, 2, 3, 64, 96) * 255), iterations=1)
    (out.disparities[0].square().mean() + out.initial_disparity.square().mean()).backward()
    silent = [
        name
        for name, weight in [*model.features.named_parameters(), *model.prior.named_parameters()]
        if weight.requires_grad and (weight.grad is None or not weight.grad.any())
    ]
    # a norm removes a constant, so the bias of a convolution before it cannot matter
    assert [name for name in silent if not name.endswith(".bias")] == []


def test_only_the_convolutional_features_change_with_the_backbone():
    image = torch.randn(1, 3, 64, 96)
    for tuning, changes in (("a", False), ("b", True), ("c", True)):
        features, network = pyramid(tuning)
        features.eval(), network.eval()
        assert (features.backbone is not None) == changes
        with torch.no_grad():
            before = features(image, network)[0][3]
            for weight in features.backbone.parameters() if changes else []:
                weight.mul_(0.5)
            assert torch.equal(before, features(image, network)[0][3]) != changes


def test_an_exchange_that_injects_nothing_leaves_the_prior_as_it_is():
    features, network = pyramid("b")
    features.eval(), network.eval()
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(features(image, network)[2], network(image))
        torch.nn.init.normal_(features.exchange.inject[0].weight)
        assert not torch.allclose(features(image, network)[2], network(image), atol=1e-3)


def test_the_exchange_adds_tokens_to_every_level():
    exchange = TokenExchange(16, (4, 4, 4, 4))
    prior = build_prior(model_config("nano", prior=PRIORS[0])).eval()
    levels = [torch.zeros(1, 4, 64 // stride, 96 // stride) for stride in (4, 8, 16, 32)]
    changed, guide = exchange(torch.randn(1, 3, 64, 96), levels, prior)
    assert [level.shape for level in changed] == [level.shape for level in levels]
    assert all(level.any() for level in changed) and guide.shape == (1, 8, 16, 24)


@pytest.mark.parametrize("tuning", ["a", "b"])
def test_the_ablations_are_saved_and_loaded(tmp_path, tuning):
    model = create_model("nano", prior=PRIORS[0], side_tuning=tuning, **SMALL)
    save_checkpoint(model, tmp_path / "model.pt")
    assert model_digest(load_model(tmp_path / "model.pt")) == model_digest(model)


def test_the_default_is_concatenation():
    assert isinstance(pyramid("c")[0], FeaturePyramid) and pyramid("c")[0].exchange is None
    assert model_config("vits").side_tuning == "c"
    assert isinstance(pyramid("a")[0], PriorPyramid)


def test_a_model_without_a_backbone_can_be_asked_to_freeze_it():
    model = create_model("nano", prior=PRIORS[0], side_tuning="a", **SMALL)
    model.freeze_backbone()
    assert model.features.fusion[0][0].weight.requires_grad
    with pytest.raises(ConfigError, match="has no backbone"):
        create_model("nano", prior=PRIORS[0], side_tuning="a", backbone_weights="x.pth", **SMALL)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"side_tuning": "a"}, "side_tuning 'a' needs a prior"),
        ({"side_tuning": "b"}, "side_tuning 'b' needs a prior"),
        ({"side_tuning": "a", "prior": PRIORS[0]}, "evidence_skip compares backbone features"),
        ({"side_tuning": "d"}, "side_tuning"),
    ],
)
def test_what_does_not_fit_together_is_one_line(fields, expected):
    with pytest.raises(ConfigError, match=expected) as error:
        model_config("nano", **fields)
    assert "\n" not in str(error.value)
