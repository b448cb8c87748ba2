"""glTF 2.0 (.gltf, .glb) as a RawObject: materials and pictures are read here, geometry by `solids`.

The file's JSON is checked first. Pictures are taken as they are, so that one that is broken is named, and the
geometry is handed on under materials that are only names.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import numpy as np

from assets_manifest.importing.damage import reading
from assets_manifest.importing.gltf_check import check_references
from assets_manifest.importing.raw import (
    Limits,
    Picture,
    RawMaterial,
    RawMesh,
    RawObject,
    RejectedFileError,
    check_count,
    check_points,
    confined,
)
from assets_manifest.importing.solids import gltf_meshes

KNOWN_EXTENSIONS = ("KHR_texture_transform", "KHR_lights_punctual")  # and whatever only adds to a material
TRIANGLES, STRIP, FAN = 4, 5, 6
ALPHA: dict[str, Literal["opaque", "mask", "blend"]] = {"OPAQUE": "opaque", "MASK": "mask", "BLEND": "blend"}


def read_gltf(path: Path, root: Path, limits: Limits) -> RawObject:
    """Raises RejectedFileError."""
    with reading("glTF"):
        source = _open(path, root)
        _check(source.tree, limits)
        check_references(source.tree, len(source.chunk))
        materials = {
            f"material {number}": source.material(number, entry)
            for number, entry in enumerate(source.tree.get("materials", ()))
        }
        meshes = gltf_meshes(source.geometry(), source.buffers(), materials, limits)
    meshes = tuple(_with_transform(mesh, source.transforms.get(mesh.material.name)) for mesh in meshes)
    return RawObject(meshes=meshes, up="y", files=tuple(source.files), notes=source.notes())


@dataclass(slots=True, kw_only=True)
class _Source:
    """The JSON of a file, with its buffers as they are asked for."""

    path: Path
    root: Path
    tree: dict[str, Any]
    chunk: bytes  # of a GLB
    files: list[Path] = field(default_factory=list)
    transforms: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # of texture coordinates
    names: set[str] = field(default_factory=set)  # of materials, each its own
    left_out: set[str] = field(default_factory=set)

    def bytes_of(self, uri: str) -> bytes:
        """What a URI stands for: data in itself, or a file beside."""
        if uri.startswith("data:"):
            head, _, text = uri.partition(",")
            try:
                return (
                    base64.b64decode(text, validate=True)
                    if head.endswith(";base64")
                    else unquote(text).encode()
                )
            except binascii.Error as error:
                raise RejectedFileError("a data: URI that is no base64") from error
        found = confined(self.root, self.path.parent, unquote(uri))
        if found not in self.files:
            self.files.append(found)
        return found.read_bytes()

    def buffer(self, number: int) -> bytes:
        uri = self.tree["buffers"][number].get("uri")
        return self.chunk if uri is None else self.bytes_of(uri)

    def buffers(self) -> dict[str, bytes]:
        """The files of geometry that the JSON names, by URI."""
        uris = [entry.get("uri") for entry in self.tree.get("buffers", ())]
        return {uri: self.bytes_of(uri) for uri in uris if uri and not uri.startswith("data:")}

    def picture(self, info: Mapping[str, Any] | None) -> Picture | None:
        """The image that a texture slot of a material names."""
        if info is None:
            return None
        if info.get("texCoord", 0) != 0:
            raise RejectedFileError(
                "a texture uses a second set of texture coordinates; bake it to the first"
            )
        source = self.tree["textures"][info["index"]].get("source")
        if source is None:
            raise RejectedFileError("a texture in a form of an extension (KTX2, WebP); export PNG or JPEG")
        image = self.tree["images"][source]
        name = image.get("name") or image.get("uri", "")[:100] or f"image_{source}"
        if "uri" in image:
            return Picture(name=str(name), data=self.bytes_of(image["uri"]))
        view = self.tree["bufferViews"][image["bufferView"]]
        start = view.get("byteOffset", 0)
        return Picture(name=str(name), data=self.buffer(view["buffer"])[start : start + view["byteLength"]])

    def material(self, number: int, entry: Mapping[str, Any]) -> RawMaterial:
        pbr = entry.get("pbrMetallicRoughness", {})
        name = f"{entry.get('name') or 'material'}"
        if name in self.names:
            name = f"{name}_{number}"
        self.names.add(name)
        color_info = pbr.get("baseColorTexture")
        if transform := (color_info or {}).get("extensions", {}).get("KHR_texture_transform"):
            self.transforms[name] = transform
        if entry.get("emissiveTexture") or any(entry.get("emissiveFactor", ())):
            self.left_out.add("emission")
        self.left_out |= {str(extension) for extension in entry.get("extensions", {})}
        red, green, blue, opacity = _color(pbr.get("baseColorFactor", (1.0, 1.0, 1.0, 1.0)), name)
        alpha = ALPHA.get(mode := str(entry.get("alphaMode", "OPAQUE")))
        if alpha is None:
            raise RejectedFileError(
                f"material {name!r:.60}: alphaMode: expected one of {', '.join(ALPHA)}, got {mode!r:.40}"
            )
        return RawMaterial(
            name=name,
            color=(red, green, blue),
            color_map=self.picture(color_info),
            normal_map=self.picture(entry.get("normalTexture")),
            metal_rough_map=self.picture(pbr.get("metallicRoughnessTexture")),
            roughness=float(pbr.get("roughnessFactor", 1.0)),
            metallic=float(pbr.get("metallicFactor", 1.0)),
            opacity=opacity if alpha == "blend" else 1.0,
            alpha=alpha,
            cutoff=float(entry.get("alphaCutoff", 0.5)),
        )

    def geometry(self) -> bytes:
        """The same scene as a GLB whose materials are names alone."""
        kept = {
            key: value for key, value in self.tree.items() if key not in ("textures", "images", "samplers")
        }
        count = len(self.tree.get("materials", ()))
        kept["materials"] = [{"name": f"material {number}"} for number in range(count)]
        for dropped in ("animations", "skins", "extensionsRequired", "extensionsUsed"):
            kept.pop(dropped, None)
        text = json.dumps(kept).encode()
        text += b" " * (-len(text) % 4)
        chunk = self.chunk + b"\0" * (-len(self.chunk) % 4)
        total = 20 + len(text) + (8 + len(chunk) if chunk else 0)
        head = struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<I4s", len(text), b"JSON") + text
        return head + (struct.pack("<I4s", len(chunk), b"BIN\0") + chunk if chunk else b"")

    def notes(self) -> tuple[str, ...]:
        """What the file has and the object has not."""
        meant: list[str] = []
        for name in ("animations", "skins"):
            if self.tree.get(name):
                self.left_out.add(f"{name} (as it stands)")
        primitives = [p for mesh in self.tree.get("meshes", ()) for p in mesh.get("primitives", ())]
        if any("targets" in primitive for primitive in primitives):
            self.left_out.add("morph targets")
        if any("COLOR_0" in primitive["attributes"] for primitive in primitives):
            meant.append("the colours of its vertices became one for each mesh, their mean")
        return (*meant, *((f"left out: {', '.join(sorted(self.left_out))}",) if self.left_out else ()))


def _color(factor: Any, name: str) -> tuple[float, float, float, float]:
    if not isinstance(factor, list | tuple) or len(factor) != 4:
        raise RejectedFileError(
            f"material {name!r:.60}: baseColorFactor: expected four numbers, got {factor!r:.60}"
        )
    red, green, blue, opacity = map(float, factor)
    return red, green, blue, opacity


def _open(path: Path, root: Path) -> _Source:
    data = path.read_bytes()
    if data[:4] != b"glTF":
        text, chunk = data, b""
    else:
        version, total = struct.unpack("<II", data[4:12])
        if version != 2 or total > len(data):
            raise RejectedFileError(
                f"unreadable GLB: version {version}, {total} bytes, of which {len(data)} are there"
            )
        length = int.from_bytes(data[12:16], "little")
        text, rest = data[20 : 20 + length], data[20 + length : total]
        chunk = rest[8 : 8 + int.from_bytes(rest[:4], "little")]
    tree = json.loads(text.decode("utf-8"))
    if not isinstance(tree, dict) or str(tree.get("asset", {}).get("version", ""))[:1] != "2":
        raise RejectedFileError("unreadable glTF: it does not say that it is glTF 2")
    return _Source(path=path, root=root, tree=tree, chunk=chunk, files=[path])


def _check(tree: Mapping[str, Any], limits: Limits) -> None:
    """Refuse what could not be read as it is meant, and meshes that are too large."""
    wanted = [name for name in tree.get("extensionsRequired", ()) if not _is_known(str(name))]
    if wanted:
        raise RejectedFileError(
            f"it requires {', '.join(map(str, wanted))}, which is not supported; export it without "
            "(`gltf-transform cp`, or Blender's exporter without compression)"
        )
    primitives = [primitive for mesh in tree.get("meshes", ()) for primitive in mesh["primitives"]]
    packed = {name for primitive in primitives for name in primitive.get("extensions", ())}
    if packed - {"KHR_materials_variants"}:
        raise RejectedFileError(f"geometry packed by {', '.join(sorted(packed))}; export it without")
    if any(primitive.get("mode", TRIANGLES) == FAN for primitive in primitives):
        raise RejectedFileError("triangle fans are not supported; export plain triangles")
    solid = [primitive for primitive in primitives if primitive.get("mode", TRIANGLES) in (TRIANGLES, STRIP)]
    if not solid:
        raise RejectedFileError("no surface: it holds no triangles")
    check_count(sum(_triangles(tree, primitive) for primitive in solid), limits)
    named = {primitive["attributes"].get("POSITION") for primitive in solid} - {None}
    check_points(sum(int(tree["accessors"][number]["count"]) for number in named), limits)


def _is_known(extension: str) -> bool:
    return extension in KNOWN_EXTENSIONS or extension.startswith("KHR_materials_")


def _triangles(tree: Mapping[str, Any], primitive: Mapping[str, Any]) -> int:
    numbers: Sequence[Any] = tree["accessors"]
    used = primitive.get("indices", primitive["attributes"]["POSITION"])
    count = max(0, int(numbers[used]["count"]))
    return count // 3 if primitive.get("mode", TRIANGLES) == TRIANGLES else max(0, count - 2)


def _with_transform(mesh: RawMesh, transform: Mapping[str, Any] | None) -> RawMesh:
    """KHR_texture_transform, whose v grows downwards, applied to the coordinates."""
    if transform is None or mesh.uv_f32 is None:
        return mesh
    turn = float(transform.get("rotation", 0.0))
    scale, offset = transform.get("scale", (1.0, 1.0)), transform.get("offset", (0.0, 0.0))
    cosine, sine = np.cos(turn), np.sin(turn)
    u = mesh.uv_f32[..., 0] * float(scale[0])
    v = (1 - mesh.uv_f32[..., 1]) * float(scale[1])
    moved = (cosine * u + sine * v + float(offset[0]), cosine * v - sine * u + float(offset[1]))
    return replace(mesh, uv_f32=np.stack([moved[0], 1 - moved[1]], axis=-1))
