"""What Kit is told: the launch configuration of SimulationApp, and the settings of every scene.

SimulationApp takes any key without a word, and refuses values that are not plain; so the keys are checked
here.
"""

from __future__ import annotations

from collections.abc import Mapping

from fsd_gen.rtx.child.contract import Job
from fsd_gen.rtx.child.versions import ReplicatorVersion

Plain = bool | int | float | str

SYNC_USD = "/omni/kit/plugin/syncUsdLoads"
EXTRA_ARGS = (
    f"--{SYNC_USD}=true",
    "--/app/asyncRendering=false",
    "--/app/asyncRenderingLowLatency=false",
    "--/omni/replicator/asyncRendering=false",
    "--/omni/replicator/captureOnPlay=false",
    "--/exts/isaacsim.core.throttling/enable_async=false",  # else frames are skipped once the timeline stops
    "--/rtx-transient/resourcemanager/enableTextureStreaming=false",
)
BOX = 0  # of Box, Triangle, Gaussian, Uniform: the order in which Kit's own settings window lists them
START_SPP, START_BOUNCES = 16, 8  # every scene sets its own


class UnknownKeyError(ValueError):
    """A key of the launch configuration that this version of SimulationApp does not know."""


def launch_config(*, version: ReplicatorVersion, gpu: int, width: int, height: int) -> dict[str, object]:
    """What SimulationApp is made with; everything that versions set differently by default is said.

    Raises:
        UnknownKeyError: the version has no such key.
    """
    config: dict[str, object] = {
        "headless": True,
        "renderer": "PathTracing",
        "width": width,
        "height": height,
        "samples_per_pixel_per_frame": START_SPP,
        "denoiser": True,
        "anti_aliasing": 0,
        "multi_gpu": False,
        "active_gpu": gpu,
        "physics_gpu": gpu,
        "sync_loads": True,
        "max_bounces": START_BOUNCES,
        "max_specular_transmission_bounces": START_BOUNCES,
        "max_volume_bounces": START_BOUNCES,
        "subdiv_refinement_level": 0,
        "disable_viewport_updates": True,
        "fast_shutdown": True,
        "extra_args": list(EXTRA_ARGS),
    }
    return known(config, version)


def known(config: dict[str, object], version: ReplicatorVersion) -> dict[str, object]:
    """`config`, whose keys the version knows. Raises UnknownKeyError."""
    if unknown := sorted(set(config) - version.config_keys):
        raise UnknownKeyError(f"Isaac Sim {version.name} knows no launch key {', '.join(unknown)}")
    return config


def scene_settings(job: Job, subframes: int) -> Mapping[str, Plain]:
    """Every setting of a scene. Opening a stage may put any of them back."""
    return {
        "/rtx/rendermode": "PathTracing",
        "/rtx/pathtracing/spp": job.spp,
        "/rtx/pathtracing/totalSpp": job.spp,
        "/rtx/pathtracing/clampSpp": job.spp,
        "/rtx/pathtracing/optixDenoiser/enabled": job.denoise,
        "/rtx/pathtracing/maxBounces": job.max_bounces,
        "/rtx/pathtracing/maxSpecularAndTransmissionBounces": job.max_bounces,
        "/rtx/pathtracing/maxVolumeBounces": job.max_bounces,
        "/rtx/pathtracing/aa/op": BOX,
        "/rtx/pathtracing/aa/filterRadius": 0.5,
        "/rtx/pathtracing/fireflyFilter/enabled": False,
        "/rtx/pathtracing/adaptiveSampling/enabled": False,
        "/rtx/pathtracing/cached/enabled": False,
        "/rtx/pathtracing/lightcache/cached/enabled": False,
        "/rtx/pathtracing/ris/meshLights": True,  # lamps are meshes that glow
        "/rtx/pathtracing/optixDenoiser/temporalMode/enabled": False,
        "/rtx/post/aa/op": 0,
        "/rtx/post/histogram/enabled": False,
        "/rtx/post/motionblur/enabled": False,
        "/rtx/post/dlss/execMode": 2,
        "/rtx-transient/dlssg/enabled": False,
        "/rtx-transient/resourcemanager/enableTextureStreaming": False,
        "/rtx/hydra/subdivision/refinementLevel": 0,
        "/rtx/hydra/materialSyncLoads": True,
        "/rtx/materialDb/syncLoads": True,
        SYNC_USD: True,
        "/renderer/multiGpu/enabled": False,
        "/omni/replicator/captureMotionBlur": False,
        "/omni/replicator/RTSubframes": subframes,
        "/omni/replicator/asyncRendering": False,
        "/app/asyncRendering": False,
        "/app/asyncRenderingLowLatency": False,
    }
