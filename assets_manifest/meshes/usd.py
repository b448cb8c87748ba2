"""Write one object as a USD file.

The file: metres, z up, one default prim `/Object`, under it one Mesh per part and one UsdPreviewSurface per
surface. No cameras, no lights. Texture paths are relative to the file. Beside its own texture coordinates
`st`, every mesh has `st_box`: metres on the sides of a box around the object, for whoever retextures it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.box_map import box_map
from assets_manifest.meshes.parts import MeshPart, Surface
from jobs.extras import extra

with extra("render"):
    from pxr import Gf, Sdf, Tf, Usd, UsdGeom, UsdShade, Vt


def write_object_usd(path: Path, parts: list[MeshPart], *, numbered: bool = True) -> None:
    """Author `parts` at `path` (.usdc or .usda), whole or not at all.

    Meshes are called after their parts, `numbered` unless the parts' names are distinct as they are.
    """
    if not parts:
        raise ValueError(f"an object needs at least one part, got none for {path}")
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    root = UsdGeom.Xform.Define(stage, "/Object")
    stage.SetDefaultPrim(root.GetPrim())
    materials = _define_materials(stage, parts)
    for number, part in enumerate(parts):
        name = f"part_{number:03d}_{Tf.MakeValidIdentifier(part.name)}" if numbered else part.name
        mesh = _define_mesh(stage, f"/Object/{name}", part)
        UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(materials[part.surface])
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".usd.") as folder:
        temporary = Path(folder) / path.name
        stage.GetRootLayer().Export(str(temporary))
        os.replace(temporary, path)


def _define_mesh(stage: Usd.Stage, prim_path: str, part: MeshPart) -> UsdGeom.Mesh:
    mesh = UsdGeom.Mesh.Define(stage, prim_path)
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateDoubleSidedAttr(True)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(part.points_n3))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(part.triangle_count, 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(part.triangles_f3.ravel()))
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(part.normals_n3))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    low, high = part.points_n3.min(axis=0), part.points_n3.max(axis=0)
    mesh.CreateExtentAttr([Gf.Vec3f(*low.tolist()), Gf.Vec3f(*high.tolist())])
    primvars = UsdGeom.PrimvarsAPI(mesh)
    box = primvars.CreatePrimvar("st_box", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
    box.Set(Vt.Vec2fArray.FromNumpy(_box_coordinates(part)))
    if part.uv_n2 is None and part.surface.textures:  # a texture without coordinates of its own
        st = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
        st.Set(box.Get())
    elif part.uv_n2 is not None:
        st = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex)
        st.Set(Vt.Vec2fArray.FromNumpy(part.uv_n2))
    return mesh


def _box_coordinates(part: MeshPart) -> NDArray[np.float32]:
    """(3F, 2) texture coordinates in metres."""
    return box_map(part.points_n3[part.triangles_f3]).reshape(-1, 2).astype(np.float32)


def _define_materials(stage: Usd.Stage, parts: list[MeshPart]) -> dict[Surface, UsdShade.Material]:
    materials: dict[Surface, UsdShade.Material] = {}
    for part in parts:
        if part.surface not in materials:
            name = f"m{len(materials):03d}_{Tf.MakeValidIdentifier(part.surface.name)}"
            materials[part.surface] = _define_material(stage, f"/Object/Materials/{name}", part.surface)
    return materials


def _define_material(stage: Usd.Stage, prim_path: str, surface: Surface) -> UsdShade.Material:
    material = UsdShade.Material.Define(stage, prim_path)
    shader = UsdShade.Shader.Define(stage, f"{prim_path}/Surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    color = shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
    color.Set(Gf.Vec3f(*surface.color))
    for name in ("roughness", "metallic", "ior"):
        shader.CreateInput(name, Sdf.ValueTypeNames.Float).Set(float(getattr(surface, name)))
    if surface.clearcoat:
        for name, value in (
            ("clearcoat", surface.clearcoat),
            ("clearcoatRoughness", surface.clearcoat_roughness),
        ):
            shader.CreateInput(name, Sdf.ValueTypeNames.Float).Set(float(value))
    if surface.metal_rough_texture:
        texture = _define_texture(stage, f"{prim_path}/MetalRough", surface.metal_rough_texture, "raw")
        _scale(texture, (1.0, surface.roughness, surface.metallic))
        for name, channel in (("roughness", "g"), ("metallic", "b")):
            output = texture.CreateOutput(channel, Sdf.ValueTypeNames.Float)
            shader.GetInput(name).ConnectToSource(output)
    opacity = shader.CreateInput("opacity", Sdf.ValueTypeNames.Float)
    opacity.Set(float(surface.opacity))
    if surface.color_texture:
        texture = _define_texture(stage, f"{prim_path}/Color", surface.color_texture, "sRGB")
        color.ConnectToSource(texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
        _scale(texture, surface.color_gain)
        if surface.cutout:
            opacity.ConnectToSource(texture.CreateOutput("a", Sdf.ValueTypeNames.Float))
            shader.CreateInput("opacityThreshold", Sdf.ValueTypeNames.Float).Set(surface.cutoff)
    if surface.normal_texture:
        texture = _define_texture(stage, f"{prim_path}/Normal", surface.normal_texture, "raw")
        texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
        texture.CreateInput("bias", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
        normal = shader.CreateInput("normal", Sdf.ValueTypeNames.Normal3f)
        normal.ConnectToSource(texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return material


def _scale(texture: UsdShade.Shader, gain: tuple[float, float, float]) -> None:
    if gain != (1.0, 1.0, 1.0):
        texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(*gain, 1.0))


def _define_texture(stage: Usd.Stage, prim_path: str, file: str, color_space: str) -> UsdShade.Shader:
    reader = UsdShade.Shader.Define(stage, f"{prim_path}Coordinates")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    texture = UsdShade.Shader.Define(stage, prim_path)
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(f"./{file}")
    texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set(color_space)
    for axis in ("wrapS", "wrapT"):
        texture.CreateInput(axis, Sdf.ValueTypeNames.Token).Set("repeat")
    coordinates = texture.CreateInput("st", Sdf.ValueTypeNames.Float2)
    coordinates.ConnectToSource(reader.CreateOutput("result", Sdf.ValueTypeNames.Float2))
    return texture
