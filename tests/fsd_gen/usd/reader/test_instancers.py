"""Prototypes are drawn wherever they stand; instancers that contradict themselves are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsd_gen.usd.errors import StageError
from tests.fsd_gen.usd.cases import WALL, card, flat, seen, stage

MANY = """def PointInstancer "Many" {{
    int[] protoIndices = {indices}
    point3f[] positions = {positions}
    {more}
    rel prototypes = <{root}>
    {inside}
}}
"""
THREE = {"indices": "[0, 0, 0]", "positions": "[(-0.7, 0, 0), (0, 0, 0), (0.7, 0, 0)]"}
SMALL = card(half=0.2)


def many(root: str = "/World/Protos/Card", *, inside: str = "", more: str = "", **changes: str) -> str:
    return MANY.format(root=root, inside=inside, more=more, **{**THREE, **changes})


@pytest.mark.parametrize(
    "scope",
    [
        'def Scope "Protos" {{ {} }}',
        'over "Protos" {{ {} }}',
        'class "Protos" {{ {} }}',
        'class Scope "Protos" {{ token visibility = "invisible"\n {} }}',
        'def Scope "Protos" {{ token visibility = "invisible"\n {} }}',
    ],
    ids=["def", "over", "class", "invisible class", "invisible"],
)
def test_prototypes_are_drawn_under_every_kind_of_scope(tmp_path: Path, scope: str) -> None:
    assert seen(stage(tmp_path, WALL, many(), scope.format(SMALL))) == {4.0: 12288, 8.0: 3072}


def test_a_prototype_may_stand_under_an_over_inside_its_instancer(tmp_path: Path) -> None:
    inside = f'over "Protos" {{ {SMALL} }}'
    body = many("/World/Many/Protos/Card", inside=inside)
    assert seen(stage(tmp_path, WALL, body)) == {4.0: 12288, 8.0: 3072}


def test_an_instancer_may_be_the_prototype_of_another(tmp_path: Path) -> None:
    pair = many("/World/Protos/Pair/Card", indices="[0, 0]", positions="[(-0.7, 0, 0), (0, 0, 0)]")
    pair = pair.replace('"Many"', '"Pair"').replace("rel proto", SMALL + "rel proto")
    outer = many("/World/Protos/Pair", indices="[0, 0]", positions="[(0, 0, 0), (0.7, 0, 0)]")
    assert seen(stage(tmp_path, WALL, outer, f'over "Protos" {{ {pair} }}')) == {4.0: 12288, 8.0: 3072}


def test_what_a_prototype_only_mentions_or_hides_is_not_drawn(tmp_path: Path) -> None:
    mentioned = SMALL.replace("def Mesh", "over Mesh").replace('"Card"', '"Mentioned"')
    hidden = SMALL.replace('"Card"', '"Hidden"').replace(
        "uniform token sub", 'token visibility = "invisible"\n uniform token sub'
    )
    protos = f'over "Protos" {{ def Xform "Thing" {{ {SMALL} {mentioned} {hidden} }} }}'
    scene = flat(stage(tmp_path, WALL, many("/World/Protos/Thing"), protos))
    names = sorted(mesh.name for mesh in scene.meshes)
    assert names == [
        "/World/Protos/Thing/Card[0]",
        "/World/Protos/Thing/Card[1]",
        "/World/Protos/Thing/Card[2]",
        "/World/Wall",
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            many(positions="[(0, 0, 0)]"),
            "</World/Many>: expected 3 positions, one for each protoIndices, got 1",
        ),
        (many(more="float3[] scales = [(1, 1, 1)]"), "</World/Many>: expected 3 scales"),
        (many(more="quath[] orientations = [(1, 0, 0, 0)]"), "</World/Many>: expected 3 orientations"),
        (many(more="int64[] ids = [1, 2]"), "</World/Many>: expected 3 ids"),
        (many(indices="[0, 0, 1]"), "</World/Many>: there is no prototype number 1 of 1"),
        (many(indices="[0, -1, 0]"), "</World/Many>: there is no prototype number -1"),
        (
            many(positions="[(nan, 0, 0), (0, 0, 0), (0, 0, 0)]"),
            "</World/Many>: some positions are not finite",
        ),
        (many("/World/Nowhere"), "</World/Many>: its prototype </World/Nowhere> does not exist"),
        (many("/World/Many"), "</World/Many>: is one of its own prototypes"),
        (many("/World"), "</World/Many>: is one of its own prototypes"),
    ],
)
def test_an_instancer_that_contradicts_itself_is_refused_by_name(
    tmp_path: Path, body: str, message: str
) -> None:
    with pytest.raises(StageError, match=message):
        flat(stage(tmp_path, WALL, body, f'over "Protos" {{ {SMALL} }}'))
