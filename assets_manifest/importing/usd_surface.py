"""A UsdPreviewSurface as a RawMaterial."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from PIL import Image, UnidentifiedImageError

from assets_manifest.importing.raw import Picture, RawMaterial, RejectedFileError
from jobs.extras import extra

with extra("render"):
    from pxr import Sdf, Usd, UsdShade

ReadPicture = Callable[[Sdf.AssetPath, Usd.Prim], Picture]
ONES = (1.0, 1.0, 1.0)


class PreviewSurface:
    """Inputs of one UsdPreviewSurface; `read` opens the image that a texture node names."""

    def __init__(self, shader: UsdShade.Shader, read: ReadPicture) -> None:
        self._shader, self._read = shader, read
        self._coordinates = ""

    def material(self, name: str) -> tuple[RawMaterial, str]:
        """The material, and the primvar of its texture coordinates ("" where it says none)."""
        color_map, _ = self._texture("diffuseColor")
        metal_rough, gain = self._metal_rough()
        opacity_map, _ = self._texture("opacity")
        if opacity_map is not None and opacity_map != color_map:
            raise self._odd("opacity from another picture than its colour; put it into the alpha of that")
        threshold = self._number("opacityThreshold", 0.0)
        alpha: Literal["opaque", "mask", "blend"] = "opaque"
        if opacity_map is not None:
            alpha = "mask" if threshold > 0 else "blend"
        color = self._value("diffuseColor", (0.18, 0.18, 0.18))
        red, green, blue = self._gain("diffuseColor") if color_map else (float(channel) for channel in color)
        made = RawMaterial(
            name=name,
            color=(red, green, blue),
            color_map=color_map,
            normal_map=self._texture("normal")[0],
            metal_rough_map=metal_rough,
            roughness=gain[1] if metal_rough else self._number("roughness", 0.5),
            metallic=gain[2] if metal_rough else self._number("metallic", 0.0),
            opacity=1.0 if opacity_map else self._number("opacity", 1.0),
            alpha=alpha,
            cutoff=threshold or 0.5,
        )
        return made, self._coordinates

    def _odd(self, what: str) -> RejectedFileError:
        return RejectedFileError(f"<{self._shader.GetPath()}>: {what}")

    def _metal_rough(self) -> tuple[Picture | None, tuple[float, float, float]]:
        """Roughness in green, metallic in blue; and what multiplies the channels."""
        rough, rough_channel = self._texture("roughness")
        metal, metal_channel = self._texture("metallic")
        if rough is None and metal is None:
            return None, ONES
        if rough == metal and (rough_channel, metal_channel) == ("g", "b"):
            return rough, self._gain("roughness")
        if self._gain("roughness") != ONES or self._gain("metallic") != ONES:
            raise self._odd("scaled textures of roughness and metallic are not supported; bake the scale")
        numbers = (self._number("roughness", 0.5), self._number("metallic", 0.0))
        return _joined((rough, rough_channel, numbers[0]), (metal, metal_channel, numbers[1])), ONES

    def _number(self, name: str, default: float) -> float:
        return float(self._value(name, default))

    def _value(self, name: str, default: Any) -> Any:
        source = self._shader.GetInput(name)
        value = source.Get() if source else None
        return default if value is None else value

    def _node(self, name: str) -> tuple[UsdShade.Shader, str] | None:
        source = self._shader.GetInput(name)
        connected = source.GetConnectedSources()[0] if source else []
        if not connected:
            return None
        return UsdShade.Shader(connected[0].source.GetPrim()), str(connected[0].sourceName)

    def _texture(self, name: str) -> tuple[Picture | None, str]:
        """The picture that an input comes from, and which of its channels."""
        found = self._node(name)
        if found is None:
            return None, ""
        node, channel = found
        if node.GetIdAttr().Get() != "UsdUVTexture":
            raise self._odd(f"{name} comes from {node.GetIdAttr().Get()}, expected a UsdUVTexture; bake it")
        file = node.GetInput("file")
        asset = file.Get() if file else None
        if asset is None:
            raise self._odd(f"the texture of {name} names no file")
        self._note_coordinates(node)
        return self._read(asset, node.GetPrim()), channel

    def _note_coordinates(self, node: UsdShade.Shader) -> None:
        source = node.GetInput("st")
        connected = source.GetConnectedSources()[0] if source else []
        if not connected:
            return
        reader = UsdShade.Shader(connected[0].source.GetPrim())
        if reader.GetIdAttr().Get() != "UsdPrimvarReader_float2":
            raise self._odd(f"coordinates from {reader.GetIdAttr().Get()} are not supported; bake them")
        name = reader.GetInput("varname")
        self._coordinates = self._coordinates or str((name.Get() if name else "") or "")

    def _gain(self, name: str) -> tuple[float, float, float]:
        found = self._node(name)
        scale = found[0].GetInput("scale") if found else None
        value = scale.Get() if scale else None
        return ONES if value is None else (float(value[0]), float(value[1]), float(value[2]))


def _joined(rough: tuple[Picture | None, str, float], metal: tuple[Picture | None, str, float]) -> Picture:
    """Roughness in green and metallic in blue of one picture, from two pictures or numbers."""
    planes = []
    for picture, channel, number in (rough, metal):
        if picture is None:
            planes.append(Image.new("L", (1, 1), round(255 * min(max(number, 0.0), 1.0))))
            continue
        try:
            with Image.open(io.BytesIO(picture.data)) as image:
                bands = image.convert("RGBA").split()
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
            raise RejectedFileError(f"texture {picture.name} is not readable: {error}") from error
        planes.append(bands["rgba".index(channel) if channel in ("r", "g", "b", "a") else 0])
    size = max(plane.size for plane in planes)
    green, blue = (plane.resize(size) for plane in planes)
    buffer = io.BytesIO()
    Image.merge("RGB", (Image.new("L", size, 255), green, blue)).save(buffer, "PNG")
    names = [picture.name for picture, _, _ in (rough, metal) if picture]
    return Picture(name=f"{Path(names[0]).stem}_metal_rough.png", data=buffer.getvalue())
