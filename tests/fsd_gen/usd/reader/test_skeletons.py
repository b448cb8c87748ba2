"""Skinned meshes are read in the pose of the moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsd_gen.usd.errors import StageError
from tests.fsd_gen.usd.cases import WALL, card, flat, seen, stage

ONE = "(1,0,0,0),(0,1,0,0),(0,0,1,0),(0,0,0,1)"
SKIN = f"""
    int[] primvars:skel:jointIndices = [0, 0, 0, 0] ( elementSize = 1
        interpolation = "vertex" )
    float[] primvars:skel:jointWeights = [1, 1, 1, 1] ( elementSize = 1
        interpolation = "vertex" )
    matrix4d primvars:skel:geomBindTransform = ({ONE})
"""
MOVE = "float3[] translations = [(0, 0, 1)]"
ANIMATED = "float3[] translations.timeSamples = { 0: [(0, 0, 0)], 10: [(0, 0, 2)] }"


def person(
    move: str = MOVE, skin: str | None = None, *, animation: str = "", body: str = "", place: str = ""
) -> str:
    """A card whose rest pose is 3 m away (5.33 px), bound to one joint that `move` moves."""
    skinned = card((SKIN if skin is None else skin) + body, name="Body", z=-3, api="SkelBindingAPI")
    return f"""def SkelRoot "Person" (prepend apiSchemas = ["SkelBindingAPI"]) {{
    {place}
    rel skel:skeleton = </World/Person/Bones>
    def Skeleton "Bones" (prepend apiSchemas = ["SkelBindingAPI"]) {{
        uniform token[] joints = ["root"]
        uniform matrix4d[] bindTransforms = [({ONE})]
        uniform matrix4d[] restTransforms = [({ONE})]
        rel skel:animationSource = </World/Person/Bones/Move>
        def SkelAnimation "Move" {{
            uniform token[] joints = ["root"]
            {move}
            quatf[] rotations = [(1, 0, 0, 0)]
            half3[] scales = [(1, 1, 1)]
            {animation}
        }}
    }}
    {skinned}
}}
"""


def test_a_skinned_mesh_stands_where_its_joint_takes_it(tmp_path: Path) -> None:
    assert seen(stage(tmp_path, WALL, person())) == {4.0: 8960, 8.0: 6400}


def test_the_pose_is_that_of_the_chosen_time(tmp_path: Path) -> None:
    path = stage(tmp_path, WALL, person(ANIMATED), head="startTimeCode = 5\n endTimeCode = 10")
    assert 8.0 in seen(path)  # startTimeCode: half way, 1 m nearer
    assert 5.33 in seen(path, time=0) and 16.0 in seen(path, time=10)


def test_a_rigidly_bound_mesh_follows_its_joint(tmp_path: Path) -> None:
    rigid = (
        SKIN.replace("[0, 0, 0, 0]", "[0]").replace("[1, 1, 1, 1]", "[1]").replace('"vertex"', '"constant"')
    )
    assert seen(stage(tmp_path, WALL, person(skin=rigid))) == {4.0: 8960, 8.0: 6400}


def test_the_skeletons_own_place_moves_the_mesh(tmp_path: Path) -> None:
    place = 'double3 xformOp:translate = (0, 0, 0.5)\n uniform token[] xformOpOrder = ["xformOp:translate"]'
    assert pytest.approx(max(seen(stage(tmp_path, WALL, person(place=place)))), abs=0.01) == 160 * 0.1 / 1.5


BLEND = """
    uniform token[] skel:blendShapes = ["near"]
    rel skel:blendShapeTargets = </World/Person/Body/Near>
    def BlendShape "Near" { uniform vector3f[] offsets = [(0,0,2),(0,0,2),(0,0,2),(0,0,2)] }
"""
WEIGHT = 'uniform token[] blendShapes = ["near"]\n float[] blendShapeWeights = [0.5]'
STILL = "float3[] translations = [(0, 0, 0)]"


@pytest.mark.parametrize(("move", "disparity"), [(STILL, 8.0), (MOVE.replace("1)", "0.5)"), 10.67)])
def test_blend_shapes_move_points_before_joints_do(tmp_path: Path, move: str, disparity: float) -> None:
    assert disparity in seen(stage(tmp_path, WALL, person(move, body=BLEND, animation=WEIGHT)))


def test_a_posed_mesh_has_normals_of_its_pose(tmp_path: Path) -> None:
    normals = 'normal3f[] normals = [(0,0,1),(0,0,1),(0,0,1),(0,0,1)] ( interpolation = "vertex" )'
    posed = person(body=normals).replace("(1, 0, 0, 0)", "(0, 0, 1, 0)")
    (body,) = (mesh for mesh in flat(stage(tmp_path, WALL, posed)).meshes if "Body" in mesh.name)
    assert body.normals_v3[0].round(6).tolist() == [
        0,
        1,
        0,
    ]  # half a turn about y; the world is z up


@pytest.mark.parametrize(
    ("skin", "message"),
    [
        (
            SKIN.replace("[0, 0, 0, 0]", "[0, 0, 0, 7]"),
            "</World/Person/Body>: joint indices reach to 7 of 1 joints",
        ),
        (
            SKIN.replace("[0, 0, 0, 0]", "[0, 0]"),
            "</World/Person/Body>: expected 4 joint indices and weights, got 2",
        ),
        (
            SKIN.replace("[1, 1, 1, 1]", "[1, 1, 1, nan]"),
            "</World/Person/Body>: joint weights are not finite",
        ),
    ],
)
def test_influences_that_contradict_the_mesh_are_refused(tmp_path: Path, skin: str, message: str) -> None:
    with pytest.raises(StageError, match=message):
        flat(stage(tmp_path, WALL, person(skin=skin)))


def test_a_blend_shape_beyond_the_mesh_is_refused(tmp_path: Path) -> None:
    far = BLEND.replace(
        "offsets = [(0,0,2),(0,0,2),(0,0,2),(0,0,2)]",
        "offsets = [(0,0,2)]\n uniform int[] pointIndices = [9]",
    )
    with pytest.raises(StageError, match="</World/Person/Body>: a blend shape moves point 9 of 4"):
        flat(stage(tmp_path, WALL, person(body=far, animation=WEIGHT)))
