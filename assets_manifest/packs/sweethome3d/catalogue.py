"""Read a Sweet Home 3D furniture library: one `PluginFurnitureCatalog.properties` per library.

The catalogue knows what the OBJ files do not: the true size of a model, which way up it is, what it is
called, who made it and whether it hangs, stands or may carry something.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

CATALOGUE_FILE = "PluginFurnitureCatalog.properties"
NOT_TURNED = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


class CatalogueError(ValueError):
    """A furniture catalogue that lacks what a model needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueModel:
    """One entry of a furniture catalogue."""

    library: str  # "Scopia"
    key: str  # unique in the library: "bed1"
    name: str
    category: str
    model: str  # OBJ file, relative to the library's folder
    width_m: float  # x
    depth_m: float  # y
    height_m: float  # z
    rotation: tuple[float, ...] = NOT_TURNED  # row by row, in the file's y-up frame
    elevation_m: float = 0.0
    drop_on_top_m: float | None = None  # None: nothing is to be put on it
    door_or_window: bool = False
    light: bool = False
    creator: str = ""


def read_catalogue(library_folder: Path) -> list[CatalogueModel]:
    """Models of one unpacked library, in catalogue order."""
    text = (library_folder / CATALOGUE_FILE).read_text(encoding="latin-1")
    entries = _entries(text)
    models = [_model(library_folder.name, number, entries[number]) for number in sorted(entries)]
    keys = [model.key for model in models]
    if len(set(keys)) != len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise CatalogueError(f"{library_folder.name}: several models share the file names {twice}")
    return models


def _entries(text: str) -> dict[int, dict[str, str]]:
    entries: dict[int, dict[str, str]] = {}
    for line in text.splitlines():
        match = re.match(r"\s*(\w+)#(\d+)\s*[=:]\s*(.*?)\s*$", line)
        if match:
            name, number, value = match.groups()
            entries.setdefault(int(number), {})[name] = _unescape(value)
    return entries


def _unescape(value: str) -> str:
    value = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match.group(1), 16)), value)
    return re.sub(r"\\(.)", r"\1", value)


def _model(library: str, number: int, entry: dict[str, str]) -> CatalogueModel:
    missing = [
        name for name in ("name", "category", "model", "width", "depth", "height") if not entry.get(name)
    ]
    if missing:
        raise CatalogueError(f"{library}: entry {number} has no {', '.join(missing)}")
    model = entry["model"].lstrip("/")
    width, depth, height = (float(entry[name]) / 100 for name in ("width", "depth", "height"))
    drop = entry.get("dropOnTopElevation")
    return CatalogueModel(
        library=library,
        key=re.sub(r"[^A-Za-z0-9_.\-]", "_", PurePosixPath(model).stem),
        name=entry["name"],
        category=entry["category"],
        model=model,
        width_m=width,
        depth_m=depth,
        height_m=height,
        rotation=_rotation(entry.get("modelRotation")),
        elevation_m=float(entry.get("elevation", 0.0)) / 100,
        drop_on_top_m=height if drop is None else None if float(drop) < 0 else float(drop) / 100,
        door_or_window=entry.get("doorOrWindow") == "true",
        light="lightSourceX" in entry or entry["category"] == "Lights",
        creator=entry.get("creator", ""),
    )


def _rotation(text: str | None) -> tuple[float, ...]:
    if not text:
        return NOT_TURNED
    values = tuple(float(value) for value in text.split())
    if len(values) != 9:
        raise CatalogueError(f"a modelRotation needs 9 numbers, got {text!r}")
    return values
