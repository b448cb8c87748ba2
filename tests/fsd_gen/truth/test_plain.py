"""The truth equals its plain form, to the bit, in everything that it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.truth import equal
from fsd_gen.scene.rig import StereoRig
from fsd_gen.shards.flags import Flag
from fsd_gen.truth.maps import Truth, compute_truth
from fsd_gen.truth.raycast import build_ray_scene
from fsd_gen.usd.flat_scene import FlatScene, Mesh, Surface, Texture
from tests.fsd_gen.truth.plain import build_plain_rays, plain_truth
from tests.fsd_gen.truth.scenes import RIG, quad, scene, sphere_mesh, wall

ODD = StereoRig.centred(width=101, height=67, focal_px=75.0, baseline_m=0.15)  # no multiple of any packet
SURFACES = (
    Surface(name="wood"),
    Surface(name="glass", opacity=0.2),
    Surface(name="mirror", metallic=1.0, roughness=0.02),
)


def checked(of: FlatScene, rig: StereoRig = RIG) -> Truth:
    truth = compute_truth(of, rig)
    assert equal(plain_truth(of, rig), truth)
    return truth


def soup(seed: int, triangles: int, size: float, surfaces: int = 3) -> Iterator[Mesh]:
    """Triangles anywhere before the cameras, through one another, in ten meshes."""
    rng = np.random.default_rng(seed)
    for number in range(10):
        centre_t3 = rng.uniform((-2, -1.2, 1), (2, 1.2, 6), size=(triangles // 10, 3))
        corners = centre_t3[:, None] + rng.normal(scale=size, size=(len(centre_t3), 3, 3))
        yield Mesh(
            name=f"soup_{number}",
            vertices_v3=corners.reshape(-1, 3),
            faces_f3=np.arange(3 * len(centre_t3), dtype=np.int32).reshape(-1, 3),
            uv_v2=rng.uniform(0, 3, size=(3 * len(centre_t3), 2)).astype(np.float32),
            normals_v3=None,
            surface=number % surfaces,
        )


def net(folder: Path) -> Surface:
    """Half of it holes."""
    alpha = np.full((8, 8, 4), 255, np.uint8)
    alpha[::2, ::2, 3] = alpha[1::2, 1::2, 3] = 0
    Image.fromarray(alpha).save(folder / "net.png")
    texture = Texture(path=folder / "net.png", colour_space="raw", channel="a")
    return Surface(name="net", opacity=texture, opacity_threshold=0.5)


@pytest.mark.parametrize(("triangles", "size"), [(60, 0.8), (3000, 0.1), (40_000, 0.01)])
@pytest.mark.parametrize("rig", [RIG, ODD])
def test_of_triangles_large_and_small_behind_one_another(triangles, size, rig):
    truth = checked(scene(wall(7.0), *soup(1, triangles, size), surfaces=SURFACES), rig)
    assert all((truth.flags_left_hw & flag).any() for flag in (Flag.OCCLUDED, Flag.TRANSPARENT, Flag.MIRROR))


def test_of_a_camera_that_is_turned_and_far_from_the_origin():
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    to_world = np.eye(4)
    to_world[:3, :3], to_world[:3, 3] = turn * np.linalg.det(turn), (500.0, -20.0, 3.0)
    meshes = [
        Mesh(**{**each_of(mesh), "vertices_v3": mesh.vertices_v3 @ to_world[:3, :3].T + to_world[:3, 3]})
        for mesh in (sphere_mesh((0.1, 0.0, 3.0), 0.8, 40), *soup(4, 500, 0.3))
    ]
    flat = scene(*meshes, surfaces=SURFACES)
    checked(FlatScene(**{**each_of(flat), "left_to_world": to_world}))


def each_of(value: object) -> dict:
    return {name: getattr(value, name) for name in value.__slots__}


def test_of_holes_before_holes_and_before_walls(tmp_path):
    surfaces = (*SURFACES, net(tmp_path))
    truth = checked(scene(wall(7.0), *soup(2, 400, 0.5, surfaces=4), surfaces=surfaces))
    solid = compute_truth(
        scene(wall(7.0), *soup(2, 400, 0.5, surfaces=4), surfaces=(*SURFACES, SURFACES[0])), RIG
    )
    assert (truth.disparity_left_hw < solid.disparity_left_hw).mean() > 0.05  # seen through holes


def test_of_surfaces_in_the_very_same_place(tmp_path):
    surfaces = (*SURFACES, net(tmp_path))
    twice = [wall(z, x=(-1, 0.4), y=(-0.6, 0.5), surface=s) for z in (2.0, 3.0) for s in (0, 1, 2, 3)]
    tilted = [(-0.6, -0.5, 1.8), (0.2, -0.4, 2.2), (0.3, 0.5, 2.6), (-0.5, 0.4, 2.1)]
    turned = [quad(tilted, 1), quad(tilted[::-1], 0), quad(tilted[1:] + tilted[:1], 2)]
    checked(scene(wall(4.0), wall(4.0, surface=1), *twice, *turned, surfaces=surfaces))
    checked(scene(wall(4.0), wall(4.0, surface=1), *turned, *turned[::-1], surfaces=surfaces))


def test_of_a_box_that_stands_on_the_floor_and_touches_the_wall():
    floor = quad([(-9, 0.5, 0.1), (9, 0.5, 0.1), (9, 0.5, 9), (-9, 0.5, 9)])
    sides = [
        wall(2.0, x=(-0.5, 0.5), y=(-0.25, 0.5), surface=2),
        quad([(0.5, -0.25, 2), (0.5, -0.25, 4), (0.5, 0.5, 4), (0.5, 0.5, 2)], 1),
        quad([(-0.5, -0.25, 2), (-0.5, -0.25, 4), (0.5, -0.25, 4), (0.5, -0.25, 2)], 1),
    ]
    checked(scene(floor, wall(4.0), *sides, surfaces=SURFACES))


def test_of_surfaces_just_in_front_of_others():
    wide = RIG.model_copy(update={"baseline_m": 2.0})
    margins = (3e-4, 4.9e-4, 5.1e-4, 8e-4, 2e-3, 4e-3, 8e-3, 0.03, 0.08)
    rows = np.linspace(-1.3, 1.3, len(margins) + 1)
    slanted = [
        quad([(-1, low, z), (1, low, z), (1.6, high, z), (-0.4, high, z)], 1)
        for z, low, high in zip(4 * (1 - np.array(margins)), rows[:-1], rows[1:], strict=True)
    ]
    truth = checked(scene(wall(4.0), *slanted, surfaces=SURFACES), wide)
    hidden_v = ((truth.flags_right_hw & Flag.OCCLUDED) > 0).any(axis=1)
    assert not hidden_v[:20].any() and hidden_v[30:50].any()  # a difference below the margin hides nothing


def test_of_triangles_without_area_without_numbers_and_beyond_float32():
    odd = Mesh(
        name="odd",
        vertices_v3=np.array(
            [
                *[(0, 0, 2), (0, 0, 2), (1, 1, 2)],  # two corners in one place
                *[(-1, 0, 2), (0, 0, 2), (1, 0, 2)],  # all on a line
                *[(0.1, 0.1, 2)] * 3,
                *[(np.nan, 0, 2), (1, 0, 2), (0, 1, 2)],
                *[(np.inf, 0, 2), (1, 0, 2), (0, 1, 2)],
                *[(-1e30, -1e30, 3e4), (1e30, -1e30, 3e4), (0, 1e30, 3e4)],
                *[(-3e9, -3e9, 5e4), (3e9, -3e9, 5e4), (0, 3e9, 5e4)],
                *[(-1e-30, 0, 1e-30), (1e-30, 0, 1e-30), (0, 1e-30, 1e-30)],
                *[(-1, 0.1, 0.0), (1, 0.1, 0.0), (0, 0.1, 9.0)],  # through the camera's plane
            ],
            float,
        ),
        faces_f3=np.arange(27, dtype=np.int32).reshape(9, 3),
        uv_v2=None,
        normals_v3=None,
        surface=0,
    )
    with np.errstate(all="ignore"):
        truth = checked(scene(odd, sphere_mesh((0.3, -0.3, 3.0), 0.3, 10)))
    assert (truth.flags_left_hw == 0).any()


@pytest.mark.parametrize("meshes", [(), (wall(-3.0),)])
def test_of_nothing_to_see(meshes):
    assert (checked(scene(*meshes)).flags_left_hw == Flag.SKY).all()


@pytest.mark.parametrize("rays", [1, 13, 14, 15, 16, 17, 29, 5000])
def test_any_number_of_rays_from_anywhere(rays):
    flat = scene(wall(7.0), wall(7.0), *soup(5, 2000, 0.2), surfaces=SURFACES)
    rng = np.random.default_rng(rays)
    origins, directions = rng.uniform(-1, 1, size=(rays, 3)), rng.normal(size=(rays, 3))
    plain = build_plain_rays(flat).first_hits(origins, directions)
    now = build_ray_scene(flat).first_hits(origins, directions)
    assert np.array_equal(plain.t_n, now.t_n) and np.array_equal(plain.primitive_n, now.primitive_n)
    assert rays < 100 or (now.primitive_n >= 0).mean() > 0.3
