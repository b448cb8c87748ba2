"""Small files of objects, good and bad, as strangers write them."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from assets_manifest.importing.convert import Choices
from assets_manifest.importing.doors import import_folder

CORNERS = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


def obj(path: Path, size=(1.0, 1.0, 1.0), *, uv=False, head="", at=(5.0, 0.0, 0.0)) -> Path:
    """A box of this size in the file's axes, off the origin."""
    points = np.array(CORNERS) * size + at
    lines = [head, *(f"v {x} {y} {z}" for x, y, z in points)]
    lines += ["vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1"] if uv else []
    for quad in QUADS:
        lines.append("f " + " ".join(f"{k + 1}/{n + 1}" if uv else f"{k + 1}" for n, k in enumerate(quad)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def png(color=(200, 40, 40), size=(8, 8), alpha: int | None = None) -> bytes:
    image = Image.new("RGB", size, color)
    if alpha is not None:
        image.putalpha(Image.new("L", size, alpha))
        image.putpixel((0, 0), (0, 0, 0, 0))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def glb(path: Path, *, images=(), material=None, points=None, count=None, extra=None, node=None) -> Path:
    """A triangle pair as glTF: y up, 1 m wide and high, facing +z, with texture coordinates."""
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], "<f4") if points is None else points
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], "<f4")
    blocks = [points.tobytes(), uv.tobytes(), np.array([0, 1, 2, 0, 2, 3], "<u4").tobytes(), *images]
    views, data = [], b""
    for block in blocks:
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": len(block)})
        data += block + b"\0" * (-len(block) % 4)
    tree = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, **(node or {})}],
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}]}
        ],
        "materials": [material or {}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(points), "type": "VEC3"},
            {"bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC2"},
            {"bufferView": 2, "componentType": 5125, "count": count or 6, "type": "SCALAR"},
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": len(data)}],
        "textures": [{"source": number} for number in range(len(images))],
        "images": [{"bufferView": 3 + number, "mimeType": "image/png"} for number in range(len(images))],
        **(extra or {}),
    }
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    total = 28 + len(text) + len(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        struct.pack("<4sII", b"glTF", 2, total)
        + struct.pack("<I4s", len(text), b"JSON")
        + text
        + struct.pack("<I4s", len(data), b"BIN\0")
        + data
    )
    return path


def stl(path: Path, triangles_f33) -> Path:
    triangles = np.asarray(triangles_f33, "<f4")
    rows = b"".join(b"\0" * 12 + triangle.tobytes() + b"\0\0" for triangle in triangles)
    path.write_bytes(b"\0" * 80 + struct.pack("<I", len(triangles)) + rows)
    return path


def ply(path: Path, colors=False) -> Path:
    head = ["ply", "format ascii 1.0", "element vertex 8"]
    head += [f"property float {axis}" for axis in "xyz"]
    head += [f"property uchar {name}" for name in ("red", "green", "blue")] if colors else []
    head += ["element face 6", "property list uchar int vertex_indices", "end_header"]
    rows = [f"{x} {y} {z}" + (" 255 0 0" if colors else "") for x, y, z in CORNERS]
    rows += [f"4 {' '.join(map(str, quad))}" for quad in QUADS]
    path.write_text("\n".join([*head, *rows]) + "\n")
    return path


def brought_in(folder: Path, root: Path, *, licence="CC0-1.0", author=None, force=False, **choices):
    """Import the folder as the pack `mine`."""
    choices = Choices(**choices)
    return import_folder(folder, "mine", choices, licence=licence, author=author, root=root, force=force)


def reasons(report) -> dict[str, str]:
    return {each.label.partition("/")[2]: each.reason for each in report.rejected}
