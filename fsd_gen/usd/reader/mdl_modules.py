"""MDL modules that only dress up a material of Omniverse's, as NVIDIA's base materials do.

    using ::OmniPBR import OmniPBR;
    export material Carpet(*) = OmniPBR(diffuse_texture: texture_2d("./carpet.png", ::tex::gamma_srgb), ...);

Read are literals: numbers, truth values, colours, pairs and textures, also as defaults of parameters that
are handed on as they are. What is computed is `Computed`, so that whoever asks for it knows that it cannot be
read. Any other module is none of these, and so is one whose material only bears a name of Omniverse's: what
counts is where the name is imported from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from fsd_gen.usd.asset_files import is_plain_file
from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.flat_scene import ColourSpace
from fsd_gen.usd.mdl_files import MODULE
from fsd_gen.usd.mdl_text import Import, ModuleText, module_text

BRACKET = re.compile(r"[()\[\]{},]")
NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?f?", re.IGNORECASE | re.ASCII)
CALL = re.compile(r"(color|float2|float3|texture_2d)\s*\((.*)\)", re.DOTALL)
BODY = re.compile(r"\s*=\s*((?:\w*::)*\w+)\s*\(")
END = re.compile(r"\s*;")
ARGUMENT = re.compile(r"\s*(\w+)\s*:(?!:)(.*)", re.DOTALL)
TEXTURE = re.compile(r'\s*(?:"(\d+)"\s*(?:,\s*(?:\w*::)*(\w+)\s*)?)?')
GAMMAS: dict[str | None, ColourSpace | None] = {
    "gamma_srgb": "sRGB",
    "gamma_linear": "raw",
    "gamma_default": None,
    None: None,
}
WIDTHS = {"color": 3, "float3": 3, "float2": 2}
VARIANT = "*"  # in place of parameters: those of the material that is dressed up


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


Value = bool | float | tuple[float, ...] | Picture | Computed


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the module's material, handed on as it is."""

    name: str
    default: Value


Literal = Value | Parameter


@dataclass(frozen=True, slots=True)
class Dress:
    """The material that a module's material is, and what is said of it there."""

    material: str
    inputs: Mapping[str, Literal] = field(default_factory=dict)
    is_variant: bool = True  # it has all inputs of that material; otherwise those alone that are parameters


def dress_of(module: Path, material: str, known: frozenset[str]) -> Dress | None:
    """Which of the `known` materials one of the module dresses up; None where it is more, or not there.

    Raises:
        AssetFileError: the module cannot be read.
    """
    if not is_plain_file(module):
        return None
    try:
        stat = module.stat()
        return _dress_at(module, stat.st_mtime_ns, stat.st_size, material, known)
    except OSError as error:
        raise AssetFileError(f"{module}: cannot be read: {error.strerror}") from error


@lru_cache(maxsize=4096)
def _dress_at(module: Path, changed_ns: int, size: int, material: str, known: frozenset[str]) -> Dress | None:
    del changed_ns, size  # part of the key only
    text = module_text(module)
    return None if text is None else _dress_in(text, module, material, known)


def _dress_in(text: ModuleText, module: Path, material: str, known: frozenset[str]) -> Dress | None:
    code, begin = text.code, text.exports.get(material)
    if begin is None:
        return None
    end = _closing(code, begin)
    body = BODY.match(code, end + 1)
    name = _of_omniverse(body.group(1), text, module, known) if body else None
    if body is None or name is None:
        return None
    close = _closing(code, body.end())
    said = [ARGUMENT.fullmatch(part) for part in _parts(code[body.end() : close]) if part.strip()]
    if END.match(code, close + 1) is None or None in said:
        return None
    is_variant = code[begin:end].strip() == VARIANT
    reader = _Literals(text, module, {} if is_variant else _defaults(code[begin:end]))
    inputs = {part.group(1): reader.read(part.group(2).strip()) for part in said if part}
    return Dress(name, inputs, is_variant)


def _of_omniverse(called: str, text: ModuleText, module: Path, known: frozenset[str]) -> str | None:
    """The known material that a call means; None where its name is, or may be, somebody else's."""
    *place, name = (part for part in called.split("::") if part)
    if name not in known or text.renames or (not place and name in text.materials):
        return None
    given = [one for one in text.imports if one.gives(name) and one.is_of(place)]
    theirs = [one for one in given if _is_omniverses(one, module, known)]
    by_using = any(one.bare for one in theirs)
    others = [one for one in given if one not in theirs and (place or one.name == name or one.bare)]
    rivals = [one for one in others if place or one.name == name or not by_using]
    return name if theirs and not rivals else None


def _is_omniverses(one: Import, module: Path, known: frozenset[str]) -> bool:
    """Whether an import is from a module inside Omniverse: of a known name, and none that lies here."""
    named = bool(one.module) and known.issuperset(one.module)
    return named and not is_plain_file(Path(module.parent, *one.module).with_suffix(MODULE))


def _defaults(signature: str) -> dict[str, str]:
    """What the parameters are unless they are said; "" without a default."""
    named = (part.partition("=") for part in _parts(signature))
    words = ((re.findall(r"\w+", left), right.strip()) for left, _, right in named)
    return {found[-1]: right for found, right in words if found}


def _closing(code: str, begin: int) -> int:
    """Where the bracket closes that is open at `begin`; the end of the code where it does not."""
    depth = 1
    for bracket in BRACKET.finditer(code, begin):
        depth += (bracket.group() in "([{") - (bracket.group() in ")]}")
        if depth == 0:
            return bracket.start()
    return len(code)


def _parts(text: str) -> Iterator[str]:
    """What commas separate outside of brackets."""
    depth, start = 0, 0
    for bracket in BRACKET.finditer(text):
        depth += (bracket.group() in "([{") - (bracket.group() in ")]}")
        if bracket.group() == "," and depth == 0:
            yield text[start : bracket.start()]
            start = bracket.end()
    yield text[start:]


class _Literals:
    """What expressions of one material say."""

    def __init__(self, text: ModuleText, module: Path, defaults: Mapping[str, str]) -> None:
        self._text = text
        self._module = module
        self._defaults = defaults  # by the names of the material's parameters

    def read(self, text: str) -> Literal:
        """A literal, or a parameter and its default."""
        if text in self._defaults:
            return Parameter(text, self._value(self._defaults[text]))
        return self._value(text)

    def _value(self, text: str) -> Value:
        if text in ("true", "false"):
            return text == "true"
        if NUMBER.fullmatch(text):
            return float(text.rstrip("fF"))
        call = CALL.fullmatch(text)
        if call is None:
            return Computed(text)
        name, inside = call.groups()
        return self._picture(inside, text) if name == "texture_2d" else _numbers(inside, WIDTHS[name], text)

    def _picture(self, inside: str, text: str) -> Value:
        named = TEXTURE.fullmatch(inside)
        if named is None or named.group(2) not in GAMMAS:
            return Computed(text)
        written = self._text.strings[int(named.group(1))] if named.group(1) else ""
        there = written and "\0" not in written
        path = (self._module.parent / written).resolve() if there else Path(written)
        return Picture(written, path, GAMMAS[named.group(2)])


def _numbers(inside: str, width: int, text: str) -> Value:
    parts = [part.strip() for part in _parts(inside)]
    if not all(NUMBER.fullmatch(part) for part in parts) or len(parts) not in (1, width):
        return Computed(text)
    numbers = tuple(float(part.rstrip("fF")) for part in parts)
    return numbers if len(numbers) == width else numbers * width
