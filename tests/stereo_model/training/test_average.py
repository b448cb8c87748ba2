from __future__ import annotations

import pytest
import torch

from stereo_model.training.average import WeightAverage


def test_the_average_of_the_first_steps_forgets_where_it_began():
    model = torch.nn.Linear(1, 1)
    average = WeightAverage(model, 0.5)
    torch.nn.init.constant_(average.model.weight, 0.0)
    torch.nn.init.constant_(model.weight, 11.0)
    average.update(model, 1)  # decay 1 / 11
    assert average.model.weight.item() == pytest.approx(10.0)
    average.update(model, 90)  # decay 0.5, less than 90 / 100
    assert average.model.weight.item() == pytest.approx(10.5)
