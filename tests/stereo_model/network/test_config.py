from __future__ import annotations

import pytest
import torch

from stereo_model import ConfigError, FoundationStereo, ModelConfig, create_model, model_config
from stereo_model.network.config import PRESETS

SIZES = {  # range in pixels, channels of the volume and of the states, thousands of weights, prior included
    "vitl": (416, 28, 128, 371_673),
    "vitb": (416, 28, 128, 133_538),
    "vits": (416, 28, 128, 60_626),
    "small": (192, 16, 32, 6_280),
    "tiny": (192, 8, 16, 4_163),
    "nano": (64, 4, 8, 3_166),
}


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_has_the_size_it_is_known_by(preset):
    config = model_config(preset)
    with torch.device("meta"):
        weights = sum(weight.numel() for weight in FoundationStereo(config).parameters())
    assert SIZES[preset] == (config.max_disparity, config.volume_dim, config.hidden_dim, round(weights / 1e3))


@pytest.mark.parametrize("preset", ["vitl", "vitb", "vits"])
def test_a_published_size_is_the_paper_with_another_prior(preset):
    named = {"prior": f"depth_anything_v2_{preset}"}
    assert model_config(preset) == ModelConfig(**named) and PRESETS[preset] == named


def test_only_small_presets_have_what_is_not_in_the_paper():
    extras = {name for name in PRESETS if model_config(name).evidence_dim}
    assert extras == {"small", "tiny", "nano"}


def test_an_override_replaces_one_field_and_changes_the_digest():
    plain, wider = model_config("nano"), model_config("nano", max_disparity=96)
    assert wider.max_disparity == 96 and wider.volume_dim == plain.volume_dim
    assert wider.digest() != plain.digest() == model_config("nano").digest()


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"max_disparity": 100}, "max_disparity"),
        ({"volume_dims": 8}, "did you mean 'volume_dim'?"),
        ({"volume_dim": 6, "transformer_heads": 4}, "multiple of transformer_heads=4, got 6"),
        ({"disparity_kernel": 4}, "disparity_kernel must be odd, got 4"),
        ({"context_strides": (2, 2, 2)}, "must multiply to 4"),
        ({"backbone": "resnet"}, "efficientnet_lite0"),
        ({"prior": "depth"}, "prior"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it(overrides, expected):
    with pytest.raises(ConfigError) as error:
        create_model("nano", **overrides)
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="unknown preset 'huge': expected one of nano, small, tiny"):
        create_model("huge")


def test_the_defaults_are_the_published_architecture_without_shortcuts():
    config = ModelConfig()
    assert (config.max_disparity, config.volume_dim, config.hidden_dim) == (416, 28, 128)
    assert not config.evidence_skip and config.disparity_attention == "disparity"
