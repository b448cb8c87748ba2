"""MDL modules that only dress up a material of Omniverse's, as NVIDIA's base materials do.

    export material Carpet(*) = OmniPBR(diffuse_texture: texture_2d("./carpet.png", ::tex::gamma_srgb), ...);

Read are literals: numbers, truth values, colours, pairs and textures. What is computed is `Computed`, so that
whoever asks for it knows that it cannot be read. Any other module is none of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.flat_scene import ColourSpace

COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
NOTES = re.compile(r"\[\[.*?\]\]", re.DOTALL)
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?f?$", re.IGNORECASE)
CALL = re.compile(r"(color|float2|float3|texture_2d)\s*\((.*)\)$", re.DOTALL)
GAMMAS: dict[str, ColourSpace] = {"gamma_srgb": "sRGB", "gamma_linear": "raw"}
WIDTHS = {"color": 3, "float3": 3, "float2": 2}


@dataclass(frozen=True, slots=True)
class Picture:
    """A texture that a module names."""

    written: str
    path: Path
    space: ColourSpace | None  # None: auto


@dataclass(frozen=True, slots=True)
class Computed:
    """An expression that is no literal."""

    text: str


Literal = bool | float | tuple[float, ...] | Picture | Computed


@dataclass(frozen=True, slots=True)
class Dress:
    """The material that a module's material is, and what is said of it there."""

    material: str
    inputs: Mapping[str, Literal] = field(default_factory=dict)


def dress_of(module: Path, material: str) -> Dress | None:
    """What a material of the module dresses up; None where it is more than that, or not there.

    Raises:
        AssetFileError: the module cannot be read.
    """
    if not module.is_file():
        return None
    try:
        text = NOTES.sub(" ", COMMENTS.sub(" ", module.read_text("utf-8", errors="replace")))
    except OSError as error:
        raise AssetFileError(f"{module}: cannot be read: {error.strerror}") from error
    head = re.search(rf"\bexport\s+material\s+{re.escape(material)}\s*\(", text)
    if head is None:
        return None
    parameters = _within(text[head.end() :])
    rest = text[head.end() + len(parameters) + 1 :]
    body = re.match(r"\s*=\s*(?:[\w.]*::)*(\w+)\s*\(", rest)
    if body is None:
        return None
    said = (part.partition(":") for part in _parts(_within(rest[body.end() :])))
    inputs = {name.strip(): _literal(value.strip(), module) for name, colon, value in said if colon}
    return Dress(body.group(1), inputs)


def _within(text: str) -> str:
    """Up to the bracket that closes one which is open already."""
    depth = 1
    for place, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0:
            return text[:place]
    return text


def _parts(text: str) -> Iterator[str]:
    """What commas separate outside of brackets."""
    depth, start = 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _literal(text: str, module: Path) -> Literal:
    if text in ("true", "false"):
        return text == "true"
    if NUMBER.match(text):
        return float(text.rstrip("fF"))
    call = CALL.match(text)
    if call is None:
        return Computed(text)
    name, inside = call.groups()
    return _picture(inside, module) if name == "texture_2d" else _numbers(inside, WIDTHS[name], text)


def _numbers(inside: str, width: int, text: str) -> Literal:
    parts = [part.strip() for part in _parts(inside)]
    if not all(NUMBER.match(part) for part in parts) or len(parts) not in (1, width):
        return Computed(text)
    numbers = tuple(float(part.rstrip("fF")) for part in parts)
    return numbers if len(numbers) == width else numbers * width


def _picture(inside: str, module: Path) -> Literal:
    named = re.match(r'\s*"([^"]*)"', inside)
    written = named.group(1) if named else ""
    space = next((space for gamma, space in GAMMAS.items() if gamma in inside), None)
    return Picture(written, (module.parent / written).resolve() if written else Path(), space)
