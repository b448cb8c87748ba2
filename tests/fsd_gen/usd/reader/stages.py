"""Stages written by hand, so that every expected number can be read off the text."""

from __future__ import annotations

from pathlib import Path

from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd.flat_scene import Mesh
from fsd_gen.usd.reader import read_stage

RIG = StereoRig(width=64, height=48, focal_px=32.0, baseline_m=0.1, cx_px=30.0, cy_px=25.0)

# 36 mm stand for 64 px: focal 18 mm = 32 px; offsets 2 px right of cx, 1 px below the middle
CAMERA = """
    def Camera "{name}" {{
        float focalLength = 18
        float horizontalAperture = 36
        float verticalAperture = 27
        float horizontalApertureOffset = 1.125
        float verticalApertureOffset = 0.5625
        double3 xformOp:translate = ({x}, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }}
"""


def camera(name: str, x: float) -> str:
    return CAMERA.format(name=name, x=x)


def stage_file(folder: Path, body: str, *, up: str = "Z", metres: float = 1.0, right_x: float = 0.1) -> Path:
    """A stage with a rig at the origin, looking along its own -z, and `body` under /World."""
    path = folder / "stage.usda"
    path.write_text(
        f'#usda 1.0\n( upAxis = "{up}"\n metersPerUnit = {metres} )\n'
        f'def Xform "World" {{\n def Xform "Rig" {{ {camera("Left", 0)} {camera("Right", right_x)} }}\n'
        + body.replace("}", "\n}")  # the format wants each property to end its line
        + "\n}\n"
    )
    return path


QUAD = """
    def Mesh "Quad" {{
        uniform token subdivisionScheme = "none"
        point3f[] points = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
        int[] faceVertexCounts = [4]
        int[] faceVertexIndices = [0, 1, 2, 3]
        {more}
    }}
"""
ST = 'texCoord2f[] primvars:st = [(0, 0), (1, 0), (1, 1), (0, 1)] ( interpolation = "vertex" )'


def quad(more: str = "") -> str:
    return QUAD.format(more=more)


def moved(x: float, y: float, z: float) -> str:
    order = 'uniform token[] xformOpOrder = ["xformOp:translate"]'
    return f"double3 xformOp:translate = ({x}, {y}, {z})\n{order}"


def only_mesh(path: Path) -> Mesh:
    (mesh,) = read_stage(path, None).meshes
    return mesh


def corners(mesh: Mesh) -> list[list[list[float]]]:
    return mesh.vertices_v3[mesh.faces_f3].round(9).tolist()


def material(inputs: str, textures: str = "") -> str:
    return f"""
    def Material "Look" {{
        token outputs:surface.connect = </World/Look/Surface.outputs:surface>
        def Shader "Surface" {{ uniform token info:id = "UsdPreviewSurface"
            {inputs}
            token outputs:surface }}
        def Shader "St" {{ uniform token info:id = "UsdPrimvarReader_float2"
            string inputs:varname = "st"
            float2 outputs:result }}
        {textures}
    }}
    """


def texture(name: str, file: Path, more: str = "", st: str = "St") -> str:
    return f"""
        def Shader "{name}" {{ uniform token info:id = "UsdUVTexture"
            asset inputs:file = @{file}@
            float2 inputs:st.connect = </World/Look/{st}.outputs:result>
            {more}
            float3 outputs:rgb
            float outputs:r
            float outputs:a }}
    """


BOUND = "rel material:binding = </World/Look>"
DIFFUSE = "color3f inputs:diffuseColor.connect = </World/Look/Image.outputs:rgb>"
