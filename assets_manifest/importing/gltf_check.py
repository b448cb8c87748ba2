"""Whether the parts of a glTF that refer to each other exist and fit (glTF 2.0, section 5).

What reads geometry takes negative numbers as Python does, from the end: so none comes that far.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assets_manifest.importing.raw import RejectedFileError

Tree = Mapping[str, Any]
BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}  # of a number, by componentType
NUMBERS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
LISTS = "accessors bufferViews buffers images materials meshes nodes scenes textures".split()


def check_references(tree: Tree, chunk_bytes: int) -> None:
    """Raises RejectedFileError, which names the place. `chunk_bytes`: of the binary part of a GLB."""
    for name in LISTS:
        entries = tree.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise RejectedFileError(f"unreadable glTF: {name}: expected a list of objects")
    for number, view in enumerate(tree.get("bufferViews", ())):
        _check_view(tree, view, f"bufferViews {number}", chunk_bytes)
    for number, accessor in enumerate(tree.get("accessors", ())):
        _check_accessor(tree, accessor, f"accessors {number}")
    for where, entry, field, target in _references(tree):
        if field in entry:
            _index(entry[field], len(tree.get(target, ())), f"{where}: {field}", target)
    _check_tree(tree)


def _check_tree(tree: Tree) -> None:
    """Every node has one parent at most, and those that scenes name have none: so there is no circle."""
    parents = Counter(child for node in tree.get("nodes", ()) for child in node.get("children", ()))
    roots = {node for scene in tree.get("scenes", ()) for node in scene.get("nodes", ())}
    for node, times in sorted(parents.items()):
        if times > 1 or node in roots:
            raise RejectedFileError(f"unreadable glTF: nodes {node}: hangs below more than one node or scene")


def _references(tree: Tree) -> Iterator[tuple[str, Tree, str, str]]:
    """Places that name an entry of a list by its number: where, the object, its field, the list."""
    for name, field, target in (("textures", "source", "images"), ("images", "bufferView", "bufferViews")):
        for number, entry in enumerate(tree.get(name, ())):
            yield f"{name} {number}", entry, field, target
    for number, node in enumerate(tree.get("nodes", ())):
        yield f"nodes {number}", node, "mesh", "meshes"
        for child in _list(node, "children", f"nodes {number}"):
            yield f"nodes {number}", {"child": child}, "child", "nodes"
    for number, scene in enumerate(tree.get("scenes", ())):
        for node in _list(scene, "nodes", f"scenes {number}"):
            yield f"scenes {number}", {"node": node}, "node", "nodes"
    yield "the file", tree, "scene", "scenes"
    for number, material in enumerate(tree.get("materials", ())):
        for slot in _texture_slots(material):
            yield f"materials {number}", slot, "index", "textures"
    for number, mesh in enumerate(tree.get("meshes", ())):
        for primitive in _list(mesh, "primitives", f"meshes {number}"):
            yield from _of_primitive(primitive, f"meshes {number}")


def _of_primitive(primitive: Any, where: str) -> Iterator[tuple[str, Tree, str, str]]:
    if not isinstance(primitive, dict) or not isinstance(primitive.get("attributes"), dict):
        raise RejectedFileError(f"unreadable glTF: {where}: a primitive without attributes")
    yield where, primitive, "indices", "accessors"
    yield where, primitive, "material", "materials"
    for name in primitive["attributes"]:
        yield where, primitive["attributes"], name, "accessors"


def _texture_slots(material: Tree) -> Iterator[Tree]:
    pbr = material.get("pbrMetallicRoughness", {})
    of_pbr = ("baseColorTexture", "metallicRoughnessTexture")
    for holder, names in ((material, ("normalTexture", "emissiveTexture")), (pbr, of_pbr)):
        yield from (holder[name] for name in names if isinstance(holder.get(name), dict))


def _list(entry: Tree, name: str, where: str) -> Sequence[Any]:
    found = entry.get(name, [])
    if not isinstance(found, list):
        raise RejectedFileError(f"unreadable glTF: {where}: {name}: expected a list")
    return found


def _check_view(tree: Tree, view: Tree, where: str, chunk_bytes: int) -> None:
    number = _index(view.get("buffer"), len(tree.get("buffers", ())), f"{where}: buffer", "buffers")
    buffer = tree["buffers"][number]
    start, length = _count(view, "byteOffset", where, 0), _count(view, "byteLength", where)
    has = _count(buffer, "byteLength", f"buffers {number}")
    if "uri" not in buffer and "EXT_meshopt_compression" not in buffer.get("extensions", {}):
        has = min(has, chunk_bytes)
    if start + length > has:
        raise RejectedFileError(
            f"unreadable glTF: {where}: ends at byte {start + length} of a buffer of {has} bytes"
        )


def _check_accessor(tree: Tree, accessor: Tree, where: str) -> None:
    count = _count(accessor, "count", where)
    if accessor.get("componentType") not in BYTES or accessor.get("type") not in NUMBERS:
        raise RejectedFileError(f"unreadable glTF: {where}: of no componentType and type of glTF 2")
    if "bufferView" not in accessor:
        return
    views = tree.get("bufferViews", ())
    view = views[_index(accessor["bufferView"], len(views), f"{where}: bufferView", "bufferViews")]
    element = BYTES[accessor["componentType"]] * NUMBERS[accessor["type"]]
    stride = _count(view, "byteStride", where, 0) or element
    ends = _count(accessor, "byteOffset", where, 0) + stride * (count - 1) + element
    if count and ends > view["byteLength"]:
        raise RejectedFileError(
            f"unreadable glTF: {where}: {count} entries end at byte {ends} of {view['byteLength']}"
        )


def _count(entry: Tree, name: str, where: str, default: int | None = None) -> int:
    value = entry.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RejectedFileError(f"unreadable glTF: {where}: {name}: expected 0 or more, got {value!r:.40}")
    return value


def _index(value: Any, entries: int, where: str, target: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < entries:
        raise RejectedFileError(
            f"unreadable glTF: {where}: expected the number of one of {entries} {target}, got {value!r:.40}"
        )
    return value
