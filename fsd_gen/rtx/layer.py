"""The layer that a stage is rendered through: RTX's needs over the scene's own stage, which stays as it is.

A new root layer has the stage as its sublayer, its up axis and unit as its own, and says over it what RTX
would otherwise guess: two cameras with an identity exposure, the lights anew (`lights`), and opinions on the
stage's own prims (`overrides`). Read back by the reader of stages, it is the same scene.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import BackendError
from fsd_gen.rtx.cameras import exposure_scale, write_camera
from fsd_gen.rtx.child.contract import CHANNELS, IDS, Job, Product
from fsd_gen.rtx.child.versions import OvrtxVersion
from fsd_gen.rtx.lens import Frame, frame_of
from fsd_gen.rtx.lights import put_out, write_lights
from fsd_gen.rtx.overrides import Overrides, Said, tolerant, write
from fsd_gen.rtx.products import max_bounces, write_products
from fsd_gen.rtx.sheet import Sheet
from fsd_gen.rtx.targets import Target
from fsd_gen.rtx.things import label_things
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.errors import StageWriteError
from fsd_gen.usd.flat_scene import FlatScene
from fsd_gen.usd.openusd import Sdf, Tf, Usd, UsdGeom, UsdLux
from fsd_gen.usd.reader.stage import open_stage, reason_of, stage_time, stage_to_world
from fsd_gen.usd.staged import StagedScene

ROOT = "/FsdRtx"  # of everything that is ours
EYES = ("left", "right")
ALL_PRIMS = Usd.PrimIsActive & Usd.PrimIsLoaded  # `over`s and `class`es too: they may be prototypes

log = logging.getLogger(__name__)

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
    ids: bool = True  # they are asked for
    things: tuple[str, ...] | None = None  # prim paths by the numbers in labels; None: labels are paths

    def job(self, settings: RenderSettings) -> Job:
        """The order for the rendering process."""
        return Job(
            stage=str(self.path),
            width=self.width,
            height=self.height,
            products=self.products,
            spp=settings.spp,
            max_bounces=max_bounces(settings),
            denoise=settings.denoise,
            channels=tuple(name for name in CHANNELS if self.ids or name != IDS),
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
    labelled = target.ids and isinstance(target.row, OvrtxVersion)
    things = label_things(stage, sheet, (mesh.name for mesh in staged.flat.meshes)) if labelled else None
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
        ids=target.ids,
        things=things,
    )


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
    _tell_dim_suns(stage, lights)
    with Sdf.ChangeBlock():
        write(sheet, opinions)
        put_out(sheet, [(str(light.GetPath()), bool(light.GetChildren())) for light in lights])


def _tell_dim_suns(stage: Usd.Stage, lights: list[Usd.Prim]) -> None:
    """Old stages of Omniverse have suns that it showed pi times their intensity, and that OpenUSD dims."""
    for prim in lights:
        light = UsdLux.DistantLight(prim)
        said = prim.GetAttribute("omni:rtx:usdluxVersion")
        if light and not (said and said.HasAuthoredValue()) and not light.GetNormalizeAttr().Get():
            log.warning(
                "a sun is as bright as its disc, as OpenUSD says: light=%s stage=%s; Omniverse used to show "
                "pi times its intensity: for that, set inputs:normalize = 1 and multiply its intensity by pi",
                prim.GetPath(),
                stage.GetRootLayer().subLayerPaths[0],
            )


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
        write_camera(sheet, camera, from_world_44, pose_44, rig, frame, scale)
        paths = ("", "")
        if isinstance(target.row, OvrtxVersion):
            size, lit = (frame.width, frame.height), flat.dome is not None
            paths = write_products(
                sheet, camera, camera, size, settings, target.row, lit_by_dome=lit, ids=target.ids
            )
        products.append(Product(eye=eye, camera=camera, path=paths[0], truth_path=paths[1]))
    return tuple(products)
