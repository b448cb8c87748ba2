from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.packs.builtin.shapes import (
    Soup,
    box,
    cone,
    cylinder,
    extruded,
    gear_outline,
    heart_outline,
    icosphere,
    revolved,
    rock,
    sphere,
    spring,
    star_outline,
    superquadric,
    torus,
    torus_knot,
)


def volume(soup: Soup) -> float:
    """Of a closed soup; negative where the triangles face inwards."""
    a, b, c = soup.points_f33.transpose(1, 0, 2)
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def open_edges(soup: Soup) -> int:
    """Edges that no other triangle runs along in the opposite direction."""
    corners = [[tuple(point) for point in triangle] for triangle in soup.points_f33.round(6).tolist()]
    edges = [(a[i], a[(i + 1) % 3]) for a in corners for i in range(3)]
    left = set(edges)
    return sum((end, start) not in left for start, end in edges)


@pytest.mark.parametrize(
    ("soup", "expected"),
    [
        (box(1, 2, 3), 6.0),
        (cylinder(1, 1), np.pi),
        (cone(1, 3), np.pi),
        (sphere(1), 4 / 3 * np.pi),
        (icosphere(1, 3), 4 / 3 * np.pi),
        (torus(1, 0.2), 2 * np.pi**2 * 0.04),
        (extruded([(0, 0), (2, 0), (2, 2), (1, 1), (0, 2)], 2), 6.0),
    ],
)
def test_a_shape_is_closed_and_has_its_volume(soup: Soup, expected: float) -> None:
    assert volume(soup) == pytest.approx(expected, rel=0.02)
    assert open_edges(soup) == 0


@pytest.mark.parametrize(
    "soup",
    [
        superquadric(1, 0.3, 0.3),
        superquadric(1, 2.4, 1.0),
        superquadric(1, 0.3, 0.06),
        rock(1, 3),
        torus_knot(2, 3, 1, 0.2),
        extruded(star_outline(5, 1, 0.5), 1),
        extruded(gear_outline(8, 1, 0.8), 1),
        extruded(heart_outline(1), 1),
    ],
)
def test_a_free_form_is_closed_and_faces_outwards(soup: Soup) -> None:
    assert volume(soup) > 0 and open_edges(soup) == 0


def test_an_open_tube_faces_outwards() -> None:
    assert volume(spring(3, 1, 2, 0.1)) > 0


def test_an_open_profile_has_two_open_rings() -> None:
    assert open_edges(revolved([(1, 0), (1, 1)], 16)) == 32
