"""Render products for ovrtx, which renders what the stage asks for: colour path-traced, depth in real time.

Replicator makes its own products, and takes its settings from carb.
"""

from __future__ import annotations

from typing import Any

from fsd_gen.rtx.child.contract import COLOUR, DEPTH, IDS, NORMALS
from fsd_gen.rtx.child.versions import ID_MAP, RENDER_VARS, OvrtxVersion
from fsd_gen.rtx.sheet import Sheet, Values
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.openusd import Gf, Sdf, Vt

Kinds = Sdf.ValueTypeNames
COLOUR_VARS = (RENDER_VARS[COLOUR],)
TRUTH_VARS = (RENDER_VARS[DEPTH], RENDER_VARS[NORMALS])
ID_VARS = (RENDER_VARS[IDS], ID_MAP)
EFFECTS = ("bloom", "chromab", "dof", "grade", "motionblur", "tvNoise")


def write_products(
    sheet: Sheet,
    root: str,
    camera: str,
    size: tuple[int, int],
    settings: RenderSettings,
    row: OvrtxVersion,
    *,
    lit_by_dome: bool,
    ids: bool,
) -> tuple[str, str]:
    """The products of one camera below `root`; their paths, that of colour first."""
    colour, truth = f"{root}Colour", f"{root}Truth"
    _product(sheet, colour, camera, size, COLOUR_VARS)
    sheet.set(colour, {**_path_traced(settings, row), **_shown(lit_by_dome), **_plain()})
    _product(sheet, truth, camera, size, TRUTH_VARS + (ID_VARS if ids else ()))
    sheet.set(truth, {"omni:rtx:rendermode": (Kinds.Token, "RealTimePathTracing"), **_shown(lit_by_dome)})
    sheet.set(truth, _plain())
    if row.quality:
        sheet.set(truth, {"omni:rtx:quality": (Kinds.Int, 0)})
    return colour, truth


def max_bounces(settings: RenderSettings) -> int:
    """Scatterings of a path; `max_depth` also counts the light that ends it."""
    return max(1, settings.max_depth - 1)


def _product(sheet: Sheet, path: str, camera: str, size: tuple[int, int], variables: tuple[str, ...]) -> None:
    sheet.define(path, "RenderProduct", apis=("OmniRtxSettingsCommonAdvancedAPI_1",))
    sheet.set(path, {"resolution": (Kinds.Int2, Gf.Vec2i(*size))}, uniform=True)
    events = Vt.TokenArray(["AllLoadingFinished"])
    sheet.set(path, {"omni:rtx:waitForEvents": (Kinds.TokenArray, events)})
    sheet.relate(path, "camera", [camera])
    sheet.relate(path, "orderedVars", [f"{path}/{name}" for name in variables])
    for name in variables:
        sheet.define(f"{path}/{name}", "RenderVar")
        sheet.set(f"{path}/{name}", {"sourceName": (Kinds.String, name)}, uniform=True)


def _path_traced(settings: RenderSettings, row: OvrtxVersion) -> Values:
    """As many samples and bounces as Mitsuba takes, and nothing that trades truth for time."""
    samples = Kinds.UInt if row.samples_type == "uint" else Kinds.Int
    bounces = max_bounces(settings)
    specular = (
        ("maxGlossyBounces", bounces) if row.glossy_limit else ("extraSpecularAndTransmissiveBounces", 0)
    )
    values: dict[str, tuple[Sdf.ValueTypeName, Any]] = {
        "samplesPerPixel": (samples, settings.spp),
        "adaptiveSampling:enabled": (Kinds.Bool, False),
        "limits:maxBounces": (Kinds.UInt, bounces),
        f"limits:{specular[0]}": (Kinds.UInt, specular[1]),
        "denoising:enabled": (Kinds.Bool, settings.denoise),
        "denoising:optix:temporal": (Kinds.Bool, False),
        "denoising:blendFactor": (Kinds.Float, 0.0),
        "radianceCache:enabled": (Kinds.Bool, False),
        "lightCache:enabled": (Kinds.Bool, False),
        "ris:meshLights": (Kinds.Bool, True),  # lamps are meshes that glow
        "fireflyFilter:enabled": (Kinds.Bool, False),
        "multigpu:enabled": (Kinds.Bool, False),
        "pixelFilter:filter": (Kinds.Token, "box"),
        "pixelFilter:radius": (Kinds.Float, 0.5),
    }
    named = {f"omni:rtx:pt:{name}": value for name, value in values.items()}
    return {"omni:rtx:rendermode": (Kinds.Token, "PathTracing"), **named}


def _shown(lit_by_dome: bool) -> Values:
    """Behind everything is the dome, or nothing."""
    return {
        "omni:rtx:background:source:type": (Kinds.Token, "domeLight" if lit_by_dome else "color"),
        "omni:rtx:background:source:color": (Kinds.Color3f, Gf.Vec3f(0.0)),
    }


def _plain() -> Values:
    """No camera effects: the sensor of a scene is ours."""
    effects = {f"omni:rtx:post:{name}:enabled": (Kinds.Bool, False) for name in EFFECTS}
    return {**effects, "omni:rtx:dlss:frameGeneration": (Kinds.Bool, False)}
