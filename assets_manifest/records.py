"""What may stand in a scene: one typed record per asset, with its licence and where it came from."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

AssetKind = Literal["object", "texture", "normal_map", "photo", "hdri", "environment"]


class Asset(BaseModel):
    """One usable asset of a pack.

    Objects are USD files: z up, metres, standing on z = 0, centred over the origin, front towards -y.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9_]+(/[A-Za-z0-9_.\-]+)+$")  # "sweethome3d/Scopia/bed1"
    kind: AssetKind
    uri: str  # path inside the pack, with forward slashes
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")  # of the file at `uri`
    licence: str  # SPDX identifier where there is one
    author: str
    source: str  # package and version, or where it was made
    title: str = ""
    tags: tuple[str, ...] = ()  # sorted: "indoor", "floor", "table", "wall", "wood", "sky" ...
    size_m: tuple[float, float, float] | None = None  # objects: extent in x, y, z
    triangles: int | None = None  # objects
    top_m: float | None = None  # objects tagged "support": height of the flat, free top
    top_rect_m: tuple[float, float, float, float] | None = None  # the free top: x0, y0, x1, y1
    hang_m: float | None = None  # objects tagged "wall": usual height of their lower edge over the floor
    tile_m: float | None = None  # textures: length of one tile in the real world
    attachments: tuple[tuple[str, str], ...] = ()  # further files the asset needs: (uri, sha256)

    @field_validator("id", "uri")
    @classmethod
    def _inside_the_pack(cls, place: str) -> str:
        path = PurePosixPath(place)
        odd = "\\" in place or "\0" in place or "." in place.split("/")
        if odd or path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"an asset's id and uri must stay inside its pack, got {place!r:.200}")
        return place

    @field_validator("attachments")
    @classmethod
    def _all_inside_the_pack(cls, attachments: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for uri, _ in attachments:
            cls._inside_the_pack(uri)
        return attachments
