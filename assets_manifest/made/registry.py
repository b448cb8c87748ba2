"""The makers there are, and the file of an asset that one of them makes."""

from __future__ import annotations

import importlib
import os
import pkgutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from assets_manifest import made
from assets_manifest.library import MissingAssetError
from assets_manifest.records import AssetKind

PREFIX = "made/"
LICENCE = "CC0-1.0"

Make = Callable[[Path, tuple[str, ...]], Path]


class MadeAssetError(ValueError):
    """The words behind a maker's name are none that it understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes assets of one sort. The same words give the same bytes, in any process on any machine.

    `make(folder, words)` fills the empty `folder` and returns the asset's main file in it; it raises
    MadeAssetError for words that it does not know. Whoever changes what it makes raises `version`.
    """

    name: str
    version: int
    kind: AssetKind
    make: Make

    def asset_id(self, *words: str | int) -> str:
        """The id of the asset that these words make."""
        return "/".join((f"{PREFIX}{self.name}.{self.version}", *map(str, words)))


@cache
def makers() -> Mapping[str, Maker]:
    """Every maker by name: each `MAKER`, or each of `MAKERS`, in a module of `assets_manifest.made`."""
    found: dict[str, Maker] = {}
    for module_info in pkgutil.iter_modules(made.__path__, f"{made.__name__}."):
        module = importlib.import_module(module_info.name)
        for maker in (*getattr(module, "MAKERS", ()), *filter(None, [getattr(module, "MAKER", None)])):
            if found.setdefault(maker.name, maker) is not maker:
                raise ValueError(f"two makers are called {maker.name!r}, one of them in {module.__name__}")
    return MappingProxyType(dict(sorted(found.items())))


def is_made(asset_id: str) -> bool:
    """Whether the asset comes from a maker instead of a pack."""
    return asset_id.startswith(PREFIX)


def made_file(asset_id: str, folder: Path) -> Path:
    """The asset's file below `folder`, made there unless it is there already.

    Raises:
        MissingAssetError: no maker of this program makes it; says why.
    """
    maker, words = _understood(asset_id)
    place = folder.joinpath(*asset_id.split("/"))
    kept = place / "MAIN"  # names the main file: written last, so that what has it is whole
    if not kept.is_file():
        _make(maker, words, place, asset_id)
    return place / kept.read_text(encoding="utf-8")


def _understood(asset_id: str) -> tuple[Maker, tuple[str, ...]]:
    head, *words = asset_id.removeprefix(PREFIX).split("/")
    name, _, version = head.rpartition(".")
    maker = makers().get(name)
    if maker is None or any(word in ("", ".", "..") for word in words):
        raise MissingAssetError(f"no asset {asset_id!r}: makers are {', '.join(makers())}")
    if version != str(maker.version):
        raise MissingAssetError(
            f"no asset {asset_id!r}: {name} has version {maker.version} here, which makes others; "
            "use the version of fsd-gen that made the scene"
        )
    return maker, tuple(words)


def _make(maker: Maker, words: tuple[str, ...], place: Path, asset_id: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".made.") as scratch:
        whole = Path(scratch) / "whole"
        whole.mkdir()
        try:
            main = maker.make(whole, words)
        except MadeAssetError as error:
            raise MissingAssetError(f"no asset {asset_id!r}: {error}") from None
        (whole / "MAIN").write_text(main.relative_to(whole).as_posix(), encoding="utf-8")
        try:
            os.rename(whole, place)
        except OSError:
            if not (place / "MAIN").is_file():  # else another process was faster, with the same bytes
                raise
