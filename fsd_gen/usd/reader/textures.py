"""UsdUVTexture nodes as plain textures: file or UDIM tiles, colour space, wrapping, placement."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, get_args

from fsd_gen.usd.asset_files import is_asset
from fsd_gen.usd.errors import AssetFileError, StageError
from fsd_gen.usd.flat_scene import ChannelName, ColourSpace, Four, Texture, Tile, Wrap
from fsd_gen.usd.images import looks_srgb
from fsd_gen.usd.openusd import Sdf, Usd, UsdShade
from fsd_gen.usd.reader.networks import connected, constant, is_output, kind_of, producer
from fsd_gen.usd.reader.primvars import Coordinates
from fsd_gen.usd.reader.values import finite

CHANNELS: tuple[ChannelName, ...] = tuple(name for name in get_args(ChannelName) if name != "mean")
COLOUR_SPACES: tuple[ColourSpace, ...] = get_args(ColourSpace)
WRAPS: tuple[Wrap, ...] = get_args(Wrap)
READER = "UsdPrimvarReader_float2"
FIRST_UDIM, UDIM_COLUMNS = 1001, 10
MAX_CELLS = 400  # of the rectangle of texture space that a UDIM set spans

T = TypeVar("T", bound=str)


class TextureReader:
    """The textures of one material, which all read the same texture coordinates."""

    def __init__(self, material: str, time: Usd.TimeCode) -> None:
        self._material = material  # its path in angle brackets
        self._time = time
        self.st: Coordinates | None = None

    def read(self, output: Usd.Attribute, name: str) -> Texture:
        """What a UsdUVTexture gives to the input `name` of the surface. Raises StageError."""
        shader = UsdShade.Shader(output.GetPrim())
        where = f"{self._material} {name}"
        if kind_of(shader) != "UsdUVTexture":
            raise StageError(
                f"{where}: expected a UsdUVTexture, got {kind_of(shader)} at <{shader.GetPath()}>"
            )
        channel = _one_of(UsdShade.Utils.GetBaseNameAndType(output.GetName())[0], CHANNELS)
        if channel is None:
            raise StageError(
                f"{where}: <{shader.GetPath()}> has outputs r, g, b, a, rgb, got {output.GetName()!r}"
            )
        path, tiles = self._files(shader, where)
        wrap_s, wrap_t = self._wraps(shader, tiled=bool(tiles))
        return Texture(
            path=path,
            tiles=tiles,
            colour_space=self._colour_space(shader, tiles[0].path if tiles else path, name),
            channel=channel,
            wrap_s=wrap_s,
            wrap_t=wrap_t,
            gain=self._four(shader, "scale", 1.0),
            bias=self._four(shader, "bias", 0.0),
            **self._placement(shader, where),
        )

    def _files(self, shader: UsdShade.Shader, where: str) -> tuple[Path, tuple[Tile, ...]]:
        """The image, or the pattern of a UDIM set and its images."""
        asset = constant(shader, "file", self._time)
        if not isinstance(asset, Sdf.AssetPath) or not asset.path:
            raise StageError(f"{where}: the texture <{shader.GetPath()}> names no file")
        if UsdShade.UdimUtils.IsUdimIdentifier(asset.path):
            return Path(asset.path), tiles_of(producer(shader.GetInput("file")), asset.path, where)
        path = Path(asset.resolvedPath or asset.path)
        if not is_asset(path):
            raise AssetFileError(f"{where}: no texture file {path} (authored as {asset.path})")
        return path, ()

    def _colour_space(self, shader: UsdShade.Shader, path: Path, name: str) -> ColourSpace:
        authored = constant(shader, "sourceColorSpace", self._time)
        if known := _one_of(authored, COLOUR_SPACES):
            return known
        if authored not in (None, "", "auto"):
            raise StageError(
                f"<{shader.GetPath()}>: expected sourceColorSpace to be raw, sRGB or auto, got {authored!r}"
            )
        return "sRGB" if name != "normal" and looks_srgb(path) else "raw"

    def _wraps(self, shader: UsdShade.Shader, *, tiled: bool) -> tuple[Wrap, Wrap]:
        if tiled:
            return "black", "black"
        return self._wrap(shader, "wrapS"), self._wrap(shader, "wrapT")

    def _wrap(self, shader: UsdShade.Shader, name: str) -> Wrap:
        authored = constant(shader, name, self._time) or "useMetadata"
        if authored == "useMetadata":
            return "repeat"
        mode = _one_of(authored, WRAPS)
        if mode is None:
            raise StageError(f"<{shader.GetPath()}>: expected {name} to be of {WRAPS}, got {authored!r}")
        return mode

    def _four(self, shader: UsdShade.Shader, name: str, default: float) -> Four:
        red, green, blue, alpha = self._numbers(shader, name, (default,) * 4)
        return (red, green, blue, alpha)

    def _numbers(self, shader: UsdShade.Shader, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
        """A constant vector input of as many numbers as its default has."""
        shader_input = shader.GetInput(name)
        source = producer(shader_input) if shader_input else None
        named = f"<{shader.GetPath()}> {name}"
        if source is not None and is_output(source):
            raise StageError(f"{named}: must be constant, got what <{source.GetPrim().GetPath()}> computes")
        value = source.Get(self._time) if source is not None else None
        if value is None:
            return default
        if not hasattr(value, "__len__") or len(value) != len(default):
            raise StageError(f"{named}: expected {len(default)} numbers, got {value!r}")
        return tuple(finite(number, named) for number in value)

    def _placement(self, texture: UsdShade.Shader, where: str) -> dict[str, Any]:
        """Transform of the texture coordinates; notes which they are."""
        node = connected(texture, "st")
        placement: dict[str, Any] = {}
        if node and kind_of(node) == "UsdTransform2d":
            placement = self._transform(node)
            node = connected(node, "in")
        if not node or kind_of(node) != READER:
            raise StageError(f"{where}: st of <{texture.GetPath()}> must come from a {READER}")
        primvar = str(constant(node, "varname", self._time) or "")
        first, second = self._numbers(node, "fallback", (0.0, 0.0))
        found = Coordinates(primvar, (first, second))
        if not primvar or self.st not in (None, found):
            other = self.st.primvar if self.st else None
            raise StageError(f"{where}: reads the texture coordinates {primvar!r}, the others read {other!r}")
        self.st = found
        return placement

    def _transform(self, node: UsdShade.Shader) -> dict[str, Any]:
        rotation = constant(node, "rotation", self._time)
        scale = self._numbers(node, "scale", (1.0, 1.0))
        if 0.0 in scale:
            raise StageError(f"<{node.GetPath()}>: texture coordinates are scaled to nothing: {scale}")
        return {
            "scale": scale,
            "rotation_deg": 0.0 if rotation is None else finite(rotation, f"<{node.GetPath()}> rotation"),
            "translation": self._numbers(node, "translation", (0.0, 0.0)),
        }


def tiles_of(source: Usd.Attribute, pattern: str, where: str) -> tuple[Tile, ...]:
    """All images of the UDIM set that an attribute names. Raises AssetFileError."""
    specs = source.GetPropertyStack(Usd.TimeCode.Default())
    layer = specs[0].layer if specs else source.GetStage().GetRootLayer()
    found = UsdShade.UdimUtils.ResolveUdimTilePaths(pattern, layer)
    tiles = []
    for path, number in found:
        row, column = divmod(int(number) - FIRST_UDIM, UDIM_COLUMNS)
        tiles.append(Tile(column=column, row=row, path=Path(path)))
    if not tiles:
        raise AssetFileError(f"{where}: no texture file for any UDIM tile of {pattern}")
    set_of_tiles = Texture(path=Path(pattern), colour_space="raw", tiles=tuple(tiles))
    columns, rows = set_of_tiles.window[2:]
    if columns * rows > MAX_CELLS:
        raise AssetFileError(
            f"{where}: the UDIM tiles of {pattern} span {columns} x {rows}, at most {MAX_CELLS} cells can be"
        )
    return set_of_tiles.tiles


def _one_of(value: Any, known: tuple[T, ...]) -> T | None:
    """The known value that equals `value`, if there is one."""
    return next((each for each in known if each == value), None)
