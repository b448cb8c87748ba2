"""Path tracing with Mitsuba 3, denoised with Open Image Denoise; the default backend.

One load per pair: triangles, surfaces and lights are handed over as arrays, both eyes are traced
from the same scene, each with its own noise. The denoiser is guided by noise-free first-hit albedo
and normals from a pass of their own. With the box filter and a fixed seed the images are the same
bit for bit whatever the number of threads; the denoiser runs on one thread for the same reason.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets_manifest.exr import ExrError, read_exr
from fsd_gen.backends.base import BackendError, StereoImages
from fsd_gen.backends.mesh_batches import FLIP_V, MeshBatch, batch_meshes, uv_matrix
from fsd_gen.backends.mitsuba.variant import check_variant, prepare_variant
from fsd_gen.backends.textures import TextureCache
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import stable_hash
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.flat_scene import AreaLight, DomeLight, FlatScene, ParallelLight, Rgb, Surface, Texture

VARIANT = prepare_variant()  # before Dr.Jit is imported, which is when it chooses its LLVM

import drjit as dr  # noqa: E402
import mitsuba as mi  # noqa: E402
import mitsuba_oidn as oidn  # noqa: E402

mi.set_variant(VARIANT)
check_variant(VARIANT, dr.detail.llvm_version)

MIN_ROUGHNESS = 0.04  # below, highlights are fireflies at few samples
PERFECT_MIRROR = 0.06  # roughness of metals up to which reflections stay sharp
SHARP_SUN_DEG = 1.0  # distant lights up to this wide cast hard shadows
SCENES_PER_KERNEL_FLUSH = 16
FAR = 200.0  # distance of a wide one, in scene diagonals
CLEAR_GLASS = 0.15  # rougher solid glass is frosted
LIGHT_BODY = (0.2, 0.2, 0.2)  # albedo of a light's body; its dark back can be seen
WRAP = {"repeat": "repeat", "clamp": "clamp", "mirror": "mirror"}
GUIDE_DEPTH = 8  # mirrors, panes and holes that the denoiser's guides look past
VISION_TO_MITSUBA = np.diag([-1.0, -1.0, 1.0, 1.0])  # Mitsuba's cameras have x left, y up, z forward
EYES = ("left", "right")

PluginDict = dict[str, Any]  # what mi.load_dict takes


class GuideIntegrator(mi.SamplingIntegrator):
    """Albedo and normal of what a pixel shows, without noise: it looks through holes and clear glass,
    and into mirrors, always along the likelier way. Normals are those of the normal maps."""

    @dr.syntax
    def sample(
        self,
        scene: mi.Scene,
        sampler: mi.Sampler,
        ray: mi.RayDifferential3f,
        medium: mi.Medium | None = None,
        active: bool = True,
    ) -> tuple[mi.Color3f, mi.Bool, list[mi.Float]]:
        """Black, and the six channels as extra outputs."""
        context = mi.BSDFContext()
        looking = mi.Bool(active)
        ray = mi.Ray3f(ray)
        tint, albedo, normal = mi.Color3f(1), mi.Color3f(0), mi.Normal3f(0)
        depth = mi.UInt32(0)
        while looking:
            si = scene.ray_intersect(ray, looking)
            looking &= si.is_valid()
            bsdf = si.bsdf()
            chosen, weight = bsdf.sample(context, si, mi.Float(0.5), mi.Point2f(0.5), looking)
            passes = mi.has_flag(chosen.sampled_type, mi.BSDFFlags.Delta)
            passes |= mi.has_flag(chosen.sampled_type, mi.BSDFFlags.Null)
            passes &= depth < GUIDE_DEPTH
            stops = looking & ~passes
            albedo[stops] = tint * bsdf.eval_diffuse_reflectance(si, stops)
            normal[stops] = _shading_normal(si, bsdf, stops)
            looking &= passes
            tint[looking] = tint * dr.minimum(weight, 1)
            ray[looking] = si.spawn_ray(si.to_world(chosen.wo))
            depth += 1
        return mi.Color3f(0), mi.Bool(active), [*albedo, *normal]

    def aov_names(self) -> list[str]:
        """Albedo, then normal."""
        return [f"{guide}.{channel}" for guide in ("albedo", "normal") for channel in "XYZ"]


def _shading_normal(si: mi.SurfaceInteraction3f, bsdf: mi.BSDFPtr, active: mi.Bool) -> mi.Normal3f:
    """World normal, bent by the normal map where the surface has one."""
    mapped = active & bsdf.has_attribute("normalmap", active)
    local = mi.Normal3f(bsdf.eval_attribute_3("normalmap", si, mapped)) * 2 - 1
    return dr.select(mapped, si.to_world(dr.normalize(local)), si.sh_frame.n)


class MitsubaBackend:
    """Mitsuba in this process; `threads` CPU threads (default: every CPU granted to the process)."""

    name = "mitsuba"
    version = mi.__version__

    def __init__(self, *, threads: int | None = None) -> None:
        dr.set_thread_count(threads or len(os.sched_getaffinity(0)))
        self._textures = TextureCache()
        self._denoiser = _denoiser_device()
        self._scenes = 0
        self._guides = GuideIntegrator(mi.Properties())

    def render(self, scene: FlatScene, rig: StereoRig, settings: RenderSettings, seed: int) -> StereoImages:
        """Both eyes, linear RGB (H, W, 3) float32. Raises BackendError, OSError for unreadable textures."""
        cpu_s = dict.fromkeys(("load", "trace", "denoise"), 0.0)
        with _timed(cpu_s, "load"):
            loaded = mi.load_dict(self._scene_dict(scene))
        images = [self._render_eye(loaded, scene, rig, settings, seed, eye, cpu_s) for eye in EYES]
        del loaded
        _free_scene()
        self._scenes += 1
        if self._scenes % SCENES_PER_KERNEL_FLUSH == 0:
            dr.flush_kernel_cache()  # nearly every scene compiles kernels of its own
        return StereoImages(
            left_hwc=images[0],
            right_hwc=images[1],
            stage_cpu_s=cpu_s,
            backend=self.name,
            backend_version=self.version,
            variant=VARIANT,
            denoiser=f"oidn {oidn.oidn_version()}" if settings.denoise else "",
        )

    def close(self) -> None:
        """Drop the decoded textures and Dr.Jit's spare memory."""
        self._textures = TextureCache()
        _free_scene()

    def _render_eye(
        self,
        loaded: mi.Scene,
        scene: FlatScene,
        rig: StereoRig,
        settings: RenderSettings,
        seed: int,
        eye: str,
        cpu_s: dict[str, float],
    ) -> NDArray[np.float32]:
        sensor = mi.load_dict(sensor_dict(scene, rig, settings.spp, eye))
        eye_seed = stable_hash(seed, eye) % 2**32
        path = mi.load_dict({"type": "path", "max_depth": settings.max_depth, "rr_depth": settings.rr_depth})
        with _timed(cpu_s, "trace"):
            colour = _trace(loaded, sensor, path, eye_seed)
        if not settings.denoise:
            return colour
        with _timed(cpu_s, "trace"):
            guides = _trace(loaded, sensor, self._guides, eye_seed)[..., 3:]
        with _timed(cpu_s, "denoise"):
            return self._denoise(colour, guides[..., :3], guides[..., 3:6])

    def _denoise(
        self,
        colour_hwc: NDArray[np.float32],
        albedo_hwc: NDArray[np.float32],
        normal_hwc: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        clean = oidn.denoise(
            colour_hwc,
            np.clip(albedo_hwc, 0, 1),
            np.ascontiguousarray(normal_hwc),
            hdr=True,
            clean_aux=True,
            device=self._denoiser,
        )
        return np.ascontiguousarray(clean)

    def _scene_dict(self, scene: FlatScene) -> PluginDict:
        builder = SurfaceBuilder(self._textures)
        base_uv = [base_uv_matrix(surface) for surface in scene.surfaces]
        parts: PluginDict = {"type": "scene"}
        for number, batch in enumerate(batch_meshes(scene, base_uv)):
            parts[f"mesh_{number}"] = _mesh(batch, scene.surfaces[batch.surface], builder)
        for number, light in enumerate(scene.area_lights):
            parts[f"area_light_{number}"] = area_light_dict(light)
        for number, light in enumerate(scene.parallel_lights):
            parts[f"parallel_light_{number}"] = parallel_light_dict(light, scene)
        if scene.dome:
            parts["dome"] = dome_dict(scene.dome)
        return parts


def sensor_dict(scene: FlatScene, rig: StereoRig, spp: int, eye: str) -> PluginDict:
    """The camera of one eye."""
    shift = np.eye(4)
    shift[0, 3] = rig.baseline_m if eye == "right" else 0.0
    to_world = scene.left_to_world @ shift @ VISION_TO_MITSUBA
    return {
        "type": "perspective",
        "fov": float(np.degrees(2 * np.arctan(rig.width / 2 / rig.focal_px))),
        "fov_axis": "x",
        "near_clip": 1e-3,
        "far_clip": 1e5,
        "principal_point_offset_x": 0.5 - rig.cx_px / rig.width,
        "principal_point_offset_y": 0.5 - rig.cy_px / rig.height,
        "to_world": mi.ScalarTransform4f(to_world),
        "film": {
            "type": "hdrfilm",
            "width": rig.width,
            "height": rig.height,
            "rfilter": {"type": "box"},
            "pixel_format": "rgb",
            "component_format": "float32",
        },
        "sampler": {"type": "multijitter", "sample_count": spp},
    }


def area_light_dict(light: AreaLight) -> PluginDict:
    """A rect, disk or sphere that glows; Mitsuba's flat shapes shine along +z, USD's along -z."""
    shape, fit = {
        "rect": ("rectangle", np.diag([0.5, -0.5, -1.0, 1.0])),
        "disk": ("disk", np.diag([1.0, -1.0, -1.0, 1.0])),
        "sphere": ("sphere", np.eye(4)),
    }[light.shape]
    return {
        "type": shape,
        "to_world": mi.ScalarTransform4f(light.to_world @ fit),
        "bsdf": {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": _rgb(LIGHT_BODY)}},
        "emitter": {"type": "area", "radiance": _rgb(light.radiance)},
    }


def parallel_light_dict(light: ParallelLight, scene: FlatScene) -> PluginDict:
    """Parallel light; a wide one is a far-away disk, so that its shadows are soft."""
    if light.angle_deg <= SHARP_SUN_DEG:
        irradiance = _rgb(light.irradiance)
        return {"type": "directional", "direction": list(light.direction), "irradiance": irradiance}
    low_3, high_3 = _bounds(scene)
    distance = FAR * float(np.linalg.norm(high_3 - low_3))
    half_angle = np.radians(light.angle_deg) / 2
    centre_3 = (low_3 + high_3) / 2
    place = mi.ScalarTransform4f().look_at(
        origin=list(centre_3 - distance * np.array(light.direction)),
        target=list(centre_3),
        up=[0, 0, 1] if abs(light.direction[2]) < 0.9 else [1, 0, 0],
    )
    radiance = np.array(light.irradiance) / (np.pi * np.sin(half_angle) ** 2)
    return {
        "type": "disk",
        "to_world": place @ mi.ScalarTransform4f().scale(distance * float(np.tan(half_angle))),
        "bsdf": {"type": "diffuse", "reflectance": _rgb((0.0, 0.0, 0.0))},
        "emitter": {"type": "area", "radiance": _rgb(tuple(radiance))},
    }


def _bounds(scene: FlatScene) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Opposite corners of the box around all meshes and the left camera, metres."""
    points = [mesh.vertices_v3 for mesh in scene.meshes] + [scene.left_to_world[None, :3, 3]]
    return np.min([p.min(axis=0) for p in points], axis=0), np.max([p.max(axis=0) for p in points], axis=0)


def dome_dict(dome: DomeLight) -> PluginDict:
    """Light from all around; Mitsuba and USD agree on how a latitude-longitude image lies about +y."""
    if dome.texture is None:
        return {"type": "constant", "radiance": _rgb(dome.radiance)}
    radiance_hwc = np.maximum(np.nan_to_num(_read_panorama(dome.texture)), 0) * np.float32(dome.radiance)
    return {
        "type": "envmap",
        "bitmap": mi.Bitmap(np.ascontiguousarray(radiance_hwc, np.float32)),
        "to_world": mi.ScalarTransform4f(dome.to_world),
    }


def _read_panorama(path: Path) -> NDArray[np.float32]:
    """Linear RGB (H, W, 3). Mitsuba's own EXR reader can wait for ever when it may use one thread only."""
    try:
        if path.suffix.lower() == ".exr":
            return read_exr(path)
        bitmap = mi.Bitmap(str(path))
        return np.array(bitmap.convert(mi.Bitmap.PixelFormat.RGB, mi.Struct.Type.Float32, False))
    except (RuntimeError, ExrError, OSError) as error:
        raise BackendError(f"cannot read dome texture {path}: {error}") from error


def base_uv_matrix(surface: Surface) -> NDArray[np.float64]:
    """(3, 3) of the first texture of the surface, to bake into its meshes; the normal map comes first,
    because the directions it bends normals along are those of the mesh's own texture coordinates."""
    textures = _textures_of(surface)
    return uv_matrix(textures[0]) if textures else np.eye(3)


def _textures_of(surface: Surface) -> list[Texture]:
    inputs = (
        surface.normal,
        surface.diffuse,
        surface.opacity,
        surface.roughness,
        surface.metallic,
        surface.emissive,
    )
    return [value for value in inputs if isinstance(value, Texture)]


class SurfaceBuilder:
    """UsdPreviewSurface as Mitsuba plugins."""

    def __init__(self, textures: TextureCache) -> None:
        self._textures = textures

    def bsdf(self, surface: Surface, *, solid: bool) -> PluginDict:
        """Opaque, cut out, or see-through: solid glass refracts, single sheets only tint."""
        if surface.cutout:
            base = self._opaque(surface)
            return {"type": "mask", "opacity": self._cutout(surface), "bsdf": base}
        if not surface.transparent:
            return self._opaque(surface)
        if isinstance(surface.opacity, Texture):
            opacity = self._texture(surface.opacity, surface)
            return {"type": "mask", "opacity": opacity, "bsdf": self._opaque(surface)}
        return self._glass(surface, solid)

    def _opaque(self, surface: Surface) -> PluginDict:
        if surface.mirror and surface.roughness <= PERFECT_MIRROR and not surface.normal:
            colour = self._colour(surface.diffuse, surface)
            return {"type": "twosided", "bsdf": {"type": "conductor", "specular_reflectance": colour}}
        principled: PluginDict = {
            "type": "principled",
            "base_color": self._colour(surface.diffuse, surface),
            "roughness": self._scalar(surface.roughness, surface, at_least=MIN_ROUGHNESS),
            "metallic": self._scalar(surface.metallic, surface),
            "eta": max(surface.ior, 1.001),
        }
        bsdf = {"type": "twosided", "bsdf": principled}
        if not surface.normal:
            return bsdf
        return {"type": "normalmap", "normalmap": self._texture(surface.normal, surface), "bsdf": bsdf}

    def _glass(self, surface: Surface, solid: bool) -> PluginDict:
        """A share of `opacity` is the opaque surface, the rest is clear and tinted by the diffuse colour."""
        tint = _rgb(tuple(channel**surface.opacity for channel in _mean_colour(surface.diffuse)))
        ior = max(surface.ior, 1.001)
        clear: PluginDict = {"int_ior": ior, "ext_ior": 1.0, "specular_transmittance": tint}
        roughness = 0.0 if isinstance(surface.roughness, Texture) else surface.roughness
        if solid and roughness > CLEAR_GLASS:
            clear |= {"type": "roughdielectric", "distribution": "ggx", "alpha": roughness**2}
        else:
            clear |= {"type": "dielectric" if solid else "thindielectric"}
        if surface.opacity < 0.02:
            return clear
        return {"type": "blendbsdf", "weight": surface.opacity, "a": clear, "b": self._opaque(surface)}

    def emitter(self, surface: Surface) -> PluginDict | None:
        """The glow of the surface, if it has any."""
        if isinstance(surface.emissive, Texture):
            return {"type": "area", "radiance": self._texture(surface.emissive, surface)}
        return {"type": "area", "radiance": _rgb(surface.emissive)} if max(surface.emissive) > 0 else None

    def _colour(self, value: Rgb | Texture, surface: Surface) -> PluginDict:
        return self._texture(value, surface) if isinstance(value, Texture) else _rgb(value)

    def _scalar(self, value: float | Texture, surface: Surface, at_least: float = 0.0) -> PluginDict | float:
        if not isinstance(value, Texture):
            return max(float(value), at_least)
        return self._bitmap(np.maximum(self._textures.values(value), at_least), value, surface)

    def _texture(self, texture: Texture, surface: Surface) -> PluginDict:
        return self._bitmap(self._textures.values(texture), texture, surface)

    def _cutout(self, surface: Surface) -> PluginDict:
        solid_hw1 = self._textures.cutout(surface.opacity, surface.opacity_threshold)
        return self._bitmap(solid_hw1, surface.opacity, surface, filter_type="nearest")

    def _bitmap(
        self,
        values_hwc: NDArray[np.float16],
        texture: Texture,
        surface: Surface,
        filter_type: str = "bilinear",
    ) -> PluginDict:
        if texture.wrap not in WRAP:
            raise BackendError(f"{surface.name}: cannot wrap {texture.path} by {texture.wrap!r}")
        from_mesh = FLIP_V @ uv_matrix(texture) @ np.linalg.inv(FLIP_V @ base_uv_matrix(surface))
        return {
            "type": "bitmap",
            "data": mi.TensorXf(values_hwc.astype(np.float32)),
            "raw": True,
            "format": "fp16",
            "filter_type": filter_type,
            "wrap_mode": WRAP[texture.wrap],
            "to_uv": mi.ScalarTransform3f(from_mesh),
        }


def _mesh(batch: MeshBatch, surface: Surface, builder: SurfaceBuilder) -> mi.Mesh:
    props = mi.Properties()
    props["bsdf"] = mi.load_dict(builder.bsdf(surface, solid=batch.solid))
    emitter = builder.emitter(surface)
    if emitter:
        props["emitter"] = mi.load_dict(emitter)
    mesh = mi.Mesh(
        f"surface_{batch.surface}",
        len(batch.vertices_v3),
        len(batch.faces_f3),
        has_vertex_normals=batch.normals_v3 is not None,
        has_vertex_texcoords=batch.uv_v2 is not None,
        props=props,
    )
    params = mi.traverse(mesh)
    params["vertex_positions"] = batch.vertices_v3.ravel()
    params["faces"] = batch.faces_f3.ravel()
    if batch.normals_v3 is not None:
        params["vertex_normals"] = batch.normals_v3.ravel()
    if batch.uv_v2 is not None:
        params["vertex_texcoords"] = batch.uv_v2.ravel()
    params.update()
    return mesh


def _mean_colour(value: Rgb | Texture) -> Rgb:
    return (1.0, 1.0, 1.0) if isinstance(value, Texture) else value


def _rgb(colour: Rgb) -> PluginDict:
    return {"type": "rgb", "value": [float(channel) for channel in colour]}


def _trace(scene: mi.Scene, sensor: mi.Sensor, integrator: mi.Integrator, seed: int) -> NDArray[np.float32]:
    return np.array(integrator.render(scene, sensor, seed=seed), np.float32)


def _denoiser_device() -> oidn.Device:
    device = oidn.Device(oidn.DeviceType.CPU)
    device.num_threads = 1
    device.commit()
    return device


def _free_scene() -> None:
    gc.collect()
    dr.flush_malloc_cache()


@contextmanager
def _timed(cpu_s: dict[str, float], stage: str) -> Iterator[None]:
    start = time.process_time()
    yield
    cpu_s[stage] += time.process_time() - start
