"""The files of an MDL module: itself, the modules beside it that it imports, and the images that they name.

A module of Omniverse's own, such as `OmniPBR.mdl`, is found inside Omniverse alone, by its name.
"""

from __future__ import annotations

import re
from pathlib import Path

MODULE = ".mdl"
IMPORT = re.compile(r"\b(?:import|using)\s+([\w:.]+)")
QUOTED = re.compile(r'"([^"\n]+\.[A-Za-z0-9]{2,5})"')
COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def module_files(module: Path) -> list[Path]:
    """The module first. What it names and is not there is left to whoever renders it. Raises OSError."""
    found, waiting = [module], [module]
    while waiting:
        for file in _named(waiting.pop()):
            if file not in found:
                found.append(file)
                waiting += [file] if file.suffix.lower() == MODULE else []
    return found


def _named(module: Path) -> list[Path]:
    text = COMMENTS.sub(" ", module.read_text("utf-8", errors="replace"))
    parts = [part for path in IMPORT.findall(text) for part in path.split(":") if part.strip(".*")]
    names = [f"{part}{MODULE}" for part in parts] + [one for one in QUOTED.findall(text) if one[0] != "/"]
    paths = (Path(module.parent, name) for name in dict.fromkeys(names))
    return [path.resolve() for path in paths if path.is_file()]
