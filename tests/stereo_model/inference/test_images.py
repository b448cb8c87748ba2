from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from stereo_model.data.encodings import DataFileError, read_png16, write_png16
from stereo_model.inference.images import (
    PairError,
    checked_pair,
    encode_image,
    read_pair,
    within_png16,
    write_image,
)

RAMP = np.arange(48, dtype=np.uint8).reshape(4, 12)


def save(path, image: Image.Image):
    image.save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1"])
def test_pictures_of_every_kind_become_rgb(tmp_path, mode):
    path = save(tmp_path / "a.png", Image.fromarray(RAMP * 5).convert(mode))
    left, right = read_pair(path, path)
    assert left.shape == (4, 12, 3) and left.dtype == np.uint8 and np.array_equal(left, right)
    if mode in ("L", "LA", "RGB", "RGBA"):
        assert np.array_equal(left[..., 1], RAMP * 5)


def test_a_jpeg_is_read(tmp_path):
    path = save(tmp_path / "a.jpg", Image.new("RGB", (8, 6), (200, 100, 50)))
    assert np.abs(read_pair(path, path)[0].astype(int) - (200, 100, 50)).max() <= 3


def test_grey_16_bit_images_of_a_12_bit_sensor_are_brightened_alike(tmp_path):
    left = save(tmp_path / "l.png", Image.fromarray(np.full((2, 3), 4095, np.uint16)))
    right = save(tmp_path / "r.png", Image.fromarray(np.full((2, 3), 1024, np.uint16)))
    bright, dark = read_pair(left, right)
    assert bright.shape == (2, 3, 3) and (bright == 255).all() and (dark == 64).all()


def test_full_16_bit_images_lose_their_low_byte(tmp_path):
    path = save(tmp_path / "l.png", Image.fromarray(np.array([[0, 256, 65535]], np.uint16)))
    assert read_pair(path, path)[0][0, :, 0].tolist() == [0, 1, 255]


def test_a_truncated_image_is_one_clear_line(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    whole = encode_image(noise)
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataFileError, match="cut.png.*cannot be read") as caught:
        read_pair(tmp_path / "cut.png", tmp_path / "cut.png")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"not a picture"])
def test_what_is_no_picture_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataFileError, match="a.png"):
        read_pair(tmp_path / "a.png", tmp_path / "a.png")


def test_unequal_sizes_are_named_with_both_files(tmp_path):
    left = save(tmp_path / "l.png", Image.new("RGB", (12, 4)))
    right = save(tmp_path / "r.png", Image.new("RGB", (10, 4)))
    with pytest.raises(PairError, match=r"l.png is 12x4 and .*r.png is 10x4 pixels"):
        read_pair(left, right)


def test_nan_pixels_are_counted_and_refused():
    image = np.zeros((4, 5, 3))
    image[1, 2:4] = np.nan
    with pytest.raises(PairError, match="right: 2 pixels are NaN or infinite"):
        checked_pair(np.zeros((4, 5, 3), np.uint8), image)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 5)), "expected \\(height, width, 3\\)"),
        (np.zeros((4, 5, 3), np.int64), "int64, expected uint8"),
        (np.full((4, 5, 3), 256.0), "expected 0..255"),
        (np.linspace(0, 1, 60).reshape(4, 5, 3), "left: values 0..1, expected 0..255; multiply by 255"),
        (np.full((4, 5, 3), 0.5, np.float16), "values 0.5..0.5, .*; multiply by 255"),
        (np.linspace(-2.1, 2.6, 60).reshape(4, 5, 3), "-2.1..2.6, .*; undo the normalisation"),
        (np.full((4, 5, 3), 65535.0), "values 65535..65535, .*; divide by 256 \\(16-bit data\\)"),
        (
            np.full((4, 5, 3), 4095, np.uint16),
            "uint16, .*, got values 4095.*; divide by 16 \\(12-bit",
        ),
        (np.ones((4, 5, 3), bool), "bool, expected uint8 .*; multiply by 255"),
        (np.full((4, 5, 3), 200, np.int32), "int32, .*; convert with .astype"),
        (np.zeros((0, 5, 3)), "shape"),
    ],
)
def test_arrays_that_are_no_images_are_refused(image, message):
    with pytest.raises(PairError, match=message):
        checked_pair(image, image)


@pytest.mark.parametrize(
    ("image", "given"),
    [
        (torch.zeros(4, 5, 3, dtype=torch.uint8), "torch.Tensor"),
        ([[[0, 0, 0]]], "list"),
        (Image.new("RGB", (5, 4)), "PIL.Image.Image"),
        (None, "NoneType"),
        ("left.png", "str"),
    ],
)
def test_what_is_no_array_is_refused_by_what_it_is(image, given):
    array = np.zeros((4, 5, 3), np.uint8)
    for pair, name in (((image, array), "left"), ((array, image), "right")):
        with pytest.raises(PairError, match=rf"{name}: given as {given}, expected a numpy array .* of uint8"):
            checked_pair(*pair)


def test_a_black_picture_of_floats_is_black():
    image = np.zeros((1, 2, 3), np.float32)
    assert (checked_pair(image, image)[0] == 0).all()


def test_floats_of_0_to_255_are_rounded():
    image = np.full((1, 2, 3), 254.6)
    assert (checked_pair(image, image)[0] == 255).all()


@settings(deadline=None, max_examples=30)
@given(hnp.arrays(np.float32, (3, 4), elements=st.floats(-300, 600, width=32) | st.just(np.float32(np.nan))))
def test_what_a_16_bit_png_can_hold_comes_back_within_half_a_step(tmp_path_factory, disparity):
    path = tmp_path_factory.mktemp("png") / "d.png"
    held = within_png16(disparity)
    write_png16(path, disparity, held)
    back, valid = read_png16(path)
    assert np.array_equal(valid, held)
    assert np.abs(back - np.maximum(disparity, 1 / 256))[held].max(initial=0) <= 0.5 / 256 + 1e-4
    assert not held[(disparity > 256) | (disparity < -0.01)].any()


def test_images_are_written_whole(tmp_path):
    write_image(tmp_path / "a.png", RAMP)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), RAMP)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
