from __future__ import annotations

import pytest

from stereo_model.evaluation.benchmarks import BENCHMARKS


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmarks_headline_is_a_number_it_has(name):
    benchmark = BENCHMARKS[name]
    policy, metric = benchmark.headline
    assert policy in benchmark.policies and metric in ("epe", "bp1", "bp2", "bp3", "d1")
