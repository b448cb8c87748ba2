from __future__ import annotations

import pytest

from stereo_model.inference.images import PairError
from stereo_model.inference.pairs import find_pairs


def test_pairs_are_matched_by_what_the_wildcards_stand_for(tmp_path):
    for name in ("x_left_2.png", "x_left_10.png", "x_right_10.png", "x_right_2.png"):
        (tmp_path / name).touch()
    found = find_pairs(str(tmp_path / "x_left_*.png"), str(tmp_path / "x_right_*.png"))
    assert [(p.name, p.left.name, p.right.name) for p in found] == [
        ("10", "x_left_10.png", "x_right_10.png"),
        ("2", "x_left_2.png", "x_right_2.png"),
    ]
    (tmp_path / "x_right_2.png").unlink()
    with pytest.raises(PairError, match="x_left_2.png: no file matching .*right.* belongs to it"):
        find_pairs(str(tmp_path / "x_left_*.png"), str(tmp_path / "x_right_*.png"))
    with pytest.raises(PairError, match="no file matches"):
        find_pairs(str(tmp_path / "y_*.png"), str(tmp_path / "y_*.png"))
