from __future__ import annotations

import numpy as np

from stereo_model.evaluation.pictures import (
    ERROR_COLOURS,
    NO_ESTIMATE_RGB,
    NO_TRUTH_RGB,
    error_map,
    legend,
)


def test_error_maps_have_fixed_colours():
    truth = np.array([[10.0, 10.0, 10.0, 10.0, np.nan, 10.0]])
    estimate = np.array([[10.5, 10.6, 12.0, 30.0, 10.0, np.nan]])
    colours = error_map(estimate, truth, np.isfinite(truth))[0].tolist()
    expected = [
        ERROR_COLOURS[0],
        ERROR_COLOURS[1],
        ERROR_COLOURS[2],
        ERROR_COLOURS[5],
        NO_TRUTH_RGB,
        NO_ESTIMATE_RGB,
    ]
    assert colours == [list(colour) for colour in expected]
    dark = error_map(estimate, truth, np.zeros((1, 6), bool))[0, 0]
    assert dark.tolist() == [channel // 3 for channel in ERROR_COLOURS[0]]


def test_the_legend_has_an_entry_per_colour():
    entries = legend()
    assert [entry.label for entry in entries[:2]] == ["up to 0.5 px", "up to 1 px"]
    assert entries[0].colour == "#313695" and entries[5].label == "above 8 px"
    assert len(entries) == len(ERROR_COLOURS) + 3
