"""The copy that infers says what the model says, and leaves it as it is."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from stereo_model import create_model, load_model, model_digest, save_checkpoint
from stereo_model.fast.accelerate import FAST, AcceleratedStereo, InferenceOnlyError, accelerate
from stereo_model.network.blocks import NormedConv


def pair(height=64, width=96, batch=1):
    torch.manual_seed(1)
    return torch.rand(2, batch, 3, height, width) * 255


def with_trained_statistics(model):
    """Batch norms that do something in evaluation mode."""
    for name, value in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            value.add_(torch.rand_like(value) * 0.2)
    return model


def assert_same(found, expected):
    torch.testing.assert_close(found.initial_disparity, expected.initial_disparity, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(found.disparities, expected.disparities, rtol=1e-4, atol=4e-3)  # pixels


OPTIONS = [
    {},
    {"cost_volume": "groupwise"},
    {"cost_volume": "concat"},
    {"disparity_attention": "heads"},
    {"disparity_attention": "volume"},
    {"positions": "rope"},
    {"disparity_kernel": 21},
    {"volume_smoothing": True, "classifier_blocks": 1, "classifier_kernel": 7},
    {"evidence_skip": False},
    {"census_radius": None},
    {"prior": "depth_anything_v2_nano"},
    {"prior": "depth_anything_v2_nano", "side_tuning": "a", "evidence_skip": False},
    {"prior": "dinov2_nano", "side_tuning": "b"},
    {"hidden_dim": 96, "context_dims": (8, 8, 96), "motion_corr_dim": 96, "motion_disparity_dim": 96},
]


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_every_option_infers_what_the_model_computes(option):
    model = with_trained_statistics(create_model("nano", **option))
    images = pair(batch=2)
    with torch.no_grad():
        expected = model(*images, iterations=3, every_iteration=True)
    assert_same(accelerate(model)(*images, iterations=3, every_iteration=True), expected)


def test_predictions_of_any_size_are_the_models_own():
    model = with_trained_statistics(create_model("tiny", max_disparity=64))
    for options in ({}, {"hierarchical": True}):
        images = pair(50, 70)
        expected = model.predict(*images, iterations=2, **options)
        found = accelerate(model).predict(*images, iterations=2, **options)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=4e-3)


def test_under_autocast_the_copy_is_as_close_to_float32_as_the_model():
    model = with_trained_statistics(create_model("nano", volume_smoothing=True))
    exact = model.predict(*pair(), iterations=2)
    with torch.autocast("cpu", torch.bfloat16):
        half = accelerate(model).predict(*pair(), iterations=2)
        own = model.predict(*pair(), iterations=2)
    assert half.dtype == torch.float32
    assert (half - exact).abs().mean() < 1.5 * (own - exact).abs().mean() + 0.05


def test_the_copy_shares_every_weight_and_buffer_under_its_name():
    model = create_model("nano", prior="depth_anything_v2_nano")
    fast = accelerate(model)
    for own, copied in (
        (dict(model.named_parameters()), dict(fast.named_parameters())),
        (dict(model.named_buffers()), dict(fast.named_buffers())),
    ):
        assert own.keys() == copied.keys() and all(own[name] is copied[name] for name in own)
    assert model_digest(fast) == model_digest(model) and fast.config is model.config


def test_no_module_of_the_copy_is_one_of_the_model():
    model = create_model("nano", prior="dinov2_nano", side_tuning="b")
    theirs = set(map(id, model.modules()))
    fast = accelerate(model)
    assert theirs.isdisjoint(map(id, fast.modules())) and len(list(fast.modules())) == len(theirs)
    assert {FAST.get(type(module), type(module)) for module in model.modules()} == set(
        map(type, fast.modules())
    )


def test_the_model_goes_on_learning_and_the_copy_follows_its_weights():
    model = create_model("nano", transformer_dropout=0.0).train()
    fast = accelerate(model)
    before = fast.predict(*pair(), iterations=1)
    model(*pair(batch=2), iterations=1).disparities[0].mean().backward()
    assert (
        model.training and type(model.context.stem) is NormedConv and model.context.stem[0].weight.grad.any()
    )
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.2)
    after = fast.predict(*pair(), iterations=1)
    assert not torch.equal(after, before) and model.training
    torch.testing.assert_close(
        after, copy.deepcopy(model).predict(*pair(), iterations=1), rtol=1e-4, atol=4e-3
    )


def test_the_copy_records_no_gradient_and_does_not_train():
    fast = accelerate(create_model("nano"))
    with torch.enable_grad():
        out = fast(*pair(), iterations=1)
    assert not out.disparities[0].requires_grad and not fast.training
    with pytest.raises(InferenceOnlyError, match="train the model that it was made from"):
        fast.train()


def test_an_accelerated_copy_is_not_copied_again_and_is_saved_as_the_model(tmp_path):
    model = create_model("nano")
    fast = accelerate(model)
    assert accelerate(fast) is fast and isinstance(fast, AcceleratedStereo)
    save_checkpoint(fast, tmp_path / "model.pt")
    assert model_digest(load_model(tmp_path / "model.pt")) == model_digest(model)


def test_hooks_and_compilation_stay_with_the_model():
    model = create_model("nano")
    model.update.compile(backend="eager")
    model.context.register_forward_hook(lambda *_: pytest.fail("the copy called the model's hook"))
    fast = accelerate(model)
    assert fast.update._compiled_call_impl is None
    fast.context._forward_hooks.clear()
    fast.predict(*pair(), iterations=1)
    assert model.context._forward_hooks and isinstance(model.update, nn.Module)
