"""Large images are opened, absurd ones are refused before anything of them is decoded."""

from __future__ import annotations

import pytest
from PIL import Image

from assets_manifest import pictures
from assets_manifest.meshes.textures import store_texture
from assets_manifest.pictures import open_picture


def test_an_image_that_pillow_calls_a_bomb_is_opened(tmp_path, monkeypatch):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with open_picture(tmp_path / "a.png") as image:
        assert image.size == (64, 64)
    assert Image.MAX_IMAGE_PIXELS == 100
    assert store_texture(tmp_path / "a.png", None, tmp_path / "out").name == "a.png"


def test_an_absurd_one_is_no_texture_of_an_object(tmp_path, monkeypatch):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    monkeypatch.setattr(pictures, "MAX_PIXELS", 64 * 63)
    with pytest.raises(OSError, match="got 64 x 64"), open_picture(tmp_path / "a.png"):
        pass
    assert store_texture(tmp_path / "a.png", None, tmp_path / "out") is None
