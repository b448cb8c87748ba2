"""What RTX needs to hear of a stage's own prims: opinions over them, read off the composed stage.

- Meshes are the polygons that the truth is about: no subdivision, and simple solids as meshes.
- Everything stands still at the moment that is rendered: what changes with time is written down once.
- UsdPreviewSurface says every input that has a default, and its textures their colour space and wrapping, as
  the reader of stages takes them. Materials of other kinds, such as MDL, are left as they are.
- Nothing is drawn that a final rendering does not show: proxies and guides.
- Render settings and products of the stage's own do not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fsd_gen.backends.base import BackendError
from fsd_gen.rtx.sheet import Sheet
from fsd_gen.usd import polygons
from fsd_gen.usd.corners import PolygonError
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import Texture
from fsd_gen.usd.openusd import Gf, Sdf, Usd, UsdGeom, UsdShade, Vt
from fsd_gen.usd.reader.geometry import SOLIDS, is_cage, local_triangles
from fsd_gen.usd.reader.networks import constant, is_output, kind_of, producer
from fsd_gen.usd.reader.textures import TextureReader
from fsd_gen.usd.reader.values import floats_of, ints_of

Kinds = Sdf.ValueTypeNames
SETTINGS = ("RenderSettings", "RenderProduct", "RenderPass")
HIDDEN = (UsdGeom.Tokens.proxy, UsdGeom.Tokens.guide)
INPUTS: dict[str, tuple[Sdf.ValueTypeName, Any]] = {  # of UsdPreviewSurface, with the defaults of its spec
    "useSpecularWorkflow": (Kinds.Int, 0),
    "diffuseColor": (Kinds.Color3f, Gf.Vec3f(0.18)),
    "emissiveColor": (Kinds.Color3f, Gf.Vec3f(0.0)),
    "metallic": (Kinds.Float, 0.0),
    "roughness": (Kinds.Float, 0.5),
    "clearcoat": (Kinds.Float, 0.0),
    "clearcoatRoughness": (Kinds.Float, 0.01),
    "opacity": (Kinds.Float, 1.0),
    "opacityThreshold": (Kinds.Float, 0.0),
    "ior": (Kinds.Float, 1.5),
    "occlusion": (Kinds.Float, 1.0),
}
WITHOUT = ("", "auto", "useMetadata", None)  # what a texture says that leaves the choice to the renderer
STRAIGHT = 1.0  # ior of what light passes straight


@dataclass(frozen=True, slots=True)
class Opinion:
    """One attribute of one prim."""

    path: str
    name: str
    kind: Sdf.ValueTypeName
    value: Any
    uniform: bool = False
    interpolation: str = ""  # over a mesh, where it is not said already


@dataclass(frozen=True, slots=True)
class Metadatum:
    """One piece of metadata of one prim: `active`, or its `typeName`."""

    path: str
    name: str
    value: Any


Said = Opinion | Metadatum


def write(sheet: Sheet, said: Iterable[Said]) -> None:
    """Write opinions down."""
    for one in said:
        if isinstance(one, Opinion):
            attribute = sheet.attribute(one.path, one.name, one.kind, uniform=one.uniform)
            attribute.default = one.value
            if one.interpolation:
                attribute.SetInfo("interpolation", one.interpolation)
        elif one.name == "typeName":
            sheet.retype(one.path, one.value)
        else:
            sheet.inform(one.path, one.name, one.value)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What is to be said of a stage's prims, for one moment and one version."""

    time: Usd.TimeCode
    moving: bool  # something in the stage changes with time
    opacity_mode: bool  # the version knows UsdPreviewSurface's
    glow: float = 1.0  # radiance that it makes of an emissiveColor of 1

    def of(self, prim: Usd.Prim) -> Iterator[Said]:
        """All that is to be said of one prim."""
        if prim.GetTypeName() in SETTINGS:
            yield Metadatum(str(prim.GetPath()), "active", False)
            return
        if self.moving:
            yield from self._standing_still(prim)
        if prim.IsA(UsdGeom.Gprim):
            yield from self._shape(prim)
        elif prim.IsA(UsdShade.Material):
            yield from self._material(UsdShade.Material(prim))
        elif prim.IsA(UsdShade.Shader) and kind_of(UsdShade.Shader(prim)) == "UsdPreviewSurface":
            yield from self._surface(UsdShade.Shader(prim))

    def _standing_still(self, prim: Usd.Prim) -> Iterator[Said]:
        for attribute in prim.GetAuthoredAttributes():
            if not attribute.ValueMightBeTimeVarying():
                continue
            value = attribute.Get(self.time)
            if value is not None:
                yield Opinion(str(prim.GetPath()), attribute.GetName(), attribute.GetTypeName(), value)

    # -- shapes

    def _shape(self, prim: Usd.Prim) -> Iterator[Said]:
        path = str(prim.GetPath())
        if str(UsdGeom.Imageable(prim).ComputePurpose()) in HIDDEN:
            yield Opinion(path, "visibility", Kinds.Token, UsdGeom.Tokens.invisible)
        elif prim.IsA(UsdGeom.Mesh):
            yield from self._mesh(UsdGeom.Mesh(prim))
        elif any(prim.IsA(solid) for solid in SOLIDS):
            yield from self._solid(prim)

    def _mesh(self, mesh: UsdGeom.Mesh) -> Iterator[Said]:
        """A cage is drawn as what it is; without normals of its own it looks round all the same."""
        prim, path = mesh.GetPrim(), str(mesh.GetPath())
        if not is_cage(prim, self.time):
            return
        yield Opinion(path, "subdivisionScheme", Kinds.Token, UsdGeom.Tokens.none, uniform=True)
        primvar = UsdGeom.PrimvarsAPI(prim).GetPrimvar("normals")
        if (primvar and primvar.HasValue()) or mesh.GetNormalsAttr().Get(self.time):
            return
        points = floats_of(mesh.GetPointsAttr(), self.time, 3)
        if len(points):
            counts, indices = (
                ints_of(each, self.time)
                for each in (mesh.GetFaceVertexCountsAttr(), mesh.GetFaceVertexIndicesAttr())
            )
            left = mesh.GetOrientationAttr().Get(self.time) == UsdGeom.Tokens.leftHanded
            normals = polygons.point_normals(points, counts, indices, left_handed=left)
            yield from _primvar(path, "normals", Kinds.Normal3fArray, normals.values_nk)

    def _solid(self, prim: Usd.Prim) -> Iterator[Said]:
        """The triangles that the truth is about, in place of a shape that renderers round as they like."""
        path, triangles = str(prim.GetPath()), local_triangles(prim, None, self.time)
        yield Metadatum(path, "typeName", "Mesh")
        vertices = Vt.Vec3fArray.FromNumpy(triangles.vertices_v3)
        yield Opinion(path, "points", Kinds.Point3fArray, vertices)
        corners = np.ascontiguousarray(triangles.faces_t3.ravel())
        counts = np.full(len(triangles.faces_t3), 3, np.int32)
        yield Opinion(path, "faceVertexCounts", Kinds.IntArray, Vt.IntArray.FromNumpy(counts))
        yield Opinion(path, "faceVertexIndices", Kinds.IntArray, Vt.IntArray.FromNumpy(corners))
        yield Opinion(path, "subdivisionScheme", Kinds.Token, UsdGeom.Tokens.none, uniform=True)
        yield Opinion(path, "doubleSided", Kinds.Bool, True, uniform=True)
        if triangles.normals_v3 is not None:
            yield from _primvar(path, "normals", Kinds.Normal3fArray, triangles.normals_v3)
        if triangles.uv_v2 is not None:
            yield from _primvar(path, "st", Kinds.TexCoord2fArray, triangles.uv_v2)

    # -- materials

    def _surface(self, shader: UsdShade.Shader) -> Iterator[Said]:
        path = str(shader.GetPath())
        for name, (kind, default) in INPUTS.items():
            own = shader.GetInput(name)
            if not own or (own.Get(self.time) is None and not own.HasConnectedSource()):
                yield Opinion(path, f"inputs:{name}", kind, default)
        if self.glow != 1.0:
            yield from self._glow(shader)
        if not self.opacity_mode and constant(shader, "opacityMode", self.time) == "presence":
            yield Opinion(path, "inputs:ior", Kinds.Float, STRAIGHT)

    def _glow(self, shader: UsdShade.Shader) -> Iterator[Said]:
        own = shader.GetInput("emissiveColor")
        source = producer(own) if own else None
        if source is not None and is_output(source):
            raise BackendError(
                f"<{shader.GetPath()}>: glows by a texture, which this renderer shows {self.glow:g} times as "
                "bright; only a colour can be corrected for that"
            )
        radiance = source.Get(self.time) if source is not None else None
        if source is not None and radiance is not None:
            place = str(source.GetPrim().GetPath())
            yield Opinion(place, source.GetName(), Kinds.Color3f, radiance / self.glow)

    def _material(self, material: UsdShade.Material) -> Iterator[Said]:
        """What its UsdPreviewSurface's textures leave open."""
        surface = material.ComputeSurfaceSource()[0]
        if not surface or kind_of(surface) != "UsdPreviewSurface":
            return
        reader = TextureReader(f"<{material.GetPath()}>", self.time)
        for own in surface.GetInputs():
            source = producer(own)
            if source is None or not is_output(source):
                continue
            shader = UsdShade.Shader(source.GetPrim())
            if kind_of(shader) == "UsdUVTexture":
                texture = reader.read(source, own.GetBaseName())
                yield from self._texture(shader, texture, is_normal=own.GetBaseName() == "normal")

    def _texture(self, shader: UsdShade.Shader, texture: Texture, *, is_normal: bool) -> Iterator[Said]:
        path = str(shader.GetPath())
        words: dict[str, str] = {"sourceColorSpace": texture.colour_space}
        if not texture.tiles:  # a UDIM set ends where its tiles do, whatever it says
            words |= {"wrapS": texture.wrap_s, "wrapT": texture.wrap_t}
        for name, word in words.items():
            if constant(shader, name, self.time) in WITHOUT:
                yield Opinion(path, f"inputs:{name}", Kinds.Token, word)
        given = [shader.GetInput(name) for name in ("scale", "bias")]
        if is_normal and not any(each and each.Get(self.time) is not None for each in given):
            yield Opinion(path, "inputs:scale", Kinds.Float4, Gf.Vec4f(2, 2, 2, 1))  # [0, 1] to [-1, 1]
            yield Opinion(path, "inputs:bias", Kinds.Float4, Gf.Vec4f(-1, -1, -1, 0))


def _primvar(path: str, name: str, kind: Sdf.ValueTypeName, values_nk: Any) -> Iterator[Said]:
    """Values for each point; normals are the attribute of that name."""
    array = (Vt.Vec3fArray if values_nk.shape[1] == 3 else Vt.Vec2fArray).FromNumpy(
        np.ascontiguousarray(values_nk, np.float32)
    )
    full = name if name == "normals" else f"primvars:{name}"
    yield Opinion(path, full, kind, array, interpolation=UsdGeom.Tokens.vertex)


def tolerant(of: Callable[[Usd.Prim], Iterator[Said]]) -> Callable[[Usd.Prim], list[Said]]:
    """As `of`; nothing for a prim that no reader of stages could take, such as a material nobody wears."""

    def said(prim: Usd.Prim) -> list[Said]:
        try:
            return list(of(prim))
        except (StageError, PolygonError):
            return []

    return said
