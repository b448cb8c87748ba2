"""The bodies of lamps: as large as the lights they stand for, shining one way only."""

from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.scene.spec import DiskLight, RectLight, SphereLight
from fsd_gen.usd.lamps import Body, Lamp, glowing, housing
from fsd_gen.usd.polygons import triangulate

AT = dict(name="lamp", position=(0, 0, 0), radiance=(1, 1, 1))
RECT = RectLight(size=(0.8, 0.5), **AT)
DISK = DiskLight(radius_m=0.3, **AT)
BALL = SphereLight(radius_m=0.1, **AT)


def corners(body: Body) -> np.ndarray:
    triangles = triangulate(body.points_p3, body.counts_f, body.indices_c)
    return triangles.vertices_v3[triangles.faces_t3].astype(float)


def vector_areas(body: Body) -> np.ndarray:
    a_t3, b_t3, c_t3 = corners(body).transpose(1, 0, 2)
    return np.cross(b_t3 - a_t3, c_t3 - a_t3) / 2


@pytest.mark.parametrize(
    ("lamp", "area"), [(RECT, 0.4), (DISK, np.pi * 0.09), (BALL, 4 * np.pi * 0.01)], ids=lambda v: str(v)[:9]
)
def test_a_body_has_the_area_of_its_light(lamp: Lamp, area: float):
    assert np.linalg.norm(vector_areas(glowing(lamp)), axis=1).sum() == pytest.approx(area, rel=1e-4)


@pytest.mark.parametrize("lamp", [RECT, DISK])
def test_a_flat_lamp_shines_along_minus_z_from_where_it_is_and_its_back_is_closed(lamp: Lamp):
    glow, back = glowing(lamp), housing(lamp)
    assert (vector_areas(glow)[:, 2] < 0).all() and not vector_areas(glow)[:, :2].any()
    assert (glow.points_p3[:, 2] == 0).all()
    assert 0 < back.points_p3[:, 2].max() <= 0.005
    whole = vector_areas(glow).sum(axis=0) + vector_areas(back).sum(axis=0)
    assert whole == pytest.approx(np.zeros(3), abs=1e-6)  # together they enclose a volume, seen from outside


def test_a_ball_faces_outwards_and_needs_no_housing():
    middles = corners(glowing(BALL)).mean(axis=1)
    assert (np.einsum("ij,ij->i", middles, vector_areas(glowing(BALL))) > 0).all() and housing(BALL) is None
