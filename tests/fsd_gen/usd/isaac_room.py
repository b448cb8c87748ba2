"""A room as Isaac Sim's environments are made: MDL materials alone, in files that refer to each other.

In centimetres and y up; walls, floor and a box by reference, a pane by payload, the leaf's look by a variant,
two instances of a plant. Textures lie beside the layers that name them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

HEADER = '#usda 1.0\n( defaultPrim = "{root}"\n metersPerUnit = 0.01\n upAxis = "Y"{more}\n)\n'
LEFT, RIGHT = "/World/Left", "/World/Right"


PANEL = """def RectLight "Panel" {
        float inputs:width = 200
        float inputs:height = 200
        float inputs:intensity = 4
        double3 xformOp:translate = (0, 290, 0)
        float xformOp:rotateX = -90
        uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:rotateX"]
    }
    """


def mdl(name: str, module: str, inputs: str = "", material: str = "") -> str:
    """A material that is MDL alone, as Omniverse writes it."""
    return f"""def Material "{name}" {{
        token outputs:mdl:surface.connect = <Shader.outputs:out>
        token outputs:mdl:displacement.connect = <Shader.outputs:out>
        token outputs:mdl:volume.connect = <Shader.outputs:out>
        def Shader "Shader" {{
            uniform token info:implementationSource = "sourceAsset"
            uniform asset info:mdl:sourceAsset = @{module}@
            uniform token info:mdl:sourceAsset:subIdentifier = "{material or Path(module).stem}"
            {inputs}
            token outputs:out (renderType = "material")
        }}
    }}
    """


def quad(name: str, corners: list[tuple[float, float, float]], look: str, repeats: float = 1) -> str:
    """Four corners, counter-clockwise, with texture coordinates."""
    r = repeats
    return f"""def Mesh "{name}" (prepend apiSchemas = ["MaterialBindingAPI"]) {{
        uniform token subdivisionScheme = "none"
        point3f[] points = {[tuple(c) for c in corners]}
        int[] faceVertexCounts = [4]
        int[] faceVertexIndices = [0, 1, 2, 3]
        texCoord2f[] primvars:st = [(0, 0), ({r}, 0), ({r}, {r}), (0, {r})] (interpolation = "vertex")
        rel material:binding = <{look}>
    }}
    """


def isaac_room(folder: Path, *, unknown: bool = True) -> Path:
    """The room's root layer; with `unknown`, its box wears a vMaterial that nobody but RTX knows."""
    _pictures(folder)
    _layer(folder / "parts/shell.usda", "Shell", _shell())
    _layer(folder / "parts/pane.usda", "Pane", _pane())
    _layer(folder / "parts/plant.usda", "Plant", _plant())
    _layer(folder / "parts/crate.usda", "Crate", _crate(unknown))
    _layer(folder / "parts/props.usda", "Props", 'def "Crate" (references = @./crate.usda@) {}')  # nested
    root = folder / "room.usda"
    root.write_text(HEADER.format(root="World", more="") + _root())
    return root


def _layer(path: Path, root: str, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER.format(root=root, more="") + _in_lines(f'def Xform "{root}" {{ {body} }}'))


def _in_lines(text: str) -> str:
    return text.replace("}", "\n}").replace("{ ", "{\n")


def _shell() -> str:
    looks = "/Shell/Looks"
    brick = (
        'asset inputs:diffuse_texture = @./textures/brick.png@ (colorSpace = "auto")\n'
        "color3f inputs:diffuse_tint = (1, 0.9, 0.8)\n float2 inputs:texture_scale = (2, 2)\n"
        'asset inputs:normalmap_texture = @./textures/brick_n.png@ (colorSpace = "raw")\n'
        "float inputs:bump_factor = 1\n float inputs:reflection_roughness_constant = 0.8"
    )
    floor = (
        "asset inputs:diffuse_texture = @./textures/tiles.png@\n bool inputs:enable_ORM_texture = 1\n"
        'asset inputs:ORM_texture = @./textures/tiles_orm.png@ (colorSpace = "raw")\n'
        "float inputs:reflection_roughness_texture_influence = 1\n"
        "float inputs:metallic_texture_influence = 1"
    )
    lamp = (
        "bool inputs:enable_emission = 1\ncolor3f inputs:emissive_color = (1, 0.95, 0.9)\n"
        "float inputs:emissive_intensity = 40"
    )
    return (
        quad(
            "Back",
            [(-300, 0, -400), (300, 0, -400), (300, 300, -400), (-300, 300, -400)],
            f"{looks}/Brick",
            3,
        )
        + quad(
            "Side", [(-300, 0, 300), (-300, 0, -400), (-300, 300, -400), (-300, 300, 300)], f"{looks}/Paint"
        )
        + quad("Other", [(300, 0, -400), (300, 0, 300), (300, 300, 300), (300, 300, -400)], f"{looks}/Paint")
        + quad("Front", [(300, 0, 300), (-300, 0, 300), (-300, 300, 300), (300, 300, 300)], f"{looks}/Paint")
        + quad("Floor", [(-300, 0, 300), (300, 0, 300), (300, 0, -400), (-300, 0, -400)], f"{looks}/Tiles", 6)
        + quad(
            "Ceiling",
            [(-300, 300, -400), (300, 300, -400), (300, 300, 300), (-300, 300, 300)],
            f"{looks}/Paint",
        )
        + quad(
            "Lamp", [(-80, 299, -220), (80, 299, -220), (80, 299, -100), (-80, 299, -100)], f"{looks}/Lamp"
        )
        + PANEL
        + 'def Scope "Looks" { '
        + mdl("Brick", "OmniPBR.mdl", brick)
        + mdl("Tiles", "OmniPBR.mdl", floor)
        + mdl("Paint", "OmniPBR.mdl", "color3f inputs:diffuse_color_constant = (0.6, 0.6, 0.55)")
        + mdl("Lamp", "OmniPBR.mdl", lamp)
        + " }"
    )


def _pane() -> str:
    glass = (
        "color3f inputs:glass_color = (0.7, 0.95, 0.8)\n"
        "float inputs:glass_ior = 1.5\nbool inputs:thin_walled = 1"
    )
    return quad(
        "Sheet", [(20, 0, -150), (140, 0, -150), (140, 150, -150), (20, 150, -150)], "/Pane/Glass"
    ) + mdl("Glass", "OmniGlass.mdl", glass)


def _plant() -> str:
    leaf = (
        "asset inputs:diffuse_texture = @./textures/leaf.png@\n bool inputs:enable_opacity = 1\n"
        "bool inputs:enable_opacity_texture = 1\n asset inputs:opacity_texture = @./textures/leaf.png@\n"
        "int inputs:opacity_mode = 0\n float inputs:opacity_threshold = 0.5"
    )
    steel = "float inputs:metallic_constant = 1\nfloat inputs:reflection_roughness_constant = 0.2\n"
    return (
        quad("Leaf", [(-40, 20, 0), (40, 20, 0), (40, 100, 0), (-40, 100, 0)], "/Plant/Leafy")
        + quad("Foot", [(-25, 0, 0), (25, 0, 0), (25, 20, 0), (-25, 20, 0)], "/Plant/Steel")
        + mdl("Leafy", "OmniPBR_Opacity.mdl", leaf)
        + mdl("Steel", "OmniPBR.mdl", steel + "color3f inputs:diffuse_color_constant = (0.9, 0.8, 0.7)")
    )


def _crate(unknown: bool) -> str:
    name, module = ("Unknown", "vMaterials_2/Wood/Teak.mdl") if unknown else ("Known", "OmniPBR.mdl")
    coat = "bool inputs:enable_clearcoat = 1\ncolor3f inputs:diffuse_color_constant = (0.5, 0.05, 0.05)"
    box = f"""def Cube "Box" (prepend apiSchemas = ["MaterialBindingAPI"]) {{
        double size = 60
        rel material:binding = </Crate/{name}>
        double3 xformOp:translate = (0, 30, 0)
        float xformOp:rotateY = 30
        uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:rotateY"]
    }}
    """
    return box + mdl(name, module, "" if unknown else coat)


def _root() -> str:
    def at(name: str, how: str, x: float, z: float, more: str = "") -> str:
        return f"""def Xform "{name}" ({how}) {{
            double3 xformOp:translate = ({x}, 0, {z})
            uniform token[] xformOpOrder = ["xformOp:translate"]
            {more}
        }}
        """

    eye = """def Camera "{name}" {{
        float focalLength = 18
        float horizontalAperture = 32
        float verticalAperture = 18
        float2 clippingRange = (1, 100000)
        double3 xformOp:translate = ({x}, 120, 250)
        float xformOp:rotateX = -6
        uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:rotateX"]
    }}
    """
    variants = """variants = { string crate = "shown" }
            prepend variantSets = "crate\""""
    body = (
        at("Shell", "references = @./parts/shell.usda@", 0, 0)
        + at("Pane", "payload = @./parts/pane.usda@", 0, 0)
        + at("PlantA", "instanceable = true\n references = @./parts/plant.usda@", -120, -80)
        + at("PlantB", "instanceable = true\n references = @./parts/plant.usda@", -30, -200)
        + eye.format(name="Left", x=0)
        + eye.format(name="Right", x=6.5)
    )
    props = at("Props", "references = @./parts/props.usda@", 100, -240)
    choice = f'variantSet "crate" = {{ "shown" {{ {props} }} "none" {{ }} }}'
    return _in_lines(f'def Xform "World" ({variants}) {{ {body} {choice} }}')


def _pictures(folder: Path) -> None:
    textures = folder / "parts/textures"
    textures.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:64, :64]
    joint = (y % 16 < 2) | ((x + 16 * (y // 16 % 2)) % 32 < 2)
    _save(textures / "brick.png", np.where(joint[..., None], (190, 185, 175), (150, 70, 50)))
    _save(textures / "brick_n.png", np.where((y % 16 < 2)[..., None], (128, 70, 230), (128, 128, 255)))
    checks = (y // 32 + x // 32) % 2
    _save(textures / "tiles.png", np.where(checks[..., None] > 0, (200, 200, 205), (70, 80, 100)))
    _save(textures / "tiles_orm.png", np.where(checks[..., None] > 0, (255, 30, 0), (255, 150, 0)))
    inside = ((x - 32) / 14) ** 2 + ((y - 32) / 30) ** 2 < 1
    leaf = np.concatenate([np.full((64, 64, 3), (60, 140, 50)), np.where(inside, 255, 0)[..., None]], axis=2)
    _save(textures / "leaf.png", leaf)


def _save(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels.astype(np.uint8)).save(path)
