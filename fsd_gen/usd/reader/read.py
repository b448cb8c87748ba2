"""The walk over a stage that collects everything visible, and the two questions one asks of a stage."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd import polygons
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import AreaLight, DomeLight, FlatScene, Mesh, ParallelLight
from fsd_gen.usd.openusd import Gf, Sdf, Tf, Usd, UsdGeom, UsdLux
from fsd_gen.usd.polygons import Triangles
from fsd_gen.usd.reader.cameras import Cameras, check_rig, nearest_size
from fsd_gen.usd.reader.decoded import DECODED
from fsd_gen.usd.reader.geometry import Place, is_cage, local_triangles, place, shape_parts
from fsd_gen.usd.reader.instancers import copies_of, prototype_range
from fsd_gen.usd.reader.lights import area_light, dome_light, parallel_light
from fsd_gen.usd.reader.omissions import Omissions
from fsd_gen.usd.reader.origins import Before, Origin, Origins
from fsd_gen.usd.reader.primvars import Coordinates
from fsd_gen.usd.reader.skeletons import Skin, Skins
from fsd_gen.usd.reader.stage import (
    Matrix,
    affine,
    matrix_of,
    open_stage,
    reason_of,
    shared_path,
    stage_time,
    stage_to_world,
)
from fsd_gen.usd.reader.surfaces import Surfaces
from fsd_gen.usd.reader.values import token_of

log = logging.getLogger(__name__)

LEFT, RIGHT = "/World/Rig/Left", "/World/Rig/Right"
VISIBILITIES = ("inherited", "invisible")
PURPOSES = ("default", "render", "proxy", "guide")
SHOWN = (UsdGeom.Tokens.default_, UsdGeom.Tokens.render)  # purposes
VISIBLE = Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)


def read_stage(
    path: Path, rig: StereoRig | None, *, left: str = LEFT, right: str = RIGHT, time: float | None = None
) -> FlatScene:
    """Everything that can be seen in the stage, and where its left camera stands, at one moment.

    With a rig, both cameras must be that rig; without one only the left camera is needed. `time` is a time
    code of the stage; by default its startTimeCode. Raises StageError.
    """
    before = Before.now()
    stage = open_stage(path)
    to_world, moment = stage_to_world(stage), stage_time(stage, time)
    cameras = Cameras(stage, to_world, moment)
    left_to_world = cameras.pose(left)
    if rig is not None:
        check_rig(cameras, rig, left, right)
    flat, walk, omissions = _everything(path, stage, to_world, moment, left_to_world, Origins(before, stage))
    for eye in (left,) if rig is None else (left, right):
        cameras.note(eye, walk.meshes, omissions)
    omissions.tell(path)
    return flat


def read_world(path: Path, *, time: float | None = None) -> FlatScene:
    """As `read_stage`, of a stage without cameras; the left one stands at the origin. Raises StageError."""
    before = Before.now()
    stage = open_stage(path)
    to_world, moment = stage_to_world(stage), stage_time(stage, time)
    flat, _, omissions = _everything(path, stage, to_world, moment, np.eye(4), Origins(before, stage))
    omissions.tell(path)
    return flat


def camera_of_stage(path: Path, camera: str, *, time: float | None = None) -> tuple[Matrix, float]:
    """Camera to world (x right, y down, z forward; metres, z up), and its horizontal view in degrees.

    Raises StageError.
    """
    stage = open_stage(path)
    cameras = Cameras(stage, stage_to_world(stage), stage_time(stage, time))
    return cameras.pose(camera), cameras.hfov_deg(camera)


def _everything(
    path: Path,
    stage: Usd.Stage,
    to_world: Matrix,
    moment: Usd.TimeCode,
    left_to_world: Matrix,
    origins: Origins,
) -> tuple[FlatScene, _Walk, Omissions]:
    omissions = Omissions()
    walk = _Walk(stage, to_world, moment, omissions, origins)
    walk.collect()
    if not walk.meshes:
        raise StageError(f"{path}: the stage has no visible geometry")
    flat = FlatScene(
        meshes=tuple(walk.meshes),
        surfaces=tuple(walk.surfaces.all),
        area_lights=tuple(walk.area_lights),
        parallel_lights=tuple(walk.parallel_lights),
        dome=walk.dome,
        left_to_world=left_to_world,
    )
    return flat, walk, omissions


def rig_of_stage(
    path: Path,
    *,
    width: int,
    height: int,
    left: str = LEFT,
    right: str = RIGHT,
    time: float | None = None,
) -> StereoRig:
    """The rig that the stage's two cameras make at a resolution in pixels. Raises StageError."""
    stage = open_stage(path)
    cameras = Cameras(stage, stage_to_world(stage), stage_time(stage, time))
    left_to_world = cameras.pose(left)
    baseline_m = float(np.linalg.inv(left_to_world)[0] @ cameras.pose(right)[:, 3])
    if baseline_m <= 0:
        raise StageError(f"{right}: expected to the right of {left}, got x = {baseline_m:g} m in its frame")
    lens = cameras.intrinsics(left, width, height)
    rig = StereoRig(width=width, height=height, baseline_m=baseline_m, **asdict(lens))
    check_rig(cameras, rig, left, right)
    return rig


def size_of_stage(
    path: Path, *, width: int, left: str = LEFT, time: float | None = None
) -> tuple[int, int] | None:
    """The size nearest to `width` pixels that has the left camera's aspect; None if no
    size has. Raises StageError.
    """
    stage = open_stage(path)
    ratio = Cameras(stage, stage_to_world(stage), stage_time(stage, time)).ratio(left)
    return nearest_size(ratio, width, width * ratio)


def left_camera(path: Path, wanted: str = LEFT) -> str:
    """The camera at `wanted`; where that is our own rig's and not there, the stage's only one.

    Raises StageError where it has several others, or none.
    """
    stage = open_stage(path)
    found = [str(prim.GetPath()) for prim in stage.Traverse() if prim.IsA(UsdGeom.Camera)]
    if wanted in found or wanted != LEFT:
        return wanted
    if len(found) != 1:
        which = f"say which is the left eye (--left): {', '.join(found)}" if found else "it has none"
        raise StageError(f"{path}: expected one camera; {which}")
    return found[0]


def check_cameras(path: Path, left: str, right: str) -> None:
    """Refuse a stage without both cameras, with the ways to name them or to do with one.

    Raises StageError.
    """
    stage = open_stage(path)
    found = [str(prim.GetPath()) for prim in stage.Traverse() if prim.IsA(UsdGeom.Camera)]
    if missing := [eye for eye in (left, right) if eye not in found]:
        there = f"it has {', '.join(found)}: name two with --left and --right, or give --rig, which wants one"
        none = "it has none; `fsd-gen render-stage` finds places for cameras, and --rig wants one"
        raise StageError(f"{path}: no camera at <{missing[0]}>; {there if found else none}")


@dataclass
class _Walk:
    """Collects everything visible below the stage's root."""

    stage: Usd.Stage
    to_world: Matrix
    time: Usd.TimeCode
    omissions: Omissions
    origins: Origins
    meshes: list[Mesh] = field(default_factory=list)
    area_lights: list[AreaLight] = field(default_factory=list)
    parallel_lights: list[ParallelLight] = field(default_factory=list)
    dome: DomeLight | None = None

    def __post_init__(self) -> None:
        self.surfaces = Surfaces(self.time, self.omissions, self.origins)
        self._skins = Skins(self.stage)
        self._xforms = UsdGeom.XformCache(self.time)
        self._geometry: dict[tuple[Sdf.Path | Origin, Coordinates | None, Sdf.Path], Triangles] = {}
        self._places: dict[tuple[bytes, bytes], Place] = {}
        self._cages: dict[Sdf.Path, None] = {}  # meshes that are to be subdivided, in the order of the walk
        self._inside: list[Sdf.Path] = []  # instancers whose prototypes are being walked

    def collect(self) -> None:
        """Walk the whole stage."""
        prims = iter(Usd.PrimRange(self.stage.GetPseudoRoot(), VISIBLE))
        self._below(prims, self.to_world, "")
        if self._cages:
            log.warning(
                "subdivision surfaces drawn as their control cages, as renderers do at refinement level 0: "
                "meshes=%d first=%s; author subdivisionScheme = none, or subdivide them",
                len(self._cages),
                next(iter(self._cages)),
            )

    def _below(self, prims: Iterator[Usd.Prim], to_world: Matrix, suffix: str) -> None:
        for prim in prims:
            imageable = UsdGeom.Imageable(prim)
            if not imageable:
                continue
            if token_of(imageable.GetVisibilityAttr(), self.time, VISIBILITIES) == UsdGeom.Tokens.invisible:
                prims.PruneChildren()  # type: ignore[attr-defined]  # the iterator of a Usd.PrimRange
            elif self._purpose(imageable) not in SHOWN:
                continue
            elif prim.IsA(UsdGeom.PointInstancer):
                self._instances(UsdGeom.PointInstancer(prim), to_world, suffix)
                prims.PruneChildren()  # type: ignore[attr-defined]
            else:
                self._prim(prim, to_world, suffix)

    def _purpose(self, imageable: UsdGeom.Imageable) -> str:
        token_of(imageable.GetPurposeAttr(), self.time, PURPOSES)
        return str(imageable.ComputePurpose())

    def _prim(self, prim: Usd.Prim, to_world: Matrix, suffix: str) -> None:
        if prim.HasAPI(UsdLux.LightAPI):
            self._light(prim, to_world @ self._local_to_world(prim))
        elif prim.IsA(UsdGeom.Gprim):
            self._shape(prim, to_world, suffix)

    def _local_to_world(self, prim: Usd.Prim) -> Matrix:
        return affine(matrix_of(self._transform(prim)), f"<{prim.GetPath()}>")

    def _transform(self, prim: Usd.Prim) -> Gf.Matrix4d:
        try:
            return self._xforms.GetLocalToWorldTransform(prim)
        except Tf.ErrorException as error:
            raise StageError(f"<{prim.GetPath()}>: {reason_of(error)}") from error

    def _placed(self, prim: Usd.Prim, to_world: Matrix) -> Place:
        """Where a shape stands: the parts of an asset mostly stand where it does, and share what follows."""
        transform = matrix_of(self._transform(prim))
        key = (transform.tobytes(), to_world.tobytes())
        if key not in self._places:
            self._places[key] = Place.at(to_world @ affine(transform, f"<{prim.GetPath()}>"))
        return self._places[key]

    # -- instances

    def _instances(self, instancer: UsdGeom.PointInstancer, to_world: Matrix, suffix: str) -> None:
        path = instancer.GetPath()
        if path in self._inside:
            raise StageError(f"<{path}>: is one of its own prototypes")
        self._inside.append(path)
        here = to_world @ self._local_to_world(instancer.GetPrim())
        for number, (root, pose) in enumerate(copies_of(instancer, self.time)):
            try:
                from_root = np.linalg.inv(self._local_to_world(root))
            except np.linalg.LinAlgError:
                raise StageError(f"<{root.GetPath()}>: the prototype is scaled to nothing") from None
            placed = here @ pose @ from_root
            self._below(prototype_range(root), placed, f"{suffix}[{number}]")
        self._inside.pop()

    # -- geometry

    def _shape(self, prim: Usd.Prim, to_world: Matrix, suffix: str) -> None:
        if is_cage(prim, self.time):
            self._cages[prim.GetPath()] = None
        skin = self._skins.of(prim)
        if skin is None:
            self.omissions.add_unbound(prim)
        placed = self._placed(skin.carrier if skin else prim, to_world)
        for part, faces, material in shape_parts(prim, self.time):
            surface, st = self.surfaces.of(material, prim)
            local = self._local(prim, st, skin)
            if faces is not None:
                local = polygons.select(local, np.isin(local.polygon_t, faces))
            if len(local.faces_t3) and not self.surfaces.all[surface].absent:
                self.meshes.append(place(local, placed, f"{prim.GetPath()}{suffix}{part}", surface))

    def _local(self, prim: Usd.Prim, st: Coordinates | None, skin: Skin | None) -> Triangles:
        """Triangles in the prim's own space; those of one prototype or one origin are read once."""
        if skin is not None:  # each instance of a prototype may be posed by its own skeleton
            return local_triangles(prim, st, self.time, skin)
        path, source = shared_path(prim), st.source(prim) if st is not None else Sdf.Path()
        whole = source == (path if st is not None else Sdf.Path())  # no coordinates of a prim above, nor none
        origin = self.origins.of(prim) if whole and prim.IsA(UsdGeom.Mesh) else None
        key = (path, st, source) if origin is None else (origin, st, Sdf.Path())
        if key not in self._geometry:
            self._geometry[key] = self._decoded(prim, st, origin)
        return self._geometry[key]

    def _decoded(self, prim: Usd.Prim, st: Coordinates | None, origin: Origin | None) -> Triangles:
        """As `local_triangles`, which is not asked again for a mesh of a file that has not changed."""
        stamp = self.origins.stamp(origin) if origin else None
        if origin is None or stamp is None:
            return local_triangles(prim, st, self.time)
        found = DECODED.get((stamp, origin, st))
        if found is None:
            found = local_triangles(prim, st, self.time)
            DECODED.keep((stamp, origin, st), found)
        return found

    # -- lights

    def _light(self, prim: Usd.Prim, to_world: Matrix) -> None:
        if prim.IsA(UsdLux.DomeLight) or prim.IsA(UsdLux.DomeLight_1):
            if self.dome is not None:
                raise StageError(f"<{prim.GetPath()}>: the stage has more than one dome light; keep one")
            self.dome = dome_light(prim, to_world, self.stage, self.time)
        elif prim.IsA(UsdLux.DistantLight):
            self.parallel_lights.append(parallel_light(prim, to_world, self.time))
        else:
            self.area_lights.append(area_light(prim, to_world, self.time))
