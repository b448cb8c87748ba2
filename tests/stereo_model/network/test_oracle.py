"""The network computes what its plain form computes: outputs, gradients, statistics."""

from __future__ import annotations

import pytest
import torch

from stereo_model import create_model
from tests.stereo_model.fast.test_accelerate import OPTIONS, assert_same, pair, with_trained_statistics
from tests.stereo_model.oracles.cost_volume import plain_concatenation
from tests.stereo_model.oracles.network import plain_copy


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_every_option_equals_the_plain_form(option):
    ours = with_trained_statistics(create_model("nano", **option))
    with torch.no_grad():
        assert_same(
            *(model(*pair(batch=2), iterations=3, every_iteration=True) for model in (ours, plain_copy(ours)))
        )


def test_the_tiny_preset_equals_the_plain_form():
    ours = with_trained_statistics(create_model("tiny"))
    with torch.no_grad():
        assert_same(*(model(*pair(batch=2), iterations=2) for model in (ours, plain_copy(ours))))


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
