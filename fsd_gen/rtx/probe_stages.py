"""The stages that a renderer is known by: each shows one thing whose right picture can be told beforehand.

All of them are seen by one rig of 96 x 64 pixels, whose left camera stands at the origin of /World and looks
along its -z, and all show a black post on the right, so that no picture is of one colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.exr import write_exr
from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd.reader import read_stage
from fsd_gen.usd.staged import StagedScene

Array = NDArray[np.float64]

WIDTH, HEIGHT = 96, 64
RIG = StereoRig.centred(width=WIDTH, height=HEIGHT, focal_px=96.0, baseline_m=0.09375)
ODD_RIG = RIG.model_copy(update={"cx_px": 50.25, "cy_px": 30.75, "focal_y_px": 90.0})
CAMERA = "/World/Eye"

CARD_M, GREY, GLOW = 2.0, 0.5, 2.0  # distance of the cards; reflectance of one, radiance of the other
FLOOR_M, WALL_M = 1.0, 1.2  # of the ruler: below the camera, and to the left of it
SUN = np.pi  # irradiance
POST_M, BAR_M, EDGE_M = 1.25, 0.625, 3.0  # left edge of the post, lower edge of the bar; how far they are
LAMPS_M = {"rect": (-0.3, 0.9, -0.8), "sphere": (0.3, -0.9, -0.8)}  # centres of the lamps, outside the view
RECT_M, RECT_POWER = 0.5, 9.0  # side; radiance times area
SPHERE_M, SPHERE_POWER = 0.125, 24.0  # radius; radiance times area
TURN_DEG = 40.0  # of the panorama about the vertical
PANORAMA = (64, 128)  # rows and columns
LOW, HIGH = 0.1, 0.9  # what the panorama says by -1 and 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The axis and unit of a stage."""

    y_up: bool = False
    metres: float = 1.0


def dome_stage(folder: Path) -> StagedScene:
    """Light of radiance 1 from everywhere, and a black bar above."""
    return _stage(folder / "dome.usda", [_dome(), _edged("Bar", (-4, 4), (BAR_M, 3))])


def card_stage(folder: Path) -> StagedScene:
    """A grey card that faces the sun, left, and one that glows, right."""
    grey = _card("Grey", (-0.8, -0.05), "Grey")
    glow = _card("Glow", (0.05, 0.5), "Glow")
    looks = _look("Grey", diffuse=GREY) + _look("Glow", glow=GLOW)
    return _stage(folder / "card.usda", [_sun(), grey, glow, looks])


def lamp_stage(folder: Path) -> StagedScene:
    """A grey card between a red rectangular lamp and a blue spherical one, both normalised, both unseen."""
    return _stage(
        folder / "lamp.usda", [_lamps(), _card("Grey", (-0.8, 0.5), "Grey"), _look("Grey", diffuse=GREY)]
    )


def panorama_stage(folder: Path) -> StagedScene:
    """A sky that says by its colour which direction it lies in."""
    write_exr(folder / "sky.exr", panorama_hw3())
    return _stage(folder / "panorama.usda", [_dome("sky.exr")])


def ruler_stage(folder: Path, measures: Measures, name: str = "ruler") -> StagedScene:
    """A floor and a wall that run away from the camera, so that depth is known in every pixel of them."""
    m = measures.metres
    floor = _mesh(
        "Floor", [(-20, -FLOOR_M, -0.5), (20, -FLOOR_M, -0.5), (20, -FLOOR_M, -60), (-20, -FLOOR_M, -60)], m
    )
    wall = _mesh("Wall", [(-WALL_M, -2, -0.5), (-WALL_M, 3, -0.5), (-WALL_M, 3, -60), (-WALL_M, -2, -60)], m)
    return _stage(folder / f"{name}.usda", [_dome(), floor, wall, _look("Grey", diffuse=GREY)], measures)


def panorama_hw3() -> NDArray[np.float32]:
    """Each texel's direction in the dome's own frame, -1..1 as LOW..HIGH."""
    height, width = PANORAMA
    down_h = np.pi * (np.arange(height) + 0.5) / height
    around_w = 2 * np.pi * (np.arange(width) + 0.5) / width
    sin_h1 = np.sin(down_h)[:, None]
    x_hw, z_hw = sin_h1 * np.sin(around_w), -sin_h1 * np.cos(around_w)
    directions_hw3 = np.stack([x_hw, np.broadcast_to(np.cos(down_h)[:, None], x_hw.shape), z_hw], axis=2)
    coded_hw3: NDArray[np.float32] = (LOW + (HIGH - LOW) * (directions_hw3 + 1) / 2).astype(np.float32)
    return coded_hw3


def _stage(path: Path, parts: Iterable[str], measures: Measures = Measures()) -> StagedScene:
    post = _edged("Post", (POST_M, 1.8), (-2, 2), measures.metres)
    body = "\n".join([*parts, post, _look("Black")])
    turn = 0 if measures.y_up else 90
    path.write_text(f"""#usda 1.0
(
    defaultPrim = "World"
    upAxis = "{"Y" if measures.y_up else "Z"}"
    metersPerUnit = {measures.metres:g}
)
def Xform "World" {{
    float3 xformOp:rotateXYZ = ({turn}, 0, 0)
    uniform token[] xformOpOrder = ["xformOp:rotateXYZ"]
    def Camera "Eye" {{
    }}
{body}
}}
""")
    return StagedScene(path=path, flat=read_stage(path, None, left=CAMERA))


def _edged(name: str, across: tuple[float, float], up: tuple[float, float], metres: float = 1.0) -> str:
    """A black rectangle that faces the camera."""
    (left, right), (low, high), z = across, up, -EDGE_M
    return _mesh(name, [(left, low, z), (right, low, z), (right, high, z), (left, high, z)], metres, "Black")


def _card(name: str, across: tuple[float, float], look: str) -> str:
    x, y, z = across, 0.4, -CARD_M
    return _mesh(name, [(x[0], -y, z), (x[1], -y, z), (x[1], y, z), (x[0], y, z)], 1.0, look)


def _mesh(name: str, corners: Iterable[tuple[float, float, float]], metres: float, look: str = "Grey") -> str:
    points = ", ".join("({:g}, {:g}, {:g})".format(*(c / metres for c in corner)) for corner in corners)
    return f"""def Mesh "{name}" (
    prepend apiSchemas = ["MaterialBindingAPI"]
) {{
    uniform token subdivisionScheme = "none"
    uniform bool doubleSided = 1
    point3f[] points = [{points}]
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0, 1, 2, 3]
    rel material:binding = </World/{look}Look>
}}
"""


def _look(name: str, *, diffuse: float = 0.0, glow: float = 0.0) -> str:
    return f"""def Material "{name}Look" {{
    token outputs:surface.connect = </World/{name}Look/Surface.outputs:surface>
    def Shader "Surface" {{
        uniform token info:id = "UsdPreviewSurface"
        color3f inputs:diffuseColor = ({diffuse}, {diffuse}, {diffuse})
        color3f inputs:emissiveColor = ({glow}, {glow}, {glow})
        float inputs:roughness = 1
        float inputs:ior = 1
        token outputs:surface
    }}
}}
"""


def _sun() -> str:
    """It shines the way the camera looks."""
    return f"""def DistantLight "Sun" {{
    float inputs:intensity = {SUN}
    bool inputs:normalize = 1
}}
"""


def _lamps() -> str:
    def lamp(kind: str, name: str, size: str, power: float, colour: str) -> str:
        return f"""def {kind} "{name}" {{
    {size}
    color3f inputs:color = {colour}
    float inputs:intensity = {power}
    bool inputs:normalize = 1
    double3 xformOp:translate = {LAMPS_M[name]}
    uniform token[] xformOpOrder = ["xformOp:translate"]
}}
"""

    side = f"float inputs:width = {RECT_M}\n    float inputs:height = {RECT_M}"
    rect = lamp("RectLight", "rect", side, RECT_POWER, "(1, 0, 0)")
    radius = f"float inputs:radius = {SPHERE_M}"
    return rect + lamp("SphereLight", "sphere", radius, SPHERE_POWER, "(0, 0, 1)")


def _dome(texture: str = "") -> str:
    """Its pole is up in /World, whose y that is."""
    file = f"asset inputs:texture:file = @{texture}@" if texture else ""
    return f"""def DomeLight "Sky" {{
    {file}
    token inputs:texture:format = "latlong"
    float xformOp:rotateY = {TURN_DEG}
    uniform token[] xformOpOrder = ["xformOp:rotateY"]
}}
"""
