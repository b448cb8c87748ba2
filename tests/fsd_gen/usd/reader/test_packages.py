"""Textures inside packages are read where USD finds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.texels import read_values
from tests.fsd_gen.usd.cases import (
    BOUND,
    DIFFUSE,
    WALL,
    card,
    flat,
    material,
    packed,
    seen,
    stage,
    surface_of,
)

RED = (0.2, 0.4, 0.6)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    Image.new("RGB", (4, 2), (51, 102, 153)).save(tmp_path / "patch.png")
    raw = 'token inputs:sourceColorSpace = "raw"'
    return stage(tmp_path, WALL, card(BOUND), material(DIFFUSE, "./patch.png", raw))


def colour_of(path: Path, name: str = "/World/Card") -> list[float]:
    return read_values(surface_of(path, name).diffuse, max_side=2048)[0, 0].tolist()


def test_a_texture_in_a_package_has_its_own_values(plain: Path) -> None:
    package = packed(plain)
    plain.with_name("patch.png").unlink()
    assert colour_of(package) == pytest.approx(RED) and seen(package) == {4.0: 8960, 8.0: 6400}


def test_a_stage_may_refer_to_a_package_and_to_one_in_a_package(tmp_path: Path, plain: Path) -> None:
    inner = packed(plain).rename(tmp_path / "inner.usdz")
    for name in ("patch.png", "stage.usda"):
        (tmp_path / name).unlink()
    thing = 'def Xform "Thing" (references = @./inner.usdz@) { over "Wall" ( active = false ) {} }'
    outer = stage(tmp_path, thing, name="outer.usda")
    assert colour_of(outer, "/World/Thing/Card") == pytest.approx(RED)
    package = packed(outer)
    inner.unlink()
    assert "[" in str(surface_of(package, "/World/Thing/Card").diffuse.path)
    assert colour_of(package, "/World/Thing/Card") == pytest.approx(RED)


def test_a_texture_that_a_package_lacks_is_named(tmp_path: Path, plain: Path) -> None:
    thing = 'def Xform "Thing" (references = @./stage.usdz@) {}'
    packed(plain)
    gone = "asset inputs:file = @stage.usdz[0/gone.png]@"
    look = material(DIFFUSE, "x.png").replace("asset inputs:file = @x.png@", gone)
    with pytest.raises(AssetFileError, match=r"no texture file .*gone\.png"):
        flat(stage(tmp_path, thing, card(BOUND), look, name="outer.usda"))


def test_a_panorama_in_a_package_is_found(tmp_path: Path) -> None:
    Image.new("RGB", (4, 2), (51, 102, 153)).save(tmp_path / "sky.png")
    dome = 'def DomeLight "Sky" { asset inputs:texture:file = @./sky.png@ \n}'
    sky = flat(packed(stage(tmp_path, WALL, dome))).dome
    assert sky is not None and str(sky.texture).endswith("sky.png]")


def test_values_of_a_package_are_those_of_the_plain_file(plain: Path) -> None:
    before = read_values(surface_of(plain).diffuse, max_side=8)
    assert np.array_equal(read_values(surface_of(packed(plain)).diffuse, max_side=8), before)
