"""UsdLux lights become plain lights in metres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.reader import read_stage
from tests.fsd_gen.usd.reader.stages import quad, stage_file


def test_a_rect_light_folds_its_size_and_the_unit_into_its_placement(tmp_path: Path) -> None:
    light = """
    def RectLight "Panel" {
        float inputs:width = 200
        float inputs:height = 50
        float inputs:intensity = 3
        float inputs:exposure = 2
        color3f inputs:color = (1, 0.5, 0.25)
        double3 xformOp:translate = (0, 0, 300)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }
    """
    (got,) = read_stage(stage_file(tmp_path, quad() + light, metres=0.01, right_x=10), None).area_lights
    assert got.shape == "rect" and got.radiance == (12, 6, 3)
    assert (got.to_world @ [0.5, 0.5, 0, 1]).round(9).tolist() == [1, 0.25, 3, 1]


@pytest.mark.parametrize(
    ("light", "area_m2"),
    [
        ('def RectLight "L" { float inputs:width = 2\n float inputs:height = 3\n', 6.0),
        ('def DiskLight "L" { float inputs:radius = 2\n', 4 * np.pi),
        ('def SphereLight "L" { float inputs:radius = 2\n', 16 * np.pi),
    ],
    ids=["rect", "disk", "sphere"],
)
def test_normalize_divides_by_the_lights_area(tmp_path: Path, light: str, area_m2: float) -> None:
    body = quad() + light + "float inputs:intensity = 10\n bool inputs:normalize = 1 }"
    (got,) = read_stage(stage_file(tmp_path, body), None).area_lights
    assert got.radiance[0] == pytest.approx(10 / area_m2)


def test_a_distant_light_shines_along_its_minus_z(tmp_path: Path) -> None:
    sun = """
    def DistantLight "Sun" {
        float inputs:angle = 2
        float inputs:intensity = 5
        bool inputs:normalize = 1
        float xformOp:rotateY = 90
        uniform token[] xformOpOrder = ["xformOp:rotateY"]
    }
    """
    (normalised,) = read_stage(stage_file(tmp_path, quad() + sun), None).parallel_lights
    assert np.allclose(normalised.direction, (-1, 0, 0), atol=1e-7) and normalised.irradiance == (5, 5, 5)
    body = quad() + sun.replace("normalize = 1", "normalize = 0")
    (as_radiance,) = read_stage(stage_file(tmp_path, body), None).parallel_lights
    assert as_radiance.irradiance[0] == pytest.approx(5 * np.pi * np.sin(np.radians(1)) ** 2)


def test_a_light_can_be_coloured_by_temperature(tmp_path: Path) -> None:
    warm = "bool inputs:enableColorTemperature = 1\n float inputs:colorTemperature = 2700"
    body = quad() + f'def SphereLight "L" {{ {warm} }}'
    red, green, blue = read_stage(stage_file(tmp_path, body), None).area_lights[0].radiance
    assert red > 1 > green > blue > 0


@pytest.mark.parametrize(
    ("kind", "up", "pole", "middle"),
    [
        ("DomeLight", "Y", [0, 0, 1], [0, -1, 0]),  # +y of the stage is up in the world, +z is -y
        ("DomeLight", "Z", [0, 1, 0], [0, 0, 1]),  # the old dome's pole is +y even here
        ("DomeLight_1", "Y", [0, 0, 1], [0, -1, 0]),
        ("DomeLight_1", "Z", [0, 0, 1], [0, -1, 0]),
    ],
)
def test_a_domes_pole_and_middle_point_where_usd_says(
    tmp_path: Path, kind: str, up: str, pole: list[float], middle: list[float]
) -> None:
    dome = read_stage(stage_file(tmp_path, quad() + f'def {kind} "Sky" {{}}', up=up), None).dome
    assert (dome.to_world[:3, :3] @ [0, 1, 0]).round(9).tolist() == pole
    assert (dome.to_world[:3, :3] @ [0, 0, 1]).round(9).tolist() == middle
    assert dome.texture is None and dome.radiance == (1, 1, 1)


def test_unsupported_lights_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="</World/Tube>: CylinderLight is not supported"):
        read_stage(stage_file(tmp_path, quad() + 'def CylinderLight "Tube" {}'), None)
