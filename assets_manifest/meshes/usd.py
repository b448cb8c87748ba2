"""Write one object as a USD file.

The file: metres, z up, one default prim `/Object`, under it one Mesh per part and one UsdPreviewSurface per
surface. No cameras, no lights. Texture paths are relative to the file. Beside its own texture coordinates
`st`, every mesh has `st_box`: metres on the sides of a box around the object, for whoever retextures it.

It is put together spec by spec (Sdf): a stage would compose all again after every property.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.box_map import box_map
from assets_manifest.meshes.parts import MeshPart, Surface
from jobs.extras import extra
from jobs.files import DISK_FULL_ERRNOS, DiskFullError

with extra("render"):
    from pxr import Gf, Sdf, Tf, UsdGeom, Vt

Types = Sdf.ValueTypeNames


def write_object_usd(path: Path, parts: list[MeshPart], *, numbered: bool = True) -> None:
    """Author `parts` at `path` (.usdc or .usda), whole or not at all.

    Meshes are called after their parts, `numbered` unless the parts' names are distinct as they are. Raises
    DiskFullError where there is no room, OSError where the file cannot be written for another reason.
    """
    if not parts:
        raise ValueError(f"an object needs at least one part, got none for {path}")
    names = [_name(number, part) if numbered else part.name for number, part in enumerate(parts)]
    if len(set(names)) < len(names):
        raise ValueError(f"the parts of {path} need distinct names, got {', '.join(names)}")
    layer = Sdf.Layer.CreateAnonymous(".usda")
    layer.pseudoRoot.SetInfo("metersPerUnit", 1.0)
    layer.pseudoRoot.SetInfo("upAxis", UsdGeom.Tokens.z)
    root = Sdf.PrimSpec(layer.pseudoRoot, "Object", Sdf.SpecifierDef, "Xform")
    layer.defaultPrim = "Object"
    materials = _define_materials(root, parts)
    for name, part in zip(names, parts, strict=True):
        _define_mesh(root, name, part, materials[part.surface])
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".usd.") as folder:
        temporary = Path(folder) / path.name
        _export(layer, temporary, path)
        os.replace(temporary, path)


def _export(layer: Sdf.Layer, temporary: Path, final: Path) -> None:
    complaint = ""
    try:
        if layer.Export(str(temporary)):
            return
    except Tf.ErrorException as error:  # the system's words are in it, without their number
        complaint = " ".join(str(error).split())
    if any(os.strerror(number) in complaint for number in DISK_FULL_ERRNOS):
        raise DiskFullError.at(final, None)
    raise OSError(
        errno.EIO, f"OpenUSD cannot write it: {complaint[:200] or 'it does not say why'}", str(final)
    )


def _name(number: int, part: MeshPart) -> str:
    return f"part_{number:03d}_{Tf.MakeValidIdentifier(part.name)}"


def _define_mesh(root: Sdf.PrimSpec, name: str, part: MeshPart, material: Sdf.Path) -> None:
    mesh = Sdf.PrimSpec(root, name, Sdf.SpecifierDef, "Mesh")
    _uniform(mesh, "subdivisionScheme", Types.Token, UsdGeom.Tokens.none)
    _uniform(mesh, "doubleSided", Types.Bool, True)
    _give(mesh, "points", Types.Point3fArray, Vt.Vec3fArray.FromNumpy(part.points_n3))
    counts_f = np.full(part.triangle_count, 3, np.int32)
    _give(mesh, "faceVertexCounts", Types.IntArray, Vt.IntArray.FromNumpy(counts_f))
    _give(mesh, "faceVertexIndices", Types.IntArray, Vt.IntArray.FromNumpy(part.triangles_f3.ravel()))
    normals = _give(mesh, "normals", Types.Normal3fArray, Vt.Vec3fArray.FromNumpy(part.normals_n3))
    normals.SetInfo("interpolation", UsdGeom.Tokens.vertex)
    low, high = part.points_n3.min(axis=0), part.points_n3.max(axis=0)
    ends = Vt.Vec3fArray([Gf.Vec3f(*low.tolist()), Gf.Vec3f(*high.tolist())])
    _give(mesh, "extent", Types.Float3Array, ends)
    box = Vt.Vec2fArray.FromNumpy(_box_coordinates(part))
    _coordinates(mesh, "st_box", box, UsdGeom.Tokens.faceVarying)
    if part.uv_n2 is None and part.surface.textures:  # a texture without coordinates of its own
        _coordinates(mesh, "st", box, UsdGeom.Tokens.faceVarying)
    elif part.uv_n2 is not None:
        _coordinates(mesh, "st", Vt.Vec2fArray.FromNumpy(part.uv_n2), UsdGeom.Tokens.vertex)
    mesh.SetInfo("apiSchemas", Sdf.TokenListOp.Create(prependedItems=["MaterialBindingAPI"]))
    binding = Sdf.RelationshipSpec(mesh, "material:binding", False)
    binding.targetPathList.explicitItems = [material]


def _coordinates(mesh: Sdf.PrimSpec, name: str, st: Vt.Vec2fArray, interpolation: str) -> None:
    primvar = _give(mesh, f"primvars:{name}", Types.TexCoord2fArray)
    primvar.SetInfo("interpolation", interpolation)
    primvar.default = st


def _box_coordinates(part: MeshPart) -> NDArray[np.float32]:
    """(3F, 2) texture coordinates in metres."""
    return box_map(part.points_n3[part.triangles_f3]).reshape(-1, 2).astype(np.float32)


def _give(prim: Sdf.PrimSpec, name: str, kind: Sdf.ValueTypeName, value: object = None) -> Sdf.AttributeSpec:
    attribute = Sdf.AttributeSpec(prim, name, kind)
    if value is not None:
        attribute.default = value
    return attribute


def _uniform(prim: Sdf.PrimSpec, name: str, kind: Sdf.ValueTypeName, value: object) -> None:
    Sdf.AttributeSpec(prim, name, kind, Sdf.VariabilityUniform).default = value


def _connect(taker: Sdf.AttributeSpec, giver: Sdf.AttributeSpec) -> None:
    taker.connectionPathList.explicitItems = [giver.path]


def _define_materials(root: Sdf.PrimSpec, parts: list[MeshPart]) -> dict[Surface, Sdf.Path]:
    folder = Sdf.PrimSpec(root, "Materials", Sdf.SpecifierDef)
    materials: dict[Surface, Sdf.Path] = {}
    for part in parts:
        if part.surface not in materials:
            name = f"m{len(materials):03d}_{Tf.MakeValidIdentifier(part.surface.name)}"
            materials[part.surface] = _define_material(folder, name, part.surface)
    return materials


def _define_material(folder: Sdf.PrimSpec, name: str, surface: Surface) -> Sdf.Path:
    material = Sdf.PrimSpec(folder, name, Sdf.SpecifierDef, "Material")
    shader = _shader(material, "Surface", "UsdPreviewSurface")
    color = _give(shader, "inputs:diffuseColor", Types.Color3f, Gf.Vec3f(*surface.color))
    numbers = {name: float(getattr(surface, name)) for name in ("roughness", "metallic", "ior")}
    if surface.clearcoat:
        numbers["clearcoat"] = float(surface.clearcoat)
        numbers["clearcoatRoughness"] = float(surface.clearcoat_roughness)
    inputs = {name: _give(shader, f"inputs:{name}", Types.Float, value) for name, value in numbers.items()}
    if surface.metal_rough_texture:
        texture = _define_texture(material, "MetalRough", surface.metal_rough_texture, "raw")
        _scale(texture, (1.0, surface.roughness, surface.metallic))
        for name, channel in (("roughness", "g"), ("metallic", "b")):
            _connect(inputs[name], _give(texture, f"outputs:{channel}", Types.Float))
    opacity = _give(shader, "inputs:opacity", Types.Float, float(surface.opacity))
    if surface.color_texture:
        texture = _define_texture(material, "Color", surface.color_texture, "sRGB")
        _connect(color, _give(texture, "outputs:rgb", Types.Float3))
        _scale(texture, surface.color_gain)
        if surface.cutout:
            _connect(opacity, _give(texture, "outputs:a", Types.Float))
            _give(shader, "inputs:opacityThreshold", Types.Float, surface.cutoff)
    if surface.normal_texture:
        _bumps(material, shader, surface.normal_texture)
    terminal = _give(material, "outputs:surface", Types.Token)
    _connect(terminal, _give(shader, "outputs:surface", Types.Token))
    return material.path


def _bumps(material: Sdf.PrimSpec, shader: Sdf.PrimSpec, file: str) -> None:
    texture = _define_texture(material, "Normal", file, "raw")
    _give(texture, "inputs:scale", Types.Float4, Gf.Vec4f(2, 2, 2, 1))
    _give(texture, "inputs:bias", Types.Float4, Gf.Vec4f(-1, -1, -1, 0))
    normal = _give(shader, "inputs:normal", Types.Normal3f)
    _connect(normal, _give(texture, "outputs:rgb", Types.Float3))


def _shader(material: Sdf.PrimSpec, name: str, kind: str) -> Sdf.PrimSpec:
    shader = Sdf.PrimSpec(material, name, Sdf.SpecifierDef, "Shader")
    _uniform(shader, "info:id", Types.Token, kind)
    return shader


def _scale(texture: Sdf.PrimSpec, gain: tuple[float, float, float]) -> None:
    if gain != (1.0, 1.0, 1.0):
        _give(texture, "inputs:scale", Types.Float4, Gf.Vec4f(*gain, 1.0))


def _define_texture(material: Sdf.PrimSpec, name: str, file: str, color_space: str) -> Sdf.PrimSpec:
    reader = _shader(material, f"{name}Coordinates", "UsdPrimvarReader_float2")
    _give(reader, "inputs:varname", Types.String, "st")
    texture = _shader(material, name, "UsdUVTexture")
    _give(texture, "inputs:file", Types.Asset, Sdf.AssetPath(f"./{file}"))
    _give(texture, "inputs:sourceColorSpace", Types.Token, color_space)
    for axis in ("wrapS", "wrapT"):
        _give(texture, f"inputs:{axis}", Types.Token, "repeat")
    coordinates = _give(texture, "inputs:st", Types.Float2)
    _connect(coordinates, _give(reader, "outputs:result", Types.Float2))
    return texture
