from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assets_manifest.meshes.textures import store_texture


def test_alpha_is_a_cutout_a_veil_or_nothing(tmp_path: Path) -> None:
    def stored(name: str, alpha: np.ndarray) -> object:
        pixels = np.dstack([np.full((8, 8, 3), 90, np.uint8), alpha.astype(np.uint8)])
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        return store_texture(tmp_path / f"{name}.png", None, tmp_path / "out")

    checker = 255 * (np.indices((8, 8)).sum(axis=0) % 2)
    leaf, veil, solid = (
        stored("leaf", checker),
        stored("veil", np.full((8, 8), 102)),
        stored("solid", checker | 255),
    )
    assert leaf.cutout and leaf.mean_alpha is None
    assert not veil.cutout and veil.mean_alpha == pytest.approx(0.4)
    assert not solid.cutout and solid.mean_alpha is None


def test_an_unreadable_texture_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    assert store_texture(tmp_path / "a.png", None, tmp_path / "out") is None
