"""Normals and instances against closed forms: planes and balls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fsd_gen.truth.maps import compute_truth
from fsd_gen.truth.surfaces import cosines, instance_map, normal_map
from fsd_gen.usd.flat_scene import FlatScene
from tests.fsd_gen.checks.plain import cosine_map
from tests.fsd_gen.truth.scenes import RIG, quad, scene, sphere_mesh, wall


def normals(of: FlatScene) -> np.ndarray:
    return normal_map(of, RIG, compute_truth(of, RIG).hits_left)


def instances(of: FlatScene, prims: tuple[str, ...]) -> np.ndarray:
    return instance_map(of, RIG, compute_truth(of, RIG).hits_left, prims)


@pytest.mark.parametrize("normal", [(0.0, 0.0, 1.0), (0.4, -0.3, 1.0), (-0.9, 0.2, 0.5)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_plane_has_its_own_normal_facing_the_camera_whichever_way_its_triangles_wind(normal, turned):
    n = np.array(normal) / np.linalg.norm(normal)
    a = np.cross(n, [0.0, 1.0, 0.0])
    a /= np.linalg.norm(a)
    b = np.cross(n, a)
    corners = [n * 3 + 40 * (s * a + t * b) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    found_hw3 = normals(scene(quad(corners[::-1] if turned else corners)))
    seen = (found_hw3 != 0).any(axis=2)
    assert seen.mean() > 0.5
    assert np.abs(found_hw3[seen] + n).max() < 1e-12


def ball_normals(centre: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Where a ball is seen, away from its rim, and its outward normals there."""
    directions = RIG.ray_directions()
    along, squared = directions @ centre, (directions**2).sum(-1)
    root = along**2 - squared * (centre @ centre - radius**2)
    inner = root > 0.2 * radius**2
    z = (along[inner] - np.sqrt(root[inner])) / squared[inner]
    return inner, (directions[inner] * z[:, None] - centre) / radius


def test_a_fine_ball_has_the_normals_of_a_ball():
    inner, expected = ball_normals(np.array([0.1, 0.05, 3.0]), 0.8)
    found = normals(scene(sphere_mesh(centre=(0.1, 0.05, 3.0), radius=0.8, rings=400)))[inner]
    assert inner.sum() > 1000
    assert np.abs(found - expected).max() < np.pi / 400  # the angle between neighbouring triangles


def test_normals_are_in_the_cameras_frame_wherever_the_camera_stands():
    turned = np.array([[0, 0, 1.0, 5], [-1, 0, 0, 2], [0, -1, 0, 1], [0, 0, 0, 1]])  # looks along world +x
    corners = [(8.0, 30, -30), (8, -30, -30), (8, -30, 30), (8, 30, 30)]
    found_hw3 = normals(replace(scene(quad(corners)), left_to_world=turned))
    assert np.allclose(found_hw3, (0, 0, -1))


def test_the_sky_has_no_normal_and_no_instance():
    assert (normals(scene()) == 0).all()
    assert (instances(scene(), ("", "/World/Objects/Chair")) == 0).all()


def test_every_pixel_has_the_id_of_the_thing_that_its_nearest_part_belongs_to():
    left = replace(wall(2.0, x=(-50, 0)), name="/World/Objects/Chair/Asset/Seat/wood")
    right = replace(wall(2.0, x=(0, 50)), name="/World/Panels/Wall")
    behind = replace(wall(9.0), name="/World/Panels/Back")
    bulb = replace(sphere_mesh(centre=(0, 0, 1.0), radius=0.2, rings=20), name="/World/Lights/Bulb/Glow")
    prims = ("", "/World/Objects/Chair", "/World/Panels/Back", "/World/Panels/Wall", "/World/Lights/Bulb")
    found_hw = instances(scene(behind, left, right, bulb), prims)
    assert (found_hw[:5, :75] == 1).all() and (found_hw[:5, 85:] == 3).all()
    assert found_hw[RIG.height // 2, RIG.width // 2] == 4
    assert set(np.unique(found_hw)) == {1, 3, 4}


def test_a_surface_of_no_listed_thing_has_id_0():
    assert (instances(scene(replace(wall(3.0), name="/World/Extra")), ("", "/World/Panels/Wall")) == 0).all()


def test_cosines_of_some_pixels_are_those_of_the_map_of_normals():
    balls = [sphere_mesh((x, 0.1 * x, 4.0 + x), 0.7, 30) for x in (-1.5, 0.0, 1.5)]
    of = scene(wall(9.0, x=(-3, 1)), *balls, quad([(0, 0, 100)] * 4))
    hits = compute_truth(of, RIG).hits_left
    chosen = np.flatnonzero(hits.primitive_n >= 0)[::3]
    assert len(chosen) > 1000
    assert (cosines(of, RIG, hits, chosen) == cosine_map(of, RIG, hits).ravel()[chosen]).all()
