"""Round trips of every encoding, the published formulas by hand, and what is refused."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from stereo_model.data.encodings import (
    DataFileError,
    decode_fsd,
    decode_sintel,
    disparity_of_depth,
    encode_fsd,
    encode_sintel,
    read_pfm,
    read_png16,
    read_u8,
    read_u8_rgb,
    read_u16,
    write_pfm,
    write_png16,
)
from stereo_model.data.pictures import read_rgb

SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 7))
ANY_FLOAT = st.floats(width=32, allow_nan=True, allow_infinity=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("encodings")


@given(values=arrays(np.float32, SHAPES, elements=ANY_FLOAT), little_endian=st.booleans())
def test_pfm_gives_back_every_float_in_both_byte_orders(folder, values, little_endian):
    write_pfm(folder / "a.pfm", values, little_endian=little_endian)
    again = read_pfm(folder / "a.pfm")
    assert again.dtype == np.float32 and again.flags.writeable
    np.testing.assert_array_equal(again, values)


@given(
    values=arrays(np.float32, st.tuples(SHAPES, st.just(3)).map(lambda s: (*s[0], s[1])), elements=ANY_FLOAT)
)
def test_colour_pfm_gives_back_every_float(folder, values):
    write_pfm(folder / "a.pfm", values)
    np.testing.assert_array_equal(read_pfm(folder / "a.pfm"), values)


def test_pfm_stores_the_bottom_row_first_and_the_sign_of_its_scale_is_the_byte_order(tmp_path):
    path = tmp_path / "a.pfm"
    path.write_bytes(b"Pf\n1 2\n-0.0039\n" + bytes.fromhex("0000803f 00000040"))
    assert read_pfm(path).tolist() == [[2.0], [1.0]]
    path.write_bytes(b"Pf\n2 1\n1\n" + bytes.fromhex("3f800000 40000000"))
    assert read_pfm(path).tolist() == [[1.0, 2.0]]
    write_pfm(path, np.array([[1.0], [2.0]]))
    assert path.read_bytes() == b"Pf\n1 2\n-1.0\n" + bytes.fromhex("00000040 0000803f")


def test_pfm_pixels_that_look_like_a_line_break_are_pixels(tmp_path):
    values = np.frombuffer(b"\n\n\r \t\n\n\n", "<f4").reshape(1, 2)
    write_pfm(tmp_path / "a.pfm", values)
    assert read_pfm(tmp_path / "a.pfm").tobytes() == values.tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a PFM file"),
        (b"P5\n1 1\n255\n\0", "not a PFM file"),
        (b"Pf\n2 x\n-1\n", "not a PFM file"),
        (b"Pf\n2 2\n-1\n" + bytes(15), "15 bytes of pixels, expected 16 for 2x2"),
        (b"Pf\n2 2\n-1\n" + bytes(17), "17 bytes of pixels, expected 16"),
        (b"PF\n2 2\n-1\n" + bytes(16), "expected 48"),
        (b"Pf\n2 2\n0\n" + bytes(16), "its sign tells the byte order"),
        (b"Pf\n2 2\n1e999\n" + bytes(16), "its sign tells the byte order"),
        (b"Pf\n2 2\n-.e\n" + bytes(16), "its sign tells the byte order"),
        (b"Pf\n0 2\n-1\n", "0x2 pixels"),
        (b"Pf\n99999999 99999999\n-1\n", "99999999x99999999 pixels"),
    ],
)
def test_a_damaged_pfm_is_named(content, message, tmp_path):
    (tmp_path / "bad.pfm").write_bytes(content)
    with pytest.raises(DataFileError, match=f"bad.pfm.*{message}"):
        read_pfm(tmp_path / "bad.pfm")


def test_a_pfm_holds_one_or_three_channels(tmp_path):
    with pytest.raises(ValueError, match=r"\(2, 2, 2\)"):
        write_pfm(tmp_path / "a.pfm", np.zeros((2, 2, 2)))
    assert not (tmp_path / "a.pfm").exists()


@given(
    disparity_hw=arrays(np.float64, SHAPES, elements=st.floats(0, 255.99)),
    scale=st.sampled_from([32, 100, 256]),
    data=st.data(),
)
def test_png16_keeps_disparity_to_half_a_step_and_validity_exactly(folder, disparity_hw, scale, data):
    valid_hw = data.draw(arrays(bool, disparity_hw.shape))
    write_png16(folder / "a.png", disparity_hw, valid_hw, scale=scale)
    again_hw, again_valid_hw = read_png16(folder / "a.png", scale=scale)
    np.testing.assert_array_equal(again_valid_hw, valid_hw)
    # 0 means no truth, so a disparity of 0 is stored as one step.
    nearest_hw = np.maximum(disparity_hw, 1 / scale)
    assert np.abs(again_hw - nearest_hw)[valid_hw].max(initial=0) <= 0.5 / scale + 1e-5
    assert (again_hw[~valid_hw] == 0).all()


def test_png16_is_what_the_kitti_kit_says(tmp_path):
    Image.fromarray(np.array([[0, 256, 65535]], np.uint16)).save(tmp_path / "a.png")
    disparity_hw, valid_hw = read_png16(tmp_path / "a.png")
    assert disparity_hw.tolist() == [[0, 1, 255.99609375]] and valid_hw.tolist() == [[False, True, True]]


def test_png16_leaves_out_what_is_not_finite_unless_told(tmp_path):
    write_png16(tmp_path / "a.png", np.array([[np.inf, 2.5, np.nan]]))
    assert read_u16(tmp_path / "a.png").tolist() == [[0, 640, 0]]


@pytest.mark.parametrize("value", [-1.0, 256.0])
def test_a_disparity_that_does_not_fit_into_png16_is_refused(value, tmp_path):
    with pytest.raises(ValueError, match="a 16-bit PNG holds 0..255.996"):
        write_png16(tmp_path / "a.png", np.array([[1.0, value]]))
    assert not list(tmp_path.iterdir())


@given(code_hw=arrays(np.int64, SHAPES, elements=st.integers(0, 2**24 - 1)))
def test_sintel_codes_round_trip(code_hw):
    disparity_hw = code_hw / 2**14
    np.testing.assert_array_equal(decode_sintel(encode_sintel(disparity_hw)), disparity_hw)


@given(rgb_hwc=arrays(np.uint8, SHAPES.map(lambda shape: (*shape, 3))))
def test_every_sintel_pixel_has_one_disparity(rgb_hwc):
    np.testing.assert_array_equal(encode_sintel(decode_sintel(rgb_hwc)), rgb_hwc)


def test_sintel_packing_by_hand():
    # R * 4 + G / 64 + B / 16384; with 8-bit arithmetic 100 * 4 would be 144.
    assert decode_sintel(np.array([[[100, 32, 0], [255, 255, 255]]], np.uint8)).tolist() == [
        [400.5, 1024 - 2**-14]
    ]


@given(code_hw=arrays(np.int64, SHAPES, elements=st.integers(0, 255**3 - 1)))
def test_fsd_codes_round_trip(code_hw):
    rgb_hwc = encode_fsd(code_hw / 1000)
    assert rgb_hwc.max() < 255
    np.testing.assert_array_equal(decode_fsd(rgb_hwc), (code_hw / 1000).astype(np.float32))


@given(rgb_hwc=arrays(np.uint8, SHAPES.map(lambda shape: (*shape, 3))))
@settings(max_examples=50, deadline=None)
def test_fsd_is_read_by_the_published_formula(rgb_hwc):
    r_hw, g_hw, b_hw = np.moveaxis(rgb_hwc.astype(float), -1, 0)
    expected_hw = (r_hw * 255 * 255 + g_hw * 255 + b_hw) / 1000
    np.testing.assert_array_equal(decode_fsd(rgb_hwc), expected_hw.astype(np.float32))


def test_the_radix_of_fsd_is_255_although_a_channel_has_256_values():
    first, second = decode_fsd(np.array([[[0, 0, 255], [0, 1, 0]]], np.uint8))[0]
    assert first == second == np.float32(0.255)
    assert encode_fsd(np.array([[0.255, 65.025]])).tolist() == [[[0, 1, 0], [1, 0, 0]]]


@pytest.mark.parametrize("value", [-0.001, 16581.375, np.nan, np.inf])
def test_what_fsd_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match="16581.374"):
        encode_fsd(np.array([[value]]))


@pytest.mark.parametrize("value", [-0.001, 1024.0, np.nan, np.inf])
def test_what_sintel_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match="1024"):
        encode_sintel(np.array([[value]]))


def test_depth_becomes_disparity_and_zero_stays_zero():
    depth_hw = np.array([[0, 1, 4]], np.uint16)
    assert disparity_of_depth(depth_hw, 10.0).tolist() == [[0, 10, 2.5]]


GREY = np.array([[0, 128, 255]], np.uint8)
COLOUR = np.array([[[1, 2, 3], [40, 50, 60], [255, 0, 7]]], np.uint8)


@pytest.mark.parametrize("reader", [read_rgb, read_u8, read_u8_rgb, read_u16])
def test_every_picture_reader_names_a_file_it_cannot_read(reader, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:50])
    for name in ("text.png", "cut.png", "absent.png"):
        with pytest.raises(DataFileError, match=f"{name}: (cannot be read as a picture|no such file)"):
            reader(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "it is a git-lfs pointer"),
        (b"<html>Not found</html>", "it is a web page"),
        (b"", "it is empty"),
    ],
)
def test_what_is_no_picture_or_map_is_told_by_what_it_is(tmp_path, content, what):
    for name, read in (("a.png", read_rgb), ("a.pfm", read_pfm)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataFileError, match=rf"{name}: .*{what}"):
            read(tmp_path / name)


def test_a_file_of_another_depth_than_its_encoding_is_refused(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "8.png")
    Image.fromarray(GREY.astype(np.uint16)).save(tmp_path / "16.png")
    Image.fromarray(COLOUR).save(tmp_path / "rgb.png")
    Image.fromarray(GREY.astype(np.float32)).save(tmp_path / "f.tif")
    refused = {read_u16: ["8.png", "rgb.png"], read_u8: ["16.png", "rgb.png"], read_rgb: ["f.tif"]}
    refused[read_u8_rgb] = ["8.png", "16.png"]
    for reader, names in refused.items():
        for name in names:
            with pytest.raises(DataFileError, match=f"{name}.*expected"):
                reader(tmp_path / name)


def test_a_file_is_whole_or_the_old_one(tmp_path, monkeypatch):
    old, new = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    write_pfm(tmp_path / "a", old)

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_pfm(tmp_path / "a", new)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    np.testing.assert_array_equal(read_pfm(tmp_path / "a"), old)
