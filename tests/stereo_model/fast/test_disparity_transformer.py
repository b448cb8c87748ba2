from __future__ import annotations

import torch

from stereo_model.fast.accelerate import FAST
from stereo_model.fast.disparity_transformer import add_enlarged_
from stereo_model.network.config import model_config
from stereo_model.network.disparity_transformer import DisparityTransformer, enlarge
from stereo_model.network.variant import variant


def test_the_patches_norm_is_folded_into_their_convolution():
    torch.manual_seed(0)
    transformer = DisparityTransformer(model_config("nano")).eval()
    transformer.patch[1].running_mean.uniform_(-1, 1)
    transformer.patch[1].running_var.uniform_(0.5, 2)
    volume = torch.randn(2, 4, 16, 8, 12)
    with torch.no_grad():
        found = variant(transformer, FAST).coarse(volume)
    torch.testing.assert_close(found, transformer.coarse(volume), rtol=1e-4, atol=1e-5)


def test_adding_the_enlarged_volume_row_by_row_equals_adding_it_whole():
    torch.manual_seed(0)
    volume, coarse = torch.randn(2, 3, 8, 12, 4), torch.randn(2, 3, 2, 3, 1)
    expected = volume + enlarge(coarse)
    torch.testing.assert_close(add_enlarged_(volume, coarse), expected)
