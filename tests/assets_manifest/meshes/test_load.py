from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets_manifest.meshes.load import ObjError, ear_clip, parse_mtl, parse_obj
from assets_manifest.meshes.parts import triangle_areas


def area(points_f33: np.ndarray) -> float:
    return float(triangle_areas(points_f33).sum())


def test_a_quad_becomes_two_triangles_of_its_area() -> None:
    obj = parse_obj(b"v 0 0 0\nv 2 0 0\nv 2 1 0\nv 0 1 0\nf 1 2 3 4\n")
    assert obj.points_f33.shape == (2, 3, 3)
    assert area(obj.points_f33) == 2.0
    assert obj.normals_f33 is None and not obj.has_uv_f.any()


def test_corners_take_their_own_texture_coordinate_and_normal() -> None:
    obj = parse_obj(
        b"v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0.5 0.25\nvt 1 0\nvt 0 1\nvn 0 0 1\nf 1/2/1 2/1/1 3/3/1\n"
    )
    assert obj.uv_f32.tolist() == [[[1, 0], [0.5, 0.25], [0, 1]]]
    assert obj.normals_f33 is not None and obj.normals_f33.tolist() == [[[0, 0, 1]] * 3]


def test_normals_without_texture_coordinates_are_read() -> None:
    obj = parse_obj(b"v 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 0 1\nvn 0 1 0\nf 1//2 2//1 3//1\n")
    assert obj.normals_f33 is not None
    assert obj.normals_f33[0].tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 1]]


def test_negative_indices_count_from_the_end() -> None:
    obj = parse_obj(b"v 9 9 9\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\n")
    assert obj.points_f33.tolist() == [[[0, 0, 0], [1, 0, 0], [0, 1, 0]]]


def test_faces_keep_the_material_that_was_in_force() -> None:
    lines = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nusemtl a\nf 1 2 3\nusemtl b\nf 3 2 1\nusemtl a\nf 1 2 3\n"
    obj = parse_obj(b"mtllib x.mtl\n" + lines)
    assert [obj.materials[index] for index in obj.material_f] == ["", "a", "b", "a"]
    assert obj.libraries == ("x.mtl",)


def test_a_concave_polygon_keeps_its_area() -> None:
    arrow = [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]
    points = "".join(f"v {x} {y} 0\n" for x, y in arrow)
    assert area(parse_obj(f"{points}f 1 2 3 4 5\n".encode()).points_f33) == pytest.approx(10.0)


@given(st.lists(st.floats(0.3, 2.0), min_size=4, max_size=14), st.integers(0, 2), st.booleans())
def test_ear_clipping_keeps_area_and_direction(radii: list[float], axis: int, reverse: bool) -> None:
    angles = np.arange(len(radii)) * 2 * np.pi / len(radii)
    flat = np.column_stack([np.cos(angles), np.sin(angles)]) * np.array(radii)[:, None]
    flat = flat[::-1] if reverse else flat
    polygon = np.insert(flat, axis, 0.5, axis=1)
    ears = ear_clip(polygon)
    assert len(ears) == len(radii) - 2
    cross = np.cross(polygon[ears[:, 1]] - polygon[ears[:, 0]], polygon[ears[:, 2]] - polygon[ears[:, 0]])[
        :, axis
    ]
    following = np.roll(polygon, -1, axis=0)
    total = np.cross(polygon, following).sum(axis=0)[axis]
    assert cross.sum() == pytest.approx(total)
    assert (cross * np.sign(total) >= -1e-9).all()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"v 0 0 0\n", "no surface"),
        (b"v 0 0 0\nv 1 0 0\nf 1 2\n", "three corners"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 7\n", "point 7"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/1 2/1 3/1\n", "number|texture coordinate"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/1 2 3\n", "differ in form"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 x\n", "whole numbers"),
        (b"v 0 0 0\nv 1 x 0\nv 0 1 0\nf 1 2 3\n", "not numbers"),
        (b"v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n", "fewer than 3"),
    ],
)
def test_a_broken_file_says_what_is_wrong(text: bytes, complaint: str) -> None:
    with pytest.raises(ObjError, match=complaint):
        parse_obj(text)


def test_mtl_values_are_read() -> None:
    materials = parse_mtl(
        "newmtl a\nKd 0.5 0.25 1\nKs 0.1 0.1 0.1\nNs 96\nd 0.5\nmap_Kd my wood.png\nnewmtl b\nTr 0.25\n"
    )
    assert materials["a"].diffuse == (0.5, 0.25, 1.0)
    assert (materials["a"].shininess, materials["a"].opacity) == (96.0, 0.5)
    assert materials["a"].diffuse_map == "my wood.png"
    assert materials["b"].opacity == 0.75
