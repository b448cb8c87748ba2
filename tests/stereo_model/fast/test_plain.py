from __future__ import annotations

import pytest
import torch

from stereo_model import create_model
from stereo_model.fast.plain import plain_concatenation, plain_copy


def pair(height=64, width=96, batch=1):
    torch.manual_seed(1)
    return torch.rand(2, batch, 3, height, width) * 255


def with_trained_statistics(model):
    """Batch norms that do something in evaluation mode."""
    for name, value in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            value.add_(torch.rand_like(value) * 0.2)
    return model


@pytest.fixture(scope="module", params=["nano", "tiny"])
def models(request):
    ours = with_trained_statistics(create_model(request.param))
    return ours, plain_copy(ours)


def assert_same(ours, plain):
    torch.testing.assert_close(ours.initial_disparity, plain.initial_disparity, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(ours.disparities, plain.disparities, rtol=1e-4, atol=4e-3)  # pixels


@pytest.mark.parametrize("recorded", [False, True])
def test_inference_and_training_paths_equal_the_plain_one(models, recorded):
    ours, plain = models
    images = pair(batch=2)
    with torch.set_grad_enabled(recorded):
        found = ours(*images, iterations=3, every_iteration=True)
    with torch.no_grad():
        assert_same(found, plain(*images, iterations=3, every_iteration=True))


@pytest.mark.parametrize(
    "option",
    [
        {"cost_volume": "groupwise"},
        {"cost_volume": "concat"},
        {"disparity_attention": "heads"},
        {"disparity_attention": "volume"},
        {"positions": "rope"},
        {"disparity_kernel": 21},
        {"volume_smoothing": True, "classifier_blocks": 1, "classifier_kernel": 7},
        {"evidence_skip": False},
    ],
    ids=str,
)
def test_every_option_equals_the_plain_form(option):
    ours = with_trained_statistics(create_model("nano", **option))
    with torch.no_grad():
        assert_same(*(model(*pair(), iterations=2) for model in (ours, plain_copy(ours))))


def test_wide_models_take_the_winograd_path_and_equal_the_plain_form():
    wide = {"hidden_dim": 96, "context_dims": (8, 8, 96), "motion_corr_dim": 96, "motion_disparity_dim": 96}
    ours = create_model("nano", **wide)
    with torch.no_grad():
        assert_same(*(model(*pair(), iterations=2) for model in (ours, plain_copy(ours))))


def test_gradients_in_training_mode_equal_the_plain_ones():
    ours = create_model("nano", transformer_dropout=0.0).train()
    plain = plain_copy(ours)
    for model in (ours, plain):
        out = model(*pair(batch=2), iterations=2)
        (out.initial_disparity.square().mean() + sum(d.square().mean() for d in out.disparities)).backward()
    expected = dict(plain.named_parameters())
    for name, weight in ours.named_parameters():
        scale = expected[name].grad.abs().max().clamp(min=1.0)
        torch.testing.assert_close(weight.grad / scale, expected[name].grad / scale, rtol=1e-3, atol=1e-3)
    statistics = dict(plain.named_buffers())
    for name, value in ours.named_buffers():
        torch.testing.assert_close(value, statistics[name], rtol=1e-4, atol=1e-4)


def test_the_plain_copy_has_the_same_weights_under_the_same_names_but_its_own():
    ours = create_model("nano")
    plain = plain_copy(ours)
    state = plain.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in ours.state_dict().items())
    plain.update.gru4.input_conv.weight.data.zero_()
    assert ours.update.gru4.input_conv.weight.any()


def test_plain_concatenation_by_hand():
    left, right = torch.full((1, 1, 1, 2), 7.0), torch.tensor([[[[1.0, 2.0]]]])
    volume = plain_concatenation(left, right, bins=3)
    assert volume[0, :, :, 0].tolist() == [[[7, 7], [7, 7], [7, 7]], [[1, 2], [0, 1], [0, 0]]]
