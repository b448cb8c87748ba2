"""Textures as arrays: their size, their values, and what is done about files that are too large or bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.backends.textures import read_cutout, read_texture
from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.flat_scene import Texture


def texture(path: Path, **more: object) -> Texture:
    return Texture(path=path, **{"colour_space": "raw", **more})


def test_a_texture_that_pillow_calls_a_bomb_is_loaded_and_averaged_down(tmp_path):
    halves = Image.new("L", (16384, 16384), 51)
    halves.paste(204, (8192, 0, 16384, 16384))
    halves.save(tmp_path / "huge.png", compress_level=1)
    values_hwc = read_texture(texture(tmp_path / "huge.png"))
    assert values_hwc.shape == (2048, 2048, 3)
    assert values_hwc[0, 0].tolist() == pytest.approx([0.2] * 3) and values_hwc[-1, -1, 0] == pytest.approx(
        0.8
    )


def test_averaging_down_a_grey_image_gives_what_averaging_its_colours_gives(tmp_path):
    grey_hw = np.random.default_rng(1).integers(0, 255, (48, 80), np.uint8)
    Image.fromarray(grey_hw).save(tmp_path / "grey.png")
    Image.fromarray(grey_hw).convert("RGB").save(tmp_path / "rgb.png")
    grey, rgb = (read_texture(texture(tmp_path / name), max_side=20) for name in ("grey.png", "rgb.png"))
    assert grey.shape == (12, 20, 3) and np.array_equal(grey, rgb)


@pytest.mark.parametrize("space", ["raw", "sRGB"])
def test_every_byte_becomes_its_value_by_the_colour_space(tmp_path, space):
    every_hw = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(every_hw).save(tmp_path / "ramp.png")
    got_hw = read_texture(texture(tmp_path / "ramp.png", colour_space=space, channel="g"))[..., 0]
    byte_hw = every_hw / 255
    curve_hw = np.where(byte_hw <= 0.04045, byte_hw / 12.92, ((byte_hw + 0.055) / 1.055) ** 2.4)
    assert np.array_equal(got_hw, (byte_hw if space == "raw" else curve_hw).astype(np.float32))


def test_a_cutout_is_solid_from_the_threshold_on_and_keeps_its_size(tmp_path):
    alpha_hw = np.zeros((4, 4100), np.uint8)
    alpha_hw[:, 10:] = 128
    Image.fromarray(np.dstack([alpha_hw] * 4)).save(tmp_path / "leaf.png")
    solid_hw1 = read_cutout(texture(tmp_path / "leaf.png", channel="a"), 0.5)
    assert solid_hw1.shape == (4, 4100, 1)
    assert solid_hw1[:, :10].max() == 0 and solid_hw1[:, 10:].min() == 1


def test_a_damaged_texture_is_an_asset_file_error(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(AssetFileError, match=r"bad\.png: cannot be read as an image"):
        read_texture(texture(tmp_path / "bad.png"))
