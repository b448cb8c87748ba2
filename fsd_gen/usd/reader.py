"""A plain USD stage as a `RenderScene`: flattened to world triangles, surfaces and lights in metres, z up.

Read are meshes and simple solids (with references, instances and point instancers), UsdPreviewSurface
materials, UsdLux lights and the two cameras. Subdivision surfaces are taken as their cage with smooth
normals. What cannot be rendered faithfully is refused by name, not skipped; of a UsdPreviewSurface
only clearcoat, occlusion and displacement are ignored. Two readings of the specification are ours:
`useMetadata` wrapping repeats, and `auto` colour space is raw for anything but colours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pxr import Gf, Sdf, Tf, Usd, UsdGeom, UsdLux, UsdShade

from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd import polygons
from fsd_gen.usd.flat_scene import (
    AreaLight,
    DistantLight,
    DomeLight,
    Mesh,
    RenderScene,
    Rgb,
    Surface,
    Texture,
)
from fsd_gen.usd.polygons import Attribute, PolygonError, Triangles

log = logging.getLogger(__name__)

LEFT, RIGHT = "/World/Rig/Left", "/World/Rig/Right"
USD_TO_VISION = np.diag([1.0, -1.0, -1.0, 1.0])  # USD cameras look along -z with y up
Y_TO_Z_UP = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
AXIS_FROM_Z = {  # cyclic shifts: they keep solids right-handed
    "X": np.array([[0, 0, 1.0], [1.0, 0, 0], [0, 1.0, 0]]),
    "Y": np.array([[0, 1.0, 0], [0, 0, 1.0], [1.0, 0, 0]]),
    "Z": np.eye(3),
}
TIME = Usd.TimeCode.EarliestTime()
RELATIVE = 1e-6  # tolerance of lengths and focal lengths, relative
PIXEL_TOLERANCE = 1e-3  # pixels, of the principal point
NO_SURFACE = "displayColor"

Matrix = NDArray[np.float64]  # (4, 4), column vectors


class StageError(ValueError):
    """The stage is not one that can be rendered; says which prim, what was expected and what was found."""


def read_stage(path: Path, rig: StereoRig | None, *, left: str = LEFT, right: str = RIGHT) -> RenderScene:
    """Everything that can be seen in the stage, and where its left camera stands.

    With a rig, both cameras must be that rig; without one only the left camera is needed. Raises StageError.
    """
    stage = _open(path)
    to_world = _stage_to_world(stage)
    cameras = _Cameras(stage, to_world)
    left_to_world = cameras.pose(left)
    if rig is not None:
        _check_rig(cameras, rig, left, right)
    walk = _Walk(stage, to_world)
    walk.collect()
    if not walk.meshes:
        raise StageError(f"{path}: the stage has no visible geometry")
    return RenderScene(
        meshes=tuple(walk.meshes),
        surfaces=tuple(walk.surfaces.all),
        area_lights=tuple(walk.area_lights),
        distant_lights=tuple(walk.distant_lights),
        dome=walk.dome,
        left_to_world=left_to_world,
    )


def rig_of_stage(path: Path, *, width: int, height: int, left: str = LEFT, right: str = RIGHT) -> StereoRig:
    """The rig that the stage's two cameras make at a resolution in pixels. Raises StageError."""
    stage = _open(path)
    cameras = _Cameras(stage, _stage_to_world(stage))
    left_to_world = cameras.pose(left)
    baseline_m = float(np.linalg.inv(left_to_world)[0] @ cameras.pose(right)[:, 3])
    if baseline_m <= 0:
        raise StageError(f"{right}: expected to the right of {left}, got x = {baseline_m:g} m in its frame")
    focal_px, cx_px, cy_px = cameras.intrinsics(left, width, height)
    rig = StereoRig(
        width=width, height=height, focal_px=focal_px, baseline_m=baseline_m, cx_px=cx_px, cy_px=cy_px
    )
    _check_rig(cameras, rig, left, right)
    return rig


def _open(path: Path) -> Usd.Stage:
    if not Path(path).is_file():
        raise StageError(f"{path}: no such stage file")
    try:
        stage = Usd.Stage.Open(str(path))
    except Tf.ErrorException as error:
        raise StageError(f"{path}: cannot be opened as a USD stage: {_reason(error)}") from error
    problems = stage.GetCompositionErrors()
    if problems:
        raise StageError(f"{path}: does not compose: {_reason(problems[0])}")
    return stage


def _reason(error: object) -> str:
    """The first complaint of a USD error, without the place in USD's own source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0] if lines else type(error).__name__
    return first.rpartition(" : '")[2].rstrip("'")


def _stage_to_world(stage: Usd.Stage) -> Matrix:
    metres = UsdGeom.GetStageMetersPerUnit(stage)
    turn = Y_TO_Z_UP if UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.y else np.eye(4)
    return np.diag([metres, metres, metres, 1.0]) @ turn


def _matrix(gf: Gf.Matrix4d) -> Matrix:
    return np.array(gf).T


# ---- cameras


class _Cameras:
    """Poses and intrinsics of the stage's cameras."""

    def __init__(self, stage: Usd.Stage, to_world: Matrix) -> None:
        self._stage = stage
        self._to_world = to_world

    def _camera(self, path: str) -> UsdGeom.Camera:
        camera = UsdGeom.Camera(self._stage.GetPrimAtPath(path))
        if not camera:
            found = [str(p.GetPath()) for p in self._stage.Traverse() if p.IsA(UsdGeom.Camera)]
            raise StageError(f"no camera at <{path}>; the stage has {', '.join(found) or 'none'}")
        return camera

    def pose(self, path: str) -> Matrix:
        """Camera to world, vision axes, free of scale."""
        pose = self._to_world @ _matrix(self._camera(path).ComputeLocalToWorldTransform(TIME)) @ USD_TO_VISION
        lengths = np.linalg.norm(pose[:3, :3], axis=0)
        if not lengths.all():
            raise StageError(f"<{path}>: the camera is scaled to nothing")
        pose[:3, :3] /= lengths
        gram = pose[:3, :3].T @ pose[:3, :3]
        if not np.allclose(gram, np.eye(3), atol=RELATIVE) or np.linalg.det(pose) < 0:
            raise StageError(f"<{path}>: the camera is sheared or mirrored")
        return pose

    def intrinsics(self, path: str, width: int, height: int) -> tuple[float, float, float]:
        """Focal length, cx and cy in pixels; pixels must be square."""
        camera = self._camera(path)
        if camera.GetProjectionAttr().Get(TIME) != UsdGeom.Tokens.perspective:
            raise StageError(f"<{path}>: expected a perspective camera")
        focal = camera.GetFocalLengthAttr().Get(TIME)
        aperture_x = camera.GetHorizontalApertureAttr().Get(TIME)
        aperture_y = camera.GetVerticalApertureAttr().Get(TIME)
        offset_x = camera.GetHorizontalApertureOffsetAttr().Get(TIME)
        offset_y = camera.GetVerticalApertureOffsetAttr().Get(TIME)
        if min(focal, aperture_x, aperture_y) <= 0:
            raise StageError(f"<{path}>: focal length and apertures must be positive")
        if abs(aperture_x * height / (aperture_y * width) - 1) > 10 * RELATIVE:
            raise StageError(
                f"<{path}>: expected a vertical aperture of {aperture_x * height / width:g} "
                f"for square pixels at {width}x{height}, got {aperture_y:g}"
            )
        cx_px = width * (0.5 - offset_x / aperture_x)
        return focal / aperture_x * width, cx_px, height * (0.5 + offset_y / aperture_y)


def _check_rig(cameras: _Cameras, rig: StereoRig, left: str, right: str) -> None:
    """Both cameras must have the rig's intrinsics; the right one must be the left one moved along its x."""
    for path in (left, right):
        focal_px, cx_px, cy_px = cameras.intrinsics(path, rig.width, rig.height)
        if abs(focal_px / rig.focal_px - 1) > RELATIVE:
            raise StageError(f"<{path}>: expected focal length {rig.focal_px:.6f} px, got {focal_px:.6f} px")
        if max(abs(cx_px - rig.cx_px), abs(cy_px - rig.cy_px)) > PIXEL_TOLERANCE:
            raise StageError(
                f"<{path}>: expected the principal point ({rig.cx_px:.3f}, {rig.cy_px:.3f}) px, "
                f"got ({cx_px:.3f}, {cy_px:.3f}) px"
            )
    left_pose, right_pose = cameras.pose(left), cameras.pose(right)
    expected = left_pose[:3, 3] + left_pose[:3, 0] * rig.baseline_m
    away_m = float(np.linalg.norm(right_pose[:3, 3] - expected))
    if away_m > RELATIVE * max(1.0, float(np.abs(expected).max())):
        raise StageError(
            f"<{right}>: expected at {_metres(expected)}, {rig.baseline_m:g} m along the x axis of <{left}>, "
            f"got {_metres(right_pose[:3, 3])}"
        )
    if np.abs(right_pose[:3, :3] - left_pose[:3, :3]).max() > RELATIVE:
        raise StageError(f"<{right}>: expected the same orientation as <{left}>")


def _metres(point: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{c:.6f}" for c in point) + ") m"


# ---- the walk


@dataclass
class _Walk:
    """Collects everything visible below the stage's root."""

    stage: Usd.Stage
    to_world: Matrix
    meshes: list[Mesh] = field(default_factory=list)
    area_lights: list[AreaLight] = field(default_factory=list)
    distant_lights: list[DistantLight] = field(default_factory=list)
    dome: DomeLight | None = None

    def __post_init__(self) -> None:
        self.surfaces = _Surfaces()
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
                self._prim(prim, to_world @ _matrix(self._xforms.GetLocalToWorldTransform(prim)), suffix)

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
        here = to_world @ _matrix(self._xforms.GetLocalToWorldTransform(instancer.GetPrim()))
        shown = [index for number, index in enumerate(indices) if not len(seen) or seen[number]]
        for number, (index, pose) in enumerate(zip(shown, poses, strict=True)):
            root = self.stage.GetPrimAtPath(prototypes[index]) if index < len(prototypes) else Usd.Prim()
            if not root:
                raise StageError(f"<{path}>: there is no prototype number {index}")
            from_root = np.linalg.inv(_matrix(self._xforms.GetLocalToWorldTransform(root)))
            self._below(root, here @ _matrix(pose) @ from_root, f"{suffix}[{number}]")

    # -- geometry

    def _shape(self, prim: Usd.Prim, to_world: Matrix, suffix: str) -> None:
        for part, faces, material in _parts(prim):
            surface, st = self.surfaces.of(material, prim)
            local = self._local(prim, st)
            if faces is not None:
                local = polygons.select(local, np.isin(local.polygon_t, faces))
            if len(local.faces_t3):
                self.meshes.append(_placed(local, to_world, f"{prim.GetPath()}{suffix}{part}", surface))

    def _local(self, prim: Usd.Prim, st: str | None) -> Triangles:
        """Triangles in the prim's own space; instances of one prototype are read once."""
        source = prim.GetPrimInPrototype() if prim.IsInstanceProxy() else prim
        key = (source.GetPath(), st)
        if key not in self._geometry:
            try:
                self._geometry[key] = _triangles(source, st)
            except PolygonError as error:
                raise StageError(f"<{prim.GetPath()}>: {error}") from error
        return self._geometry[key]

    # -- lights

    def _light(self, prim: Usd.Prim, to_world: Matrix) -> None:
        if prim.IsA(UsdLux.DomeLight) or prim.IsA(UsdLux.DomeLight_1):
            if self.dome is not None:
                raise StageError(f"<{prim.GetPath()}>: the stage has more than one dome light; keep one")
            self.dome = _dome(prim, to_world, self.stage)
        elif prim.IsA(UsdLux.DistantLight):
            self.distant_lights.append(_distant(prim, to_world))
        else:
            self.area_lights.append(_area(prim, to_world))


def _placed(local: Triangles, to_world: Matrix, name: str, surface: int) -> Mesh:
    linear, shift = to_world[:3, :3], to_world[:3, 3]
    mirrored = np.linalg.det(linear) < 0
    normals_v3 = None
    if local.normals_v3 is not None:
        cofactors = np.cross(linear[[1, 2, 0]], linear[[2, 0, 1]])  # inverse transpose times determinant
        normals_v3 = local.normals_v3 @ (cofactors.T * (-1.0 if mirrored else 1.0))
        length_v1 = np.linalg.norm(normals_v3, axis=1, keepdims=True)
        normals_v3 = (normals_v3 / np.where(length_v1 > 0, length_v1, 1.0)).astype(np.float32)
    return Mesh(
        name=name,
        vertices_v3=local.vertices_v3.astype(np.float64) @ linear.T + shift,
        faces_f3=np.ascontiguousarray(local.faces_t3[:, ::-1] if mirrored else local.faces_t3),
        uv_v2=local.uv_v2,
        normals_v3=normals_v3,
        surface=surface,
    )


def _parts(prim: Usd.Prim) -> Iterator[tuple[str, NDArray[np.int32] | None, UsdShade.Material]]:
    """Name suffix, polygons (None: all) and material of each part of a shape."""
    binding = UsdShade.MaterialBindingAPI(prim)
    own = binding.ComputeBoundMaterial()[0]
    subsets = binding.GetMaterialBindSubsets() if prim.IsA(UsdGeom.Mesh) else []
    if not subsets:
        yield "", None, own
        return
    rest = np.ones(len(UsdGeom.Mesh(prim).GetFaceVertexCountsAttr().Get(TIME) or ()), bool)
    for subset in subsets:
        faces = np.asarray(subset.GetIndicesAttr().Get(TIME) or (), np.int32)
        if len(faces) and (faces.min() < 0 or faces.max() >= len(rest)):
            raise StageError(f"<{subset.GetPath()}>: face {faces.max()} of a mesh with {len(rest)} faces")
        rest[faces] = False
        material = UsdShade.MaterialBindingAPI(subset).ComputeBoundMaterial()[0]
        yield f"/{subset.GetPrim().GetName()}", faces, material
    if rest.any():
        yield "", np.flatnonzero(rest).astype(np.int32), own


def _triangles(prim: Usd.Prim, st: str | None) -> Triangles:
    if prim.IsA(UsdGeom.Mesh):
        return _mesh_triangles(UsdGeom.Mesh(prim), st)
    for schema, make in SOLIDS.items():
        if prim.IsA(schema):
            return make(schema(prim))
    raise StageError(f"<{prim.GetPath()}>: {prim.GetTypeName()} cannot be rendered; convert it to a Mesh")


def _mesh_triangles(mesh: UsdGeom.Mesh, st: str | None) -> Triangles:
    points = _array(mesh.GetPointsAttr(), np.float32, 3)
    counts = _array(mesh.GetFaceVertexCountsAttr(), np.int32)
    indices = _array(mesh.GetFaceVertexIndicesAttr(), np.int32)
    left_handed = mesh.GetOrientationAttr().Get(TIME) == UsdGeom.Tokens.leftHanded
    normals = _normals(mesh)
    if normals is None and mesh.GetSubdivisionSchemeAttr().Get(TIME) != UsdGeom.Tokens.none:
        normals = polygons.smooth_normals(points, counts, indices, left_handed=left_handed)
    return polygons.triangulate(
        points,
        counts,
        indices,
        uv=None if st is None else _texture_coordinates(mesh.GetPrim(), st),
        normals=normals,
        left_handed=left_handed,
        holes=_array(mesh.GetHoleIndicesAttr(), np.int32),
    )


def _array(attribute: Usd.Attribute, dtype: type, width: int | None = None) -> NDArray[Any]:
    value = attribute.Get(TIME)
    array = np.asarray(() if value is None else value, dtype)
    return array if width is None else array.reshape(-1, width)


def _texture_coordinates(prim: Usd.Prim, name: str) -> Attribute:
    primvar = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance(name)
    if primvar and primvar.HasValue():
        return _attribute(primvar, 2)
    log.warning("texture coordinates missing: prim=%s primvar=%s; USD reads (0, 0)", prim.GetPath(), name)
    return Attribute(values_nk=np.zeros((1, 2), np.float32), interpolation="constant")


def _normals(mesh: UsdGeom.Mesh) -> Attribute | None:
    primvar = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("normals")
    if primvar and primvar.HasValue():
        return _attribute(primvar, 3)
    values = _array(mesh.GetNormalsAttr(), np.float32, 3)
    if not len(values):
        return None
    return Attribute(values_nk=values, interpolation=_interpolation(str(mesh.GetNormalsInterpolation())))


def _attribute(primvar: UsdGeom.Primvar, width: int) -> Attribute:
    values = np.asarray(primvar.Get(TIME), np.float32)
    if values.ndim != 2 or values.shape[1] != width:
        raise StageError(f"<{primvar.GetAttr().GetPath()}>: expected shape (N, {width}), got {values.shape}")
    return Attribute(
        values_nk=values,
        interpolation=_interpolation(str(primvar.GetInterpolation())),
        indices_n=np.asarray(primvar.GetIndices(TIME), np.int32) if primvar.IsIndexed() else None,
    )


def _interpolation(token: str) -> polygons.Interpolation:
    return "vertex" if token == "varying" else token  # type: ignore[return-value]


def _on_axis(triangles: Triangles, axis: str) -> Triangles:
    turn = AXIS_FROM_Z[axis].astype(np.float32)
    normals_v3 = None if triangles.normals_v3 is None else triangles.normals_v3 @ turn.T
    return replace(triangles, vertices_v3=triangles.vertices_v3 @ turn.T, normals_v3=normals_v3)


def _plane(plane: UsdGeom.Plane) -> Triangles:
    axis = plane.GetAxisAttr().Get(TIME)
    width, length = plane.GetWidthAttr().Get(TIME), plane.GetLengthAttr().Get(TIME)
    if axis == "Z":
        return polygons.rectangle(width, length)
    # width runs along x, or z where the plane faces x; length along y, or z where it faces y
    return _on_axis(polygons.rectangle(length, width), axis)


SOLIDS: dict[type[UsdGeom.Gprim], Callable[[Any], Triangles]] = {
    UsdGeom.Cube: lambda cube: polygons.box(cube.GetSizeAttr().Get(TIME)),
    UsdGeom.Sphere: lambda sphere: polygons.ball(sphere.GetRadiusAttr().Get(TIME)),
    UsdGeom.Plane: _plane,
    UsdGeom.Cylinder: lambda solid: _on_axis(
        polygons.cylinder(solid.GetRadiusAttr().Get(TIME), solid.GetHeightAttr().Get(TIME)),
        solid.GetAxisAttr().Get(TIME),
    ),
    UsdGeom.Cone: lambda solid: _on_axis(
        polygons.cone(solid.GetRadiusAttr().Get(TIME), solid.GetHeightAttr().Get(TIME)),
        solid.GetAxisAttr().Get(TIME),
    ),
}


# ---- surfaces


class _Surfaces:
    """The distinct surfaces of a stage; equal materials under different paths are one."""

    def __init__(self) -> None:
        self.all: list[Surface] = []
        self._index: dict[Surface, int] = {}
        self._of_material: dict[Sdf.Path, tuple[int, str | None]] = {}

    def of(self, material: UsdShade.Material, prim: Usd.Prim) -> tuple[int, str | None]:
        """Surface of the bound material (or of the display colour), and the primvar its textures read."""
        if not material:
            return self._add(_display_surface(prim)), None
        source = material.GetPrim()
        path = (source.GetPrimInPrototype() if source.IsInstanceProxy() else source).GetPath()
        if path not in self._of_material:
            surface, st = _SurfaceReader(material).read()
            self._of_material[path] = (self._add(surface), st)
        return self._of_material[path]

    def _add(self, surface: Surface) -> int:
        key = replace(surface, name="")
        if key not in self._index:
            self._index[key] = len(self.all)
            self.all.append(surface)
        return self._index[key]


def _display_surface(prim: Usd.Prim) -> Surface:
    """A shape without material looks like its display colour, averaged."""
    primvar = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance("displayColor")
    colours = primvar.Get(TIME) if primvar and primvar.HasValue() else None
    if colours is None or not len(colours):
        return Surface(name=NO_SURFACE)
    mean = np.asarray(colours, np.float64).reshape(-1, 3).mean(axis=0)
    return Surface(name=NO_SURFACE, diffuse=_rgb(mean))


class _SurfaceReader:
    """One UsdPreviewSurface network."""

    def __init__(self, material: UsdShade.Material) -> None:
        self._path = material.GetPath()
        self._shader = material.ComputeSurfaceSource()[0]
        self._st: str | None = None
        kind = self._shader.GetIdAttr().Get() if self._shader else None
        if kind != "UsdPreviewSurface":
            raise StageError(f"<{self._path}>: expected a UsdPreviewSurface, got {kind or 'none'}")

    def read(self) -> tuple[Surface, str | None]:
        """The surface, and the name of the texture coordinates it reads (None without textures)."""
        if self._number("useSpecularWorkflow", 0):
            raise StageError(f"<{self._path}>: the specular workflow is not supported; use metallic")
        surface = Surface(
            name=str(self._path),
            diffuse=self._colour("diffuseColor", (0.18, 0.18, 0.18)),
            emissive=self._colour("emissiveColor", (0.0, 0.0, 0.0)),
            roughness=self._scalar("roughness", 0.5),
            metallic=self._scalar("metallic", 0.0),
            opacity=self._scalar("opacity", 1.0),
            opacity_threshold=self._number("opacityThreshold", 0.0),
            ior=self._number("ior", 1.5),
            normal=self._normal(),
        )
        if surface.cutout and (surface.opacity.gain, surface.opacity.bias) != ((1.0,) * 4, (0.0,) * 4):
            raise StageError(f"<{self._path}>: scale and bias of a cut-out's opacity texture must be 1 and 0")
        return surface, self._st

    def _source(self, name: str) -> Usd.Attribute | None:
        """Where the value of a surface input comes from."""
        shader_input = self._shader.GetInput(name)
        return _producer(shader_input) if shader_input else None

    def _number(self, name: str, default: float) -> float:
        value = self._scalar(name, default)
        if isinstance(value, Texture):
            raise StageError(f"<{self._path}>: {name} must be a number, got a texture")
        return value

    def _scalar(self, name: str, default: float) -> float | Texture:
        source = self._source(name)
        if source is not None and _is_output(source):
            return self._texture(source, name, colour=False)
        value = source.Get(TIME) if source is not None else None
        return default if value is None else float(value)

    def _colour(self, name: str, default: Rgb) -> Rgb | Texture:
        source = self._source(name)
        if source is not None and _is_output(source):
            return self._texture(source, name, colour=True)
        value = source.Get(TIME) if source is not None else None
        return default if value is None else _rgb(value)

    def _normal(self) -> Texture | None:
        """Relative to the usual reading of a normal map, 2 * texel - 1, which is also the default."""
        source = self._source("normal")
        if source is None or not _is_output(source):
            return None
        texture = self._texture(source, "normal", colour=False)
        if texture.gain == (1.0,) * 4 and texture.bias == (0.0,) * 4:
            return texture
        gain = tuple(value / 2 for value in texture.gain[:3])
        bias = tuple((value + 1) / 2 for value in texture.bias[:3])
        return replace(texture, gain=(*gain, 1.0), bias=(*bias, 0.0))

    def _texture(self, output: Usd.Attribute, name: str, *, colour: bool) -> Texture:
        shader = UsdShade.Shader(output.GetPrim())
        where = f"<{self._path}> {name}"
        kind = shader.GetIdAttr().Get()
        if kind != "UsdUVTexture":
            raise StageError(f"{where}: expected a UsdUVTexture, got {kind} at <{shader.GetPath()}>")
        path = _texture_file(shader, where)
        channel = UsdShade.Utils.GetBaseNameAndType(output.GetName())[0]
        if channel not in ("rgb", "r", "g", "b", "a"):
            raise StageError(f"{where}: <{shader.GetPath()}> has outputs r, g, b, a, rgb, got {channel!r}")
        return Texture(
            path=path,
            colour_space=_colour_space(shader, path, colour),
            channel=channel,
            wrap=_wrap(shader),
            gain=_four(_value(shader, "scale"), 1.0),
            bias=_four(_value(shader, "bias"), 0.0),
            **self._placement(shader, where),
        )

    def _placement(self, texture: UsdShade.Shader, where: str) -> dict[str, Any]:
        """Transform of the texture coordinates; notes which primvar they are."""
        node, placement = _connected(texture, "st"), {}
        if node and node.GetIdAttr().Get() == "UsdTransform2d":
            placement = {
                "scale": tuple(_value(node, "scale") or (1.0, 1.0)),
                "rotation_deg": float(_value(node, "rotation") or 0.0),
                "translation": tuple(_value(node, "translation") or (0.0, 0.0)),
            }
            node = _connected(node, "in")
        if not node or node.GetIdAttr().Get() != "UsdPrimvarReader_float2":
            raise StageError(f"{where}: st of <{texture.GetPath()}> must come from a UsdPrimvarReader_float2")
        st = str(_value(node, "varname") or "")
        if not st or self._st not in (None, st):
            raise StageError(f"{where}: reads the texture coordinates {st!r}, the others read {self._st!r}")
        self._st = st
        return placement


def _producer(shader_input: UsdShade.Input) -> Usd.Attribute | None:
    attributes = shader_input.GetValueProducingAttributes()
    return attributes[0] if attributes else None


def _is_output(attribute: Usd.Attribute) -> bool:
    return UsdShade.Utils.GetType(attribute.GetName()) == UsdShade.AttributeType.Output


def _value(shader: UsdShade.Shader, name: str) -> Any:
    shader_input = shader.GetInput(name)
    source = _producer(shader_input) if shader_input else None
    return None if source is None or _is_output(source) else source.Get(TIME)


def _connected(shader: UsdShade.Shader, name: str) -> UsdShade.Shader | None:
    shader_input = shader.GetInput(name)
    source = _producer(shader_input) if shader_input else None
    return UsdShade.Shader(source.GetPrim()) if source is not None and _is_output(source) else None


def _texture_file(shader: UsdShade.Shader, where: str) -> Path:
    asset = _value(shader, "file")
    if asset is None or not asset.path:
        raise StageError(f"{where}: the texture <{shader.GetPath()}> names no file")
    resolved = asset.resolvedPath or asset.path
    if not Path(resolved).is_file():
        raise StageError(f"{where}: no texture file {resolved} (authored as {asset.path})")
    return Path(resolved)


def _colour_space(shader: UsdShade.Shader, path: Path, colour: bool) -> str:
    authored = _value(shader, "sourceColorSpace") or "auto"
    if authored in ("sRGB", "raw"):
        return authored
    if not colour:
        return "raw"
    try:
        with Image.open(path) as image:
            return "sRGB" if image.mode in ("RGB", "RGBA", "P", "YCbCr", "CMYK") else "raw"
    except OSError as error:
        raise StageError(f"<{shader.GetPath()}>: cannot read texture {path}: {error}") from error


def _wrap(shader: UsdShade.Shader) -> str:
    modes = {name: _value(shader, name) or "useMetadata" for name in ("wrapS", "wrapT")}
    if modes["wrapS"] != modes["wrapT"]:
        raise StageError(f"<{shader.GetPath()}>: wrapS and wrapT must agree, got {modes}")
    return "repeat" if modes["wrapS"] == "useMetadata" else modes["wrapS"]


def _four(value: Any, default: float) -> tuple[float, float, float, float]:
    return (default,) * 4 if value is None else tuple(float(c) for c in value)


def _rgb(value: Any) -> Rgb:
    return (float(value[0]), float(value[1]), float(value[2]))


# ---- lights


def _emission(prim: Usd.Prim) -> NDArray[np.float64]:
    """intensity * 2^exposure * colour, not yet normalised."""
    light = UsdLux.LightAPI(prim)
    scale = light.GetIntensityAttr().Get(TIME) * 2.0 ** light.GetExposureAttr().Get(TIME)
    colour = np.array(light.GetColorAttr().Get(TIME), float)
    if light.GetEnableColorTemperatureAttr().Get(TIME):
        colour *= np.array(UsdLux.BlackbodyTemperatureAsRgb(light.GetColorTemperatureAttr().Get(TIME)))
    return scale * colour


def _normalised(prim: Usd.Prim) -> bool:
    return bool(UsdLux.LightAPI(prim).GetNormalizeAttr().Get(TIME))


def _area(prim: Usd.Prim, to_world: Matrix) -> AreaLight:
    """Size goes into the placement; `normalize` divides by the area in square metres of the world."""
    shape, sizes = _body(prim)
    placed = to_world @ np.diag([*sizes, 1.0])
    axes = np.linalg.norm(placed[:3, :3], axis=0)
    if not axes[:2].all():
        raise StageError(f"<{prim.GetPath()}>: the light has no size")
    if shape == "sphere" and np.ptp(axes) > 1e-4 * axes.max():
        radii = ", ".join(f"{axis:.4f}" for axis in axes)
        raise StageError(f"<{prim.GetPath()}>: a sphere light must stay a sphere, got radii {radii} m")
    flat_m2 = float(np.linalg.norm(np.cross(placed[:3, 0], placed[:3, 1])))
    area_m2 = {"rect": flat_m2, "disk": np.pi * flat_m2, "sphere": 4 * np.pi * axes[0] ** 2}[shape]
    radiance = _emission(prim) / (area_m2 if _normalised(prim) else 1.0)
    return AreaLight(name=str(prim.GetPath()), shape=shape, to_world=placed, radiance=_rgb(radiance))


def _body(prim: Usd.Prim) -> tuple[str, tuple[float, float, float]]:
    if prim.IsA(UsdLux.RectLight):
        rect = UsdLux.RectLight(prim)
        if rect.GetTextureFileAttr().Get(TIME):
            raise StageError(f"<{prim.GetPath()}>: textured rect lights are not supported")
        return "rect", (rect.GetWidthAttr().Get(TIME), rect.GetHeightAttr().Get(TIME), 1.0)
    if prim.IsA(UsdLux.DiskLight):
        radius = UsdLux.DiskLight(prim).GetRadiusAttr().Get(TIME)
        return "disk", (radius, radius, 1.0)
    if prim.IsA(UsdLux.SphereLight):
        radius = UsdLux.SphereLight(prim).GetRadiusAttr().Get(TIME)
        return "sphere", (radius, radius, radius)
    known = "rect, disk, sphere, distant or dome light"
    raise StageError(f"<{prim.GetPath()}>: {prim.GetTypeName()} is not supported; use a {known}")


def _distant(prim: Usd.Prim, to_world: Matrix) -> DistantLight:
    """`normalize` makes the emission an irradiance; without it, it is the radiance of the light's disc."""
    angle_deg = float(UsdLux.DistantLight(prim).GetAngleAttr().Get(TIME))
    irradiance = _emission(prim)
    if not _normalised(prim) and angle_deg > 0:
        irradiance = irradiance * np.pi * np.sin(np.radians(angle_deg) / 2) ** 2
    direction = -to_world[:3, 2] / np.linalg.norm(to_world[:3, 2])
    return DistantLight(
        name=str(prim.GetPath()), direction=_rgb(direction), angle_deg=angle_deg, irradiance=_rgb(irradiance)
    )


def _dome(prim: Usd.Prim, to_world: Matrix, stage: Usd.Stage) -> DomeLight:
    """The image's pole is the dome's +y; its middle, longitude 0, is the dome's +z (OpenEXR's convention)."""
    dome = UsdLux.DomeLight_1(prim) if prim.IsA(UsdLux.DomeLight_1) else UsdLux.DomeLight(prim)
    layout = dome.GetTextureFormatAttr().Get(TIME)
    asset = dome.GetTextureFileAttr().Get(TIME)
    texture = None
    if asset is not None and asset.path:
        if layout not in ("automatic", "latlong"):
            raise StageError(f"<{prim.GetPath()}>: expected a latlong dome texture, got {layout!r}")
        texture = Path(asset.resolvedPath or asset.path)
        if not texture.is_file():
            raise StageError(f"<{prim.GetPath()}>: no dome texture file {texture} (authored as {asset.path})")
    turn = to_world.copy()
    turn[:3, 3] = 0.0
    turn[:3, :3] /= np.linalg.norm(turn[:3, :3], axis=0)
    if _pole(prim, stage) == UsdGeom.Tokens.z:
        turn = turn @ Y_TO_Z_UP
    return DomeLight(texture=texture, radiance=_rgb(_emission(prim)), to_world=turn)


def _pole(prim: Usd.Prim, stage: Usd.Stage) -> str:
    if not prim.IsA(UsdLux.DomeLight_1):
        return UsdGeom.Tokens.y
    pole = UsdLux.DomeLight_1(prim).GetPoleAxisAttr().Get(TIME)
    return UsdGeom.GetStageUpAxis(stage) if pole == "scene" else pole
