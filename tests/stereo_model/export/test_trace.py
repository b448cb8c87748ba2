"""The network as it is traced says what the model says, at every size."""

from __future__ import annotations

import pytest
import torch

from stereo_model import create_model
from stereo_model.export import trace as traceable
from stereo_model.network import prior
from stereo_model.network.variant import variant


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"evidence_skip": False, "disparity_attention": "heads"},
        {"prior": "depth_anything_v2_nano"},
        {"prior": "dinov2_nano", "side_tuning": "a", "evidence_skip": False},
        {"prior": "dinov2_nano", "side_tuning": "b"},
    ],
)
@pytest.mark.parametrize("size", [(64, 96), (32, 64)])
def test_it_is_the_model_with_a_fixed_number_of_iterations(overrides, size):
    model = create_model("nano", **overrides)
    with torch.no_grad():
        model.update.disparity_head[-1].weight *= 3000
    left, right = torch.rand(2, 2, 3, *size) * 255
    with torch.no_grad(), traceable.PlainShapes():
        found = traceable.TraceableStereo(model, 2)(left, right)
    torch.testing.assert_close(found, model.predict(left, right, iterations=2), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(
    "size", [(64, 128), (320, 736), (1088, 1920), (1920, 1088), (2048, 2048), (1376, 320), (1344, 1344)]
)
def test_the_transformers_size_is_that_of_the_prior(size):
    assert tuple(map(int, traceable.transformer_size(*size))) == prior.transformer_size(*size)


def test_the_position_embedding_is_resized_as_torch_does_it():
    vit = create_model("nano", prior="dinov2_nano").prior.vit
    for rows, columns in ((8, 16), (24, 40), (96, 37)):
        with torch.no_grad():
            found = variant(vit, traceable.ANY_SIZE).positions(rows, columns)
            torch.testing.assert_close(found, vit.positions(rows, columns), atol=1e-5, rtol=1e-4)


def test_a_linear_matrix_mixes_neighbours_with_corners_aligned():
    expected = [[1, 0.5, 0, 0, 0], [0, 0.5, 1, 0.5, 0], [0, 0, 0, 0.5, 1]]
    torch.testing.assert_close(traceable.linear_matrix(3, 5), torch.tensor(expected))
    torch.testing.assert_close(traceable.linear_matrix(2, 1), torch.tensor([[1.0], [0.0]]))
