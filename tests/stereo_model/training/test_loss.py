from __future__ import annotations

import math

import pytest
import torch

from stereo_model.network.model import StereoOutput
from stereo_model.training.loss import BIN_L1_WEIGHT, iteration_weights, known_pixels, stereo_loss

TRUTH = torch.full((1, 4, 4), 8.0)
EVERYWHERE = torch.ones(1, 4, 4, dtype=torch.bool)


def output(initial: float, *disparities: float) -> StereoOutput:
    maps = [torch.full((1, 1, 4, 4), value, requires_grad=True) for value in disparities]
    return StereoOutput(
        initial_disparity=torch.full((1, 1, 1, 1), initial, requires_grad=True), disparities=maps
    )


def test_the_loss_by_hand():
    # truth 8 px = 2 quarter pixels. initial 5: |3| - 0.5 = 2.5; iterations off by 4, 2, 1 weigh 0.81, 0.9, 1
    terms = stereo_loss(output(5.0, 12.0, 6.0, 9.0), TRUTH, EVERYWHERE, max_disparity=64)
    assert terms.total.item() == pytest.approx(2.5 + 0.81 * 4 + 0.9 * 2 + 1)
    assert terms.initial.item() == 2.5 and [e.item() for e in terms.iterations] == [4, 2, 1]


def test_a_small_initial_error_is_squared():
    terms = stereo_loss(output(2.5, 8.0), TRUTH, EVERYWHERE, max_disparity=64)
    assert terms.total.item() == pytest.approx(0.5 * 0.5**2)


def test_pixels_that_are_invalid_infinite_or_too_far_do_not_count_or_spoil_the_gradient():
    truth, valid = TRUTH.clone(), EVERYWHERE.clone()
    truth[0, 0, 0], truth[0, 1, 1], truth[0, 2, 2], truth[0, 3, 3] = torch.nan, torch.inf, 64.0, 1000.0
    valid[0, 3, 3] = False
    guess = output(2.0, 9.0)
    terms = stereo_loss(guess, truth, valid, max_disparity=64)
    terms.total.backward()
    assert terms.iterations[0].item() == pytest.approx(1.0) and terms.initial.item() == 0.0
    gradient = guess.disparities[0].grad[0, 0]
    assert gradient.isfinite().all() and gradient.diagonal().tolist() == [0, 0, 0, 0] and gradient[0, 1] > 0


def test_a_batch_without_a_valid_pixel_has_no_loss_and_no_gradient():
    guess = output(2.0, 9.0)
    terms = stereo_loss(guess, TRUTH, ~EVERYWHERE, max_disparity=64)
    terms.total.backward()
    assert terms.total.item() == 0 and not guess.disparities[0].grad.any()


def test_the_initial_truth_is_every_fourth_pixel():
    truth = torch.zeros(1, 8, 8)
    truth[:, ::4, ::4] = 12.0
    guess = StereoOutput(
        initial_disparity=torch.full((1, 1, 2, 2), 3.0), disparities=[torch.zeros(1, 1, 8, 8)]
    )
    assert (
        stereo_loss(guess, truth, torch.ones(1, 8, 8, dtype=torch.bool), max_disparity=64).initial.item() == 0
    )


def test_adjusted_weights_span_what_sixteen_plain_ones_do():
    assert iteration_weights(3, 0.9) == pytest.approx([0.81, 0.9, 1])
    assert iteration_weights(4, 0.9, "adjusted") == pytest.approx([0.9**15, 0.9**10, 0.9**5, 1])
    assert iteration_weights(16, 0.9, "adjusted") == pytest.approx(iteration_weights(16, 0.9))
    assert iteration_weights(1, 0.9, "adjusted") == [1.0]


def test_adjusted_weights_enter_the_loss():
    terms = stereo_loss(output(2.0, 12.0, 9.0), TRUTH, EVERYWHERE, max_disparity=64, weights="adjusted")
    assert terms.total.item() == pytest.approx(0.9**15 * 4 + 1)


def test_the_pieces_of_a_batch_add_up_to_its_mean_and_gradient():
    generator = torch.Generator().manual_seed(3)
    truth = torch.rand(4, 8, 8, generator=generator) * 20
    valid = torch.rand(4, 8, 8, generator=generator) > torch.tensor([0.1, 0.9, 0.5, 2.0]).view(4, 1, 1)
    initial = torch.rand(4, 1, 2, 2, generator=generator).requires_grad_()
    estimate = (torch.rand(4, 1, 8, 8, generator=generator) * 20).requires_grad_()

    def loss_of(piece: slice, **more):
        guess = StereoOutput(initial_disparity=initial[piece], disparities=[estimate[piece]])
        return stereo_loss(guess, truth[piece], valid[piece], max_disparity=16, **more).total

    whole = loss_of(slice(None))
    gradient = torch.autograd.grad(whole, [initial, estimate])
    known = known_pixels(truth, valid, max_disparity=16)
    pieces = sum(loss_of(piece, known=known) for piece in (slice(0, 1), slice(1, 4)))
    assert pieces.item() == pytest.approx(whole.item())
    for found, expected in zip(torch.autograd.grad(pieces, [initial, estimate]), gradient, strict=True):
        assert torch.allclose(found, expected, atol=1e-7)


def test_estimates_in_half_precision_are_judged_in_single():
    guess = output(2.0, 9.0)
    coarse = StereoOutput(
        initial_disparity=guess.initial_disparity.bfloat16(),
        disparities=[guess.disparities[0].bfloat16()],
    )
    assert stereo_loss(coarse, TRUTH, EVERYWHERE, max_disparity=64).total.dtype == torch.float32


def test_the_bins_loss_by_hand():
    # truth 8 px = 2 bins; the right bin has half of the probability; the mean of the bins is off by 1 bin
    logits = torch.tensor([0.25, 0.0, 0.5, 0.25]).log().view(1, 4, 1, 1)
    guess = StereoOutput(initial_disparity=torch.full((1, 1, 1, 1), 3.0), disparities=[], logits=logits)
    terms = stereo_loss(guess, TRUTH, EVERYWHERE, max_disparity=64, initial_loss="bins")
    assert terms.total.item() == pytest.approx(math.log(2) + BIN_L1_WEIGHT * 0.5)


def test_the_bins_loss_shares_the_truth_out_between_two_bins():
    logits = torch.tensor([0.1, 0.2, 0.7]).log().view(1, 3, 1, 1)
    guess = StereoOutput(initial_disparity=torch.full((1, 1, 1, 1), 1.75), disparities=[], logits=logits)
    terms = stereo_loss(guess, TRUTH - 1, EVERYWHERE, max_disparity=64, initial_loss="bins")  # 7 px: bin 1.75
    assert terms.initial.item() == pytest.approx(-0.25 * math.log(0.2) - 0.75 * math.log(0.7))


def test_a_saturated_loss_is_half_its_bound_at_the_bound():
    terms = stereo_loss(output(2.0, 12.0), TRUTH, EVERYWHERE, max_disparity=64, saturation=4.0)
    assert terms.total.item() == pytest.approx(2.0) and terms.iterations[0].item() == 4.0
