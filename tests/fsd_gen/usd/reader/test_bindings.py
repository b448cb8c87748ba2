"""Which material a shape wears, and what it then looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fsd_gen.usd.errors import StageError
from tests.fsd_gen.usd.cases import BOUND, DIFFUSE, WALL, card, flat, material, seen, stage, surface_of

RED = material("color3f inputs:diffuseColor = (1, 0, 0)")
BLUE = material("color3f inputs:diffuseColor = (0, 0, 1)", name="Blue")
FULL = "rel material:binding:full = </World/Look>"
OTHER = "rel material:binding = </World/Blue>"
API = '(prepend apiSchemas = ["MaterialBindingAPI"])'
COLLECTION = """def Xform "Group" ( prepend apiSchemas = ["MaterialBindingAPI", "CollectionAPI:reds"] ) {
    uniform token collection:reds:expansionRule = "expandPrims"
    rel collection:reds:includes = </World/Group/Card>
    rel material:binding:collection:reds = [ </World/Group.collection:reds>, </World/Look> ]
"""
STRONGER = ' ( bindMaterialAs = "strongerThanDescendants" )'


def test_the_binding_for_full_renderings_wins(tmp_path: Path) -> None:
    only = stage(tmp_path, WALL, card(FULL), RED)
    assert surface_of(only).diffuse == (1, 0, 0)
    both = stage(tmp_path, WALL, card(f"{FULL}\n{OTHER}"), RED, BLUE)
    assert surface_of(both).diffuse == (1, 0, 0)


@pytest.mark.parametrize(
    ("group", "own", "colour"),
    [
        (f'def Xform "Group" {API} {{ {BOUND}\n', "", (1, 0, 0)),
        (f'def Xform "Group" {API} {{ {BOUND}\n', OTHER, (0, 0, 1)),
        (f'def Xform "Group" {API} {{ {BOUND}{STRONGER}\n', OTHER, (1, 0, 0)),
        (f'def Xform "Group" {API} {{ {FULL}\n', OTHER, (1, 0, 0)),
        (COLLECTION, "", (1, 0, 0)),
        ('def Xform "Group" {\n', "rel material:binding:preview = </World/Blue>", (0.18, 0.18, 0.18)),
    ],
    ids=["inherited", "own wins", "stronger than descendants", "full above", "collection", "preview only"],
)
def test_bindings_are_resolved_as_usd_says(tmp_path: Path, group: str, own: str, colour: tuple) -> None:
    path = stage(tmp_path, WALL, f"{group}{card(own)}}}", RED, BLUE)
    assert surface_of(path, "/World/Group/Card").diffuse == colour


def test_a_subset_has_its_own_full_binding(tmp_path: Path) -> None:
    subset = f"""def GeomSubset "All" {API} {{
        uniform token elementType = "face"
        uniform token familyName = "materialBind"
        int[] indices = [0]
        {FULL}
        {OTHER}
    }}"""
    assert surface_of(stage(tmp_path, WALL, card(subset), RED, BLUE), "/World/Card/All").diffuse == (1, 0, 0)


@pytest.mark.parametrize("target", ["/World/Nowhere", "/World/Wall"])
def test_what_is_no_material_cannot_be_worn(tmp_path: Path, target: str) -> None:
    with pytest.raises(StageError, match=f"</World/Card>: bound to <{target}>, which is no material"):
        flat(stage(tmp_path, WALL, card(f"rel material:binding = <{target}>")))


THERE, GONE = {4.0: 8960, 8.0: 6400}, {4.0: 15360}


@pytest.mark.parametrize(
    ("inputs", "pixels"),
    [
        ("float inputs:opacity = 0.3\n float inputs:opacityThreshold = 0.5", GONE),
        ("float inputs:opacity = 0.5\n float inputs:opacityThreshold = 0.5", THERE),
        ("float inputs:opacity = 0.3", THERE),
        ('float inputs:opacity = 0\n token inputs:opacityMode = "presence"', GONE),
        ('float inputs:opacity = 0.3\n token inputs:opacityMode = "presence"', THERE),
        ("float inputs:opacity = 0", THERE),  # clear glass
    ],
)
def test_what_is_less_opaque_than_its_threshold_is_not_there(
    tmp_path: Path, inputs: str, pixels: dict
) -> None:
    assert seen(stage(tmp_path, WALL, card(BOUND), material(inputs))) == pixels


def test_what_passes_its_threshold_is_opaque_altogether(tmp_path: Path) -> None:
    inputs = "float inputs:opacity = 0.6\n float inputs:opacityThreshold = 0.5"
    surface = surface_of(stage(tmp_path, WALL, card(BOUND), material(inputs)))
    assert not surface.transparent and surface.opacity == 1


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("float inputs:roughness = nan", "</World/Look> roughness: expected a finite number"),
        ("float inputs:roughness = -1", "</World/Look> roughness: .* got -1"),
        ("float inputs:opacity = 2", "</World/Look> opacity: .* at most 1, got 2"),
        ("color3f inputs:emissiveColor = (-1, 0, 0)", "</World/Look> emissiveColor: expected three finite"),
        ("float inputs:diffuseColor = 1", "</World/Look> diffuseColor: expected three finite"),
        ('string inputs:roughness = "x"', "</World/Look> roughness: expected a finite number"),
        ('token inputs:opacityMode = "x"', "expected opacityMode to be of"),
        ("color3f inputs:diffuseColor.connect = </World/Look/Gone.outputs:rgb>", "Gone.outputs:rgb>, which"),
    ],
)
def test_inputs_that_mean_nothing_are_refused_by_name(tmp_path: Path, inputs: str, message: str) -> None:
    with pytest.raises(StageError, match=message):
        flat(stage(tmp_path, WALL, card(BOUND), material(inputs)))


def test_instances_of_one_prototype_keep_the_texture_coordinates_that_each_inherits(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    own = next(line for line in card().splitlines() if "primvars:st" in line)
    look = material(DIFFUSE, "./p.png").replace("/World/Look", "/World/Pro/Look")
    body = card(BOUND).replace(own, "").replace("/World/Look", "/World/Pro/Look")
    copies = [
        f'def Xform "I{n}" ( instanceable = true\n inherits = </World/Pro> ) {{'
        f' texCoord2f[] primvars:st = [({u}, 0.5)] ( interpolation = "constant" ) }}\n'
        for n, u in enumerate((0.25, 0.75))
    ]
    meshes = flat(stage(tmp_path, WALL, f'class Xform "Pro" {{ {body} {look} }}\n', *copies)).meshes
    us = {mesh.name: mesh.uv_v2[:, 0].tolist() for mesh in meshes if "Card" in mesh.name}
    assert us == {"/World/I0/Card": [0.25] * 4, "/World/I1/Card": [0.75] * 4}
