"""What differs between versions of Isaac Sim and of ovrtx: one table for each. Standard library only.

Both sides read it: the worker writes the layer over a stage by it, the rendering process makes its calls by
it. A version that has no row is refused, because what changed in it is unknown; the switch named in the
refusal takes it for a known one, and the probe then says whether that was right.

Sources: the tags of isaac-sim/IsaacSim, the changelog of omni.replicator.core, the source and the changelog
of ovrtx 0.3 to 0.5 and the documentation of 0.7. Nothing in it has been run on an RTX GPU.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

IDS = "FSD_RTX_IDS"  # environment: 0 keeps ids from being asked for
LUX = "FSD_RTX_LUX"  # environment: what the probe measured, in place of the table: "distant=3.1416,glow=0.5"
ASSUME = {"replicator": "FSD_ISAAC_ASSUME", "ovrtx": "FSD_OVRTX_ASSUME"}  # environment: engine -> variable
NO_RAY_QUERY = ("A100", "A800")  # GPUs on which ovrtx from 0.5.0 on cannot be started (ovrtx issue 1)
NO_RT_CORES = ("A100", "A800", "A30", "H100", "H200", "H800", "H20", "GH200", "B200", "V100", "P100")
RENDER_VARS = {  # channel -> name of the render variable, of ovrtx; a product's own is at PRODUCT/NAME
    "colour": "HdrColor",
    "depth": "DistanceToImagePlaneSD",
    "ids": "SemanticSegmentation",  # every thing has a label of its own, so that classes are things
    "normals": "NormalSD",
}
ID_MAP = "SemanticIdMap"  # render variable of ovrtx: the label of every id in the ids' picture


class VersionRefusedError(RuntimeError):
    """This version of the renderer is not used here; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lux:
    """How a renderer reads UsdLux lights, against what OpenUSD says since 25.05."""

    version: int  # that `omni:rtx:usdluxVersion` stands for
    distant: float  # irradiance of a normalised DistantLight of intensity 1
    dome_x_deg: float  # by which a dome's image is turned about the light's own x axis
    glow: float = 1.0  # radiance of a UsdPreviewSurface of emissiveColor 1
    rect: float = 1.0  # radiance of a RectLight or DiskLight of intensity 1 that is not normalised
    sphere: float = 1.0  # the same of a SphereLight


LUX_FACTORS = ("distant", "glow", "rect", "sphere")
LEGACY = Lux(version=2411, distant=math.pi, dome_x_deg=90.0)  # the image's pole is the light's +z, not its +y
OPENUSD = Lux(version=2505, distant=1.0, dome_x_deg=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RtxVersion:
    """What the layer over a stage depends on."""

    name: str  # of the row: the first numbers of the versions that it stands for
    lux: Lux
    python: tuple[str, ...]  # that it runs in, "3.11"
    opencv_lens: bool  # OmniLensDistortionOpenCvPinholeAPI: any principal point, pixels that are not square
    opacity_mode: bool  # UsdPreviewSurface's opacityMode, of OpenUSD 25.11
    instances: bool  # native instances are drawn with their own colours and ids
    notes: tuple[str, ...] = ()  # what a person should know


KEYS_5_0 = frozenset(
    "headless hide_ui active_gpu physics_gpu multi_gpu max_gpu_count sync_loads width height window_width "
    "window_height display_options subdiv_refinement_level renderer anti_aliasing "
    "samples_per_pixel_per_frame denoiser max_bounces max_specular_transmission_bounces max_volume_bounces "
    "open_usd fast_shutdown profiler_backend create_new_stage extra_args enable_crashreporter "
    "limit_cpu_threads disable_viewport_updates".split()
)
KEYS_5_1 = KEYS_5_0 | {"enable_motion_bvh", "skip_cleanup"}
KEYS_6_0_0 = KEYS_5_1 | {"exit_code", "minimal_shading_mode"}
KEYS_6_0_1 = KEYS_6_0_0 | {"shutdown_watchdog_timeout"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicatorVersion(RtxVersion):
    """A version of Isaac Sim, with the omni.replicator.core that it pins."""

    kit: str
    replicator: str  # "" where it is not known
    config_keys: frozenset[str]  # of SimulationApp's launch_config, which takes any other in silence
    close_arguments: tuple[str, ...]  # keywords of SimulationApp.close
    sync_loads: bool  # the config key works; else `/omni/kit/plugin/syncUsdLoads` has to be set by hand
    start_up_checked: bool  # a start-up that failed exits with 1; else ask `is_running()`
    default_renderer: str
    default_bounces: tuple[int, int, int]  # all, specular and transmission, volume; of PathTracing


@dataclass(frozen=True, slots=True, kw_only=True)
class OvrtxVersion(RtxVersion):
    """A version of ovrtx."""

    render_var_key: Literal["source", "path"]  # by what a frame's render variables are found
    destroy: bool  # Renderer.destroy(); else `del`
    attach_ovstage: bool
    ordinal: bool  # step(ordinal=), for attached stages
    convergence: bool  # FrameOutput.converged says whether path tracing is done
    texture_streaming_mode: bool  # a field of RendererConfig
    samples_type: Literal["int", "uint"]  # of omni:rtx:pt:samplesPerPixel
    glossy_limit: bool  # limits:maxGlossyBounces; else limits:extraSpecularAndTransmissiveBounces
    quality: bool  # omni:rtx:quality
    only_on: tuple[str, ...] | None = None  # GPUs on which it is used; None: any but NO_RAY_QUERY
    refused: str = ""  # why it is not used at all


_ISAAC_6_0_1 = ReplicatorVersion(
    name="6.0.1",
    kit="110.1.2",
    replicator="1.13.27",
    lux=OPENUSD,
    python=("3.12",),
    opencv_lens=True,
    opacity_mode=False,
    instances=True,
    config_keys=KEYS_6_0_1,
    close_arguments=("wait_for_replicator", "skip_cleanup", "exit_code"),
    sync_loads=True,
    start_up_checked=True,
    default_renderer="RealTimePathTracing",
    default_bounces=(4, 6, 64),
)
_ISAAC_5_1 = replace(
    _ISAAC_6_0_1,
    name="5.1",
    kit="107.3.3",
    replicator="1.12.27",
    lux=LEGACY,  # Kit 107.3 is older than usdluxVersion, which Kit 109 brought
    python=("3.11",),
    instances=False,  # colours miss instanced meshes: IsaacLab issue 4565
    config_keys=KEYS_5_1,
    close_arguments=("wait_for_replicator", "skip_cleanup"),
    sync_loads=False,
    start_up_checked=False,
    default_renderer="RaytracedLighting",
    default_bounces=(4, 6, 4),
)
_ISAAC_5_0 = replace(
    _ISAAC_5_1,
    name="5.0",
    kit="107.3.1",
    replicator="1.12.16",
    config_keys=KEYS_5_0,
    close_arguments=("wait_for_replicator",),
    notes=("annotators of destroyed render products have faults that 5.1 does not have",),
)
_ISAAC_6_0_0 = replace(
    _ISAAC_6_0_1,
    name="6.0.0",
    kit="110.1.1",
    replicator="1.13.25",
    config_keys=KEYS_6_0_0,
    sync_loads=False,
)
_ISAAC_6_2 = replace(_ISAAC_6_0_1, name="6.2", kit="110.4.0", replicator="")
REPLICATOR = {row.name: row for row in (_ISAAC_5_0, _ISAAC_5_1, _ISAAC_6_0_0, _ISAAC_6_0_1, _ISAAC_6_2)}

_OVRTX_0_5_1 = OvrtxVersion(
    name="0.5.1",
    lux=OPENUSD,
    python=("3.10", "3.11", "3.12", "3.13"),
    opencv_lens=True,
    opacity_mode=True,
    instances=True,
    render_var_key="path",
    destroy=True,
    attach_ovstage=True,
    ordinal=True,
    convergence=True,
    texture_streaming_mode=True,
    samples_type="uint",
    glossy_limit=False,
    quality=True,
)
_OVRTX_0_5_0 = replace(
    _OVRTX_0_5_1, name="0.5.0", refused="it hangs while it loads scenes with cached assets"
)
_OVRTX_0_4_1 = replace(
    _OVRTX_0_5_1,
    name="0.4.1",
    opencv_lens=False,
    opacity_mode=False,
    render_var_key="source",
    convergence=False,
    samples_type="int",
    glossy_limit=True,
    quality=False,
    only_on=NO_RAY_QUERY,
)
_OVRTX_0_4_0 = replace(
    _OVRTX_0_4_1,
    name="0.4.0",
    texture_streaming_mode=False,
    only_on=None,
    refused="its textures arrive late",
)
_OVRTX_0_3 = replace(
    _OVRTX_0_4_0,
    name="0.3",
    destroy=False,
    attach_ovstage=False,
    ordinal=False,
    refused="it crashes when a renderer is made anew, and its textures arrive late",
)
_OVRTX_0_6, _OVRTX_0_7 = (
    replace(_OVRTX_0_5_1, name=name, notes=("its source has not been read: calls as of 0.5",))
    for name in ("0.6", "0.7")
)
OVRTX = {
    row.name: row
    for row in (_OVRTX_0_3, _OVRTX_0_4_0, _OVRTX_0_4_1, _OVRTX_0_5_0, _OVRTX_0_5_1, _OVRTX_0_6, _OVRTX_0_7)
}

R = TypeVar("R", bound=RtxVersion)


def replicator_version(version: str, *, assume: str = "") -> ReplicatorVersion:
    """The row of a version of Isaac Sim, such as "5.1.0-rc.19"; `assume` is what the switch says.

    Raises:
        VersionRefusedError: there is none.
    """
    return _row(REPLICATOR, "replicator", "Isaac Sim", version, assume)


def ovrtx_version(version: str, *, gpu: str = "", assume: str = "") -> OvrtxVersion:
    """The row of a version of ovrtx on a GPU, by the name that its driver gives it.

    Raises:
        VersionRefusedError: there is none, or it is not to be used, or not on this GPU.
    """
    row = _row(OVRTX, "ovrtx", "ovrtx", version, assume)
    if assume:
        return row
    weak = next((name for name in NO_RAY_QUERY if re.search(rf"\b{name}\b", gpu)), "")
    why, remedy = row.refused, "install 0.4.1" if weak else "install 0.5.1 or newer"
    if not why and row.only_on is not None and not weak:
        why = f"it is used on {' and '.join(row.only_on)} alone"
    elif not why and row.only_on is None and weak:
        why = f"from 0.5.0 on it cannot be started on an {weak}, which lacks VK_KHR_ray_query"
    if why:
        raise VersionRefusedError(
            f"ovrtx {version}: {why}; {remedy}, or try it with {ASSUME['ovrtx']}={row.name}"
        )
    return row


def lux_of(text: str, lux: Lux) -> Lux:
    """The rules of a version with what `text` says in their place, such as "distant=3.1416,glow=0.5".

    Raises:
        VersionRefusedError: not that.
    """
    said: dict[str, float] = {name: getattr(lux, name) for name in (*LUX_FACTORS, "dome_x_deg")}
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        if name not in said or not re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", number):
            raise VersionRefusedError(f"{LUX}={text}: expected numbers of {', '.join(said)}, got {part!r}")
        said[name] = float(number)
    if min(said[name] for name in LUX_FACTORS) <= 0:
        raise VersionRefusedError(f"{LUX}={text}: {', '.join(LUX_FACTORS)} must be positive")
    return Lux(version=lux.version, **said)


def _row(rows: Mapping[str, R], engine: str, called: str, version: str, assume: str) -> R:
    if assume:
        if assume not in rows:
            raise VersionRefusedError(
                f"{ASSUME[engine]}={assume}: expected one of the known versions, {', '.join(rows)}"
            )
        return rows[assume]
    numbers = _numbers(version)
    fitting = [name for name in rows if numbers[: len(_numbers(name))] == _numbers(name)]
    if not fitting:
        raise VersionRefusedError(
            f"{called} {version or 'of no version'} is not known here, only {', '.join(rows)}; what it "
            f"changed may make wrong images. To try it as a known one: {ASSUME[engine]}={list(rows)[-1]}"
        )
    return rows[max(fitting, key=len)]


def _numbers(version: str) -> tuple[int, ...]:
    """Of "5.1.0-rc.19" the numbers before anything else."""
    leading = re.match(r"\d+(\.\d+)*", version.strip())
    return tuple(int(number) for number in leading.group().split(".")) if leading else ()
