from __future__ import annotations

import pytest
import torch

from stereo_model.fast.accelerate import FAST
from stereo_model.fast.update import PreparedUpdate
from stereo_model.network.config import model_config
from stereo_model.network.context import ContextLevel
from stereo_model.network.update import UpdateBlock
from stereo_model.network.variant import variant


def levels(channels, sizes):
    return [
        ContextLevel(
            hidden_bchw=torch.randn(2, channels, *size).tanh(),
            context_bchw=torch.randn(2, channels, *size).relu(),
            attention_b1hw=torch.rand(2, 1, *size),
        )
        for size in sizes
    ]


@pytest.mark.parametrize("hidden", [8, 48])  # direct convolutions, and Winograd's
def test_two_iterations_equal_those_of_the_update_block(hidden):
    torch.manual_seed(0)
    config = model_config("nano", hidden_dim=hidden)
    block = UpdateBlock(config).eval()
    context = levels(hidden, [(8, 12), (4, 6), (2, 3)])
    disparity = torch.rand(2, 1, 8, 12) * 9
    lookup = torch.randn(2, 8, 12, 2 * 9 * (config.volume_dim + 1))
    plain = fast = [level.hidden_bchw for level in context]
    with torch.no_grad():
        contexts = block.prepare(context)
        fast_block = variant(block, FAST)
        prepared = fast_block.prepare(context)
        for _ in range(2):
            plain, change = block(plain, contexts, lookup, disparity)
            fast, fast_change = fast_block(fast, prepared, lookup, disparity)
    torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(fast_change, change, rtol=1e-3, atol=1e-6)
    assert any(gru.wide.fast is not None for gru in (prepared.layers.gru4, prepared.layers.gru8)) is (
        hidden == 48
    )


def test_the_states_given_are_not_changed():
    torch.manual_seed(0)
    config = model_config("nano")
    context = levels(8, [(8, 12), (4, 6), (2, 3)])
    states = [level.hidden_bchw for level in context]
    before = [state.clone() for state in states]
    with torch.no_grad():
        block = variant(UpdateBlock(config).eval(), FAST)
        block(states, block.prepare(context), torch.randn(2, 8, 12, 90), torch.rand(2, 1, 8, 12))
    torch.testing.assert_close(states, before, rtol=0, atol=0)


def test_half_precision_takes_the_reference_steps():
    block = variant(UpdateBlock(model_config("nano")).eval(), FAST)
    context = levels(8, [(8, 12), (4, 6), (2, 3)])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert not isinstance(block.prepare(context), PreparedUpdate)
    with torch.no_grad():
        assert isinstance(block.prepare(context), PreparedUpdate)
