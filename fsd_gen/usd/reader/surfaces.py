"""UsdPreviewSurface materials as plain values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from fsd_gen.usd.errors import AssetFileError, StageError
from fsd_gen.usd.flat_scene import ChannelName, ColourSpace, Four, Rgb, Surface, Texture, Wrap
from fsd_gen.usd.images import open_image
from fsd_gen.usd.openusd import Sdf, Usd, UsdGeom, UsdShade
from fsd_gen.usd.reader.stage import TIME, rgb_of

NO_SURFACE = "displayColor"
ONES: Four = (1.0, 1.0, 1.0, 1.0)
ZEROS: Four = (0.0, 0.0, 0.0, 0.0)
CHANNELS: tuple[ChannelName, ...] = get_args(ChannelName)
COLOUR_SPACES: tuple[ColourSpace, ...] = get_args(ColourSpace)
WRAPS: tuple[Wrap, ...] = get_args(Wrap)

T = TypeVar("T", bound=str)


class Surfaces:
    """The distinct surfaces of a stage; equal materials under different paths are one."""

    def __init__(self) -> None:
        self.all: list[Surface] = []
        self._index: dict[Surface, int] = {}
        self._of_material: dict[Sdf.Path, tuple[int, str | None]] = {}

    def of(self, material: UsdShade.Material, prim: Usd.Prim) -> tuple[int, str | None]:
        """Surface of the bound material (or of the display colour), and the primvar its textures read."""
        if not material:
            return self._add(_display_surface(prim)), None
        source = material.GetPrim()
        path = (source.GetPrimInPrototype() if source.IsInstanceProxy() else source).GetPath()
        if path not in self._of_material:
            surface, st = _SurfaceReader(material).read()
            self._of_material[path] = (self._add(surface), st)
        return self._of_material[path]

    def _add(self, surface: Surface) -> int:
        key = replace(surface, name="")
        if key not in self._index:
            self._index[key] = len(self.all)
            self.all.append(surface)
        return self._index[key]


def _display_surface(prim: Usd.Prim) -> Surface:
    """A shape without material looks like its display colour, averaged."""
    primvar = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance("displayColor")
    colours = primvar.Get(TIME) if primvar and primvar.HasValue() else None
    if colours is None or not len(colours):
        return Surface(name=NO_SURFACE)
    mean = np.asarray(colours, np.float64).reshape(-1, 3).mean(axis=0)
    return Surface(name=NO_SURFACE, diffuse=rgb_of(mean))


class _SurfaceReader:
    """One UsdPreviewSurface network."""

    def __init__(self, material: UsdShade.Material) -> None:
        self._path = material.GetPath()
        self._shader = material.ComputeSurfaceSource()[0]
        self._st: str | None = None
        kind = self._shader.GetIdAttr().Get() if self._shader else None
        if kind != "UsdPreviewSurface":
            raise StageError(f"<{self._path}>: expected a UsdPreviewSurface, got {kind or 'none'}")

    def read(self) -> tuple[Surface, str | None]:
        """The surface, and the name of the texture coordinates it reads (None without textures)."""
        if self._number("useSpecularWorkflow", 0):
            raise StageError(f"<{self._path}>: the specular workflow is not supported; use metallic")
        surface = Surface(
            name=str(self._path),
            diffuse=self._colour("diffuseColor", (0.18, 0.18, 0.18)),
            emissive=self._colour("emissiveColor", (0.0, 0.0, 0.0)),
            roughness=self._scalar("roughness", 0.5),
            metallic=self._scalar("metallic", 0.0),
            opacity=self._scalar("opacity", 1.0),
            opacity_threshold=self._number("opacityThreshold", 0.0),
            ior=self._number("ior", 1.5),
            normal=self._normal(),
        )
        holes = surface.cutout_texture
        if holes and (holes.gain, holes.bias) != (ONES, ZEROS):
            raise StageError(f"<{self._path}>: scale and bias of a cut-out's opacity texture must be 1 and 0")
        return surface, self._st

    def _source(self, name: str) -> Usd.Attribute | None:
        """Where the value of a surface input comes from."""
        shader_input = self._shader.GetInput(name)
        return _producer(shader_input) if shader_input else None

    def _number(self, name: str, default: float) -> float:
        value = self._scalar(name, default)
        if isinstance(value, Texture):
            raise StageError(f"<{self._path}>: {name} must be a number, got a texture")
        return value

    def _scalar(self, name: str, default: float) -> float | Texture:
        source = self._source(name)
        if source is not None and _is_output(source):
            return self._texture(source, name, colour=False)
        value = source.Get(TIME) if source is not None else None
        return default if value is None else float(value)

    def _colour(self, name: str, default: Rgb) -> Rgb | Texture:
        source = self._source(name)
        if source is not None and _is_output(source):
            return self._texture(source, name, colour=True)
        value = source.Get(TIME) if source is not None else None
        return default if value is None else rgb_of(value)

    def _normal(self) -> Texture | None:
        """Relative to the usual reading of a normal map, 2 * texel - 1, which is also the default."""
        source = self._source("normal")
        if source is None or not _is_output(source):
            return None
        texture = self._texture(source, "normal", colour=False)
        if (texture.gain, texture.bias) == (ONES, ZEROS):
            return texture
        x, y, z, _ = texture.gain
        u, v, w, _ = texture.bias
        bias = ((u + 1) / 2, (v + 1) / 2, (w + 1) / 2, 0.0)
        return replace(texture, gain=(x / 2, y / 2, z / 2, 1.0), bias=bias)

    def _texture(self, output: Usd.Attribute, name: str, *, colour: bool) -> Texture:
        shader = UsdShade.Shader(output.GetPrim())
        where = f"<{self._path}> {name}"
        kind = shader.GetIdAttr().Get()
        if kind != "UsdUVTexture":
            raise StageError(f"{where}: expected a UsdUVTexture, got {kind} at <{shader.GetPath()}>")
        path = _texture_file(shader, where)
        channel = _one_of(UsdShade.Utils.GetBaseNameAndType(output.GetName())[0], CHANNELS)
        if channel is None:
            raise StageError(
                f"{where}: <{shader.GetPath()}> has outputs r, g, b, a, rgb, got {output.GetName()!r}"
            )
        return Texture(
            path=path,
            colour_space=_colour_space(shader, path, colour),
            channel=channel,
            wrap=_wrap(shader),
            gain=_four(_value(shader, "scale"), ONES),
            bias=_four(_value(shader, "bias"), ZEROS),
            **self._placement(shader, where),
        )

    def _placement(self, texture: UsdShade.Shader, where: str) -> dict[str, Any]:
        """Transform of the texture coordinates; notes which primvar they are."""
        node = _connected(texture, "st")
        placement: dict[str, Any] = {}
        if node and node.GetIdAttr().Get() == "UsdTransform2d":
            placement = {
                "scale": tuple(_value(node, "scale") or (1.0, 1.0)),
                "rotation_deg": float(_value(node, "rotation") or 0.0),
                "translation": tuple(_value(node, "translation") or (0.0, 0.0)),
            }
            node = _connected(node, "in")
        if not node or node.GetIdAttr().Get() != "UsdPrimvarReader_float2":
            raise StageError(f"{where}: st of <{texture.GetPath()}> must come from a UsdPrimvarReader_float2")
        st = str(_value(node, "varname") or "")
        if not st or self._st not in (None, st):
            raise StageError(f"{where}: reads the texture coordinates {st!r}, the others read {self._st!r}")
        self._st = st
        return placement


def _producer(shader_input: UsdShade.Input) -> Usd.Attribute | None:
    attributes = shader_input.GetValueProducingAttributes()
    return attributes[0] if attributes else None


def _is_output(attribute: Usd.Attribute) -> bool:
    return bool(UsdShade.Utils.GetType(attribute.GetName()) == UsdShade.AttributeType.Output)


def _value(shader: UsdShade.Shader, name: str) -> Any:
    shader_input = shader.GetInput(name)
    source = _producer(shader_input) if shader_input else None
    return None if source is None or _is_output(source) else source.Get(TIME)


def _connected(shader: UsdShade.Shader, name: str) -> UsdShade.Shader | None:
    shader_input = shader.GetInput(name)
    source = _producer(shader_input) if shader_input else None
    return UsdShade.Shader(source.GetPrim()) if source is not None and _is_output(source) else None


def _texture_file(shader: UsdShade.Shader, where: str) -> Path:
    asset = _value(shader, "file")
    if asset is None or not asset.path:
        raise StageError(f"{where}: the texture <{shader.GetPath()}> names no file")
    resolved = asset.resolvedPath or asset.path
    if not Path(resolved).is_file():
        raise AssetFileError(f"{where}: no texture file {resolved} (authored as {asset.path})")
    return Path(resolved)


def _colour_space(shader: UsdShade.Shader, path: Path, colour: bool) -> ColourSpace:
    if authored := _one_of(_value(shader, "sourceColorSpace"), COLOUR_SPACES):
        return authored
    if not colour:
        return "raw"
    with open_image(path) as image:
        return "sRGB" if image.mode in ("RGB", "RGBA", "P", "YCbCr", "CMYK") else "raw"


def _wrap(shader: UsdShade.Shader) -> Wrap:
    modes = {name: _value(shader, name) or "useMetadata" for name in ("wrapS", "wrapT")}
    if modes["wrapS"] != modes["wrapT"]:
        raise StageError(f"<{shader.GetPath()}>: wrapS and wrapT must agree, got {modes}")
    if modes["wrapS"] == "useMetadata":
        return "repeat"
    mode = _one_of(modes["wrapS"], WRAPS)
    if mode is None:
        raise StageError(f"<{shader.GetPath()}>: expected wrapS to be of {WRAPS}, got {modes['wrapS']!r}")
    return mode


def _one_of(value: Any, known: tuple[T, ...]) -> T | None:
    """The known value that equals `value`, if there is one."""
    return next((each for each in known if each == value), None)


def _four(value: Any, default: Four) -> Four:
    if value is None:
        return default
    red, green, blue, alpha = (float(channel) for channel in value)
    return (red, green, blue, alpha)
