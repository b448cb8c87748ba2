"""Assets that stay on their server: a layer refers to `omniverse://`, for renderers that open that."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from assets_manifest.importing.convert import Choices, Converted
from assets_manifest.importing.licences import Licence
from assets_manifest.importing.place import TURNS
from assets_manifest.importing.raw import UNITS_M, RejectedFileError
from assets_manifest.importing.tags import ROLES, guess
from assets_manifest.records import Asset
from jobs.files import file_sha256

REMOTE = "omniverse://"
TAG = "omniverse"  # of every such asset
LAYER = "model.usda"
PLAIN = re.compile(r"omniverse://[^\s@\\\x00-\x1f]{1,1000}")


def refer(
    uri: str,
    asset_id: str,
    folder: Path,
    licence: Licence,
    choices: Choices,
    size_m: tuple[float, float, float] | None,
) -> Converted:
    """Write the layer. Raises RejectedFileError where the size is not said: nobody can measure it here."""
    if not PLAIN.fullmatch(uri):
        raise RejectedFileError(f"{uri!r:.200}: expected omniverse://SERVER/PATH without blanks or @")
    if size_m is None or min(size_m) <= 0:
        raise RejectedFileError(f"{uri}: stays on its server, so say its size: size_m: [x, y, z] in metres")
    (folder / LAYER).write_text(_layer(uri, choices), encoding="utf-8")
    name = asset_id.partition("/")[2]
    guessed = not set(choices.tags) & ROLES
    tags = {TAG, *choices.tags, *(guess(name, size_m) if guessed else ())}
    asset = Asset(
        id=asset_id,
        kind="object",
        uri=LAYER,
        sha256=file_sha256(folder / LAYER),
        licence=licence.licence,
        author=licence.author,
        source=licence.source or uri,
        title=licence.title or name.rpartition("/")[2].replace("_", " "),
        tags=tuple(sorted(tags)),
        size_m=size_m,
    )
    return Converted(
        asset=asset, files={}, notes=("stays on its server: not checked, no picture",), guessed=guessed
    )


def _layer(uri: str, choices: Choices) -> str:
    turn = np.eye(4)
    turn[:3, :3] = (TURNS[choices.up or "z"] * UNITS_M[choices.unit or "m"]).T  # USD has row vectors
    rows = ", ".join(f"({', '.join(f'{value:g}' for value in row)})" for row in turn)
    return (
        '#usda 1.0\n(\n    defaultPrim = "Object"\n    metersPerUnit = 1\n    upAxis = "Z"\n)\n\n'
        'def Xform "Object"\n{\n    def Xform "Remote" (\n'
        f"        prepend references = @{uri}@\n    )\n    {{\n"
        f"        matrix4d xformOp:transform = ( {rows} )\n"
        '        uniform token[] xformOpOrder = ["xformOp:transform"]\n    }\n}\n'
    )
