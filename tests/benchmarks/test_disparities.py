"""The table of disparities counts what it says, and names the scenes of a style that misses its limit."""

from __future__ import annotations

import numpy as np

from benchmarks.disparities import Spread, plot, row, worst


def spread(slot, *disparities):
    return Spread(style="flying", slot=slot, attempts=2, disparity_n=np.array(disparities, float), sky=0.25)


def test_the_row_has_shares_quantiles_and_scenes_that_are_all_tiny():
    line = row("flying", [spread(0, 1.0, 1.5), spread(1, 100.0, 500.0)])
    assert line == "| flying | 2 | 2 | 75.00% | 1.1 | 50.8 | 380.0 | 50.0% | 1 | 25.0% |"


def test_only_a_style_that_misses_the_limit_has_its_worst_scenes_named():
    assert list(worst([spread(7, 10.0, 300.0)])) == []
    lines = list(worst([spread(7, 10.0, 500.0), spread(3, 10.0, 20.0)]))
    assert lines[0] == "flying slot 7 attempt 1: 50.0% beyond 416 px"


def test_the_plot_is_written(tmp_path):
    plot({"flying": [spread(0, 10.0, 300.0)], "mixed": [spread(1, 5.0)]}, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
