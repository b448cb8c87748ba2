"""The files of an MDL module: itself, the modules beside it that it imports, and the images that they name.

A module of Omniverse's own, such as `OmniPBR.mdl`, is found inside Omniverse alone, by its name.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path, PurePosixPath

from fsd_gen.usd.asset_files import is_plain_file
from fsd_gen.usd.mdl_text import ModuleText, module_text

MODULE = ".mdl"
DEEPEST = 16  # folders of an imported module
PICTURES = ".bmp .dds .exr .gif .hdr .jp2 .jpeg .jpg .ktx .ktx2 .png .psd .tga .tif .tiff .tx .webp".split()
RESOURCES = (*PICTURES, MODULE, ".ies", ".mbsdf", ".vdb")
TILES = {"<UDIM>": "[1-9][0-9][0-9][0-9]", "<UVTILE0>": "_u*_v*", "<UVTILE1>": "_u*_v*"}


def module_files(module: Path) -> list[Path]:
    """The module first; all by the paths as they are written, whatever links they lead through.

    What it names and is not there is left to whoever renders it; so is, with a warning, what a module names
    that is too large to be looked into. Raises OSError.
    """
    own = Path(os.path.abspath(module))
    found, waiting = {own: None}, [own]
    while waiting:
        for file in _named(waiting.pop()):
            if file not in found:
                found[file] = None
                waiting += [file] if file.suffix.lower() == MODULE else []
    return list(found)


def _named(module: Path) -> Iterator[Path]:
    text = module_text(module)
    if text is None:
        return
    for name in dict.fromkeys((*_imported(text), *_quoted(text))):
        path = Path(os.path.normpath(module.parent / name))
        if is_plain_file(path):
            yield path
        else:
            yield from _tiles(path)


def _imported(text: ModuleText) -> Iterator[str]:
    """Modules that may lie beside this one, or in folders there."""
    for one in text.imports:
        parts = [*one.module, one.name][:DEEPEST]
        folders = accumulate(parts, lambda above, part: f"{above}/{part}")
        yield from (f"{name}{MODULE}" for name in (*parts, *folders))


def _quoted(text: ModuleText) -> Iterator[str]:
    for name in text.strings:
        if name[:1] != "/" and "\0" not in name and PurePosixPath(name).suffix.lower() in RESOURCES:
            yield name


def _tiles(pattern: Path) -> Iterator[Path]:
    """The images of a set of tiles, where it is one."""
    for mark, digits in TILES.items():
        if mark in pattern.name:
            yield from map(Path, sorted(glob.glob(glob.escape(str(pattern)).replace(mark, digits))))
