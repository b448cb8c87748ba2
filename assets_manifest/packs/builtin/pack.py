"""Draw, assemble and record everything in the builtin pack."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets_manifest.exr import write_exr
from assets_manifest.library import Pack
from assets_manifest.meshes.flat_tops import find_flat_top
from assets_manifest.meshes.parts import (
    MeshPart,
    crease_normals,
    indexed_part,
    place_numbers,
    size_m,
    triangle_areas,
)
from assets_manifest.meshes.usd import write_object_usd
from assets_manifest.packs.builtin.identity import NAME, VERSION
from assets_manifest.packs.builtin.objects import OBJECTS, ObjectSpec, Solid
from assets_manifest.packs.builtin.patterns import normal_map
from assets_manifest.packs.builtin.skies import SKIES, render_sky, render_studio, render_window_room
from assets_manifest.packs.builtin.textures import HEIGHTS, TEXTURES
from assets_manifest.progress import Progress
from assets_manifest.records import Asset, AssetKind
from jobs.files import file_sha256

LICENCE = "CC0-1.0"
TEXTURE_SIZE = 512  # pixels
SKY_HEIGHT = 768
ROOM_HEIGHT = 256
NORMAL_STRENGTH = 2.0
SUPPORT_TAGS = {"table"}
HANG_M = {"clock_wall": 1.7}
PICTURE_HANG_M = 1.2


def build(folder: Path, on_progress: Progress) -> Pack:
    """Make every file of the pack under `folder`."""
    makers = [
        *((_texture, name) for name in TEXTURES),
        *((_normal_map, name) for name in HEIGHTS),
        *((_sky, name) for name in (*SKIES, "studio_softboxes", "room_window")),
    ]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        surfaces = list(
            _counted(pool.map(lambda job: job[0](folder, job[1]), makers), len(makers), on_progress)
        )
    objects = [_object(folder, name, spec) for name, spec in OBJECTS.items()]
    return Pack(name=NAME, version=VERSION, licence=LICENCE, assets=tuple(surfaces + objects))


def _counted(records: Iterator[Asset], total: int, on_progress: Progress) -> Iterator[Asset]:
    for done, record in enumerate(records, 1):
        on_progress("drawing", done, total)
        yield record


def _rng(name: str) -> np.random.Generator:
    """A stream of its own for each name, so that a new texture leaves the others as they are."""
    key = int.from_bytes(name.encode().ljust(16, b"\0")[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))


def _texture(folder: Path, name: str) -> Asset:
    spec = TEXTURES[name]
    path = folder / "textures" / f"{name}.png"
    _save_png(path, spec.pattern(TEXTURE_SIZE, _rng(name)))
    return _surface_record("texture", folder, path, spec.tags, spec.tile_m)


def _normal_map(folder: Path, name: str) -> Asset:
    path = folder / "normals" / f"{name}.png"
    _save_png(path, normal_map(HEIGHTS[name](TEXTURE_SIZE, _rng(name)), NORMAL_STRENGTH))
    return _surface_record("normal_map", folder, path, (), 0.5)


def _sky(folder: Path, name: str) -> Asset:
    path = folder / "skies" / f"{name}.exr"
    if name in SKIES:
        write_exr(path, render_sky(SKIES[name], SKY_HEIGHT))
        return _surface_record("hdri", folder, path, ("outdoor", "sky", "sharp"), None)
    write_exr(path, (render_studio if name == "studio_softboxes" else render_window_room)(ROOM_HEIGHT))
    return _surface_record("hdri", folder, path, ("indoor",), None)


def _save_png(path: Path, image: NDArray[np.float64]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)).save(path, compress_level=4)


def _surface_record(
    kind: AssetKind, folder: Path, path: Path, tags: tuple[str, ...], tile_m: float | None
) -> Asset:
    return Asset(
        id=f"{NAME}/{path.stem}",
        kind=kind,
        uri=path.relative_to(folder).as_posix(),
        sha256=file_sha256(path),
        licence=LICENCE,
        author="fsd-gen",
        source=f"{NAME} {VERSION}, made by code",
        title=path.stem.replace("_", " "),
        tags=tuple(sorted(tags)),
        tile_m=tile_m,
    )


def _object(folder: Path, name: str, spec: ObjectSpec) -> Asset:
    path = folder / "objects" / f"{name}.usdc"
    parts = assemble(spec.make())
    write_object_usd(path, parts)
    top = find_flat_top(parts) if SUPPORT_TAGS & set(spec.tags) else None
    textures = sorted({p.surface.color_texture for p in parts if p.surface.color_texture})
    files = [(folder / "objects" / name).resolve() for name in textures]
    tags = {*spec.tags, *(("textured",) if textures else ()), *(("support",) if top else ())}
    return Asset(
        id=f"{NAME}/{name}",
        kind="object",
        uri=path.relative_to(folder).as_posix(),
        sha256=file_sha256(path),
        licence=LICENCE,
        author="fsd-gen",
        source=f"{NAME} {VERSION}, made by code",
        title=name.replace("_", " "),
        tags=tuple(sorted(tags)),
        size_m=size_m(parts),
        triangles=sum(part.triangle_count for part in parts),
        top_m=top.height_m if top else None,
        top_rect_m=top.rect_m if top else None,
        hang_m=HANG_M.get(name, PICTURE_HANG_M) if "wall" in spec.tags else None,
        attachments=tuple(
            (file.relative_to(folder.resolve()).as_posix(), file_sha256(file)) for file in files
        ),
    )


def assemble(solids: list[Solid]) -> list[MeshPart]:
    """Parts of one object, moved to stand on z = 0 with the middle of its bounding box over the origin."""
    points = np.concatenate([soup.points_f33.reshape(-1, 3) for soup, _ in solids])
    low, high = points.min(axis=0), points.max(axis=0)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    parts = []
    for soup, surface in solids:
        corners = soup.points_f33 - origin
        keep = triangle_areas(corners) > 1e-12
        corners, uv = corners[keep], soup.uv_f32[keep]
        places = place_numbers(corners.reshape(-1, 3), 1e-6).reshape(-1, 3)
        parts.append(indexed_part(surface.name, surface, corners, crease_normals(corners, places), uv))
    return parts
