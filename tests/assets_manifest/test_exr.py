from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assets_manifest.exr import ExrError, read_exr, write_exr


def test_an_exr_reads_back_what_was_written(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((4, 8, 3)).astype(np.float32) * 1e5
    write_exr(tmp_path / "a.exr", image)
    assert np.array_equal(read_exr(tmp_path / "a.exr"), image)


@pytest.mark.parametrize("value", [-1e-6, np.nan, np.inf])
def test_impossible_radiance_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ExrError, match="finite"):
        write_exr(tmp_path / "a.exr", np.full((2, 4, 3), value, np.float32))
    assert not list(tmp_path.iterdir())
