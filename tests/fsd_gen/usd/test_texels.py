"""What a texture holds: all its bits, made linear where it is encoded, scaled and biased."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assets_manifest.exr import write_exr
from fsd_gen.truth.cutouts import CutoutMask
from fsd_gen.usd.errors import AssetFileError, StageError
from fsd_gen.usd.flat_scene import Surface, Texture, Tile
from fsd_gen.usd.images import looks_srgb
from fsd_gen.usd.texels import read_solid, read_values
from tests.fsd_gen.usd.cases import BOUND, CLAMPED, DIFFUSE, WALL, card, cutout, flat, material, seen, stage

GREY, COLOURS, GREY_ALPHA, COLOURS_ALPHA = 0, 2, 4, 6  # PNG's colour types


def png(path: Path, samples_hwc: np.ndarray, kind: int, extra: bytes = b"") -> Path:
    """A PNG of 8 or 16 bits, by hand: Pillow cannot write most of the latter."""
    height, width = samples_hwc.shape[:2]
    depth = 8 * samples_hwc.dtype.itemsize
    rows = b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for row in samples_hwc)
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = (b"IHDR" + head, extra, b"IDAT" + zlib.compress(rows), b"IEND")
    framed = (
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
        if chunk
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))
    return path


def values(path: Path, **more: object) -> np.ndarray:
    return read_values(Texture(path=path, **{"colour_space": "raw", **more}), max_side=2048)


DEEP = np.random.default_rng(0).integers(0, 65536, (3, 5, 4), dtype=np.uint16)


@pytest.mark.parametrize(
    ("kind", "planes", "rgb"),
    [
        (GREY, [0], [0, 0, 0]),
        (GREY_ALPHA, [0, 3], [0, 0, 0]),
        (COLOURS, [0, 1, 2], [0, 1, 2]),
        (COLOURS_ALPHA, [0, 1, 2, 3], [0, 1, 2]),
    ],
)
def test_sixteen_bits_are_kept_in_every_kind_of_png(
    tmp_path: Path, kind: int, planes: list[int], rgb: list[int]
) -> None:
    path = png(tmp_path / "deep.png", DEEP[..., planes], kind)
    assert np.array_equal(values(path), (DEEP[..., rgb] / 65535).astype(np.float32))
    alpha = DEEP[..., 3:] / 65535 if 3 in planes else np.ones((3, 5, 1))
    assert np.array_equal(values(path, channel="a"), alpha.astype(np.float32))


def test_one_grey_may_stand_for_nothing(tmp_path: Path) -> None:
    key = b"tRNS" + struct.pack(">H", int(DEEP[1, 2, 0]))
    path = png(tmp_path / "key.png", DEEP[..., :1], GREY, key)
    assert np.argwhere(values(path, channel="a")[..., 0] == 0).tolist() == [[1, 2]]


def test_floats_are_read_as_they_are(tmp_path: Path) -> None:
    light = np.array([[[0.5, 2.0, 100000.0]]], np.float32)
    write_exr(tmp_path / "light.exr", light)
    assert np.array_equal(values(tmp_path / "light.exr"), light)
    assert values(tmp_path / "light.exr", channel="a").tolist() == [[[1.0]]]
    assert not looks_srgb(tmp_path / "light.exr")


def test_an_image_with_infinite_values_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[np.inf, 1.0]], np.float32)).save(tmp_path / "bad.tiff")
    with pytest.raises(AssetFileError, match="1 values of the image are infinite"):
        values(tmp_path / "bad.tiff")


@pytest.mark.parametrize(
    ("mode", "srgb"),
    [("RGB", True), ("RGBA", True), ("P", True), ("L", False), ("LA", False), ("I;16", False)],
)
def test_auto_is_srgb_for_eight_bit_colours_alone(tmp_path: Path, mode: str, srgb: bool) -> None:
    Image.new(mode, (2, 2)).save(tmp_path / "a.png")
    assert looks_srgb(tmp_path / "a.png") is srgb


def test_auto_believes_what_the_file_says_of_itself(tmp_path: Path) -> None:
    grey = np.zeros((1, 1, 1), np.uint8)
    assert looks_srgb(png(tmp_path / "s.png", grey, GREY, b"sRGB\0"))
    assert looks_srgb(png(tmp_path / "g.png", grey, GREY, b"gAMA" + struct.pack(">I", 45455)))
    colours = np.zeros((1, 1, 3), np.uint8)
    assert not looks_srgb(png(tmp_path / "l.png", colours, COLOURS, b"gAMA" + struct.pack(">I", 100000)))


def test_large_deep_images_are_averaged_down(tmp_path: Path) -> None:
    path = png(tmp_path / "deep.png", DEEP[:2, :3, :1], GREY)
    got = read_values(Texture(path=path, colour_space="raw", channel="r"), max_side=2)
    left, right = DEEP[:2, :2, 0].mean(), DEEP[:2, 2, 0].mean()
    assert np.allclose(got[0, :, 0] * 65535, [left, right], atol=0.51)


# -- cut-outs, in image and truth alike

HOLE, SOLID = {4.0: 12160, 8.0: 3200}, {4.0: 8960, 8.0: 6400}


def mask(folder: Path, mode: str, value: int, *, channels: int = 3) -> Path:
    """White on the left, `value` on the right."""
    kind = np.uint16 if mode == "16" else np.uint8
    samples = np.full((4, 64, channels), np.iinfo(kind).max, kind)
    samples[:, 32:] = value
    return png(folder / "mask.png", samples, {1: GREY, 2: GREY_ALPHA, 3: COLOURS, 4: COLOURS_ALPHA}[channels])


@pytest.mark.parametrize(
    ("space", "mode", "value", "channels", "channel", "pixels"),
    [
        ("sRGB", "8", 153, 3, "r", HOLE),  # 0.6 as written, 0.319 once linear
        ("auto", "8", 153, 3, "r", HOLE),
        ("raw", "8", 153, 3, "r", SOLID),
        ("auto", "8", 153, 1, "r", SOLID),  # 8-bit grey is data
        ("sRGB", "8", 153, 1, "r", HOLE),
        ("sRGB", "8", 153, 4, "a", SOLID),  # alpha never is
        ("sRGB", "8", 153, 2, "a", SOLID),
        ("raw", "16", 20000, 1, "r", HOLE),
        ("raw", "16", 32767, 3, "r", HOLE),  # just below one half
        ("raw", "16", 32768, 3, "r", SOLID),
        ("raw", "16", 32767, 4, "a", HOLE),
        ("sRGB", "16", 40000, 3, "r", HOLE),  # 0.61, linear 0.33
    ],
)
def test_a_mask_is_linear_and_whole_before_it_meets_its_threshold(
    tmp_path: Path, space: str, mode: str, value: int, channels: int, channel: str, pixels: dict
) -> None:
    mask(tmp_path, mode, value, channels=channels)
    look = material(cutout(channel), "./mask.png", f'token inputs:sourceColorSpace = "{space}"\n{CLAMPED}')
    path = stage(tmp_path, WALL, card(BOUND), look)
    assert seen(path) == pixels


@pytest.mark.parametrize(
    ("more", "pixels"),
    [("scale = (0.7, 1, 1, 1)", HOLE), ("bias = (-0.2, 0, 0, 0)", HOLE), ("scale = (0.9, 1, 1, 1)", SOLID)],
)
def test_scale_and_bias_come_before_the_threshold(tmp_path: Path, more: str, pixels: dict) -> None:
    mask(tmp_path, "8", 153)
    node = f'token inputs:sourceColorSpace = "raw"\n float4 inputs:{more}\n{CLAMPED}'
    assert seen(stage(tmp_path, WALL, card(BOUND), material(cutout(), "./mask.png", node))) == pixels


def test_a_float_mask_is_cut_where_it_says(tmp_path: Path) -> None:
    half = np.full((4, 64, 3), 0.75, np.float32)
    half[:, 32:] = 0.49
    write_exr(tmp_path / "mask.exr", half)
    assert seen(stage(tmp_path, WALL, card(BOUND), material(cutout(), "./mask.exr", CLAMPED))) == HOLE


# -- UDIM sets


def udim(folder: Path) -> Texture:
    for number, value in ((1001, 51), (1012, 204)):
        Image.new("L", (2, 2), value).save(folder / f"t.{number}.png")
    tiles = (
        Tile(column=0, row=0, path=folder / "t.1001.png"),
        Tile(column=1, row=1, path=folder / "t.1012.png"),
    )
    return Texture(
        path=Path("t.<UDIM>.png"),
        colour_space="raw",
        channel="r",
        tiles=tiles,
        wrap_s="black",
        wrap_t="black",
    )


def test_a_udim_set_is_one_image_with_nothing_where_it_has_no_tile(tmp_path: Path) -> None:
    got = read_values(udim(tmp_path), max_side=64)[..., 0]
    assert got[::2, ::2].tolist() == pytest.approx(np.array([[0, 0.8], [0.2, 0]]))
    assert read_solid(udim(tmp_path), 0.5)[::2, ::2].tolist() == [[False, True], [False, False]]


def test_a_udim_mask_is_looked_up_tile_by_tile(tmp_path: Path) -> None:
    holes = CutoutMask.of(Surface(name="leaf", opacity=udim(tmp_path), opacity_threshold=0.5))
    places = np.array([[1.5, 1.5], [0.5, 0.5], [0.5, 1.5], [1.99, 1.01], [2.5, 1.5], [-0.5, 0.5]])
    assert holes.solid(places).tolist() == [True, False, False, True, False, False]


def test_the_tiles_of_a_stage_are_found(tmp_path: Path) -> None:
    for number in (1001, 1002):
        Image.new("RGB", (2, 2), (200, 90, 40)).save(tmp_path / f"skin.{number}.png")
    path = stage(tmp_path, WALL, card(BOUND), material(DIFFUSE, "./skin.<UDIM>.png"))
    texture = next(surface.diffuse for surface in flat(path).surfaces if isinstance(surface.diffuse, Texture))
    assert [(tile.column, tile.row) for tile in texture.tiles] == [(0, 0), (1, 0)]
    assert texture.colour_space == "sRGB" and texture.window == (0, 0, 2, 1)
    with pytest.raises(StageError, match="no texture file for any UDIM tile of ./gone.<UDIM>.png"):
        flat(stage(tmp_path, WALL, card(BOUND), material(DIFFUSE, "./gone.<UDIM>.png")))


def test_where_a_shape_has_no_coordinates_the_readers_fallback_is_read(tmp_path: Path) -> None:
    mask(tmp_path, "8", 0)
    own = next(line for line in card().splitlines() if "primvars:st" in line)
    look = material(cutout(), "./mask.png", CLAMPED)
    there = look.replace('varname = "st"', 'varname = "st"\n float2 inputs:fallback = (0.25, 0.5)')
    gone = look.replace('varname = "st"', 'varname = "st"\n float2 inputs:fallback = (0.75, 0.5)')
    bare = card(BOUND).replace(own, "")
    assert seen(stage(tmp_path, WALL, bare, there)) == SOLID
    assert seen(stage(tmp_path, WALL, bare, gone)) == {4.0: 15360}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            'token inputs:sourceColorSpace = "linear"',
            "expected sourceColorSpace to be raw, sRGB or auto, got 'linear'",
        ),
        ('token inputs:wrapS = "spin"', "expected wrapS to be of"),
        ("float3 inputs:scale = (1, 1, 1)", "scale: expected 4 numbers"),
        ("float4 inputs:bias = (nan, 0, 0, 0)", "bias: expected a finite number"),
    ],
)
def test_texture_nodes_that_mean_nothing_are_refused(tmp_path: Path, node: str, message: str) -> None:
    mask(tmp_path, "8", 0)
    with pytest.raises(StageError, match=f"</World/Look/T>.*{message}"):
        flat(stage(tmp_path, WALL, card(BOUND), material(DIFFUSE, "./mask.png", node)))


def test_a_png_that_declares_an_absurd_size_is_refused_unread(tmp_path: Path) -> None:
    head = struct.pack(">IIBBBBB", 2**30, 2**30, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    (tmp_path / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 4)
        + b"IDAT"
        + b"\0" * 8
    )
    with pytest.raises(AssetFileError, match=r"at most 537 megapixels, got 1073741824 x 1073741824"):
        values(tmp_path / "bomb.png")
