"""Render products as the stage has them, and the frames that a step makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from kit_fake.pictures import Frame, black, shoot
from kit_fake.state import KIT

from rtx_fake import VERSION
from rtx_fake.semantics import labels_of_stage, segmented

MODES = ("RealTimePathTracing", "PathTracing", "MinimalRendering")
GIVEN = {  # by mode; of path tracing colours alone are documented
    "PathTracing": ("LdrColor", "HdrColor"),
    "RealTimePathTracing": (
        "LdrColor",
        "HdrColor",
        "NormalSD",
        "DistanceToImagePlaneSD",
        "SemanticSegmentation",
        "SemanticIdMap",
    ),
    "MinimalRendering": ("LdrColor", "NormalSD", "DistanceToImagePlaneSD"),
}
SAMPLES = "uint" if VERSION >= (0, 5, 0) else "int"


@dataclass
class Product:
    path: str
    camera: str
    size: tuple[int, int]
    mode: str
    settings: dict[str, Any]
    variables: dict[str, str]  # path -> source name
    labels: dict[str, str]  # prim path -> label
    steps: int = 0  # since the stage was opened
    samples: int = 0
    frame: Frame | None = field(default=None)


def read_product(stage: Any, path: str) -> Product:
    """As the stage says. Raises RuntimeError."""
    prim = stage.GetPrimAtPath(path)
    if not prim or prim.GetTypeName() != "RenderProduct":
        raise RuntimeError(f"no RenderProduct at {path}")
    (camera,) = prim.GetRelationship("camera").GetTargets() or [None]
    if camera is None or stage.GetPrimAtPath(camera).GetTypeName() != "Camera":
        raise RuntimeError(f"{path}: no camera at {camera}")
    mode = _value(prim, "omni:rtx:rendermode", "token", "RealTimePathTracing")
    if mode not in MODES:
        raise RuntimeError(f"{path}: unknown render mode {mode}")
    return Product(
        path=path,
        camera=str(camera),
        size=tuple(prim.GetAttribute("resolution").Get()),
        mode=mode,
        settings=_settings(prim),
        variables={
            str(each): stage.GetPrimAtPath(each).GetAttribute("sourceName").Get()
            for each in prim.GetRelationship("orderedVars").GetTargets()
        },
        labels=labels_of_stage(stage),
    )


def _settings(prim: Any) -> dict[str, Any]:
    """A value of another type than the schema's is not seen: the default holds."""
    path_traced = "omni:rtx:pt:"
    return {
        "spp": _value(prim, f"{path_traced}samplesPerPixel", SAMPLES, 512),
        "max_bounces": _value(prim, f"{path_traced}limits:maxBounces", "uint", 4),
        "denoise": _value(prim, f"{path_traced}denoising:enabled", "bool", True),
        "waits": "AllLoadingFinished" in (_value(prim, "omni:rtx:waitForEvents", "token[]", ()) or ()),
    }


def _value(prim: Any, name: str, kind: str, default: Any) -> Any:
    attribute = prim.GetAttribute(name)
    fits = attribute and attribute.HasAuthoredValue() and str(attribute.GetTypeName()) == kind
    return attribute.Get() if fits else default


_before: dict[str, Frame] = {}  # the last frame of each product's path


def render(product: Product) -> None:
    """One step of a product."""
    product.steps += 1
    if product.mode == "PathTracing":
        spp, unfinished = product.settings["spp"], KIT.captures <= KIT.faults.get("unfinished", 0)
        product.samples = min(spp - 1, KIT.captures) if unfinished else spp
    settings = {"totalSpp": "spp", "maxBounces": "max_bounces", "optixDenoiser/enabled": "denoise"}
    KIT.settings |= {f"/rtx/pathtracing/{key}": product.settings[name] for key, name in settings.items()}
    product.frame = _frame(product)


def _frame(product: Product) -> Frame:
    width, height = product.size
    if KIT.fault("stale") and KIT.captures <= KIT.fault("stale") and product.path in _before:
        return _before[product.path]
    if KIT.captures <= KIT.faults.get("black", 0):
        return black(width, height)
    frame = shoot(product.camera, width, height, warm=product.steps > 1 or product.settings["waits"])
    if product.mode == "RealTimePathTracing" and product.steps <= 2:
        frame.depth[: height // 2] = 0  # not settled
    _before[product.path] = frame
    return frame


def buffer(product: Product, name: str) -> np.ndarray:
    """What a render variable holds."""
    frame = product.frame
    if name == "SemanticIdMap":
        return segmented(frame, product.labels)[1]
    found = {
        "HdrColor": lambda: frame.colour,
        "LdrColor": lambda: np.zeros(frame.colour.shape, np.uint8),
        "NormalSD": lambda: frame.normals,
        "DistanceToImagePlaneSD": lambda: frame.depth[..., None],
        "SemanticSegmentation": lambda: segmented(frame, product.labels)[0],
    }[name]()
    if name == "DistanceToImagePlaneSD" and KIT.fault("depth_as_bits"):
        found = found.view(np.uint32)
    if KIT.fault("flat"):
        return found.ravel()
    if KIT.captures <= KIT.faults.get("empty", 0):
        return found[:0]
    return found[: len(found) // 2] if KIT.fault("half") else found
