"""The layer that a stage is rendered through: RTX's needs over the scene's own stage, which stays as it is.

A new root layer has the stage as its sublayer, its up axis and unit as its own, and says over it what RTX
would otherwise guess: two cameras with an identity exposure, the lights anew (`lights`), and opinions on the
stage's own prims (`overrides`). Read back by the reader of stages, it is the same scene.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import BackendError
from fsd_gen.rtx.child.contract import CHANNELS, IDS, Job, Product
from fsd_gen.rtx.child.versions import OvrtxVersion
from fsd_gen.rtx.lens import Frame, frame_of
from fsd_gen.rtx.lights import put_out, write_lights
from fsd_gen.rtx.overrides import Overrides, Said, tolerant, write
from fsd_gen.rtx.products import max_bounces, write_products
from fsd_gen.rtx.sheet import Sheet, Values
from fsd_gen.rtx.targets import Target
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.errors import StageWriteError
from fsd_gen.usd.flat_scene import FlatScene, Texture
from fsd_gen.usd.openusd import Gf, Sdf, Tf, Usd, UsdGeom, UsdLux, Vt
from fsd_gen.usd.reader.stage import open_stage, reason_of, stage_time, stage_to_world
from fsd_gen.usd.staged import StagedScene

ROOT = "/FsdRtx"  # of everything that is ours
EYES = ("left", "right")
FILM_M = 0.036  # film width that stands for the picture's width
NEAR_M, FAR_M = 0.001, 1e5  # clipping
EXPOSURE_APIS = ("OmniRtxCameraExposureAPI_1", "OmniRtxCameraAutoExposureAPI_1")
LENS_API = "OmniLensDistortionOpenCvPinholeAPI"
BRIGHTEST = 30_000.0  # that a half float is to hold: it ends at 65504
HALF_END = 65504.0  # what a panorama may hold at most
MOST_STOPS = 20
ALL_PRIMS = Usd.PrimIsActive & Usd.PrimIsLoaded  # `over`s and `class`es too: they may be prototypes

Array = NDArray[np.float64]
Kinds = Sdf.ValueTypeNames
_numbers = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class RtxStage:
    """A layer over a stage, and how to read the pictures that are rendered through it."""

    path: Path  # the layer: a root of its own
    width: int  # pixels of every picture that is rendered
    height: int
    products: tuple[Product, ...]
    rig: StereoRig  # what is to be left of them
    crop: tuple[int, int]  # first column and row of it
    scale: float  # by which the cameras expose: colours are to be divided by it

    def job(self, settings: RenderSettings) -> Job:
        """The order for the rendering process."""
        bare = all(product.path for product in self.products)  # ovrtx: it gives no ids
        return Job(
            stage=str(self.path),
            width=self.width,
            height=self.height,
            products=self.products,
            spp=settings.spp,
            max_bounces=max_bounces(settings),
            denoise=settings.denoise,
            channels=tuple(name for name in CHANNELS if not (bare and name == IDS)),
        )


def author_rtx_layer(
    staged: StagedScene,
    rig: StereoRig,
    settings: RenderSettings,
    target: Target,
    out: Path,
    *,
    scale: float | None = None,
) -> RtxStage:
    """Write the layer into the folder `out`, under a name that was never used before.

    The left camera stands at `staged.flat.left_to_world`, the right one a baseline to its right; cameras of
    the stage's own are not asked. The cameras expose by `scale`, by default as the scene's light asks.

    Raises:
        BackendError: this version cannot render the rig or the scene as they are.
        StageError: the stage cannot be opened.
        StageWriteError: the layer cannot be written.
    """
    frame = frame_of(rig, target)
    source = open_stage(staged.path)
    moment = stage_time(source, staged.time)
    layer = _new_layer(out, staged.path.stem)
    _as_the_stage(layer, source, staged.path)
    stage, sheet = Usd.Stage.Open(layer), Sheet(layer)
    if stage.GetPrimAtPath(ROOT):
        raise BackendError(f"{staged.path}: has a prim {ROOT}, where what RTX needs is written; rename it")
    _over_its_prims(stage, sheet, moment, target)
    exposed = scale if scale is not None else exposure_scale(staged.flat)
    products = _ours(sheet, staged.flat, stage_to_world(source), rig, frame, settings, target, exposed)
    return RtxStage(
        path=_saved(layer),
        width=frame.width,
        height=frame.height,
        products=products,
        rig=rig,
        crop=(frame.left, frame.top),
        scale=exposed,
    )


def exposure_scale(flat: FlatScene) -> float:
    """A power of two, at most 1, by which the brightest light of a scene stays within half floats."""
    lights = [max(light.radiance) for light in flat.area_lights]
    lights += [_glow(surface.emissive) for surface in flat.surfaces]
    if flat.dome is not None:
        lights.append(max(flat.dome.radiance) * (1.0 if flat.dome.texture is None else HALF_END))
    for sun in flat.parallel_lights:  # a mirror shows its disc
        disc = math.pi * math.sin(math.radians(max(sun.angle_deg, 0.1)) / 2) ** 2
        lights.append(max(sun.irradiance) / disc)
    stops = math.ceil(math.log2(max(max(lights, default=0.0) / BRIGHTEST, 1.0)))
    return 2.0 ** -min(stops, MOST_STOPS)


def _glow(emissive: tuple[float, float, float] | Texture) -> float:
    return max(emissive.gain[:3]) if isinstance(emissive, Texture) else max(emissive)


def _new_layer(out: Path, stem: str) -> Sdf.Layer:
    """A file of a name of its own: renderers keep layers, and would show the one they know by that name."""
    path = out / f"{stem}-{next(_numbers):06d}-{uuid4().hex[:12]}.usdc"
    try:
        return Sdf.Layer.CreateNew(str(path))
    except Tf.ErrorException as error:
        raise StageWriteError(f"{path}: could not write the layer for RTX: {reason_of(error)}") from None


def _saved(layer: Sdf.Layer) -> Path:
    path = Path(layer.realPath)
    try:
        written = layer.Save()
    except Tf.ErrorException as error:
        raise StageWriteError(f"{path}: could not write the layer for RTX: {reason_of(error)}") from None
    if not written:
        raise StageWriteError(f"{path}: could not write the layer for RTX; is there room?")
    return path


def _as_the_stage(layer: Sdf.Layer, source: Usd.Stage, path: Path) -> None:
    """What is never taken over from a sublayer: axis, unit and rate, said even where they are defaults."""
    layer.subLayerPaths.append(str(path.resolve()))
    root = layer.pseudoRoot
    root.SetInfo("upAxis", UsdGeom.GetStageUpAxis(source))
    root.SetInfo("metersPerUnit", UsdGeom.GetStageMetersPerUnit(source))
    root.SetInfo("timeCodesPerSecond", source.GetTimeCodesPerSecond())
    if default := source.GetDefaultPrim():
        root.SetInfo("defaultPrim", default.GetName())


# -- over the stage's own prims


def _over_its_prims(stage: Usd.Stage, sheet: Sheet, moment: Usd.TimeCode, target: Target) -> None:
    row = target.row
    over = Overrides(time=moment, moving=_moves(stage), opacity_mode=row.opacity_mode, glow=row.lux.glow)
    said = tolerant(over.of)
    while bound := list(_instances_in_the_way(stage, said, everywhere=not row.instances)):
        for path in bound:
            sheet.inform(path, "instanceable", False)
    prims = list(Usd.PrimRange.Stage(stage, ALL_PRIMS))
    opinions = [one for prim in prims for one in said(prim)]
    lights = [prim for prim in prims if prim.HasAPI(UsdLux.LightAPI)]
    with Sdf.ChangeBlock():
        write(sheet, opinions)
        put_out(sheet, [(str(light.GetPath()), bool(light.GetChildren())) for light in lights])


def _moves(stage: Usd.Stage) -> bool:
    """Whether anything may change with time: to look at every attribute of a large stage takes a while."""
    if any(layer.ListAllTimeSamples() for layer in stage.GetUsedLayers()):
        return True
    return any(prim.HasAuthoredMetadata("clips") for prim in Usd.PrimRange.Stage(stage, ALL_PRIMS))


def _instances_in_the_way(
    stage: Usd.Stage, said: Callable[[Usd.Prim], list[Said]], *, everywhere: bool
) -> Iterator[str]:
    """Instances of prototypes of which something is to be said, which can be said of a copy alone."""
    for prototype in stage.GetPrototypes():
        inside = Usd.PrimRange(prototype, Usd.TraverseInstanceProxies(ALL_PRIMS))
        if everywhere or any(prim.HasAPI(UsdLux.LightAPI) or said(prim) for prim in inside):
            for instance in prototype.GetInstances():
                if not instance.IsInPrototype():
                    yield str(instance.GetPath())


# -- what is ours


def _ours(
    sheet: Sheet,
    flat: FlatScene,
    to_world_44: Array,
    rig: StereoRig,
    frame: Frame,
    settings: RenderSettings,
    target: Target,
    scale: float,
) -> tuple[Product, ...]:
    from_world_44 = np.asarray(np.linalg.inv(to_world_44), np.float64)
    sheet.define(ROOT, "Scope")
    sheet.define(f"{ROOT}/Lights", "Scope")
    write_lights(sheet, f"{ROOT}/Lights", flat, from_world_44, target.row.lux)
    products = []
    for eye, shift_m in zip(EYES, (0.0, rig.baseline_m), strict=True):
        pose_44 = flat.left_to_world.copy()
        pose_44[:3, 3] += pose_44[:3, 0] * shift_m
        camera = f"{ROOT}/{eye.title()}"
        _camera(sheet, camera, from_world_44, pose_44, rig, frame, scale)
        paths = ("", "")
        if isinstance(target.row, OvrtxVersion):
            size, lit = (frame.width, frame.height), flat.dome is not None
            paths = write_products(sheet, camera, camera, size, settings, target.row, lit_by_dome=lit)
        products.append(Product(eye=eye, camera=camera, path=paths[0], truth_path=paths[1]))
    return tuple(products)


def _camera(
    sheet: Sheet, path: str, from_world_44: Array, pose_44: Array, rig: StereoRig, frame: Frame, scale: float
) -> None:
    """A pinhole in the stage's own axes and unit, free of scale."""
    per_metre = float(np.linalg.norm(from_world_44[:3, 0]))
    placed_44 = from_world_44 @ pose_44 @ np.diag([1.0, -1.0, -1.0, 1.0])  # USD's cameras look along -z
    placed_44[:3, :3] /= per_metre
    film = FILM_M * per_metre * 10  # lengths of a camera are tenths of a unit
    sheet.define(path, "Camera", apis=(*EXPOSURE_APIS, *((LENS_API,) if frame.opencv else ())))
    sheet.set(
        path,
        {
            "projection": (Kinds.Token, UsdGeom.Tokens.perspective),
            "focalLength": (Kinds.Float, rig.focal_px / frame.width * film),
            "horizontalAperture": (Kinds.Float, film),
            "verticalAperture": (Kinds.Float, film * frame.height / frame.width),
            "horizontalApertureOffset": (Kinds.Float, 0.0),
            "verticalApertureOffset": (Kinds.Float, 0.0),
            "fStop": (Kinds.Float, 0.0),
            "clippingRange": (Kinds.Float2, Gf.Vec2f(NEAR_M * per_metre, FAR_M * per_metre)),
            "xformOp:transform": (Kinds.Matrix4d, Gf.Matrix4d(placed_44.T.tolist())),
            **_exposure(scale),
            **(_opencv(rig) if frame.opencv else {}),
        },
    )
    order = Vt.TokenArray(["xformOp:transform"])
    sheet.set(path, {"xformOpOrder": (Kinds.TokenArray, order)}, uniform=True)


def _exposure(scale: float) -> Values:
    """Radiance times `scale`: responsivity * time * iso / 100 * 2^exposure / fStop^2 (UsdGeomCamera)."""
    return {
        "exposure": (Kinds.Float, 0.0),
        "exposure:fStop": (Kinds.Float, 1.0),
        "exposure:responsivity": (Kinds.Float, 1.0),
        "exposure:iso": (Kinds.Float, 100.0),
        "exposure:time": (Kinds.Float, scale),
        "omni:rtx:autoExposure:enabled": (Kinds.Bool, False),
    }


def _opencv(rig: StereoRig) -> Values:
    numbers = {"fx": rig.focal_px, "fy": rig.fy_px, "cx": rig.cx_px, "cy": rig.cy_px}
    numbers |= dict.fromkeys(("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2", "s1", "s2", "s3", "s4"), 0.0)
    lens = "omni:lensdistortion"
    return {
        f"{lens}:model": (Kinds.Token, "opencvPinhole"),
        f"{lens}:opencvPinhole:imageSize": (Kinds.Int2, Gf.Vec2i(rig.width, rig.height)),
        **{f"{lens}:opencvPinhole:{name}": (Kinds.Float, value) for name, value in numbers.items()},
    }
