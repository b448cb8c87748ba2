"""Objects as USD files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assets_manifest.meshes.parts import MeshPart, Surface
from assets_manifest.meshes.usd import write_object_usd
from tests.assets_manifest.meshes.plain_usd import write_plainly

SURFACES = {
    "bare": Surface(name="bare", color=(0.1, 0.2, 0.3), roughness=0.4, metallic=1.0, ior=1.2),
    "coated": Surface(name="coated", clearcoat=0.5, opacity=0.5),
    "pictured": Surface(name="pictured", color_texture="a.png", color_gain=(0.5, 1.0, 1.0)),
    "all": Surface(
        name="all",
        color_texture="a.png",
        normal_texture="n.png",
        metal_rough_texture="mr.png",
        roughness=0.7,
        cutout=True,
        cutoff=0.3,
        clearcoat=1.0,
    ),
}


def part(name: str, surface: Surface, *, uv: bool = False) -> MeshPart:
    points = np.random.default_rng(len(name)).normal(size=(6, 3)).astype(np.float32)
    return MeshPart(
        name=name,
        surface=surface,
        points_n3=points,
        normals_n3=points / np.linalg.norm(points, axis=1, keepdims=True),
        uv_n2=points[:, :2].copy() if uv else None,
        triangles_f3=np.arange(6, dtype=np.int32).reshape(2, 3),
    )


@pytest.mark.parametrize("suffix", [".usdc", ".usda"])
@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("uv", [False, True])
def test_an_object_is_byte_for_byte_the_file_that_usds_schemas_write(
    tmp_path: Path, suffix: str, name: str, uv: bool
) -> None:
    parts = [part("seat", SURFACES[name], uv=uv), part("leg", SURFACES["bare"]), part("arm", SURFACES[name])]
    ours, plain = tmp_path / f"ours{suffix}", tmp_path / f"plain{suffix}"
    write_object_usd(ours, parts, numbered=False)
    write_plainly(plain, parts)
    assert ours.read_bytes() == plain.read_bytes()


def test_parts_that_would_share_a_name_are_refused(tmp_path: Path) -> None:
    parts = [part("leg", SURFACES["bare"]), part("leg", SURFACES["coated"])]
    with pytest.raises(ValueError, match="distinct names, got leg, leg"):
        write_object_usd(tmp_path / "x.usdc", parts, numbered=False)
