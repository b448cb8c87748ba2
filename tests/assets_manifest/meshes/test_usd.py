"""Objects as USD files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pxr import Sdf

from assets_manifest.meshes.parts import MeshPart, Surface
from assets_manifest.meshes.usd import write_object_usd
from tests.assets_manifest.meshes.plain_usd import write_plainly

ROOT = Path(__file__).parents[3]
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


def test_a_full_disk_is_named_as_such(tmp_path: Path) -> None:
    script = f"""
mount -t tmpfs -o size=64k tmpfs {tmp_path} && echo mounted && exec {sys.executable} -c '
import os
from pathlib import Path
from assets_manifest.meshes.usd import write_object_usd
from jobs.files import DiskFullError
from tests.assets_manifest.meshes.test_usd import SURFACES, part
folder = Path("{tmp_path}")
(folder / "fill").write_bytes(bytes(64 << 10))
try:
    write_object_usd(folder / "a.usdc", [part("leg", SURFACES["all"])])
except DiskFullError as error:
    print(error.filename, os.listdir(folder))
'"""
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if "mounted" not in done.stdout:
        pytest.skip(f"this system lets nobody mount a small file system: {done.stderr.strip()}")
    assert done.stdout.splitlines()[1:] == [f"{tmp_path}/a.usdc ['fill']"], done.stderr


def test_what_openusd_does_not_write_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sdf.Layer, "Export", lambda layer, path: False)
    with pytest.raises(OSError, match=r"OpenUSD cannot write it.*a\.usdc"):
        write_object_usd(tmp_path / "a.usdc", [part("leg", SURFACES["all"])])
    assert list(tmp_path.iterdir()) == []
