"""Textures that are made from a sort and a seed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from assets_manifest.library import MissingAssetError
from assets_manifest.made import textures
from assets_manifest.made.registry import made_file, makers
from assets_manifest.made.swatches.fields import SIZE, Draft, bond, cells, noise
from assets_manifest.made.swatches.palettes import thing
from assets_manifest.made.textures import (
    RELIEF,
    SORTS,
    TEXTURE,
    roughness,
    swatch,
    tile_m,
    with_tag,
    words_of,
)

PRINT_DIGEST = """
import hashlib, sys, tempfile
from pathlib import Path
from assets_manifest.made.registry import made_file
for name in sys.argv[1:]:
    print(hashlib.sha256(made_file(name, Path(tempfile.mkdtemp())).read_bytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def swatches():
    return {name: [swatch(words_of(name, seed)) for seed in (3, 4)] for name in SORTS}


def test_both_makers_are_found_by_name():
    assert makers()["texture"] is TEXTURE and makers()["relief"] is RELIEF


def test_the_same_words_give_the_same_bytes_in_another_process(tmp_path):
    names = [TEXTURE.asset_id("bricks", 7), RELIEF.asset_id("weave", 7), TEXTURE.asset_id("label", 7)]
    here = [hashlib.sha256(made_file(name, tmp_path).read_bytes()).hexdigest() for name in names]
    ran = subprocess.run(
        [sys.executable, "-c", PRINT_DIGEST, *names],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert ran.stdout.split() == here


def step(image, axis):
    """The largest mean difference of neighbouring lines inside, and that across the border."""
    lines = np.abs(np.diff(image, axis=axis)).mean(axis=tuple(k for k in range(image.ndim) if k != axis))
    return lines.max(), np.abs(np.take(image, 0, axis) - np.take(image, -1, axis)).mean()


@pytest.mark.parametrize("name", with_tag())
def test_what_repeats_has_no_seam(swatches, name):
    for made in swatches[name]:
        for values in (
            made.rgb,
            made.height_m / np.ptp(made.height_m) if made.height_m is not None else made.rgb,
        ):
            for axis in (0, 1):
                inside, across = step(values, axis)
                assert across <= 1.25 * inside + 1e-4


@pytest.mark.parametrize("name", SORTS)
def test_colours_are_albedos_and_reliefs_are_those_of_real_things(swatches, name):
    for made in swatches[name]:
        assert made.rgb.shape == (SIZE, SIZE, 3) and np.isfinite(made.rgb).all()
        assert 0.05 < made.rgb.mean() < 1 and (made.rgb > 1.2).mean() < 0.02
        assert (made.height_m is not None) == SORTS[name].relief
        if made.height_m is not None:
            assert made.height_m.shape == (SIZE, SIZE) and 0 < np.ptp(made.height_m) < 0.03


def thumbnail(made):
    return made.rgb.reshape(16, SIZE // 16, 16, SIZE // 16, 3).mean(axis=(1, 3)), made.rgb.std(axis=(0, 1))


@pytest.mark.parametrize("name", SORTS)
def test_two_seeds_look_different(swatches, name):
    (a, sa), (b, sb) = map(thumbnail, swatches[name])
    assert np.abs(a - b).mean() + np.abs(sa - sb).mean() > 0.02


def test_albedos_stay_within_what_things_reflect(tmp_path):
    with Image.open(made_file(TEXTURE.asset_id("plaster", 3), tmp_path)) as image:
        shown = np.asarray(image) / 255
    assert shown.shape == (SIZE, SIZE, 3)
    linear = ((shown + 0.055) / 1.055) ** 2.4
    assert linear.min() >= 0.029 and linear.max() <= 0.905


def test_screens_may_be_black(tmp_path):
    darkest = []
    for seed in range(8):
        with Image.open(made_file(TEXTURE.asset_id("screen", seed), tmp_path)) as image:
            darkest.append(np.asarray(image).min())
    assert min(darkest) < 25


def test_a_relief_bends_as_steeply_as_its_heights(tmp_path, swatches):
    with Image.open(made_file(RELIEF.asset_id("bricks", 3), tmp_path)) as image:
        normal = np.asarray(image) / 255 * 2 - 1
    height_m, pitch_m = swatches["bricks"][0].height_m, tile_m(("bricks", "3")) / SIZE
    rise = (np.roll(height_m, -1, axis=1) - np.roll(height_m, 1, axis=1)) / (2 * pitch_m)
    gentle = np.abs(rise) < 0.5
    assert np.abs(-normal[..., 0] / normal[..., 2] - rise)[gentle].max() < 0.05


def test_sizes_and_roughness_are_known_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(textures, "swatch", None)
    for name, sort in SORTS.items():
        sizes = {tile_m(words_of(name, seed)) for seed in range(8)}
        assert len(sizes) == 8 and all(sort.tile_m[0] <= size <= sort.tile_m[1] for size in sizes)
        assert sort.roughness[0] <= roughness(words_of(name, 1)) <= sort.roughness[1]


@pytest.mark.parametrize("words", [("bricks",), ("nosuch", "1"), ("bricks", "-1"), ("bricks", "1", "2")])
def test_other_words_are_refused(tmp_path, words):
    with pytest.raises(MissingAssetError, match="expected SORT/SEED"):
        made_file(TEXTURE.asset_id(*words), tmp_path)


def test_what_is_smooth_has_no_relief(tmp_path):
    with pytest.raises(MissingAssetError, match="a marble has no relief"):
        made_file(RELIEF.asset_id("marble", 1), tmp_path)


def test_cells_agree_with_a_search_through_all_centres():
    rows, columns = 5, 7
    rng = np.random.default_rng(1)
    near, edge, number = cells(np.random.default_rng(1), rows, columns)
    shift = 0.5 + 0.9 * rng.uniform(-0.5, 0.5, (2, rows, columns))
    y, x = 5.5 / SIZE * rows, 300.5 / SIZE * columns
    far = [
        (np.hypot(i + di * rows + shift[0, i, j] - y, j + dj * columns + shift[1, i, j] - x), i * columns + j)
        for i in range(rows)
        for j in range(columns)
        for di in (-1, 0, 1)
        for dj in (-1, 0, 1)
    ]
    (first, which), (second, _) = sorted(far)[:2]
    assert near[5, 300] == pytest.approx(first, abs=1e-4) and number[5, 300] == which
    assert edge[5, 300] == pytest.approx((second - first) / 2, abs=1e-4)


def test_noise_has_unit_variance_and_no_mean():
    values = noise(np.random.default_rng(0), 5)
    assert values.std() == pytest.approx(1, abs=1e-3) and abs(values.mean()) < 1e-3


def test_a_bond_closes_around_the_tile():
    draft = Draft(rng=np.random.default_rng(0), tile_m=1.0)
    laid = bond(draft, 8, 3)
    assert laid.number.max() == laid.total - 1 and laid.edge_m.max() <= 0.5 / 8
    assert (laid.number[:, 0] == laid.number[:, -1]).sum() == SIZE // 2  # each second row


def spans(rgb):
    """Difference of the largest and the smallest channel."""
    return np.ptp(rgb, axis=-1)


def test_most_things_are_muted_and_few_are_vivid():
    rng = np.random.default_rng(0)
    colours = np.array([thing(rng) for _ in range(2000)])
    assert np.median(spans(colours)) < 0.2
    assert 0.05 < (spans(colours) > 0.5).mean() < 0.2
    red, green, blue = colours.T
    neon = (spans(colours) > 0.6) & ((green > red + 0.4) | (np.minimum(red, blue) > green + 0.4))
    assert neon.mean() < 0.005  # no lime, no magenta


@pytest.mark.parametrize("seed", range(6))
def test_marble_has_few_veins_and_soft_clouds(seed):
    tones = swatch(words_of("marble", seed)).rgb.mean(axis=2)
    far = np.abs(tones - np.median(tones))
    assert (far > 0.2).mean() < 0.04 and np.quantile(far, 0.9) < 0.12


def test_a_stone_floor_has_joints_and_its_slabs_differ():
    made = swatch(words_of("slabs", 5))
    joints = made.height_m < 0.5 * made.height_m.max()
    assert 0.002 < joints.mean() < 0.06
