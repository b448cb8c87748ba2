"""Small stages as users have them, each with a right value.

Every rig has f = 160 px at 160 x 96 and a baseline of 0.1 m: a card at 2 m has a disparity of 8 px, the wall
at 4 m one of 4 px, and a card of 1 m at 2 m covers 80 x 80 = 6400 pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pxr import Sdf, UsdUtils

from fsd_gen.scene.rig import StereoRig
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.flat_scene import FlatScene, Surface
from fsd_gen.usd.reader import read_stage, rig_of_stage

WIDTH, HEIGHT = 160, 96


def camera(name: str, x: float) -> str:
    return f"""
    def Camera "{name}" {{
        float focalLength = 36
        float horizontalAperture = 36
        float verticalAperture = 21.6
        double3 xformOp:translate = ({x}, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }}"""


RIG = f'def Xform "Rig" {{ {camera("Left", 0)} {camera("Right", 0.1)} }}\n'
WALL = """def Mesh "Wall" {
    uniform token subdivisionScheme = "none"
    point3f[] points = [(-4,-3,-4), (4,-3,-4), (4,3,-4), (-4,3,-4)]
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0, 1, 2, 3]
    color3f[] primvars:displayColor = [(0.2, 0.2, 0.8)]
}
"""
SUN = """def DistantLight "Sun" {
    float inputs:angle = 1
    float inputs:intensity = 3
    bool inputs:normalize = 1
}
"""
BOUND = "rel material:binding = </World/Look>"


def card(more: str = "", *, name: str = "Card", z: float = -2, half: float = 0.5, api: str = "") -> str:
    h = half
    apis = ", ".join(f'"{each}"' for each in ("MaterialBindingAPI", *api.split()))
    return f"""def Mesh "{name}" (prepend apiSchemas = [{apis}]) {{
    uniform token subdivisionScheme = "none"
    point3f[] points = [({-h},{-h},{z}), ({h},{-h},{z}), ({h},{h},{z}), ({-h},{h},{z})]
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0, 1, 2, 3]
    texCoord2f[] primvars:st = [(0, 0), (1, 0), (1, 1), (0, 1)] ( interpolation = "vertex" )
    {more}
}}
"""


def moved(x: float, y: float, z: float) -> str:
    return f"""double3 xformOp:translate = ({x}, {y}, {z})
    uniform token[] xformOpOrder = ["xformOp:translate"]"""


def material(inputs: str, file: str = "", more: str = "", *, name: str = "Look") -> str:
    """A UsdPreviewSurface; with a file also its texture `T`."""
    texture = f"""def Shader "T" {{
        uniform token info:id = "UsdUVTexture"
        asset inputs:file = @{file}@
        float2 inputs:st.connect = </World/{name}/St.outputs:result>
        {more}
        float3 outputs:rgb
        float outputs:r
        float outputs:a
    }}"""
    return f"""def Material "{name}" {{
    token outputs:surface.connect = </World/{name}/S.outputs:surface>
    def Shader "S" {{
        uniform token info:id = "UsdPreviewSurface"
        {inputs}
        token outputs:surface
    }}
    def Shader "St" {{
        uniform token info:id = "UsdPrimvarReader_float2"
        string inputs:varname = "st"
        float2 outputs:result
    }}
    {texture if file else ""}
}}
"""


DIFFUSE = "color3f inputs:diffuseColor.connect = </World/Look/T.outputs:rgb>"
CLAMPED = 'token inputs:wrapS = "clamp"\n token inputs:wrapT = "clamp"'


def cutout(channel: str = "r", threshold: float = 0.5) -> str:
    return f"""color3f inputs:diffuseColor = (0.8, 0.3, 0.1)
        float inputs:opacity.connect = </World/Look/T.outputs:{channel}>
        float inputs:opacityThreshold = {threshold}"""


def stage(
    folder: Path, *body: str, head: str = "", place: str = "", name: str = "stage.usda", rig: str = RIG
) -> Path:
    """A y-up stage in metres with the rig at the origin of /World, looking along -z."""
    path = folder / name
    world = f'def Xform "World" {{\n {place}\n {rig}' + "\n".join(body) + "\n}\n"
    header = f'#usda 1.0\n(\n defaultPrim = "World"\n upAxis = "Y"\n metersPerUnit = 1\n {head}\n)\n'
    path.write_text(header + world.replace("}", "\n}\n"))  # the format wants a line for each
    return path


def packed(path: Path) -> Path:
    """The stage with all that it names in one .usdz."""
    package = path.with_suffix(".usdz")
    assert UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(path)), str(package))
    return package


def rig_of(path: Path, time: float | None = None) -> StereoRig:
    return rig_of_stage(path, width=WIDTH, height=HEIGHT, time=time)


def flat(path: Path, time: float | None = None) -> FlatScene:
    return read_stage(path, rig_of(path, time), time=time)


def seen(path: Path, time: float | None = None) -> dict[float, int]:
    """How many left pixels show each disparity, in hundredths of a pixel."""
    truth = compute_truth(flat(path, time), rig_of(path, time))
    values, counts = np.unique(truth.disparity_left_hw.round(2), return_counts=True)
    return {round(float(value), 2): int(count) for value, count in zip(values, counts, strict=True)}


def surface_of(path: Path, name: str = "/World/Card") -> Surface:
    scene = flat(path)
    (mesh,) = (mesh for mesh in scene.meshes if mesh.name == name)
    return scene.surfaces[mesh.surface]
