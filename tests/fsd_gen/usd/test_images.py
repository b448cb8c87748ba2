"""Image files that cannot be used are one clear line; large ones are no reason to refuse a scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.usd import images
from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.images import open_image


def noise(path: Path) -> Path:
    pixels_hwc = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels_hwc).save(path)
    return path


def test_a_missing_file_is_named(tmp_path):
    with (
        pytest.raises(AssetFileError, match=r"gone\.png: cannot be read as an image"),
        open_image(tmp_path / "gone.png"),
    ):
        pass


def test_what_is_no_image_is_named(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(AssetFileError, match=r"text\.png: cannot be read"), open_image(tmp_path / "text.png"):
        pass


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_truncated_file_is_named_when_its_pixels_are_read(tmp_path, suffix):
    path = noise(tmp_path / f"cut{suffix}")
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(AssetFileError, match=rf"cut\{suffix}: cannot be read"), open_image(path) as image:
        np.asarray(image)


def test_an_image_beyond_our_own_bound_is_refused_with_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 64 * 63)
    with (
        pytest.raises(AssetFileError, match="got 64 x 64; scale it down"),
        open_image(noise(tmp_path / "big.png")),
    ):
        pass


def test_pillows_bound_is_ours_only_while_an_image_is_open(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow refuses twice as many
    with open_image(noise(tmp_path / "big.png")) as image:
        assert image.size == (64, 64)
    assert Image.MAX_IMAGE_PIXELS == 100
