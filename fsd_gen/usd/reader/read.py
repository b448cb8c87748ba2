"""The walk over a stage that collects everything visible, and the two questions one asks of a stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd import polygons
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import AreaLight, DomeLight, FlatScene, Mesh, ParallelLight
from fsd_gen.usd.openusd import Sdf, Usd, UsdGeom, UsdLux
from fsd_gen.usd.polygons import PolygonError, Triangles
from fsd_gen.usd.reader.cameras import Cameras, check_rig
from fsd_gen.usd.reader.geometry import local_triangles, place, shape_parts
from fsd_gen.usd.reader.lights import area_light, dome_light, parallel_light
from fsd_gen.usd.reader.stage import TIME, Matrix, matrix_of, open_stage, stage_to_world
from fsd_gen.usd.reader.surfaces import Surfaces

LEFT, RIGHT = "/World/Rig/Left", "/World/Rig/Right"


def read_stage(path: Path, rig: StereoRig | None, *, left: str = LEFT, right: str = RIGHT) -> FlatScene:
    """Everything that can be seen in the stage, and where its left camera stands.

    With a rig, both cameras must be that rig; without one only the left camera is needed. Raises StageError.
    """
    stage = open_stage(path)
    to_world = stage_to_world(stage)
    cameras = Cameras(stage, to_world)
    left_to_world = cameras.pose(left)
    if rig is not None:
        check_rig(cameras, rig, left, right)
    walk = _Walk(stage, to_world)
    walk.collect()
    if not walk.meshes:
        raise StageError(f"{path}: the stage has no visible geometry")
    return FlatScene(
        meshes=tuple(walk.meshes),
        surfaces=tuple(walk.surfaces.all),
        area_lights=tuple(walk.area_lights),
        parallel_lights=tuple(walk.parallel_lights),
        dome=walk.dome,
        left_to_world=left_to_world,
    )


def rig_of_stage(path: Path, *, width: int, height: int, left: str = LEFT, right: str = RIGHT) -> StereoRig:
    """The rig that the stage's two cameras make at a resolution in pixels. Raises StageError."""
    stage = open_stage(path)
    cameras = Cameras(stage, stage_to_world(stage))
    left_to_world = cameras.pose(left)
    baseline_m = float(np.linalg.inv(left_to_world)[0] @ cameras.pose(right)[:, 3])
    if baseline_m <= 0:
        raise StageError(f"{right}: expected to the right of {left}, got x = {baseline_m:g} m in its frame")
    focal_px, cx_px, cy_px = cameras.intrinsics(left, width, height)
    rig = StereoRig(
        width=width, height=height, focal_px=focal_px, baseline_m=baseline_m, cx_px=cx_px, cy_px=cy_px
    )
    check_rig(cameras, rig, left, right)
    return rig


@dataclass
class _Walk:
    """Collects everything visible below the stage's root."""

    stage: Usd.Stage
    to_world: Matrix
    meshes: list[Mesh] = field(default_factory=list)
    area_lights: list[AreaLight] = field(default_factory=list)
    parallel_lights: list[ParallelLight] = field(default_factory=list)
    dome: DomeLight | None = None

    def __post_init__(self) -> None:
        self.surfaces = Surfaces()
        self._xforms = UsdGeom.XformCache(TIME)
        self._geometry: dict[tuple[Sdf.Path, str | None], Triangles] = {}

    def collect(self) -> None:
        """Walk the whole stage."""
        self._below(self.stage.GetPseudoRoot(), self.to_world, "")

    def _below(self, root: Usd.Prim, to_world: Matrix, suffix: str) -> None:
        prims = iter(Usd.PrimRange(root, Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)))
        for prim in prims:
            imageable = UsdGeom.Imageable(prim)
            if not imageable:
                continue
            if imageable.GetVisibilityAttr().Get(TIME) == UsdGeom.Tokens.invisible:
                prims.PruneChildren()
            elif imageable.ComputePurpose() not in (UsdGeom.Tokens.default_, UsdGeom.Tokens.render):
                continue
            elif prim.IsA(UsdGeom.PointInstancer):
                self._instances(UsdGeom.PointInstancer(prim), to_world, suffix)
                prims.PruneChildren()
            else:
                self._prim(prim, to_world @ matrix_of(self._xforms.GetLocalToWorldTransform(prim)), suffix)

    def _prim(self, prim: Usd.Prim, to_world: Matrix, suffix: str) -> None:
        if prim.HasAPI(UsdLux.LightAPI):
            self._light(prim, to_world)
        elif prim.IsA(UsdGeom.Gprim):
            self._shape(prim, to_world, suffix)

    def _instances(self, instancer: UsdGeom.PointInstancer, to_world: Matrix, suffix: str) -> None:
        path = instancer.GetPath()
        indices = instancer.GetProtoIndicesAttr().Get(TIME)
        poses = instancer.ComputeInstanceTransformsAtTime(TIME, TIME)
        if indices is None or len(poses) > len(indices):
            raise StageError(f"<{path}>: expected one prototype index per position")
        seen = instancer.ComputeMaskAtTime(TIME)
        prototypes = instancer.GetPrototypesRel().GetTargets()
        here = to_world @ matrix_of(self._xforms.GetLocalToWorldTransform(instancer.GetPrim()))
        shown = [index for number, index in enumerate(indices) if not len(seen) or seen[number]]
        for number, (index, pose) in enumerate(zip(shown, poses, strict=True)):
            root = self.stage.GetPrimAtPath(prototypes[index]) if index < len(prototypes) else Usd.Prim()
            if not root:
                raise StageError(f"<{path}>: there is no prototype number {index}")
            from_root = np.linalg.inv(matrix_of(self._xforms.GetLocalToWorldTransform(root)))
            self._below(root, here @ matrix_of(pose) @ from_root, f"{suffix}[{number}]")

    # -- geometry

    def _shape(self, prim: Usd.Prim, to_world: Matrix, suffix: str) -> None:
        for part, faces, material in shape_parts(prim):
            surface, st = self.surfaces.of(material, prim)
            local = self._local(prim, st)
            if faces is not None:
                local = polygons.select(local, np.isin(local.polygon_t, faces))
            if len(local.faces_t3):
                self.meshes.append(place(local, to_world, f"{prim.GetPath()}{suffix}{part}", surface))

    def _local(self, prim: Usd.Prim, st: str | None) -> Triangles:
        """Triangles in the prim's own space; instances of one prototype are read once."""
        source = prim.GetPrimInPrototype() if prim.IsInstanceProxy() else prim
        key = (source.GetPath(), st)
        if key not in self._geometry:
            try:
                self._geometry[key] = local_triangles(source, st)
            except PolygonError as error:
                raise StageError(f"<{prim.GetPath()}>: {error}") from error
        return self._geometry[key]

    # -- lights

    def _light(self, prim: Usd.Prim, to_world: Matrix) -> None:
        if prim.IsA(UsdLux.DomeLight) or prim.IsA(UsdLux.DomeLight_1):
            if self.dome is not None:
                raise StageError(f"<{prim.GetPath()}>: the stage has more than one dome light; keep one")
            self.dome = dome_light(prim, to_world, self.stage)
        elif prim.IsA(UsdLux.DistantLight):
            self.parallel_lights.append(parallel_light(prim, to_world))
        else:
            self.area_lights.append(area_light(prim, to_world))
