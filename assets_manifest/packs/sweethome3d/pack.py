"""Download, unpack, convert and record the models of the pack.

Models are converted in parallel and each finished one leaves a note, so that an interrupted build goes on
where it stopped.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from assets_manifest.downloads import download, unpack_deb, unzip
from assets_manifest.library import Pack
from assets_manifest.meshes.flat_tops import find_flat_top
from assets_manifest.meshes.parts import size_m
from assets_manifest.packs.sweethome3d.catalogue import CatalogueModel, read_catalogue
from assets_manifest.packs.sweethome3d.convert import ConvertedModel, UnusableModelError, convert_model
from assets_manifest.packs.sweethome3d.identity import NAME, PACKAGE, VERSION
from assets_manifest.packs.sweethome3d.tags import tags_of
from assets_manifest.progress import Progress
from assets_manifest.records import Asset
from jobs.files import file_sha256, write_bytes_atomic

LICENCE_OF_LIBRARY = {
    "BlendSwap-CC-0": "CC0-1.0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "KatorLegaz": "CC-BY-3.0-US",
    "Reallusion": "CC-BY-3.0-US",
    "Scopia": "CC-BY-3.0",
}
HOLDER_OF_LIBRARY = {
    "KatorLegaz": "Andrew Kator & Jennifer Legaz",
    "Reallusion": "Reallusion (www.reallusion.com)",
    "Scopia": "Scopia Visual Interfaces Systems, s.l. (www.scopia.es)",
}


class Conversion(BaseModel):
    """What became of one model: a record, or the reason why there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asset: Asset | None = None
    skipped: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One model to convert; picklable."""

    model: CatalogueModel
    library_folder: Path
    pack_folder: Path
    note: Path  # where the Conversion goes

    @property
    def asset_id(self) -> str:
        return f"{NAME}/{self.model.library}/{self.model.key}"


def build(folder: Path, scratch: Path, on_progress: Progress, *, processes: int = 2) -> Pack:
    """Download, unpack and convert into `folder`. `scratch` keeps what an interrupted build can use again."""
    on_progress(f"downloading {PACKAGE.label} (120 MB)", 0, 1)
    archive = download(PACKAGE, scratch / "downloads")
    on_progress("unpacking", 0, 1)
    libraries = unpack_libraries(archive, scratch)
    jobs = [
        Job(model=model, library_folder=library, pack_folder=folder, note=_note(scratch, model))
        for library in libraries
        for model in read_catalogue(library)
    ]
    conversions = convert_all(jobs, on_progress, processes=processes)
    shutil.copyfile(
        scratch / "deb/usr/share/doc/sweethome3d-furniture/copyright", folder / "COPYRIGHT.debian.txt"
    )
    return Pack(
        name=NAME,
        version=VERSION,
        licence="CC0-1.0 and CC-BY-3.0: name the authors (`fsd-gen assets attribution`)",
        notes=(f"made from the Debian package {PACKAGE.label}, sha256 {PACKAGE.sha256}",),
        skipped={
            asset_id: conversion.skipped for asset_id, conversion in conversions.items() if conversion.skipped
        },
        assets=tuple(conversion.asset for conversion in conversions.values() if conversion.asset),
    )


def unpack_libraries(archive: Path, scratch: Path) -> list[Path]:
    """Folders of the furniture libraries inside the package, sorted by name."""
    deb = scratch / "deb"
    unpack_deb(archive, deb)
    folders = []
    for library in sorted((deb / "usr/share/sweethome3d/furniture").glob("*.sh3f")):
        folder = scratch / "libraries" / library.stem
        unzip(library, folder)
        folders.append(folder)
    return folders


def convert_all(jobs: list[Job], on_progress: Progress, *, processes: int) -> dict[str, Conversion]:
    """Conversion of every job by asset id, in id order; jobs that left a note are not done again."""
    conversions = {job.asset_id: conversion for job in jobs if (conversion := _read_note(job.note))}
    todo = [job for job in jobs if job.asset_id not in conversions]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, os.cpu_count() or 1), mp_context=context) as pool:
        running = {pool.submit(convert_one, job): job for job in todo}
        for future in as_completed(running):
            conversions[running[future].asset_id] = future.result()
            on_progress("converting", len(conversions), len(jobs))
    return dict(sorted(conversions.items()))


def convert_one(job: Job) -> Conversion:
    """Convert one model, write its note, say what became of it."""
    folder = job.pack_folder / "objects" / job.model.library / job.model.key
    shutil.rmtree(folder, ignore_errors=True)
    try:
        converted = convert_model(job.model, job.library_folder, folder)
        conversion = Conversion(asset=_record(job, converted))
    except UnusableModelError as error:
        shutil.rmtree(folder, ignore_errors=True)
        conversion = Conversion(skipped=f"{job.model.name}: {error}")
    job.note.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(job.note, conversion.model_dump_json().encode())
    return conversion


def _record(job: Job, converted: ConvertedModel) -> Asset:
    model, parts = job.model, converted.parts
    top = find_flat_top(parts, model.drop_on_top_m)
    tags = tags_of(model, parts, top)
    support = top if "support" in tags else None
    return Asset(
        id=job.asset_id,
        kind="object",
        uri=converted.usd.relative_to(job.pack_folder).as_posix(),
        sha256=file_sha256(converted.usd),
        licence=LICENCE_OF_LIBRARY.get(model.library, "unknown"),
        author=_author(model),
        source=f"{PACKAGE.label} (Sweet Home 3D), {model.library}/{model.key}; scaled and converted to USD",
        title=model.name,
        tags=tags,
        size_m=size_m(parts),
        triangles=sum(part.triangle_count for part in parts),
        top_m=support.height_m if support else None,
        top_rect_m=support.rect_m if support else None,
        hang_m=round(model.elevation_m, 4) if "wall" in tags and model.elevation_m > 0 else None,
        attachments=tuple(
            (path.relative_to(job.pack_folder).as_posix(), file_sha256(path)) for path in converted.textures
        ),
    )


def _author(model: CatalogueModel) -> str:
    holder = HOLDER_OF_LIBRARY.get(model.library)
    if holder is None:
        return model.creator or "unknown"
    return holder if model.creator.split()[:1] == holder.split()[:1] else f"{model.creator}, {holder}"


def _note(scratch: Path, model: CatalogueModel) -> Path:
    return scratch / "notes" / model.library / f"{model.key}.json"


def _read_note(note: Path) -> Conversion | None:
    return Conversion.model_validate_json(note.read_bytes()) if note.is_file() else None
