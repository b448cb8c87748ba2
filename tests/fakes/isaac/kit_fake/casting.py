"""A stage as RTX shows it: our reader and caster, with plain shading or Mitsuba for light.

What RTX does and our reader does not: pixels are square and the principal point is the middle, whatever
the apertures say, unless the camera has the OpenCV lens; its exposure scales HdrColor; and lights that say no
`omni:rtx:usdluxVersion` of 2505, or any light for Kit before 109, shine as they did before: distant ones pi
times, domes turned about x.
"""

from __future__ import annotations

import sys
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from kit_fake.lamps import lamp_light
from kit_fake.state import KIT

LENS = ("fx", "fy", "cx", "cy")
PATH_TRACING = ("totalSpp", "maxBounces", "optixDenoiser/enabled")
PROJECT = Path(__file__).resolve().parents[4]


def _find_project() -> None:
    """The stand-ins of the rendering process know its own folder only; the fake needs the rest."""
    import fsd_gen

    real = str(PROJECT / "fsd_gen")
    if real not in list(fsd_gen.__path__):
        fsd_gen.__path__.append(real)
        sys.path.append(str(PROJECT))


@lru_cache(maxsize=2)
def cameras(stage: Path) -> dict[str, tuple[float, float, dict[str, float]]]:
    """By path: focal length by horizontal aperture, the factor of its exposure, and its OpenCV lens."""
    from pxr import Usd, UsdGeom

    opened = Usd.Stage.Open(str(stage))
    found = {}
    for prim in opened.Traverse():
        if prim.IsA(UsdGeom.Camera):
            camera = UsdGeom.Camera(prim)
            ratio = camera.GetFocalLengthAttr().Get() / camera.GetHorizontalApertureAttr().Get()
            found[str(prim.GetPath())] = (ratio, _exposure(prim), _lens(prim))
    return found


def _lens(prim) -> dict[str, float]:
    named = {name: prim.GetAttribute(f"omni:lensdistortion:opencvPinhole:{name}") for name in LENS}
    if KIT.fault("no_lens") or not all(named.values()):
        return {}
    return {name: float(attribute.Get()) for name, attribute in named.items()}


def _exposure(prim) -> float:
    def value(name: str, default: float) -> float:
        attribute = prim.GetAttribute(name)
        return float(attribute.Get()) if attribute and attribute.HasAuthoredValue() else default

    gain = value("exposure:responsivity", 1) * value("exposure:time", 1) * value("exposure:iso", 100) / 100
    return gain * 2 ** value("exposure", 0) / value("exposure:fStop", 1) ** 2


@lru_cache(maxsize=2)
def _flat(stage: Path):
    _find_project()
    from fsd_gen.usd.reader import read_world

    flat = read_world(stage)
    legacy = KIT.version < (6, 0, 0) or not _says_2505(stage)
    factor = KIT.faults.get("distant", np.pi if legacy else 1.0)
    suns = tuple(
        replace(sun, irradiance=tuple(factor * value for value in sun.irradiance))
        for sun in flat.parallel_lights
    )
    dome = flat.dome
    if dome is not None:
        turn = _about_x(90.0 if legacy else 0.0) @ _about_y(KIT.faults.get("dome_turn", 0.0))
        dome = replace(dome, to_world=dome.to_world @ turn)
    return replace(flat, parallel_lights=suns, dome=dome)


def _says_2505(stage: Path) -> bool:
    from pxr import Usd, UsdLux

    opened = Usd.Stage.Open(str(stage))  # a traversal does not keep it
    lights = [prim for prim in opened.Traverse() if prim.HasAPI(UsdLux.LightAPI)]
    return all(light.GetAttribute("omni:rtx:usdluxVersion").Get() == 2505 for light in lights)


def _about_x(degrees: float):
    turn = np.eye(4)
    turn[1:3, 1:3] = _turned(degrees)
    return turn


def _about_y(degrees: float):
    turn = np.eye(4)
    turn[::2, ::2] = _turned(-degrees)
    return turn


def _turned(degrees: float):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return [[cos, -sin], [sin, cos]]


def cast(stage: Path, camera: str, width: int, height: int, *, mitsuba: bool):
    """A frame of the stage from one of its cameras, the caller's own."""
    settings = tuple(KIT.settings[f"/rtx/pathtracing/{name}"] for name in PATH_TRACING) if mitsuba else None
    return deepcopy(_drawn(stage, camera, width, height, settings))


@lru_cache(maxsize=4)  # step after step shows the same
def _drawn(stage: Path, camera: str, width: int, height: int, settings: tuple | None):
    from kit_fake.pictures import black

    flat = _flat(stage)
    from fsd_gen.scene.rig import StereoRig
    from fsd_gen.usd.reader import camera_of_stage

    ratio, gain, lens = cameras(stage)[camera]
    seen = replace(flat, left_to_world=camera_of_stage(stage, camera)[0])
    rig = StereoRig.centred(width=width, height=height, focal_px=ratio * width, baseline_m=0.1)
    if lens:
        rig = StereoRig(
            width=width,
            height=height,
            focal_px=lens["fx"],
            focal_y_px=lens["fy"],
            cx_px=lens["cx"],
            cy_px=lens["cy"],
            baseline_m=0.1,
        )
    frame = black(width, height)
    directions = rig.ray_directions().reshape(-1, 3)
    triangle = _hits(seen, directions, frame)
    colour = (
        _path_traced(seen, stage, rig, *settings) if settings else _shaded(seen, directions, triangle, frame)
    )
    frame.colour[..., :3] = np.minimum(colour.reshape(height, width, 3) * gain, 65504)
    frame.colour[..., 3] = 1
    return frame


def _hits(flat, directions, frame):
    from fsd_gen.truth.raycast import build_ray_scene

    rays = build_ray_scene(flat)
    hits = rays.first_hits(np.zeros_like(directions), directions)
    frame.depth[...] = hits.t_n.reshape(frame.depth.shape)
    mesh_t = np.repeat(np.arange(len(flat.meshes)), [len(mesh.faces_f3) for mesh in flat.meshes])
    hit = hits.primitive_n >= 0
    frame.depth[~hit.reshape(frame.depth.shape)] = np.inf
    ids = np.zeros(len(hit), np.uint32)
    ids[hit] = mesh_t[hits.primitive_n[hit]] + 1
    frame.ids[...] = ids.reshape(frame.ids.shape)
    frame.labels = {number + 1: mesh.name for number, mesh in enumerate(flat.meshes)}
    normals = np.zeros((len(hit), 3))
    normals[hit] = rays.planes_t4[hits.primitive_n[hit], :3]
    normals[hit] /= np.linalg.norm(normals[hit], axis=1, keepdims=True)
    normals *= -np.sign(np.einsum("ij,ij->i", normals, directions))[:, None]
    frame.normals[..., :3] = (normals @ flat.left_to_world[:3, :3].T).reshape(*frame.depth.shape, 3)
    return np.where(hit, hits.primitive_n, -1)


def _shaded(flat, directions, triangle, frame):
    """Diffuse surfaces under the dome's mean and the distant lights, no shadows; behind them the dome."""
    colour = _dome(flat.dome, directions @ flat.left_to_world[:3, :3].T)
    hit = triangle >= 0
    mesh_t = np.repeat(np.arange(len(flat.meshes)), [len(mesh.faces_f3) for mesh in flat.meshes])
    surface = np.array([mesh.surface for mesh in flat.meshes])[mesh_t[triangle[hit]]]
    albedo = np.array([_constant(each.diffuse, 0.5) for each in flat.surfaces])[surface]
    glow = np.array([_constant(each.emissive, 0.0) for each in flat.surfaces])[surface]
    normals = frame.normals[..., :3].reshape(-1, 3)[hit]
    light = np.full_like(albedo, 0.0)
    if flat.dome is not None:
        light += np.array(flat.dome.radiance) * (1.0 if flat.dome.texture is None else 0.5)
    for sun in flat.parallel_lights:
        facing = np.maximum(-normals @ np.array(sun.direction), 0)[:, None]
        light += facing * np.array(sun.irradiance) / np.pi
    points = (directions[hit] * frame.depth.reshape(-1, 1)[hit]) @ flat.left_to_world[:3, :3].T
    for lamp in flat.area_lights:
        light += lamp_light(lamp, points + flat.left_to_world[:3, 3], normals)
    if any("/Lights/" in mesh.name for mesh in flat.meshes):
        light += 1.0  # whatever the lamps of a room are: one at the camera
    colour[hit] = albedo * light + glow
    return colour


def _constant(value, otherwise: float):
    return np.full(3, otherwise) if not isinstance(value, tuple) else np.array(value, float)


def _dome(dome, directions):
    """Radiance (N, 3) along world directions; the middle of an image is the dome's +z."""
    if dome is None:
        return np.zeros_like(directions)
    radiance = np.tile(np.array(dome.radiance, float), (len(directions), 1))
    if dome.texture is None:
        return radiance
    local = directions @ dome.to_world[:3, :3]
    local /= np.linalg.norm(local, axis=1, keepdims=True)
    image = _texels(dome.texture)
    across = (0.5 - np.arctan2(local[:, 0], local[:, 2]) / (2 * np.pi)) % 1.0
    down = np.arccos(np.clip(local[:, 1], -1, 1)) / np.pi
    rows = np.minimum((down * image.shape[0]).astype(int), image.shape[0] - 1)
    columns = np.minimum((across * image.shape[1]).astype(int), image.shape[1] - 1)
    return radiance * image[rows, columns]


@lru_cache(maxsize=2)
def _texels(path: Path):
    from fsd_gen.backends.textures import read_texture
    from fsd_gen.usd.flat_scene import Texture

    return read_texture(Texture(path=path, colour_space="raw" if path.suffix in (".exr", ".hdr") else "sRGB"))


_renderer = None


def _path_traced(flat, stage: Path, rig, spp: int, bounces: int, denoise: bool):
    global _renderer
    from fsd_gen.backends.mitsuba.backend import MitsubaBackend
    from fsd_gen.scene.spec import RenderSettings
    from fsd_gen.usd.staged import StagedScene

    _renderer = _renderer or MitsubaBackend(threads=1)
    settings = RenderSettings(spp=spp, max_depth=bounces + 1, denoise=denoise)
    return _renderer.render(StagedScene(path=stage, flat=flat), rig, settings, 1).left_hwc
