"""The Debian package that the models come from, whichever version of it can be had, compared by content.

Every release of Debian and Ubuntu carries another version of the package. Its models hardly ever change, so
what counts is what is in it: each model has a digest of all that its conversion reads, and `models.json`
holds those of the version that the pack was made for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from assets_manifest.downloads import ArchiveError, download, package_version, unpack_deb, unzip
from assets_manifest.packs.sweethome3d.catalogue import CatalogueModel, read_catalogue
from assets_manifest.packs.sweethome3d.convert import source_files
from assets_manifest.packs.sweethome3d.identity import NAME, PACKAGE
from jobs.files import file_sha256

MODELS_FILE = "models.json"  # asset id -> digest, of PACKAGE
MIN_SHARE = 0.9  # of those models, that another version must have under the same names
NAMED = 8  # models that a note names; more are counted


class FurniturePackageError(ArchiveError):
    """A package that is called like the furniture's but does not hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FurniturePackage:
    """The unpacked package."""

    label: str  # "sweethome3d-furniture 1.8-1"
    sha256: str
    libraries: tuple[Path, ...]  # folders, sorted by name
    copyright: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Asset ids by what became of them since `models.json` was written; each sorted."""

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @classmethod
    def between(cls, expected: Mapping[str, str], found: Mapping[str, str]) -> Differences:
        """Both: asset id -> digest."""
        both = expected.keys() & found.keys()
        return cls(
            changed=tuple(sorted(name for name in both if expected[name] != found[name])),
            added=tuple(sorted(found.keys() - expected.keys())),
            missing=tuple(sorted(expected.keys() - found.keys())),
        )

    def notes(self) -> tuple[str, ...]:
        """One line for each kind of difference, for `pack.yaml`."""
        kinds = (("changed", self.changed), ("new", self.added), ("missing", self.missing))
        return tuple(
            f"{len(names)} models are {kind} since {PACKAGE.label}: {_named(names)}"
            for kind, names in kinds
            if names
        )


def get_package(scratch: Path) -> FurniturePackage:
    """Download and unpack the package: the pinned version, or the one that this machine's apt has.

    Raises:
        DownloadError: there is none.
        FurniturePackageError: it holds no furniture.
    """
    archive = download(PACKAGE, scratch / "downloads", any_version=True)
    sha256 = file_sha256(archive)
    folder = scratch / f"package-{sha256[:12]}"
    unpack_deb(archive, folder / "deb")
    libraries = []
    for library in sorted(folder.glob("deb/**/*.sh3f"), key=lambda path: path.stem):
        unzip(library, folder / "libraries" / library.stem)
        libraries.append(folder / "libraries" / library.stem)
    if not libraries:
        raise FurniturePackageError(f"{archive.name}: expected furniture libraries (*.sh3f), found none")
    return FurniturePackage(
        label=PACKAGE.label if sha256 == PACKAGE.sha256 else f"{PACKAGE.package} {package_version(archive)}",
        sha256=sha256,
        libraries=tuple(libraries),
        copyright=next(iter(sorted(folder.glob("deb/usr/share/doc/*/copyright"))), None),
    )


def expected_models() -> dict[str, str]:
    """Asset id -> digest of every model in the version that the pack was made for."""
    text = files("assets_manifest.packs.sweethome3d").joinpath(MODELS_FILE).read_text(encoding="utf-8")
    return {f"{NAME}/{model}": digest for model, digest in json.loads(text).items()}


def read_models(library_folder: Path) -> dict[str, str]:
    """Asset id -> digest of every model of an unpacked library, in catalogue order."""
    return {asset_id(model): model_digest(model, library_folder) for model in read_catalogue(library_folder)}


def asset_id(model: CatalogueModel) -> str:
    """What a model's record is called."""
    return f"{NAME}/{model.library}/{model.key}"


def model_digest(model: CatalogueModel, library_folder: Path) -> str:
    """Of the catalogue's entry and of every file that converting the model reads."""
    digest = hashlib.sha256(json.dumps(asdict(model), sort_keys=True).encode())
    for file in source_files(model, library_folder):
        digest.update(f"\n{file.name}\n{file_sha256(file)}".encode())
    return digest.hexdigest()[:16]


def compare(found: Mapping[str, str], label: str) -> Differences:
    """What differs between the models found (asset id -> digest) and those expected.

    Raises:
        FurniturePackageError: too few of those expected are there.
    """
    expected = expected_models()
    differences = Differences.between(expected, found)
    there = len(expected) - len(differences.missing)
    if there < MIN_SHARE * len(expected):
        raise FurniturePackageError(
            f"{label}: expected at least {MIN_SHARE:.0%} of {len(expected)} models of {PACKAGE.label}, found "
            f"{there}; missing are {_named(differences.missing)}. Use the packs `builtin` and `surfaces` here"
        )
    return differences


def _named(names: Iterable[str]) -> str:
    short = [name.removeprefix(f"{NAME}/") for name in names]
    more = f" and {len(short) - NAMED} more" if len(short) > NAMED else ""
    return ", ".join(short[:NAMED]) + more
