"""Photographs as the network sees them: upright, and of the same brightness whatever the file's depth."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stereo_model.data.encodings import DataFileError
from stereo_model.data.pictures import read_rgb, read_rgb_pair
from stereo_model.data.registry import open_dataset
from stereo_model.inference.images import read_pair

GREY = np.array([[0, 128, 255]], np.uint8)
COLOUR = np.array([[[1, 2, 3], [40, 50, 60], [255, 0, 7]]], np.uint8)
PHOTO = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
PNG_COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels


def png16(path: Path, values: np.ndarray, *, filtered: int = 0) -> Path:
    """A 16-bit PNG of (H,W) or (H,W,C), as the format is described; `filtered` is 0, 1 or 2."""
    values = values[..., None] if values.ndim == 2 else values
    height, width, channels = values.shape
    rows = values.astype(">u2").view(np.uint8).reshape(height, -1).astype(int)
    if filtered == 1:
        rows = rows - np.pad(rows, ((0, 0), (2 * channels, 0)))[:, : rows.shape[1]]
    if filtered == 2:
        rows = rows - np.pad(rows, ((1, 0), (0, 0)))[:height]
    data = b"".join(bytes([filtered]) + row.astype(np.uint8).tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 16, PNG_COLOUR_TYPE[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def tagged(path: Path, image: np.ndarray, orientation: int) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if path.suffix == ".webp" else {"quality": 98, "subsampling": 0}
    Image.fromarray(image).save(path, exif=exif, **lossless if path.suffix in (".webp", ".jpg") else {})
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_colour_pictures_stay_as_they_are(suffix, tmp_path):
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(COLOUR).save(tmp_path / f"a.{suffix}", **options)
    np.testing.assert_array_equal(read_rgb(tmp_path / f"a.{suffix}"), COLOUR)


def test_grey_16_bit_alpha_and_palette_pictures_become_rgb(tmp_path):
    opaque = np.full((*GREY.shape, 1), 9, np.uint8)
    pictures = {
        "grey": (Image.fromarray(GREY), GREY),
        "grey16": (Image.fromarray(GREY.astype(np.uint16) * 256 + 255), GREY),
        "alpha": (Image.fromarray(np.concatenate([COLOUR, opaque], axis=2)), COLOUR),
        "grey_alpha": (Image.fromarray(np.dstack([GREY, opaque])), GREY),
        "palette": (Image.fromarray(COLOUR).quantize(8), COLOUR),
        "one_bit": (Image.fromarray(GREY > 200), np.where(GREY > 200, 255, 0)),
    }
    for name, (picture, expected) in pictures.items():
        picture.save(tmp_path / f"{name}.png")
        rgb_hwc = read_rgb(tmp_path / f"{name}.png")
        assert rgb_hwc.dtype == np.uint8 and rgb_hwc.shape == (1, 3, 3), name
        expected = expected if expected.ndim == 3 else expected[..., None]
        np.testing.assert_array_equal(rgb_hwc, np.broadcast_to(expected, (1, 3, 3)), err_msg=name)


# ---------------------------------------------------------------- 16 bits


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("channels", [0, 2, 3, 4])
@pytest.mark.parametrize("filtered", [0, 1, 2])
def test_a_sensors_pixels_in_16_bit_files_look_like_their_upper_8_bits(bits, channels, filtered, tmp_path):
    picture = np.repeat(PHOTO[..., :1], 3, axis=2) if channels in (0, 2) else PHOTO.copy()
    picture[0, 0] = 255  # the brightest value tells the depth
    low_bits = np.random.default_rng(1).integers(0, 1 << (bits - 8), picture.shape, np.uint16)
    deep = (picture.astype(np.uint16) << (bits - 8)) + low_bits
    alpha = np.full((*deep.shape[:2], 1), 65535, np.uint16)
    stored = {
        0: deep[..., 0],
        2: np.concatenate([deep[..., :1], alpha], axis=2),
        3: deep,
        4: np.concatenate([deep, alpha], axis=2),
    }[channels]
    if channels in (0, 2):
        picture = np.repeat((stored if channels == 0 else stored[..., 0])[..., None] >> (bits - 8), 3, axis=2)
    path = png16(tmp_path / "a.png", stored, filtered=filtered)
    np.testing.assert_array_equal(read_rgb(path), picture)


@pytest.mark.parametrize("colour", [False, True])
def test_both_images_are_brightened_alike_in_inference_and_in_every_reader(colour, tmp_path):
    shape = (5, 7, 3) if colour else (5, 7)
    scene = tmp_path / "scene"
    scene.mkdir()
    png16(scene / "left.png", np.full(shape, 4095))
    png16(scene / "right.png", np.full(shape, 1000))  # alone it would pass for 10 bits
    np.save(scene / "disp.npy", np.ones((5, 7), np.float32))
    left, right = read_pair(scene / "left.png", scene / "right.png")
    assert (left == 255).all() and (right == 62).all()
    sample = open_dataset("folder", tmp_path)[0]
    np.testing.assert_array_equal(sample["left"].transpose(1, 2, 0), left)
    np.testing.assert_array_equal(sample["right"].transpose(1, 2, 0), right)


def test_an_8_bit_image_beside_a_16_bit_one_stays_as_it_is(tmp_path):
    Image.fromarray(PHOTO).save(tmp_path / "left.png")
    png16(tmp_path / "right.png", PHOTO.astype(np.uint16) * 16)
    left, right = read_rgb_pair(tmp_path / "left.png", tmp_path / "right.png")
    np.testing.assert_array_equal(left, PHOTO)
    np.testing.assert_array_equal(right, PHOTO)


def test_16_bit_colour_tiffs_keep_their_12_bits(tmp_path):
    deep = PHOTO.astype("<u2") * 16
    tags = {256: 7, 257: 5, 258: (16, 16, 16), 259: 1, 262: 2, 277: 3, 278: 5, 279: deep.nbytes}
    rows, blobs, place = [], b"", 8 + 2 + 12 * (len(tags) + 1) + 4
    for tag, value in sorted((tags | {273: 0}).items()):
        if isinstance(value, tuple):
            rows.append((tag, 3, 3, place))
            blobs += struct.pack("<HHH", *value)
        else:
            rows.append((tag, 4, 1, place + 6 if tag == 273 else value))
    directory = b"".join(struct.pack("<HHII", *row) for row in rows)
    content = struct.pack("<2sHIH", b"II", 42, 8, len(rows)) + directory + struct.pack("<I", 0) + blobs
    (tmp_path / "a.tif").write_bytes(content + deep.tobytes())
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.tif"), PHOTO)


# ---------------------------------------------------------------- turned pictures

AS_STORED = {  # what a camera stores for an upright picture, by the tag that it writes
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "jpg"])
@pytest.mark.parametrize("orientation", AS_STORED)
def test_pictures_are_turned_as_exif_says(suffix, orientation, tmp_path):
    upright = PHOTO if suffix != "jpg" else np.kron(PHOTO, np.ones((8, 8, 1), np.uint8))
    stored = np.ascontiguousarray(AS_STORED[orientation](upright))
    path = tagged(tmp_path / f"a.{suffix}", stored, orientation)
    shown = read_rgb(path)
    assert shown.shape == upright.shape
    assert np.abs(shown.astype(int) - upright).mean() <= (4 if suffix == "jpg" else 0)


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation, tmp_path):
    np.testing.assert_array_equal(read_rgb(tagged(tmp_path / "a.png", PHOTO, orientation)), PHOTO)


def test_deep_pictures_are_turned_too(tmp_path):
    stored = np.ascontiguousarray(np.rot90(PHOTO[..., 0].astype(np.uint16) * 16, 2))
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png")[..., 0], PHOTO[..., 0])


@pytest.mark.parametrize(("left", "right"), [(3, 1), (6, 8), (None, 3)])
def test_images_that_are_turned_differently_are_no_pair(left, right, tmp_path):
    paths = [tmp_path / "left.png", tmp_path / "right.png"]
    for path, orientation in zip(paths, (left, right), strict=True):
        if orientation is None:
            Image.fromarray(PHOTO).save(path)
        else:
            tagged(path, PHOTO, orientation)
    message = rf"right.png: its EXIF orientation is {right}, that of .*left.png is {left or 1}"
    with pytest.raises(DataFileError, match=message):
        read_pair(*paths)


def test_the_truth_stays_as_it_is_where_the_photographs_are_turned(tmp_path):
    truth = np.arange(1, 36, dtype=np.uint16).reshape(5, 7)
    scene = tmp_path / "scene"
    scene.mkdir()
    for eye in ("left", "right"):
        tagged(scene / f"{eye}.png", np.ascontiguousarray(PHOTO[::-1, ::-1]), 3)
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(truth * 256).save(scene / "disp.png", exif=exif)
    sample = open_dataset("folder", tmp_path)[0]
    np.testing.assert_array_equal(sample["disparity"], truth)
    np.testing.assert_array_equal(sample["left"].transpose(1, 2, 0), PHOTO)


def test_metadata_that_is_broken_does_not_hide_a_whole_picture(tmp_path):
    Image.fromarray(PHOTO).save(tmp_path / "a.png", exif=b"Exif\0\0broken")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), PHOTO)


@pytest.mark.parametrize("largest", [4095, 65535])
def test_a_ppm_of_16_bits_is_read_as_the_png_of_the_same_numbers(tmp_path, largest):
    values = np.random.default_rng(1).integers(0, largest + 1, (4, 6, 3), np.uint16)
    values[0, 0] = largest
    dark = values // 16
    for name, numbers in (("left", values), ("right", dark)):
        png16(tmp_path / f"{name}.png", numbers)
        head = f"P6\n# of a camera\n6 4\n{largest}\n".encode()
        (tmp_path / f"{name}.ppm").write_bytes(head + numbers.astype(">u2").tobytes())
    for name in ("left", "right"):  # a dark picture alone has fewer bits: its lower byte counts
        assert np.array_equal(read_rgb(tmp_path / f"{name}.ppm"), read_rgb(tmp_path / f"{name}.png"))


def test_a_ppm_of_16_bits_as_text_is_refused_by_name_and_one_of_8_bits_read(tmp_path):
    (tmp_path / "deep.ppm").write_text("P3\n1 1\n65535\n1 2 300\n")
    with pytest.raises(DataFileError, match="deep.ppm: a PPM of 16 bits written as text"):
        read_rgb(tmp_path / "deep.ppm")
    (tmp_path / "plain.ppm").write_text("P3\n1 1\n255\n1 2 30\n")
    assert read_rgb(tmp_path / "plain.ppm").tolist() == [[[1, 2, 30]]]
