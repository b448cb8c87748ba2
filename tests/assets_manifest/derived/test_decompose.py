"""Convex pieces of an object: they hold its whole surface and little beside it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from assets_manifest.derived.decompose import MOST_HULLS, decompose
from assets_manifest.derived.grids import surface_points
from assets_manifest.derived.hulls import hulls
from assets_manifest.meshes.usd import write_object_usd
from assets_manifest.packs.builtin.shapes import box
from assets_manifest.records import Asset
from tests.assets_manifest.boxes import part_of


def soup(*boxes):
    return np.concatenate([box(*size).moved(*at).points_f33 for size, at in boxes])


CUP = soup(
    ((0.1, 0.1, 0.005), (0, 0, 0)),
    *[((0.005, 0.1, 0.1), (x, 0, 0)) for x in (-0.05, 0.05)],
    *[((0.1, 0.005, 0.1), (0, y, 0)) for y in (-0.05, 0.05)],
)


def depth_inside(hull, points):
    """How far inside the hull each point is; negative outside."""
    planes = ConvexHull(hull.points_n3).equations
    return -(points @ planes[:, :3].T + planes[:, 3]).max(axis=1)


def test_a_box_is_one_piece_with_its_volume_and_middle():
    (piece,) = decompose(soup(((0.2, 0.1, 0.3), (0.0, 0.0, 0.1))))
    assert piece.volume_m3 == pytest.approx(0.006, rel=1e-6)
    assert piece.centre_3 == pytest.approx([0, 0, 0.25], abs=1e-9)


@pytest.mark.parametrize(
    "shape", [CUP, soup(((0.3, 0.02, 0.02), (0, 0, 0)), ((0.02, 0.02, 0.4), (0, 0, 0.0)))]
)
def test_the_pieces_hold_the_whole_surface_and_little_else(shape):
    pieces = decompose(shape)
    assert 2 <= len(pieces) <= MOST_HULLS
    surface = surface_points(shape, 0.004)[0]
    depth = np.max([depth_inside(piece, surface) for piece in pieces], axis=0)
    assert depth.min() > -0.001
    whole = ConvexHull(shape.reshape(-1, 3)).volume
    assert sum(piece.volume_m3 for piece in pieces) < 0.6 * whole


def test_the_inside_of_a_cup_stays_empty():
    depth = np.max(
        [depth_inside(piece, np.array([[0, 0, 0.06], [0.02, 0.02, 0.09]])) for piece in decompose(CUP)], 0
    )
    assert depth.max() < 0


def test_a_flat_sheet_gets_a_thickness():
    sheet = np.array([[[0, 0, 0], [0.2, 0, 0], [0.2, 0.3, 0]], [[0, 0, 0], [0.2, 0.3, 0], [0, 0.3, 0]]])
    (piece,) = decompose(sheet)
    assert np.ptp(piece.points_n3, axis=0) == pytest.approx([0.2, 0.3, 0.001], abs=1e-6)
    assert piece.volume_m3 == pytest.approx(0.2 * 0.3 * 0.001, rel=1e-3)


def test_pieces_are_the_same_every_time_and_remembered(tmp_path):
    path = tmp_path / "own" / "cup.usdc"
    write_object_usd(path, part_of(((0.1, 0.1, 0.01), (0, 0, 0)), ((0.01, 0.1, 0.1), (0.05, 0, 0))))
    asset = Asset(
        id="own/cup", kind="object", uri="cup.usdc", sha256="a" * 64, licence="", author="", source=""
    )
    first, again = hulls(asset, path, tmp_path), hulls(asset, path, tmp_path / "elsewhere")
    path.unlink()
    for other in (again, hulls(asset, path, tmp_path)):
        assert len(first) == len(other)
        for a, b in zip(first, other, strict=True):
            assert np.array_equal(a.points_n3, b.points_n3) and a.volume_m3 == b.volume_m3


def test_no_corner_of_a_large_rounded_shape_stands_off_its_pieces():
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 61), np.linspace(-np.pi / 2, np.pi / 2, 31))

    def power(x):
        return np.sign(x) * np.abs(x) ** 0.25

    grid_hw3 = np.stack(
        [
            power(np.cos(rise)) * power(np.cos(turn)),
            power(np.cos(rise)) * power(np.sin(turn)),
            power(np.sin(rise)),
        ],
        axis=-1,
    )
    a, b, c, d = (grid_hw3[i : i + 30, j : j + 60] for i, j in ((0, 0), (0, 1), (1, 1), (1, 0)))
    triangles = 0.8 * np.concatenate(
        [np.stack(each, axis=-2).reshape(-1, 3, 3) for each in ((a, b, c), (a, c, d))]
    )
    pieces = decompose(triangles)
    depth = np.max(
        [depth_inside(piece, np.unique(triangles.reshape(-1, 3), axis=0)) for piece in pieces], axis=0
    )
    assert depth.min() > -0.0006
