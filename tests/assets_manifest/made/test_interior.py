"""What rooms are full of has the size that its words say, and is the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from assets_manifest.library import MissingAssetError
from assets_manifest.made.interior import MAKERS
from assets_manifest.made.interior.drawing import text
from assets_manifest.made.interior.solids import block
from assets_manifest.made.registry import made_file, makers
from assets_manifest.meshes.usd_triangles import read_triangles

SIZES = {  # words behind the seed -> metres
    "room_books": ((26, 20, 12), (0.26, 0.20, 0.12)),
    "room_book_row": ((40, 20, 28), (0.40, 0.20, 0.28)),
    "room_box": ((50, 40, 30), (0.5, 0.4, 0.3)),
    "room_cloth": ((60, 50, 12), (0.6, 0.5, 0.12)),
    "room_curtain": ((60, 230), (0.6, 0.1, 2.3)),
    "room_cushion": ((45, 30, 40), (0.45, 0.3, 0.4)),
    "room_door": ((98, 210), (0.98, 0.09, 2.1)),
    "room_folded": ((40, 30, 10), (0.4, 0.3, 0.1)),
    "room_pallet": ((120, 100, 140), (1.2, 1.0, 1.4)),
    "room_pendant": ((60,), (0.1, 0.1, 0.6)),
    "room_rack": ((400, 110, 300), (4.0, 1.1, 3.0)),
    "room_radiator": ((100, 60), (1.0, 0.1, 0.6)),
    "room_rug": ((200, 140), (2.0, 1.4, 0.016)),
    "room_shelf": ((90, 32, 200), (0.9, 0.32, 2.0)),
    "room_stand": ((40,), (0.22, 0.22, 0.4)),
    "room_window": ((140, 120), (1.4, 0.07, 1.2)),
}


@pytest.mark.parametrize("name", SIZES)
def test_an_object_has_the_size_that_its_words_say(name, tmp_path):
    words, size = SIZES[name]
    for seed in (1, 2):
        points = read_triangles(made_file(makers()[name].asset_id(seed, *words), tmp_path)).reshape(-1, 3)
        low, high = points.min(axis=0), points.max(axis=0)
        assert np.allclose(high - low, size, atol=2e-3)
        assert np.allclose([low[0] + high[0], low[1] + high[1], low[2]], 0, atol=4e-3)


def test_every_maker_of_objects_is_measured():
    assert set(SIZES) == {maker.name for maker in MAKERS if maker.kind == "object"}


def test_a_seed_makes_the_same_print_in_every_folder(tmp_path):
    maker = makers()["room_print"]
    files = [
        made_file(maker.asset_id(seed), tmp_path / place) for place, seed in (("a", 5), ("b", 5), ("c", 6))
    ]
    first, again, other = (file.read_bytes() for file in files)
    assert first == again != other


@pytest.mark.parametrize(
    "words", [("1", "2"), ("1", "20", "30", "x"), ("1", "0", "3", "4"), ("1", "2", "3", "99999")]
)
def test_words_that_are_no_sizes_are_refused(words, tmp_path):
    with pytest.raises(MissingAssetError, match="expected SEED/WIDTH/DEPTH/HEIGHT as whole numbers"):
        made_file(makers()["room_box"].asset_id(*words), tmp_path)


@pytest.mark.parametrize("bottom", [9.9, 10.0, 10.4])
def test_a_box_too_low_for_letters_stays_empty(bottom):
    image = Image.new("L", (40, 20), 255)
    text(ImageDraw.Draw(image), np.random.default_rng(0), (2, 10, 38, bottom), 5, 0)
    assert image.getextrema() == (255, 255)


def test_a_rug_lies_in_waves_and_its_edge_is_on_the_floor(tmp_path):
    points = read_triangles(made_file(makers()["room_rug"].asset_id(3, 200, 140), tmp_path)).reshape(-1, 3)
    inner = points[(np.abs(points[:, :2]) < [0.8, 0.6]).all(axis=1)]
    assert np.ptp(inner[:, 2]) > 1e-3 and inner[:, 2].min() > 0.005
    rim = points[np.abs(points[:, 1]) > 0.7 - 1e-6]
    assert np.allclose(rim[:, 2], 0, atol=1e-6)


def test_the_sides_of_a_box_are_not_mirrored():
    box = block((0, 0, 0), (2, 1, 1), rest=(0.0, 0.0, 1.0, 1.0))
    across = np.cross(box.uv_f32[:, 1] - box.uv_f32[:, 0], box.uv_f32[:, 2] - box.uv_f32[:, 0])
    assert (across > 0).all()
