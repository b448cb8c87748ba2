"""Lights have the brightness and the place that USD says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.backends.base import Backend
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.flat_scene import AreaLight, DomeLight
from tests.fsd_gen.backends.mitsuba.scenes import (
    GLOW,
    HEIGHT,
    MATTE,
    PLAIN,
    RIG,
    SUN,
    WIDTH,
    middle,
    scene,
    turned,
    wall,
)


@pytest.mark.parametrize("angle_deg", [0.53, 10.0])
@pytest.mark.parametrize("tilt_deg", [0.0, 45.0])
def test_a_matte_wall_under_a_distant_light_has_albedo_times_irradiance_times_cosine_over_pi(
    backend: Backend, tilt_deg: float, angle_deg: float
) -> None:
    cos, sin = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    sun = replace(SUN, direction=(float(sin), float(cos), 0.0), angle_deg=angle_deg)
    images = backend.render(scene(wall(0), parallel_lights=(sun,)), RIG, PLAIN, 1)
    expected = np.array(MATTE.diffuse) * 2.0 * cos / np.pi
    assert middle(images.left_hwc) == pytest.approx(expected, rel=0.02)
    assert images.left_hwc.dtype == np.float32 and images.left_hwc.shape == (HEIGHT, WIDTH, 3)


def test_in_a_white_furnace_a_matte_wall_shows_its_albedo(backend: Backend) -> None:
    # rough surfaces of the principled model throw 3.4 % more light back than a Lambertian one
    sky = DomeLight(texture=None, radiance=(1.0, 1.0, 1.0), to_world=np.eye(4))
    images = backend.render(scene(wall(0), dome=sky), RIG, RenderSettings(spp=256, denoise=False), 1)
    assert middle(images.left_hwc) == pytest.approx(MATTE.diffuse, rel=0.05)


@pytest.mark.parametrize(("shape", "area_m2"), [("rect", 0.01), ("disk", 0.0314159), ("sphere", 0.0314159)])
def test_a_small_area_light_lights_by_radiance_times_area_over_distance_squared(
    backend: Backend, shape: str, area_m2: float
) -> None:
    place = np.eye(4)
    place[:3, :3] = 0.1 * np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # its -z is +y
    place[:3, 3] = (0.0, 1.0, 0.3)  # out of the camera's way
    light = AreaLight(name="lamp", shape=shape, to_world=place, radiance=(50.0, 50.0, 50.0))
    settings = RenderSettings(spp=64, denoise=False)
    images = backend.render(scene(wall(0), area_lights=(light,)), RIG, settings, 1)
    distance_m = np.hypot(3.0, 0.3)
    cosines = (3.0 / distance_m) ** (1 if shape == "sphere" else 2)
    irradiance = 50.0 * area_m2 * cosines / distance_m**2
    assert middle(images.left_hwc) == pytest.approx(np.array(MATTE.diffuse) * irradiance / np.pi, rel=0.05)


def test_a_flat_light_does_not_shine_backwards(backend: Backend) -> None:
    place = np.eye(4)
    place[:3, :3] = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])  # its -z is -y: away from the wall
    place[:3, 3] = (0.0, 2.0, 1.8)
    light = AreaLight(name="lamp", shape="rect", to_world=place, radiance=(50.0, 50.0, 50.0))
    images = backend.render(scene(wall(0), area_lights=(light,)), RIG, PLAIN, 1)
    assert middle(images.left_hwc).max() < 1e-9


def test_a_glowing_surface_is_seen_as_it_glows(backend: Backend) -> None:
    glow = replace(GLOW, emissive=(3.0, 2.0, 1.0))
    images = backend.render(scene(wall(0), surfaces=(glow,)), RIG, PLAIN, 1)
    assert middle(images.left_hwc) == pytest.approx((3.0, 2.0, 1.0), rel=1e-3)


def test_a_glowing_surface_lights_what_it_faces(backend: Backend) -> None:
    images = backend.render(scene(wall(0), turned(wall(1, y=-1.0)), surfaces=(MATTE, GLOW)), RIG, PLAIN, 1)
    # 40 m of glow 5 m away fill nearly the whole half space
    assert middle(images.left_hwc) == pytest.approx(MATTE.diffuse, rel=0.08)


def test_a_sky_image_lies_as_usd_says(backend: Backend, tmp_path: Path) -> None:
    # four quarters from left to right: -z..+x red, +x..+z green, +z..-x blue, -x..-z white; seen from inside
    sky_hwc = np.zeros((16, 32, 3), np.uint8)
    for quarter, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]):
        sky_hwc[:, quarter * 8 : quarter * 8 + 8] = colour
    Image.fromarray(sky_hwc).save(tmp_path / "sky.png")
    y_to_z_up = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
    dome = DomeLight(texture=tmp_path / "sky.png", radiance=(1.0, 1.0, 1.0), to_world=y_to_z_up)
    # the camera looks along +y of the world, which is -z of the dome: its image's two ends meet there
    image = backend.render(scene(wall(0, half=0.001), dome=dome), RIG, PLAIN, 1).left_hwc
    assert image[18, 16].round(2).tolist() == [1, 1, 1]  # towards -x
    assert image[18, 48].round(2).tolist() == [1, 0, 0]  # towards +x


def test_an_unreadable_sky_is_a_clear_error(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "sky.exr").write_text("no picture")
    dome = DomeLight(texture=tmp_path / "sky.exr", radiance=(1.0, 1.0, 1.0), to_world=np.eye(4))
    with pytest.raises(AssetFileError, match=r"cannot read dome texture .*sky\.exr"):
        backend.render(scene(wall(0), dome=dome), RIG, PLAIN, 1)
