"""Skinned meshes are read in the pose of the moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsd_gen.usd.errors import StageError
from tests.fsd_gen.usd.cases import WALL, card, flat, moved, seen, stage

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


INSTANCED = """def Xform "{name}" ( instanceable = true
    prepend apiSchemas = ["SkelBindingAPI"]
    references = </World/Pro> ) {{ {more} }}
"""


def crowd(*more: str) -> str:
    """Instances `I0`, `I1`... of one person, each with what it says of itself."""
    prototype = person().replace("/World/Person", "/World/Pro/Person")
    copies = "".join(INSTANCED.format(name=f"I{n}", more=each) for n, each in enumerate(more))
    return f'class Xform "Pro" {{ {prototype} }}\n{copies}'


def test_each_instance_of_a_skinned_person_stands_in_its_own_place(tmp_path: Path) -> None:
    meshes = flat(stage(tmp_path, WALL, crowd("", moved(1.5, 0, 0)))).meshes
    lows = {mesh.name: float(mesh.vertices_v3[:, 0].min()) for mesh in meshes if "Body" in mesh.name}
    assert lows == {"/World/I0/Person/Body": -0.5, "/World/I1/Person/Body": 1.0}


def two_moves(one: str, other: str) -> tuple[str, ...]:
    """Instances of a person without animation, each animated from outside its prototype."""
    whole = person()
    still = whole[whole.index('def SkelAnimation "Move"') :].split("}")[0] + "}\n"
    moves = [
        still.replace("Move", name).replace(MOVE, MOVE.replace("1)", f"{z})"))
        for name, z in (("M0", 0.5), ("M1", 1.5))
    ]
    animated = crowd(
        f"rel skel:animationSource = </World/{one}>", f"rel skel:animationSource = </World/{other}>"
    )
    return *moves, animated.replace("rel skel:animationSource = </World/Pro/Person/Bones/Move>", "")


def test_each_instance_follows_its_own_animation(tmp_path: Path) -> None:
    meshes = flat(stage(tmp_path, WALL, *two_moves("M0", "M1"))).meshes
    depths = {mesh.name: float(mesh.vertices_v3[0, 1]) for mesh in meshes if "Body" in mesh.name}
    assert depths == {"/World/I0/Person/Body": 2.5, "/World/I1/Person/Body": 1.5}


def test_instances_below_one_skeleton_root_follow_their_own_animations(tmp_path: Path) -> None:
    all_of_it = "".join(two_moves("M0", "M1")).replace("def SkelRoot", "def Xform")
    for name in ("M0", "M1", "Pro"):
        all_of_it = all_of_it.replace(f"/World/{name}", f"/World/All/{name}")
    meshes = flat(stage(tmp_path, WALL, f'def SkelRoot "All" {{ {all_of_it} }}\n')).meshes
    depths = {mesh.name: float(mesh.vertices_v3[0, 1]) for mesh in meshes if "Body" in mesh.name}
    assert depths == {"/World/All/I0/Person/Body": 2.5, "/World/All/I1/Person/Body": 1.5}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "rel skel:skeleton = </World/Person/Bones>",
            "rel skel:skeleton = </World/Person/No>",
            ">: skel:skeleton: expected a Skeleton, found none",
        ),
        (
            "= </World/Person/Bones/Move>",
            "= </World/Person/No>",
            "Bones>: .* found none at </World/Person/No>",
        ),
        ("= </World/Person/Bones/Move>", "= </World/Person>", "Bones>: .*expected a SkelAnimation"),
        (MOVE, "float3[] translations = [(0, 0, 1), (0, 0, 1)]", "Move>: expected 1 translations.* got 2"),
        ("half3[] scales = [(1, 1, 1)]", "", "Move>: expected 1 scales, one for each joint, got 0"),
        ("quatf[] rotations = [(1, 0, 0, 0)]", "quatf[] rotations = []", "Move>: expected 1 rotations"),
        (f"bindTransforms = [({ONE})]", "bindTransforms = []", "Bones>: expected 1 bindTransforms.* got 0"),
        (f"restTransforms = [({ONE})]", f"restTransforms = [({ONE}), ({ONE})]", "Bones>: expected 1 rest"),
        (MOVE, "float3[] translations = [(0, 0, nan)]", "Body>: some points are not finite"),
        (
            f"bindTransforms = [({ONE})]",
            f"bindTransforms = [({ONE}), ({ONE})]",
            "Bones>: expected 1 bindTransforms",
        ),
        (
            '{\n            uniform token[] joints = ["root"]',
            '{ uniform token[] joints = ["rot"]',
            "Move>: moves rot",
        ),
        (
            'skel:blendShapes = ["near"]',
            'skel:blendShapes = ["near", "far"]',
            "Body>: expected a target for each of its 2 blendShapes, got 1",
        ),
        (
            '"near"]\n    rel skel:blendShapeTargets = </World/Person/Body/Near>',
            '"near"]',
            "Body>: .*blendShapes, got 0",
        ),
        (
            "blendShapeTargets = </World/Person/Body/Near>",
            "blendShapeTargets = </World/Wall>",
            "Body>: .*a BlendShape",
        ),
        ("blendShapeWeights = [0.5]", "blendShapeWeights = [0.5, 1]", "Move>: expected 1 blendShapeWeights"),
        (
            "jointWeights = [1, 1, 1, 1]",
            "jointWeights = [1, 0, 1, 1]",
            "Body>: the joint weights of point 1 ",
        ),
    ],
)
def test_a_skeleton_that_contradicts_itself_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    body = person(body=BLEND, animation=WEIGHT)
    assert old in body
    with pytest.raises(StageError, match=f"</World/Person[/A-Za-z]*{message}"):
        flat(stage(tmp_path, WALL, body.replace(old, new)))


def test_joint_weights_count_by_their_share(tmp_path: Path) -> None:
    half = SKIN.replace("[1, 1, 1, 1]", "[0.5, 0.5, 2, 2]")
    assert seen(stage(tmp_path, WALL, person(skin=half))) == {4.0: 8960, 8.0: 6400}
