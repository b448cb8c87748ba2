"""MDL materials: which material of which module is worn, and what its shader's inputs say.

The module itself need not be here: `OmniPBR.mdl` lies inside Omniverse alone. An input that cannot be read,
such as a texture on a Nucleus server or what another shader computes, is noted as lacking; the input has its
default then, and whoever draws the surface knows that it is not the whole of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from fsd_gen.usd.asset_files import is_asset
from fsd_gen.usd.errors import AssetFileError, StageError
from fsd_gen.usd.flat_scene import ChannelName, ColourSpace, Four, Rgb, Texture, Tile
from fsd_gen.usd.images import looks_srgb
from fsd_gen.usd.openusd import Sdf, Usd, UsdShade
from fsd_gen.usd.reader.mdl_modules import Computed, Dress, Parameter, Picture, dress_of
from fsd_gen.usd.reader.networks import is_output, producer
from fsd_gen.usd.reader.omissions import Omissions
from fsd_gen.usd.reader.primvars import Coordinates
from fsd_gen.usd.reader.textures import tiles_of
from fsd_gen.usd.reader.values import BRIGHTEST, colour, finite

SOURCE = "info:mdl:sourceAsset"
SPACES: dict[str, ColourSpace] = {"raw": "raw", "srgb": "sRGB"}  # of an attribute's colorSpace, in lower case
ONES: Four = (1.0, 1.0, 1.0, 1.0)
ZEROS: Four = (0.0, 0.0, 0.0, 0.0)
Image = tuple[Path, tuple[Tile, ...], ColourSpace]
IMAGES = ("_texture", "_image")  # how the names of inputs end that are textures
ROUNDED = 1e-6  # of numbers that a stage holds in single precision
FIRST_SET = Coordinates("st", by_number=True)


def mdl_shader(material: UsdShade.Material) -> UsdShade.Shader | None:
    """The MDL shader of a material that has no surface for every renderer; None where it has, or no MDL."""
    shader = material.ComputeSurfaceSource("mdl")[0]
    everyones = material.ComputeSurfaceSource()[0]
    if everyones and not everyones.GetPrim().HasAttribute(SOURCE):
        return None
    return shader if shader and shader.GetPrim().HasAttribute(SOURCE) else None


def module_of(shader: UsdShade.Shader) -> str:
    """The module's file as the stage names it."""
    asset = shader.GetPrim().GetAttribute(SOURCE).Get()
    return asset.path if isinstance(asset, Sdf.AssetPath) and asset.path else "no module"


def material_in(shader: UsdShade.Shader) -> str:
    """The material in the module; by default that of the module's name."""
    named = shader.GetPrim().GetAttribute(f"{SOURCE}:subIdentifier").Get()
    return str(named or "").partition("(")[0] or PurePosixPath(module_of(shader)).stem


def worn_by(shader: UsdShade.Shader, known: frozenset[str]) -> Dress | None:
    """Which of the known materials this is, by itself or dressed up by a module; None: another.

    A module that is here is read before its name is trusted. Raises AssetFileError.
    """
    asset = shader.GetPrim().GetAttribute(SOURCE).Get()
    name = material_in(shader)
    if isinstance(asset, Sdf.AssetPath) and asset.resolvedPath:
        return dress_of(Path(asset.resolvedPath), name, known)
    return Dress(name) if name in known and PurePosixPath(module_of(shader)).stem in known else None


def named(shader: UsdShade.Shader) -> str:
    """Module and material in one."""
    module, material = module_of(shader), material_in(shader)
    return module if PurePosixPath(module).stem == material else f"{module} ({material})"


class Inputs:
    """The inputs of one MDL shader at one moment."""

    def __init__(
        self,
        shader: UsdShade.Shader,
        time: Usd.TimeCode,
        omissions: Omissions,
        worn: Dress,
    ) -> None:
        """`worn` is what a module of one's own says in place of the defaults."""
        self._shader = shader
        self._worn = worn
        self._time = time
        self._omissions = omissions
        self.coordinates: Coordinates | None = None  # those that its textures read
        self.lacks: dict[str, None] = {}  # what cannot be read here, in words
        self.undecided = False  # so that nobody knows where there are holes

    def lack(self, what: str, *, holes: bool = False) -> None:
        """Note what cannot be read; `holes`: it decides where the surface is."""
        self.lacks[what] = None
        self.undecided |= holes

    def omit(self, what: str) -> None:
        """Note what is left out of the images."""
        self._omissions.add(what, self._shader.GetPath())

    def number(self, name: str, default: float, *, most: float = math.inf, holes: bool = False) -> float:
        """At least 0 and at most `most`, which it is brought to. Raises StageError."""
        value = self._plain(name, "a number", holes=holes)
        return default if value is None else min(max(finite(value, self._where(name)), 0.0), most)

    def between(self, name: str, default: float, least: float, most: float) -> float:
        """From `least` to `most`; nothing beyond is brought there. Raises StageError."""
        value = self._plain(name, "a number")
        return default if value is None else finite(value, self._where(name), least=least, most=most)

    def signed(self, name: str, default: float) -> float:
        """Any number. Raises StageError."""
        value = self._plain(name, "a number")
        return default if value is None else finite(value, self._where(name))

    def flag(self, name: str, default: bool, *, holes: bool = False) -> bool:
        """Whether it is on; noted as lacking where it is neither on nor off."""
        value = self._constant(name, holes=holes)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        if isinstance(value, int) and value in (0, 1):
            return bool(value)
        self.lack(f"{name}, which is to be true or false and is {_said(value)}", holes=holes)
        return default

    def colour(self, name: str, default: Rgb) -> Rgb:
        """Linear. Raises StageError."""
        value = self._plain(name, "a colour")
        return default if value is None else colour(value, self._where(name))

    def product(self, name: str, a: Rgb, b: Rgb) -> Rgb:
        """Two colours in one, for the input `name`. Raises StageError where that is beyond what can be."""
        red, green, blue = (self.within(name, one * other) for one, other in zip(a, b, strict=True))
        return (red, green, blue)

    def scaled(self, name: str, a: Rgb, factor: float) -> Rgb:
        """A colour times a number, as `product`."""
        return self.product(name, a, (factor, factor, factor))

    def shade(self, name: str, a: Rgb, b: Rgb = (1.0, 1.0, 1.0)) -> Rgb:
        """A product that is a share of the light; brought to 1, and noted as lacking, where it is more."""
        said = self.product(name, a, b)
        if max(said) > 1 + ROUNDED:
            self.lack(f"{name}, a share of {max(said):g} of the light, more than all")
        return (min(said[0], 1.0), min(said[1], 1.0), min(said[2], 1.0))

    def within(self, name: str, value: float) -> float:
        """The value, of at most what lights and surfaces may be. Raises StageError."""
        if abs(value) > BRIGHTEST:
            raise StageError(f"{self._where(name)}: expected at most {BRIGHTEST:g} in all, got {value:g}")
        return value

    def pair(self, name: str, default: float) -> tuple[float, float]:
        """Two numbers. Raises StageError."""
        value = self._plain(name, "two numbers")
        if value is None:
            return default, default
        if not hasattr(value, "__len__") or len(value) != 2:
            raise StageError(f"{self._where(name)}: expected two numbers, got {value!r}")
        return finite(value[0], self._where(name)), finite(value[1], self._where(name))

    def assets(self) -> Iterator[str]:
        """Every input that names a file, or ought to and is of another kind."""
        own = (each.GetBaseName() for each in self._shader.GetInputs())
        for name in dict.fromkeys((*self._worn.inputs, *own)):
            value = self._peeked(name)
            ought = name.endswith(IMAGES) and not name.startswith("enable_")
            if _file_of(value) or (ought and value is not None and not _is_texture(value)):
                yield name

    def texture(
        self,
        name: str,
        channel: ChannelName = "rgb",
        *,
        gain: Four = ONES,
        bias: Four = ZEROS,
        is_data: bool = False,
        holes: bool = False,
    ) -> Texture | None:
        """What an asset input names, if it names anything that can be read; `is_data`: never sRGB unsaid."""
        found = self._image(name, is_data=is_data, holes=holes)
        if found is None or not self._is_laid_flat(holes=holes):
            return None
        self.coordinates = FIRST_SET
        path, tiles, space = found
        return Texture(
            path=path,
            tiles=tiles,
            colour_space=space,
            channel=channel,
            gain=gain,
            bias=bias,
            wrap_s="black" if tiles else "repeat",
            wrap_t="black" if tiles else "repeat",
            scale=self._scale(),
            rotation_deg=self.signed("texture_rotate", 0.0),
            translation=self.pair("texture_translate", 0.0),
        )

    def _image(self, name: str, *, is_data: bool, holes: bool) -> Image | None:
        """The image that an input names; None, noted, where it is not here or none that can be read."""
        value = self._constant(name, holes=holes)
        try:
            if isinstance(value, Picture) and value.written:
                return _there(value.path, value.space, is_data=is_data)
            if isinstance(value, Sdf.AssetPath) and value.path:
                source = self._source(name)
                return None if source is None else _authored(source, value, is_data=is_data)
        except AssetFileError:
            self.lack(f"{name} {_file_of(value)}", holes=holes)
        if value is not None and not _is_texture(value):
            self.lack(f"{name}, which is to be a texture and is {_said(value)}", holes=holes)
        return None

    def _scale(self) -> tuple[float, float]:
        scale = self.pair("texture_scale", 1.0)
        if 0.0 in scale:
            raise StageError(f"{self._where('texture_scale')}: textures are scaled to nothing: {scale}")
        return scale

    def _is_laid_flat(self, *, holes: bool) -> bool:
        """Whether textures lie by the shape's own first coordinates; notes where they do not."""
        if self.flag("project_uvw", False):
            self.lack("project_uvw, which lays textures by projection", holes=holes)
            return False
        if number := int(self.number("uv_space_index", 0)):
            self.lack(f"uv_space_index {number}, another set of texture coordinates", holes=holes)
        return not number

    def _plain(self, name: str, kind: str, *, holes: bool = False) -> Any:
        """What a constant is that no texture can stand for. Raises StageError."""
        value = self._constant(name, holes=holes)
        if _is_texture(value):
            raise StageError(f"{self._where(name)}: expected {kind}, got a texture")
        return value

    def _constant(self, name: str, *, holes: bool = False) -> Any:
        """What the stage says, or else the module; None, noted, where it is computed."""
        source = self._source(name)
        if source is not None and is_output(source):
            self.lack(f"{name}, which <{source.GetPrim().GetPath()}> computes", holes=holes)
            return None
        value = self._peeked(name)
        if isinstance(value, Computed):
            self.lack(f"{name}, which the module computes", holes=holes)
            return None
        return value

    def _peeked(self, name: str) -> Any:
        """What `_constant` gives, without a note; `Computed` where it is."""
        source = self._source(name)
        if source is None:
            value = self._worn.inputs.get(name)
            return value.default if isinstance(value, Parameter) else value
        return Computed("") if is_output(source) else source.Get(self._time)

    def _source(self, name: str) -> Usd.Attribute | None:
        """Where the stage says it: by its own name, or that of the parameter which the module hands on."""
        said = self._worn.inputs.get(name)
        if not self._worn.is_variant and not isinstance(said, Parameter):
            return None  # the module's material has no such input
        own = self._shader.GetInput(said.name if isinstance(said, Parameter) else name)
        return producer(own) if own else None

    def _where(self, name: str) -> str:
        return f"<{self._shader.GetPath()}> {name}"


def _is_texture(value: Any) -> bool:
    return isinstance(value, Picture | Sdf.AssetPath)


def _file_of(value: Any) -> str:
    """The file as it is written; "" for what names none."""
    return value.written if isinstance(value, Picture) else str(getattr(value, "path", ""))


def _said(value: Any) -> str:
    """A value in a few words."""
    return "a texture" if _is_texture(value) else f"{value!r:.60}"


def _authored(source: Usd.Attribute, asset: Sdf.AssetPath, *, is_data: bool) -> Image:
    """The image, or the pattern of a UDIM set and its images. Raises AssetFileError."""
    said = SPACES.get(source.GetColorSpace().lower())
    if not UsdShade.UdimUtils.IsUdimIdentifier(asset.path):
        return _there(Path(asset.resolvedPath or asset.path), said, is_data=is_data)
    tiles = tiles_of(source, asset.path, str(source.GetPath()))
    return Path(asset.path), tiles, _there(tiles[0].path, said, is_data=is_data)[2]


def _there(path: Path, said: ColourSpace | None, *, is_data: bool) -> Image:
    """A file and its colour space; `auto` is as the documentation has it. Raises AssetFileError."""
    if not is_asset(path):
        raise AssetFileError(f"{path}: no such texture file")
    if said is None:
        said = "sRGB" if not is_data and looks_srgb(path) else "raw"
    return path, (), said
