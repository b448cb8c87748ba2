"""Materials as plain values: UsdPreviewSurface, and MDL where a material is that alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import Four, Rgb, Surface, Texture
from fsd_gen.usd.openusd import Sdf, Usd, UsdGeom, UsdShade
from fsd_gen.usd.reader.mdl import ROUNDED, mdl_shader
from fsd_gen.usd.reader.networks import is_output, kind_of, producer
from fsd_gen.usd.reader.omissions import Omissions
from fsd_gen.usd.reader.omni import read_mdl
from fsd_gen.usd.reader.origins import Origin, Origins
from fsd_gen.usd.reader.primvars import Coordinates
from fsd_gen.usd.reader.textures import TextureReader
from fsd_gen.usd.reader.values import BRIGHTEST, colour, finite, floats_of, ints_of, where

NO_SURFACE = "displayColor"
GREY: Rgb = (0.18, 0.18, 0.18)
ONES: Four = (1.0, 1.0, 1.0, 1.0)
ZEROS: Four = (0.0, 0.0, 0.0, 0.0)
COAT_ROUGHNESS = 0.01  # UsdPreviewSurface's own default
BRIGHTER = "{} of more than 1, which would give back more light than it gets (drawn as 1)"
OPACITY_MODES = ("transparent", "presence")

Found = tuple[int, Coordinates | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What a material says."""

    found: Found
    omitted: tuple[str, ...] = ()  # of what it asks for


class Surfaces:
    """The distinct surfaces of a stage; equal materials under different paths are one."""

    def __init__(self, time: Usd.TimeCode, omissions: Omissions, origins: Origins) -> None:
        self.all: list[Surface] = []
        self._omissions = omissions
        self._time = time
        self._index: dict[Surface, int] = {}
        self._origins = origins
        self._of_material: dict[Sdf.Path, Found] = {}
        self._of_origin: dict[Origin, _Read] = {}

    def of(self, material: UsdShade.Material, prim: Usd.Prim) -> Found:
        """Surface of the bound material (or of the display colour), and the coordinates its textures read.

        Raises:
            StageError: it cannot be rendered faithfully.
        """
        if not material:
            if _is_painted(prim, self._time):
                self._omissions.add("displayColor over a surface (its mean is drawn)", prim.GetPath())
            surface, brightest = _display_surface(prim, self._time)
            if brightest > 1 + ROUNDED:
                self._omissions.add(BRIGHTER.format("displayColor"), prim.GetPath())
            return self._add(surface), None
        source = material.GetPrim()
        path = (source.GetPrimInPrototype() if source.IsInstanceProxy() else source).GetPath()
        if path not in self._of_material:
            read = self._read(material)
            for what in read.omitted:
                self._omissions.add(what, material.GetPath())
            self._of_material[path] = read.found
        return self._of_material[path]

    def _read(self, material: UsdShade.Material) -> _Read:
        """What a material says; those of one origin are read once."""
        origin = self._origins.of_material(material.GetPrim())
        if origin is None:
            return self._read_anew(material)
        if origin not in self._of_origin:
            self._of_origin[origin] = self._read_anew(material)
        return self._of_origin[origin]

    def _read_anew(self, material: UsdShade.Material) -> _Read:
        if shader := mdl_shader(material):
            surface, st = read_mdl(shader, material.GetPath(), self._time, self._omissions)
            return _Read(found=(self._add(surface), st))
        reader = _SurfaceReader(material, self._time)
        surface, st = reader.read()
        return _Read(found=(self._add(surface), st), omitted=tuple(reader.omitted()))

    def _add(self, surface: Surface) -> int:
        key = replace(surface, name="")
        if key not in self._index:
            self._index[key] = len(self.all)
            self.all.append(surface)
        return self._index[key]


def _display_surface(prim: Usd.Prim, time: Usd.TimeCode) -> tuple[Surface, float]:
    """A shape without material looks like its display colour and opacity, averaged; and the colour's largest
    channel, which may be more than is drawn.
    """
    colour: Rgb = _display_mean(prim, "displayColor", 3, GREY, time)
    opacity = _display_mean(prim, "displayOpacity", 1, (1.0,), time)[0]
    return Surface(name=NO_SURFACE, diffuse=_at_most_all(colour), opacity=opacity), max(colour)


def _at_most_all(colour: Rgb) -> Rgb:
    """No surface gives back more light than it gets."""
    return (min(colour[0], 1.0), min(colour[1], 1.0), min(colour[2], 1.0))


def _is_painted(prim: Usd.Prim, time: Usd.TimeCode) -> bool:
    """Whether the display colour differs over the shape."""
    primvar = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance("displayColor")
    values = floats_of(primvar.GetAttr(), time, 3) if primvar and primvar.HasValue() else np.zeros((0, 3))
    return bool(len(values) and (values != values[0]).any())


def _display_mean(
    prim: Usd.Prim, name: str, width: int, default: tuple[float, ...], time: Usd.TimeCode
) -> Any:
    primvar = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance(name)
    if not primvar or not primvar.HasValue():
        return default
    values = floats_of(primvar.GetAttr(), time, width)
    if primvar.IsIndexed():
        indices = ints_of(primvar.GetIndicesAttr(), time)
        if len(indices) and (indices.min() < 0 or indices.max() >= len(values)):
            raise StageError(f"{where(primvar.GetAttr())}: indices reach beyond its {len(values)} values")
        values = values[indices]
    if not len(values):
        return default
    mean = values.astype(np.float64).mean(axis=0)
    return tuple(finite(float(channel), where(primvar.GetAttr()), least=0.0) for channel in mean)


class _SurfaceReader:
    """One UsdPreviewSurface network."""

    def __init__(self, material: UsdShade.Material, time: Usd.TimeCode) -> None:
        self._path = material.GetPath()
        self._time = time
        self._shader = material.ComputeSurfaceSource()[0]
        self._textures = TextureReader(f"<{self._path}>", time)
        kind = self._shader.GetIdAttr().Get() if self._shader else None
        if kind != "UsdPreviewSurface":
            raise StageError(f"<{self._path}>: expected a UsdPreviewSurface, got {kind or 'none'}")
        self._check_displacement(material)

    def read(self) -> tuple[Surface, Coordinates | None]:
        """The surface, and the texture coordinates it reads (None without textures)."""
        if self._number("useSpecularWorkflow", 0):
            raise StageError(f"<{self._path}>: the specular workflow is not supported; use metallic")
        mode = self._token("opacityMode", OPACITY_MODES)
        surface = Surface(
            name=str(self._path),
            diffuse=self._diffuse(),
            emissive=self._glow(),
            roughness=self._scalar("roughness", 0.5, most=1.0),
            metallic=self._scalar("metallic", 0.0, most=1.0),
            opacity=self._scalar("opacity", 1.0, most=1.0),
            opacity_threshold=self._number("opacityThreshold", 0.0, most=1.0),
            presence=mode == "presence",
            ior=self._number("ior", 1.5),
            clearcoat=self._scalar("clearcoat", 0.0, most=1.0),
            clearcoat_roughness=self._coat_roughness(),
            normal=self._normal(),
        )
        return _as_rendered(surface), self._textures.st

    def omitted(self) -> Iterator[str]:
        """What it asks for and is not drawn."""
        if self._has_patchy_coat():
            yield "clearcoatRoughness of a texture (drawn even)"
        said = self._colour("diffuseColor", GREY)
        if not isinstance(said, Texture) and max(said) > 1 + ROUNDED:
            yield BRIGHTER.format("diffuseColor")

    def _diffuse(self) -> Rgb | Texture:
        said = self._colour("diffuseColor", GREY)
        return said if isinstance(said, Texture) else _at_most_all(said)

    def _has_patchy_coat(self) -> bool:
        """Whether it asks for a coat that is smoother in some places than in others, which is not drawn."""
        coat, smooth = self._source("clearcoat"), self._source("clearcoatRoughness")
        coated = coat is not None and (is_output(coat) or bool(coat.Get(self._time)))
        return coated and smooth is not None and is_output(smooth)

    def _coat_roughness(self) -> float:
        value = self._scalar("clearcoatRoughness", COAT_ROUGHNESS, most=1.0)
        return COAT_ROUGHNESS if isinstance(value, Texture) else value

    def _source(self, name: str) -> Usd.Attribute | None:
        """Where the value of a surface input comes from."""
        shader_input = self._shader.GetInput(name)
        return producer(shader_input) if shader_input else None

    def _value(self, name: str) -> Any:
        """A constant input, a texture of it, or None."""
        source = self._source(name)
        if source is None:
            return None
        if is_output(source):
            return self._textures.read(source, name)
        return source.Get(self._time)

    def _token(self, name: str, known: tuple[str, ...]) -> str:
        value = self._value(name)
        if value is not None and value not in known:
            raise StageError(f"<{self._path}>: expected {name} to be of {known}, got {value!r}")
        return known[0] if value is None else str(value)

    def _number(self, name: str, default: float, *, most: float = math.inf) -> float:
        value = self._scalar(name, default, most=most)
        if isinstance(value, Texture):
            raise StageError(f"<{self._path}>: {name} must be a number, got a texture")
        return value

    def _scalar(self, name: str, default: float, *, most: float = math.inf) -> float | Texture:
        value = self._value(name)
        if not isinstance(value, Texture):
            asked = f"<{self._path}> {name}"
            return default if value is None else finite(value, asked, least=0.0, most=most)
        if value.channel == "rgb":
            raise StageError(f"<{self._path}> {name}: expected one channel of a texture, got rgb")
        return value

    def _colour(self, name: str, default: Rgb) -> Rgb | Texture:
        value = self._value(name)
        if isinstance(value, Texture):
            return value
        return default if value is None else colour(value, f"<{self._path}> {name}")

    def _glow(self) -> Rgb | Texture:
        glow = self._colour("emissiveColor", (0.0, 0.0, 0.0))
        brightest = max(glow.gain[:3] + glow.bias[:3]) if isinstance(glow, Texture) else max(glow)
        if brightest > BRIGHTEST:
            raise StageError(
                f"<{self._path}> emissiveColor: expected at most {BRIGHTEST:g}, got {brightest:g}"
            )
        return glow

    def _check_displacement(self, material: UsdShade.Material) -> None:
        """Only what moves no point can be rendered: truth is that of the points as they are."""
        shader = material.ComputeDisplacementSource()[0]
        if not shader:
            return
        own = shader.GetInput("displacement") if kind_of(shader) == "UsdPreviewSurface" else None
        source = producer(own) if own else None
        still = kind_of(shader) == "UsdPreviewSurface" and (
            source is None or (not is_output(source) and not source.Get(self._time))
        )
        if not still:
            raise StageError(
                f"<{self._path}>: displacement is not supported; displace the mesh, or disconnect "
                "outputs:displacement"
            )

    def _normal(self) -> Texture | None:
        """Relative to the usual reading of a normal map, 2 * texel - 1, which is also the default."""
        source = self._source("normal")
        if source is None or not is_output(source):
            return None
        texture = self._textures.read(source, "normal")
        if texture.channel != "rgb":
            raise StageError(f"<{self._path}> normal: expected rgb of a texture, got {texture.channel}")
        if (texture.gain, texture.bias) == (ONES, ZEROS):
            return texture
        x, y, z, _ = texture.gain
        u, v, w, _ = texture.bias
        bias = ((u + 1) / 2, (v + 1) / 2, (w + 1) / 2, 0.0)
        return replace(texture, gain=(x / 2, y / 2, z / 2, 1.0), bias=bias)


def _as_rendered(surface: Surface) -> Surface:
    """What is opaque enough for its threshold is opaque altogether."""
    solid = isinstance(surface.opacity, float) and not surface.absent and surface.opacity_threshold > 0
    return replace(surface, opacity=1.0, opacity_threshold=0.0) if solid else surface
