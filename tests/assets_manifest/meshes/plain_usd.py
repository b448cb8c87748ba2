"""Objects as USD's own schemas write them: what `meshes.usd` writes spec by spec must be the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, Vt

from assets_manifest.meshes.box_map import box_map
from assets_manifest.meshes.parts import MeshPart, Surface

TYPES = Sdf.ValueTypeNames


def write_plainly(path: Path, parts: list[MeshPart]) -> None:
    """As `write_object_usd` of parts with names of their own."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Object").GetPrim())
    materials: dict[Surface, UsdShade.Material] = {}
    for part in parts:
        if part.surface not in materials:
            name = f"/Object/Materials/m{len(materials):03d}_{part.surface.name}"
            materials[part.surface] = _material(stage, name, part.surface)
    for part in parts:
        mesh = _mesh(stage, f"/Object/{part.name}", part)
        UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(materials[part.surface])
    stage.GetRootLayer().Export(str(path))


def _mesh(stage: Usd.Stage, path: str, part: MeshPart) -> UsdGeom.Mesh:
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateDoubleSidedAttr(True)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(part.points_n3))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(part.triangle_count, 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(part.triangles_f3.ravel()))
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(part.normals_n3))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    low, high = part.points_n3.min(axis=0), part.points_n3.max(axis=0)
    mesh.CreateExtentAttr([Gf.Vec3f(*low.tolist()), Gf.Vec3f(*high.tolist())])
    primvars, faces = UsdGeom.PrimvarsAPI(mesh), part.points_n3[part.triangles_f3]
    box = primvars.CreatePrimvar("st_box", TYPES.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
    box.Set(Vt.Vec2fArray.FromNumpy(box_map(faces).reshape(-1, 2).astype(np.float32)))
    if part.uv_n2 is None and part.surface.textures:
        st = primvars.CreatePrimvar("st", TYPES.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
        st.Set(box.Get())
    elif part.uv_n2 is not None:
        st = primvars.CreatePrimvar("st", TYPES.TexCoord2fArray, UsdGeom.Tokens.vertex)
        st.Set(Vt.Vec2fArray.FromNumpy(part.uv_n2))
    return mesh


def _material(stage: Usd.Stage, path: str, surface: Surface) -> UsdShade.Material:
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/Surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    color = shader.CreateInput("diffuseColor", TYPES.Color3f)
    color.Set(Gf.Vec3f(*surface.color))
    for name in ("roughness", "metallic", "ior"):
        shader.CreateInput(name, TYPES.Float).Set(float(getattr(surface, name)))
    if surface.clearcoat:
        shader.CreateInput("clearcoat", TYPES.Float).Set(float(surface.clearcoat))
        shader.CreateInput("clearcoatRoughness", TYPES.Float).Set(float(surface.clearcoat_roughness))
    if surface.metal_rough_texture:
        texture = _texture(stage, f"{path}/MetalRough", surface.metal_rough_texture, "raw")
        _scale(texture, (1.0, surface.roughness, surface.metallic))
        for name, channel in (("roughness", "g"), ("metallic", "b")):
            shader.GetInput(name).ConnectToSource(texture.CreateOutput(channel, TYPES.Float))
    opacity = shader.CreateInput("opacity", TYPES.Float)
    opacity.Set(float(surface.opacity))
    if surface.color_texture:
        texture = _texture(stage, f"{path}/Color", surface.color_texture, "sRGB")
        color.ConnectToSource(texture.CreateOutput("rgb", TYPES.Float3))
        _scale(texture, surface.color_gain)
        if surface.cutout:
            opacity.ConnectToSource(texture.CreateOutput("a", TYPES.Float))
            shader.CreateInput("opacityThreshold", TYPES.Float).Set(surface.cutoff)
    if surface.normal_texture:
        texture = _texture(stage, f"{path}/Normal", surface.normal_texture, "raw")
        texture.CreateInput("scale", TYPES.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
        texture.CreateInput("bias", TYPES.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
        normal = shader.CreateInput("normal", TYPES.Normal3f)
        normal.ConnectToSource(texture.CreateOutput("rgb", TYPES.Float3))
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return material


def _scale(texture: UsdShade.Shader, gain: tuple[float, float, float]) -> None:
    if gain != (1.0, 1.0, 1.0):
        texture.CreateInput("scale", TYPES.Float4).Set(Gf.Vec4f(*gain, 1.0))


def _texture(stage: Usd.Stage, path: str, file: str, space: str) -> UsdShade.Shader:
    reader = UsdShade.Shader.Define(stage, f"{path}Coordinates")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", TYPES.String).Set("st")
    texture = UsdShade.Shader.Define(stage, path)
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", TYPES.Asset).Set(f"./{file}")
    texture.CreateInput("sourceColorSpace", TYPES.Token).Set(space)
    for axis in ("wrapS", "wrapT"):
        texture.CreateInput(axis, TYPES.Token).Set("repeat")
    coordinates = texture.CreateInput("st", TYPES.Float2)
    coordinates.ConnectToSource(reader.CreateOutput("result", TYPES.Float2))
    return texture
