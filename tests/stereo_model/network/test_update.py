from __future__ import annotations

import torch
from torch.nn import functional as F

from stereo_model.network.config import model_config
from stereo_model.network.context import ContextLevel
from stereo_model.network.update import MotionEncoder, SelectiveGRU


def plain_selective_gru(gru, state, context, rest, attention):
    """The cell as the paper draws it: one convolution of everything, every iteration."""
    x = F.relu(gru.input_conv(torch.cat([context, *rest], dim=1)))
    gate_input = F.relu(gru.gate_conv(torch.cat([x, state], dim=1)))
    new = []
    for cell in (gru.small, gru.large):
        gates = torch.sigmoid(cell.gates(gate_input))
        update, reset = gates[:, : gru.hidden], gates[:, gru.hidden :]
        candidate = torch.tanh(cell.candidate(torch.cat([reset * state, x], dim=1)))
        new.append((1 - update) * state + update * candidate)
    return attention * new[0] + (1 - attention) * new[1]


def test_the_context_computed_once_gives_the_same_state_as_computing_it_each_time():
    torch.manual_seed(0)
    gru = SelectiveGRU(4, 12)
    state, context, motion, coarse = torch.randn(4, 2, 4, 5, 6)
    attention = torch.rand(2, 1, 5, 6)
    level = ContextLevel(hidden_bchw=state, context_bchw=context, attention_b1hw=attention)
    fast = gru(state, gru.prepare(level), [motion, coarse])
    torch.testing.assert_close(fast, plain_selective_gru(gru, state, context, [motion, coarse], attention))


def test_the_motion_features_end_with_the_disparity_itself():
    config = model_config("nano")
    disparity = torch.full((1, 1, 4, 5), 7.5)
    motion = MotionEncoder(config)(torch.randn(1, 4, 5, 2 * 9 * 5), disparity)
    assert motion.shape == (1, config.hidden_dim, 4, 5) and torch.equal(motion[:, -1:], disparity)
