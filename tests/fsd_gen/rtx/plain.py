"""A renderer of what the stage says: our caster, plain shading, and faults that can be switched on.

It reads the layer as RTX would: lights by the version's rules, the camera's exposure, the OpenCV lens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom

from assets_manifest.exr import read_exr
from fsd_gen.rtx.child.contract import IDS, Job, View
from fsd_gen.rtx.child.versions import OPENUSD, Lux
from fsd_gen.scene.rig import StereoRig
from fsd_gen.truth.raycast import Hits, build_ray_scene
from fsd_gen.usd.flat_scene import AreaLight, FlatScene
from fsd_gen.usd.reader import camera_of_stage, read_stage

Array = NDArray[np.float64]
FINE = 4  # rays across a pixel, and down, where its edges are no edges of things


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrongness:
    """What the renderer does wrong; by default nothing."""

    colour: float = 1.0  # factor of everything
    sun: float = 1.0  # of distant lights
    glow: float = 1.0
    rect: float = 1.0  # of flat lamps
    sphere: float = 1.0
    exposes: bool = True  # obeys exposure:time
    dome_z_deg: float = 0.0  # by which the sky is turned about the vertical
    mirrored: bool = False  # the sky, left to right
    image: float = 1.0  # factor of the sky's image
    depth: float = 1.0  # factor
    rays: bool = False  # depth along the ray
    metres: bool = True  # depth in metres; else in units of the stage
    miss: float = np.inf
    shift_px: tuple[float, float] = (0.0, 0.0)  # where a pixel looks, right and down
    lens_px: float = 0.0  # the same, where the lens schema is used
    swapped: bool = False  # the right eye stands at the left
    ids: str = "right"  # or "mixed", or "none"
    lux: Lux = field(default_factory=lambda: OPENUSD)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRenderer:
    """Renders jobs in this process."""

    wrong: Wrongness = Wrongness()

    def __call__(self, job: Job) -> tuple[View, ...]:
        path, stage = Path(job.stage), Usd.Stage.Open(job.stage)
        scene = read_stage(path, None, left=job.products[0].camera)
        views = []
        for product in job.products:
            camera = job.products[0].camera if self.wrong.swapped else product.camera
            seen = replace(scene, left_to_world=camera_of_stage(path, camera)[0])
            views.append(self._view(stage, seen, job, product.eye, stage.GetPrimAtPath(camera)))
        return tuple(views)

    def _view(self, stage: Usd.Stage, scene: FlatScene, job: Job, eye: str, prim: Usd.Prim) -> View:
        wrong = self.wrong
        rig = self._lens(prim, job)
        hits = build_ray_scene(scene).first_hits(
            np.zeros((job.width * job.height, 3)), rig.ray_directions().reshape(-1, 3)
        )
        odd = rig.focal_y_px is not None
        colour_n3 = self._smooth(stage, scene, rig) if odd else self._colours(stage, scene, rig, hits)
        if wrong.exposes:
            colour_n3 = colour_n3 * prim.GetAttribute("exposure:time").Get()
        depth_n = hits.t_n * wrong.depth
        if wrong.rays:
            depth_n = depth_n * np.linalg.norm(rig.ray_directions().reshape(-1, 3), axis=1)
        if not wrong.metres:
            depth_n = depth_n / UsdGeom.GetStageMetersPerUnit(stage)
        depth_n = np.where(np.isfinite(hits.t_n), depth_n, wrong.miss)
        shape = (job.height, job.width)
        ids, labels = self._ids(stage, scene, hits)
        return View(
            eye=eye,
            ids_hw=None if wrong.ids == "none" or IDS not in job.channels else ids.reshape(shape),
            labels={} if wrong.ids == "none" else labels,
            colour_hwc=(colour_n3 * wrong.colour).reshape(*shape, 3).astype(np.float32),
            depth_hw=depth_n.reshape(shape).astype(np.float32),
        )

    def _ids(
        self, stage: Usd.Stage, scene: FlatScene, hits: Hits
    ) -> tuple[NDArray[np.uint32], dict[int, str]]:
        """Ids (N,), with the label that the layer gives a thing, or else its path, as Replicator has it."""
        mesh_t = np.repeat(np.arange(len(scene.meshes)), [len(mesh.faces_f3) for mesh in scene.meshes])
        ids_n = np.where(hits.primitive_n >= 0, mesh_t[np.maximum(hits.primitive_n, 0)] + 1, 0)
        names = [_label(stage.GetPrimAtPath(mesh.name)) or mesh.name for mesh in scene.meshes]
        turned = names[1:] + names[:1] if self.wrong.ids == "mixed" else names
        return ids_n.astype(np.uint32), dict(enumerate(turned, 1))

    def _smooth(self, stage: Usd.Stage, scene: FlatScene, rig: StereoRig) -> Array:
        """Colours of all pixels, each the mean of FINE x FINE rays."""
        fine = StereoRig(
            width=rig.width * FINE,
            height=rig.height * FINE,
            focal_px=rig.focal_px * FINE,
            focal_y_px=rig.fy_px * FINE,
            baseline_m=1,
            cx_px=rig.cx_px * FINE,
            cy_px=rig.cy_px * FINE,
        )
        rays_n3 = fine.ray_directions().reshape(-1, 3)
        hits = build_ray_scene(scene).first_hits(np.zeros_like(rays_n3), rays_n3)
        colour_n3 = self._colours(stage, scene, fine, hits)
        return colour_n3.reshape(rig.height, FINE, rig.width, FINE, 3).mean(axis=(1, 3)).reshape(-1, 3)

    def _lens(self, prim: Usd.Prim, job: Job) -> StereoRig:
        """The pinhole that the camera's attributes make."""
        right_px, down_px = self.wrong.shift_px
        lens = "omni:lensdistortion:opencvPinhole"
        if prim.HasAttribute(f"{lens}:fx"):
            fx, fy, cx, cy = (prim.GetAttribute(f"{lens}:{name}").Get() for name in ("fx", "fy", "cx", "cy"))
            cx += self.wrong.lens_px
        else:
            camera = UsdGeom.Camera(prim)
            fx = camera.GetFocalLengthAttr().Get() / camera.GetHorizontalApertureAttr().Get() * job.width
            fy, cx, cy = fx, job.width / 2, job.height / 2
        return StereoRig(
            width=job.width,
            height=job.height,
            focal_px=fx,
            focal_y_px=fy,
            baseline_m=1,
            cx_px=cx - right_px,
            cy_px=cy - down_px,
        )

    def _colours(self, stage: Usd.Stage, scene: FlatScene, rig: StereoRig, hits: Hits) -> Array:
        rays_n3 = rig.ray_directions().reshape(-1, 3)
        hit_n = hits.primitive_n >= 0
        colour_n3 = self._sky(stage, scene, rays_n3)
        surface_t = np.concatenate([np.full(len(mesh.faces_f3), mesh.surface) for mesh in scene.meshes])
        surface_n = surface_t[hits.primitive_n[hit_n]]
        diffuse_s3 = np.array([surface.diffuse for surface in scene.surfaces])
        glow_s3 = np.array([surface.emissive for surface in scene.surfaces])
        normals_n3 = _normals(scene, hits.primitive_n[hit_n])
        light_n3 = np.full((len(surface_n), 3), 0.4 if scene.dome else 0.0)
        for sun in scene.parallel_lights:
            cosine_n = np.abs(normals_n3 @ np.array(sun.direction))
            irradiance = np.array(sun.irradiance) * self.wrong.lux.distant * self.wrong.sun
            light_n3 = light_n3 + cosine_n[:, None] * irradiance / math.pi
        points_n3 = hits.t_n[hit_n, None] * rays_n3[hit_n]
        to_left_44 = np.linalg.inv(scene.left_to_world)
        local_n3 = normals_n3 @ to_left_44[:3, :3].T
        for lamp in scene.area_lights:
            wrong = self.wrong.sphere * self.wrong.lux.sphere
            if lamp.shape != "sphere":
                wrong = self.wrong.rect * self.wrong.lux.rect
            light_n3 = light_n3 + wrong * lamp_light(lamp, to_left_44, points_n3, local_n3)
        colour_n3[hit_n] = diffuse_s3[surface_n] * light_n3 + glow_s3[surface_n] * self.wrong.glow
        return colour_n3

    def _sky(self, stage: Usd.Stage, scene: FlatScene, rays_n3: Array) -> Array:
        dome = scene.dome
        if dome is None:
            return np.zeros((len(rays_n3), 3))
        if dome.texture is None:
            return np.tile(dome.radiance, (len(rays_n3), 1))
        about_z = np.radians(self.wrong.dome_z_deg)
        turn_33 = np.array(
            [[np.cos(about_z), -np.sin(about_z), 0], [np.sin(about_z), np.cos(about_z), 0], [0, 0, 1.0]]
        )
        about_x = np.radians(self.wrong.lux.dome_x_deg)
        legacy_33 = np.array(
            [[1.0, 0, 0], [0, np.cos(about_x), -np.sin(about_x)], [0, np.sin(about_x), np.cos(about_x)]]
        )
        to_dome_33 = (turn_33 @ dome.to_world[:3, :3] @ legacy_33).T @ scene.left_to_world[:3, :3]
        local_n3 = rays_n3 @ to_dome_33.T
        local_n3 /= np.linalg.norm(local_n3, axis=1, keepdims=True)
        if self.wrong.mirrored:
            local_n3[:, 0] *= -1
        sky_hw3 = read_exr(dome.texture)
        u_n = np.arctan2(local_n3[:, 0], -local_n3[:, 2]) / (2 * np.pi) % 1
        v_n = np.arccos(np.clip(local_n3[:, 1], -1, 1)) / np.pi
        rows_n = np.minimum((v_n * sky_hw3.shape[0]).astype(int), sky_hw3.shape[0] - 1)
        columns_n = np.minimum((u_n * sky_hw3.shape[1]).astype(int), sky_hw3.shape[1] - 1)
        return sky_hw3[rows_n, columns_n] * np.array(dome.radiance) * self.wrong.image


def _label(prim: Usd.Prim) -> str:
    """Of the next prim up that has one."""
    while prim and "SemanticsLabelsAPI:class" not in prim.GetAppliedSchemas():
        prim = prim.GetParent()
    return f"class:{prim.GetAttribute('semantics:labels:class').Get()[0]}" if prim else ""


def lamp_light(lamp: AreaLight, to_left_44: Array, points_n3: Array, normals_n3: Array) -> Array:
    """Radiance that a white surface sends back of a lamp's light, nothing in between: sums over parts."""
    placed_44 = to_left_44 @ lamp.to_world
    steps = (np.arange(8) + 0.5) / 8 - 0.5
    if lamp.shape == "sphere":
        parts, area = [(0.0, 0.0, 0.0)], math.pi * np.linalg.norm(placed_44[:3, 0]) ** 2
    else:
        parts = [(x, y, 0.0) for x in steps for y in steps]
        area = np.linalg.norm(np.cross(placed_44[:3, 0], placed_44[:3, 1]))
    facing_3 = -placed_44[:3, 2] / np.linalg.norm(placed_44[:3, 2])
    seen_n = np.zeros(len(points_n3))
    for part in parts:
        ray_n3 = placed_44[:3, :3] @ np.array(part) + placed_44[:3, 3] - points_n3
        distance_n = np.linalg.norm(ray_n3, axis=1)
        cosine_n = np.abs(np.einsum("ij,ij->i", ray_n3, normals_n3)) / distance_n
        leaving_n = np.ones_like(distance_n) if lamp.shape == "sphere" else -(ray_n3 @ facing_3) / distance_n
        seen_n += cosine_n * np.maximum(leaving_n, 0) / distance_n**2 * area / len(parts)
    return seen_n[:, None] * np.array(lamp.radiance) / math.pi


def _normals(scene: FlatScene, primitive_n: NDArray[np.int64]) -> Array:
    corners_t33 = np.concatenate([mesh.vertices_v3[mesh.faces_f3] for mesh in scene.meshes])
    normal_t3 = np.cross(corners_t33[:, 1] - corners_t33[:, 0], corners_t33[:, 2] - corners_t33[:, 0])
    return (normal_t3 / np.linalg.norm(normal_t3, axis=1, keepdims=True))[primitive_n]
