from __future__ import annotations

import pytest

from stereo_model.inference.options import InferOptions


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"formats": ("exr",)}, "formats must be some of"),
        ({"formats": ()}, "formats must be some of"),
        ({"z_range_m": (2.0, 1.0)}, "z_range_m must rise"),
        ({"min_confidence": 0.5}, "needs consistency"),
        ({"min_confidence": 2.0, "consistency": True}, "in 0..1"),
        ({"tile_hw": (64, 64)}, "more than twice the overlap"),
    ],
)
def test_options_that_contradict_each_other_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        InferOptions(**values)
