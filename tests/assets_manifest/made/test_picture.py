"""Made pictures are PNG files like any other."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from assets_manifest.made.picture import save_picture


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_another_program_reads_the_same_pixels(tmp_path, channels, mode):
    pixels_hwc = np.random.default_rng(1).integers(0, 256, (300, 257, channels), np.uint8)
    with Image.open(save_picture(tmp_path / "picture.png", pixels_hwc)) as image:
        image.load()
        assert (image.format, image.mode, image.size) == ("PNG", mode, (257, 300))
        assert (np.asarray(image).reshape(pixels_hwc.shape) == pixels_hwc).all()
