"""Where something can stand on an object: every level, with its true outline."""

from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.derived.levels import find_supports
from assets_manifest.derived.supports import (
    OPEN_M,
    Support,
    fits,
    rectangle,
    spots,
    supports,
)
from assets_manifest.meshes.errors import MeshError
from assets_manifest.meshes.usd import write_object_usd
from assets_manifest.meshes.usd_triangles import read_triangles
from assets_manifest.records import Asset
from jobs.files import file_sha256
from tests.assets_manifest.boxes import part_of


def triangles(*boxes):
    return np.concatenate([part.points_n3[part.triangles_f3] for part in part_of(*boxes)]).astype(float)


def prism(outline_n2, low, high):
    """A solid with a level top of this outline, star-shaped about the origin."""
    a, b = outline_n2, np.roll(outline_n2, -1, axis=0)

    def put(points, z):
        return np.column_stack([points, np.full(len(points), z)])

    top = np.stack([put(a, high), put(b, high), put(a * 0, high)], axis=1)
    side = np.stack([put(a, low), put(b, low), put(b, high)], axis=1)
    other = np.stack([put(a, low), put(b, high), put(a, high)], axis=1)
    return np.concatenate([top, side, other, top * [1, 1, 0] + [0, 0, low]])


def is_simple(border):
    """No two edges of the polygon cross."""
    a, b = border, np.roll(border, -1, axis=0)
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            m = np.array([b[i] - a[i], a[j] - b[j]]).T
            if abs(np.linalg.det(m)) > 1e-14:
                s, t = np.linalg.solve(m, a[j] - a[i])
                if 1e-9 < s < 1 - 1e-9 and 1e-9 < t < 1 - 1e-9:
                    return False
    return True


def test_a_round_table_has_a_round_top():
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    (top,) = find_supports(prism(0.5 * np.column_stack([np.cos(angles), np.sin(angles)]), 0.7, 0.75))
    radii = np.linalg.norm(top.outline, axis=1)
    assert (top.height_m, top.inside, top.free_above_m) == (0.75, False, OPEN_M)
    assert radii.max() < 0.5 and radii.min() > 0.48
    assert top.area_m2 == pytest.approx(np.pi * 0.5**2, rel=0.06) and is_simple(top.outline)
    assert not fits(top, rectangle((0.1, 0.1), (0.38, 0.38, 0.0)))  # in the corner of its box
    assert fits(top, rectangle((0.1, 0.1), (0.3, 0.25, 30.0)))


def test_a_corner_of_an_l_shaped_desk_is_no_place():
    corner = triangles(((1.6, 0.6, 0.04), (0.0, 0.3, 0.7)), ((0.6, 0.7, 0.04), (-0.5, -0.35, 0.7)))
    top = find_supports(corner)[0]
    assert top.area_m2 == pytest.approx(1.6 * 0.6 + 0.6 * 0.7, rel=0.08)
    assert not fits(top, rectangle((0.2, 0.2), (0.5, -0.4, 0.0)))
    assert fits(top, rectangle((0.2, 0.2), (-0.5, -0.4, 0.0)))


@pytest.fixture(scope="module")
def shelf_boxes():
    boards = [((0.8, 0.3, 0.02), (0.0, 0.0, 0.05 + 0.4 * k)) for k in range(4)]
    sides = [((0.02, 0.3, 1.3), (x, 0.0, 0.0)) for x in (-0.41, 0.41)]
    return (*boards, *sides, ((0.8, 0.02, 1.3), (0.0, 0.14, 0.0)))


def test_a_shelf_has_its_boards_and_says_what_height_is_free(shelf_boxes):
    found = sorted(find_supports(triangles(*shelf_boxes)), key=lambda s: s.height_m)
    assert [s.height_m for s in found] == pytest.approx([0.07, 0.47, 0.87, 1.27])
    assert [s.inside for s in found] == [True, True, True, False]
    assert [s.free_above_m for s in found[:3]] == pytest.approx([0.38] * 3)
    for board in found:  # between the sides and before the back
        assert np.abs(board.outline[:, 0]).max() < 0.4 and board.outline[:, 1].max() < 0.13


def test_a_closed_cupboard_has_a_top_only(shelf_boxes):
    door = ((0.84, 0.02, 1.3), (0.0, -0.16, 0.0))
    lid = ((0.84, 0.34, 0.02), (0.0, 0.0, 1.3))
    (top,) = find_supports(triangles(*shelf_boxes, door, lid))
    assert (top.height_m, top.inside) == (1.32, False)


def test_a_tilted_board_is_no_support():
    tilt = np.deg2rad(8)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    assert find_supports(triangles(((0.8, 0.8, 0.02), (0.0, 0.0, 0.5))) @ turn.T) == ()


def test_what_stands_on_a_top_and_a_hole_in_it_are_cut_out():
    lamp = ((0.1, 0.1, 0.3), (0.2, 0.1, 0.77))
    top = find_supports(triangles(((1.0, 0.6, 0.04), (0.0, 0.0, 0.73)), lamp))[0]
    assert is_simple(top.outline)
    assert not fits(top, rectangle((0.06, 0.06), (0.2, 0.1, 0.0)))
    assert not fits(top, rectangle((0.3, 0.3), (0.2, 0.1, 0.0)))  # around it
    assert fits(top, rectangle((0.2, 0.2), (-0.3, 0.0, 20.0)))


def test_spots_lie_within_the_outline_and_apart():
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
    support = Support(height_m=0.5, free_above_m=OPEN_M, outline=square, inside=False)
    places = spots(np.random.default_rng(0), support, (0.2, 0.1), 8)
    assert len(places) == 8
    assert all(fits(support, rectangle((0.2, 0.1), tuple(place))) for place in places)
    gaps = np.linalg.norm(places[:, None, :2] - places[None, :, :2], axis=2) + np.eye(8)
    assert gaps.min() > 0.1
    assert np.array_equal(places, spots(np.random.default_rng(0), support, (0.2, 0.1), 8))
    assert len(spots(np.random.default_rng(0), support, (1.5, 0.1), 3)) == 0


def test_supports_of_an_asset_are_remembered_as_they_were_found(tmp_path, shelf_boxes):
    path = tmp_path / "own" / "shelf.usdc"
    write_object_usd(path, part_of(*shelf_boxes))
    asset = Asset(
        id="own/shelf", kind="object", uri="shelf.usdc", sha256=file_sha256(path), licence="CC0-1.0",
        author="", source="",
    )  # fmt: skip
    first = supports(asset, path, tmp_path)
    path.unlink()
    again = supports(asset, path, tmp_path)
    assert len(first) == 4 and len(again) == 4
    for one, other in zip(first, again, strict=True):
        assert (one.height_m, one.free_above_m, one.inside) == (
            other.height_m,
            other.free_above_m,
            other.inside,
        )
        assert np.array_equal(one.outline, other.outline)


def test_an_object_without_a_level_place_is_remembered_too(tmp_path):
    path = tmp_path / "own" / "pin.usdc"
    write_object_usd(path, part_of(((0.02, 0.02, 0.3), (0, 0, 0.15))))
    asset = Asset(
        id="own/pin", kind="object", uri="pin.usdc", sha256="a" * 64, licence="", author="", source=""
    )
    assert supports(asset, path, tmp_path) == () and supports(asset, path, tmp_path) == ()


def test_a_file_that_is_no_usd_or_holds_no_mesh_is_named(tmp_path):
    (tmp_path / "bad.usda").write_text("hello")
    (tmp_path / "empty.usda").write_text('#usda 1.0\ndef Xform "Object" {}\n')
    for name, what in (("bad.usda", "cannot be opened"), ("empty.usda", "no triangle")):
        with pytest.raises(MeshError, match=rf"{name}.*{what}"):
            read_triangles(tmp_path / name)


def test_polygons_and_places_of_prims_are_read(tmp_path):
    (tmp_path / "quad.usda").write_text(
        '#usda 1.0\ndef Xform "Object" {\n double3 xformOp:translate = (0, 0, 2)\n'
        ' uniform token[] xformOpOrder = ["xformOp:translate"]\n def Mesh "m" {\n'
        "  point3f[] points = [(0,0,0), (1,0,0), (1,1,0), (0,1,0), (0.5,2,0)]\n"
        "  int[] faceVertexCounts = [4, 3]\n  int[] faceVertexIndices = [0,1,2,3, 3,2,4]\n }\n}\n"
    )
    corners = read_triangles(tmp_path / "quad.usda")
    assert corners.shape == (3, 3, 3) and (corners[..., 2] == 2).all()
    assert corners[1, :, :2].tolist() == [[0, 0], [1, 1], [0, 1]]
