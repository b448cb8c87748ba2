"""Glowing balls give the light of their meshes, with less noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fsd_gen.backends.base import Backend
from fsd_gen.backends.mitsuba import backend as mitsuba
from fsd_gen.backends.mitsuba.bulbs import bulb_plugins, find_bulbs
from fsd_gen.scene.spec import RenderSettings, SphereLight
from fsd_gen.usd.flat_scene import Mesh, Surface
from fsd_gen.usd.lamps import glowing
from tests.fsd_gen.backends.mitsuba.scenes import MATTE, RIG, middle, scene, wall

GLOW = Surface(name="glow", diffuse=(0.2, 0.2, 0.2), emissive=(50.0, 40.0, 30.0), ior=1.0)
NOISY = RenderSettings(spp=16, denoise=False)


def bulb(x: float = 0.0, y: float = 2.0, z: float = 1.6, surface: int = 1) -> Mesh:
    lamp = SphereLight(name="bulb", position=(0, 0, 0), radius_m=0.1, radiance=(1, 1, 1))
    body = glowing(lamp)
    return Mesh(
        name="bulb",
        vertices_v3=body.points_p3.astype(float) + (x, y, z),
        faces_f3=body.indices_c.reshape(-1, 3),
        uv_v2=None,
        normals_v3=None,
        surface=surface,
    )


def test_balls_that_glow_are_found_and_nothing_else_is_taken_for_one():
    both = scene(wall(0), bulb(), bulb(x=1.0), surfaces=(MATTE, GLOW)).flat
    ((first, second),) = find_bulbs(both).values()
    assert first.centre == pytest.approx((0, 2, 1.6)) and second.centre == pytest.approx((1, 2, 1.6))
    assert first.area == pytest.approx(4 * np.pi * 0.01, rel=1e-4)
    dark = scene(wall(0), bulb(surface=0)).flat
    shared = scene(wall(1), bulb(), surfaces=(MATTE, GLOW)).flat
    half = bulb()
    open_ball = scene(replace(half, faces_f3=half.faces_f3[::2]), surfaces=(MATTE, GLOW)).flat
    squeezed = replace(half, vertices_v3=half.vertices_v3 * (1, 1, 1.01))
    egg = scene(squeezed, surfaces=(MATTE, GLOW)).flat
    assert [find_bulbs(flat) for flat in (dark, shared, open_ball, egg)] == [{}, {}, {}, {}]


def test_a_ball_lights_as_its_triangles_do_with_less_noise(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = scene(wall(0), bulb(), surfaces=(MATTE, GLOW))
    ours, ours_again = (backend.render(view, RIG, NOISY, seed).left_hwc for seed in (1, 2))
    monkeypatch.setattr(mitsuba, "find_bulbs", lambda flat: {})
    plain, plain_again = (backend.render(view, RIG, NOISY, seed).left_hwc for seed in (1, 2))
    assert middle(ours) == pytest.approx(middle(plain), rel=0.03)
    noise, plain_noise = ((a - b)[14:].std() for a, b in ((ours, ours_again), (plain, plain_again)))
    assert noise < 0.8 * plain_noise


def test_a_ball_is_seen_as_bright_as_it_is(backend: Backend) -> None:
    near = scene(wall(0), bulb(y=0.5, z=0.0), surfaces=(MATTE, GLOW))
    image_hwc = backend.render(near, RIG, NOISY, 1).left_hwc
    assert middle(image_hwc) == pytest.approx((50.0, 40.0, 30.0), rel=0.01)


@pytest.mark.parametrize("away_m", [0.0, 3.0, 15.0])
def test_a_ray_that_passes_the_sphere_around_a_ball_goes_on_before_the_ball(away_m: float) -> None:
    """Mitsuba starts it 1500 roundings of float32 further on; behind the mesh's front all is dark."""
    flat = scene(wall(0), bulb(x=away_m), surfaces=(MATTE, GLOW)).flat
    ((ball,),) = find_bulbs(flat).values()
    (plugin,) = bulb_plugins(GLOW, [ball])
    step = 1500 * float(np.finfo(np.float32).eps) * (1 + max(map(abs, ball.centre)))
    assert plugin["radius"] - ball.radius > step
