"""The path tracer agrees with Mitsuba's own, and does what that one does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fsd_gen.backends.base import Backend
from fsd_gen.backends.mitsuba.backend import MitsubaBackend
from fsd_gen.backends.mitsuba.cameras import sensor_plugin
from fsd_gen.backends.mitsuba.paths import PathIntegrator
from fsd_gen.backends.mitsuba.runtime import mi
from fsd_gen.backends.textures import TextureCache
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.flat_scene import AreaLight, FlatScene, Mesh, ParallelLight, Surface, Texture
from tests.fsd_gen.backends.mitsuba.scenes import MATTE, PLAIN, RIG, SUN, middle, scene, turned, wall

FINE = RenderSettings(spp=64, denoise=False)
FROM_LEFT = replace(SUN, direction=(0.6, 0.8, 0.0))
SCREEN = wall(1, y=2.0, x=-2.5, half=2.0)  # between that sun and what the middle pixels show


def shaded(backend: Backend, screen: Surface, sun: ParallelLight = FROM_LEFT, mesh: Mesh = SCREEN) -> float:
    """Light on the wall behind a screen, as a share of what falls on it without one."""
    shown = scene(wall(0), mesh, surfaces=(MATTE, screen), parallel_lights=(sun,))
    without = scene(wall(0), parallel_lights=(sun,))
    lit, bare = (middle(backend.render(view, RIG, FINE, 1).left_hwc) for view in (shown, without))
    return float((lit / bare).mean())


def leaf(tmp_path: Path, alpha: int) -> Surface:
    Image.new("RGBA", (4, 4), (200, 200, 200, alpha)).save(tmp_path / "leaf.png")
    opacity = Texture(path=tmp_path / "leaf.png", colour_space="raw", channel="a")
    return Surface(name="leaf", diffuse=(0.0, 0.0, 0.0), opacity=opacity, opacity_threshold=0.5)


def test_sunlight_passes_the_holes_of_a_cut_out_and_only_those(backend: Backend, tmp_path: Path) -> None:
    assert shaded(backend, leaf(tmp_path, 100)) == pytest.approx(1.0, rel=1e-3)  # all hole
    assert shaded(backend, leaf(tmp_path, 200)) == pytest.approx(0.0, abs=0.01)  # all leaf


@pytest.mark.parametrize("angle_deg", [0.0, 3.0])
def test_sunlight_passes_a_pane_and_a_veil_keeps_its_share(backend: Backend, angle_deg: float) -> None:
    sun = replace(FROM_LEFT, angle_deg=angle_deg)
    clear = Surface(name="pane", diffuse=(1.0, 1.0, 1.0), opacity=0.0, roughness=0.0)
    assert shaded(backend, clear, sun) == pytest.approx(0.92, abs=0.02)  # two faces reflect 4 % each
    veil = Surface(name="veil", diffuse=(0.0, 0.0, 0.0), opacity=0.25, ior=1.0)
    assert shaded(backend, veil, sun) == pytest.approx(0.75, abs=0.01)


def test_a_lamp_behind_many_holes_lights_as_if_they_were_not_there(backend: Backend, tmp_path: Path) -> None:
    place = np.eye(4)
    place[:3, :3] = 0.5 * np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # its -z is +y
    place[:3, 3] = (-3.0, 1.0, 0.0)
    lamp = AreaLight(name="lamp", shape="rect", to_world=place, radiance=(50.0, 50.0, 50.0))
    nets = [wall(1, y=y, x=-5.0, half=4.0) for y in np.linspace(2, 3, 12)]
    views = (scene(wall(0), area_lights=(lamp,)), scene(wall(0), *nets, area_lights=(lamp,)))
    holed = leaf(tmp_path, 0)
    images = [backend.render(replace_surfaces(view, holed), RIG, FINE, 1) for view in views]
    bare, netted = (middle(image.left_hwc) for image in images)
    assert netted == pytest.approx(bare, rel=0.03)


def replace_surfaces(view, extra: Surface):
    return replace(view, flat=replace(view.flat, surfaces=(MATTE, extra)))


def lamp_before(wall_y: float, shape: str) -> AreaLight:
    place = np.diag([0.3, 0.3, 0.3, 1.0])
    place[:3, :3] = place[:3, :3] @ np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])  # its -z is -y
    place[1, 3] = wall_y
    return AreaLight(name="lamp", shape=shape, to_world=place, radiance=(50.0, 50.0, 50.0))


@pytest.mark.parametrize("shape", ["rect", "disk", "sphere"])
def test_a_light_without_a_body_is_reflected_but_not_seen(backend: Backend, shape: str) -> None:
    """It shines at the camera, from the middle of the picture."""
    lamp = lamp_before(2.0, shape)
    dark = replace(MATTE, diffuse=(0.0, 0.0, 0.0))
    seen = backend.render(scene(wall(0), surfaces=(dark,), area_lights=(lamp,)), RIG, PLAIN, 1)
    assert middle(seen.left_hwc).max() < 1e-6
    mirror = Surface(name="mirror", diffuse=(0.8, 0.8, 0.8), metallic=1.0, roughness=0.0)
    larger = lamp.to_world @ np.diag([5.0, 5.0, 5.0, 1.0])
    behind = replace(lamp, to_world=np.diag([1, -1, -1, 1.0]) @ larger)  # 2 m behind, shining ahead
    shown = backend.render(scene(wall(0), surfaces=(mirror,), area_lights=(behind,)), RIG, PLAIN, 1)
    assert shown.left_hwc.max() == pytest.approx(40.0, rel=0.01)


@pytest.mark.parametrize("denoise", [False, True])
def test_the_disc_of_a_wide_sun_is_not_seen(backend: Backend, denoise: bool) -> None:
    """Truth calls its pixels sky; the camera looks right into it."""
    sun = ParallelLight(name="sun", direction=(0.0, -1.0, 0.0), angle_deg=5.0, irradiance=(2.0, 2.0, 2.0))
    view = scene(wall(0, half=0.5, x=-3.0), parallel_lights=(sun,))
    image_hwc = backend.render(view, RIG, RenderSettings(spp=4, denoise=denoise), 1).left_hwc
    assert image_hwc[:, WIDTH_OF_WALL:].max() < 1e-6


WIDTH_OF_WALL = 24  # columns that the wall cannot reach


def test_the_images_are_those_of_mitsubas_path_tracer_where_that_one_is_right(backend: Backend) -> None:
    """No holes, no bodiless lights, no normal maps: matte, glossy, mirror and glowing surfaces."""
    surfaces = (
        MATTE,
        Surface(name="glossy", diffuse=(0.6, 0.3, 0.1), roughness=0.3),
        Surface(name="mirror", diffuse=(0.8, 0.8, 0.8), metallic=1.0, roughness=0.0),
        Surface(name="glow", diffuse=(0.2, 0.2, 0.2), emissive=(5.0, 4.0, 3.0)),
    )
    meshes = (
        wall(0),
        wall(1, y=3.5, half=1.0, x=-2.0),
        wall(2, y=3.0, half=0.8, x=1.5),
        turned(wall(3, y=-1.0, half=1.5)),
    )
    flat = scene(*meshes, surfaces=surfaces, parallel_lights=(FROM_LEFT,)).flat
    loaded = load(flat)
    sensor = mi.load_dict(sensor_plugin(flat, RIG, 1024, "left"))
    ours = np.array(PathIntegrator(loaded, max_depth=5, rr_depth=2).render(loaded, sensor, seed=1))
    theirs = mi.load_dict({"type": "path", "max_depth": 5, "rr_depth": 2}).render(loaded, sensor, seed=2)
    difference = np.abs(ours - np.array(theirs)).reshape(9, 4, 16, 4, 3).mean(axis=(1, 3))
    scale = np.array(theirs).mean()
    assert ours.mean() == pytest.approx(scale, rel=0.005)
    assert difference.mean() < 0.03 * scale and difference.max() < 0.3 * scale


def load(flat: FlatScene) -> mi.Scene:
    return mi.load_dict(MitsubaBackend._scene_dict(SimpleNamespace(_textures=TextureCache()), flat))


DEGREES = (43.5, 44.0, 44.5, 45.0, 45.5, 46.0, 46.5)  # from 45 on the eye is behind the mapped normal


def test_a_flank_keeps_its_brightness_as_the_eye_passes_behind_its_mapped_normal(tmp_path: Path) -> None:
    seen = [flank(tmp_path, degrees, ours) for degrees in DEGREES]
    assert np.abs(np.diff(seen)).max() < 0.01 * np.mean(seen)
    assert 0.8 < flank(tmp_path, 75.0, ours) / seen[0] < 1.2


def test_mitsubas_own_path_tracer_turns_the_normal_over_there(tmp_path: Path) -> None:
    """The control: where one eye is behind the mapped normal and the other is not, they would not match."""
    assert flank(tmp_path, 60.0, mitsubas) < 0.2 * flank(tmp_path, 35.0, mitsubas)
    assert flank(tmp_path, 35.0, mitsubas) == pytest.approx(flank(tmp_path, 35.0, ours), rel=0.01)


def ours(loaded: mi.Scene) -> mi.Integrator:
    return PathIntegrator(loaded, max_depth=2, rr_depth=5)


def mitsubas(loaded: mi.Scene) -> mi.Integrator:
    return mi.load_dict({"type": "path", "max_depth": 2})


def flank(tmp_path: Path, degrees: float, integrator_of: Callable[[mi.Scene], mi.Integrator]) -> float:
    """Brightness of a flank seen from `degrees` to the left of its wall's normal: wall and sun are turned."""
    Image.new("RGB", (4, 4), (218, 128, 218)).save(tmp_path / "flank.png")  # leans by 45 degrees
    bent = replace(MATTE, normal=Texture(path=tmp_path / "flank.png", colour_space="raw"))
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
    pivot = np.array([0.0, 4.0, 0.0])
    mesh = replace(wall(0), vertices_v3=(wall(0).vertices_v3 - pivot) @ turn.T + pivot)
    towards = turn @ np.array([-0.6, 0.8, 0.0])
    sun = replace(SUN, direction=tuple(towards.tolist()))
    flat = scene(mesh, surfaces=(bent,), parallel_lights=(sun,)).flat
    loaded = load(flat)
    sensor = mi.load_dict(sensor_plugin(flat, RIG, 16, "left"))
    return float(middle(np.array(integrator_of(loaded).render(loaded, sensor, seed=1))).mean())
