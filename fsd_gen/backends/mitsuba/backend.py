"""Path tracing with Mitsuba 3, denoised with Open Image Denoise; the default backend.

One load per pair: triangles, surfaces and lights are handed over as arrays, both eyes are traced
from the same scene, each with its own noise. The denoiser is guided by noise-free albedo and normals of
the same camera rays.

With the box filter and a fixed seed the images are the same bit for bit, whatever the number of threads and
workers, the order of scenes and the load of the machine; the denoiser runs on one thread for the same reason.
That holds for one kind of CPU and the same versions: kernels use the widest vectors that a CPU has, and sums
over vectors of another width round differently. On a GPU samples are added up in no fixed order.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import BackendError, StereoImages
from fsd_gen.backends.mesh_batches import batch_meshes
from fsd_gen.backends.mitsuba.bulbs import bulb_plugins, find_bulbs
from fsd_gen.backends.mitsuba.cameras import sensor_plugin
from fsd_gen.backends.mitsuba.lights import area_light_plugin, dome_plugin, parallel_light_plugin
from fsd_gen.backends.mitsuba.paths import PathIntegrator
from fsd_gen.backends.mitsuba.runtime import VARIANT, PluginDict, dr, instantiate, mi, oidn
from fsd_gen.backends.mitsuba.surfaces import SurfaceBuilder, base_uv_matrix, mesh_plugin
from fsd_gen.backends.textures import TextureCache
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import stable_hash
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.flat_scene import FlatScene
from fsd_gen.usd.staged import StagedScene

SCENES_PER_KERNEL_FLUSH = 16
EYES = ("left", "right")
QUALITIES = {
    "high": oidn.Quality.High,
    "balanced": oidn.Quality.Balanced,
    "fast": oidn.Quality.Fast,
}


class MitsubaBackend:
    """Mitsuba in this process; `threads` CPU threads (default: every CPU granted to the process)."""

    name = "mitsuba"
    version: str = mi.__version__

    def __init__(self, *, threads: int | None = None) -> None:
        dr.set_thread_count(threads or len(os.sched_getaffinity(0)))
        self._textures = TextureCache()
        self._denoiser = _denoiser_device()
        self._scenes = 0

    def render(
        self, staged: StagedScene, rig: StereoRig, settings: RenderSettings, seed: int
    ) -> StereoImages:
        """Both eyes, linear RGB (H, W, 3) float32. Raises BackendError, AssetFileError for bad textures."""
        cpu_s = dict.fromkeys(("load", "trace", "denoise"), 0.0)
        try:
            near = staged.flat.around_the_camera()  # single precision: it must not see large coordinates
            left_hwc, right_hwc = self._render_pair(near, rig, settings, seed, cpu_s)
        except BackendError:
            raise
        except RuntimeError as error:  # Mitsuba, Dr.Jit and the denoiser raise nothing more specific
            raise BackendError(f"mitsuba {self.version}: {' '.join(str(error).split())}") from error
        finally:
            self._free()
        return StereoImages(
            left_hwc=left_hwc,
            right_hwc=right_hwc,
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

    def _free(self) -> None:
        _free_scene()
        self._scenes += 1
        if self._scenes % SCENES_PER_KERNEL_FLUSH == 0:
            dr.flush_kernel_cache()  # nearly every scene compiles kernels of its own

    def _render_pair(
        self,
        scene: FlatScene,
        rig: StereoRig,
        settings: RenderSettings,
        seed: int,
        cpu_s: dict[str, float],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with _timed(cpu_s, "load"):
            loaded = instantiate(self._scene_dict(scene))
        left_hwc, right_hwc = (
            self._render_eye(loaded, scene, rig, settings, seed, eye, cpu_s) for eye in EYES
        )
        return left_hwc, right_hwc

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
        sensor = instantiate(sensor_plugin(scene, rig, settings.spp, eye))
        eye_seed = stable_hash(seed, eye) % 2**32
        path = PathIntegrator(
            loaded, max_depth=settings.max_depth, rr_depth=settings.rr_depth, guided=settings.denoise
        )
        with _timed(cpu_s, "trace"):
            traced = _trace(loaded, sensor, path, eye_seed)
        if not settings.denoise:
            return traced
        with _timed(cpu_s, "denoise"):
            return self._denoise(traced, QUALITIES[settings.denoiser_quality])

    def _denoise(self, traced_hwc: NDArray[np.float32], quality: oidn.Quality) -> NDArray[np.float32]:
        """The colour, cleaned, of what was traced: colour, albedo and normal, three channels each."""
        colour, albedo, normal = (np.ascontiguousarray(traced_hwc[..., k : k + 3]) for k in (0, 3, 6))
        clean = oidn.denoise(
            colour,
            np.clip(albedo, 0, 1),
            normal,
            hdr=True,
            clean_aux=True,
            quality=quality,
            device=self._denoiser,
        )
        return np.ascontiguousarray(clean)

    def _scene_dict(self, scene: FlatScene) -> PluginDict:
        builder = SurfaceBuilder(self._textures)
        base_uv = [base_uv_matrix(surface) for surface in scene.surfaces]
        parts: PluginDict = {"type": "scene"}
        bulbs = find_bulbs(scene)
        for number, batch in enumerate(batch_meshes(scene, base_uv)):
            surface, sampled = scene.surfaces[batch.surface], batch.surface not in bulbs
            parts[f"mesh_{number}"] = mesh_plugin(batch, surface, builder, sampled=sampled)
        for index, balls in bulbs.items():
            for number, plugin in enumerate(bulb_plugins(scene.surfaces[index], balls)):
                parts[f"bulb_{index}_{number}"] = plugin
        for number, light in enumerate(scene.area_lights):
            parts[f"area_light_{number}"] = area_light_plugin(light)
        for number, sun in enumerate(scene.parallel_lights):
            parts[f"parallel_light_{number}"] = parallel_light_plugin(sun, scene)
        if scene.dome:
            parts["dome"] = dome_plugin(scene.dome)
        return parts


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
