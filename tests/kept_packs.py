"""A pack that one session of tests made is that of the next, with what was computed from its assets.

That saves whoever runs a single file twenty CPU seconds. It is kept under a digest of all that it is made of,
so that whoever changes its maker, or what computes from it, has it made anew.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

from filelock import FileLock

import assets_manifest
from assets_manifest.derived.store import FOLDER
from assets_manifest.fetch import fetch
from assets_manifest.records import Asset
from jobs.files import part_folder, write_bytes_atomic

SOURCES = Path(assets_manifest.__file__).parent
LIBRARIES = ("numpy", "openexr", "pillow", "scipy", "trimesh", "usd-core")


@dataclass(frozen=True, slots=True)
class KeptPack:
    """A pack in a folder that outlives sessions, or its place there."""

    name: str
    place: Path

    @classmethod
    def of(cls, name: str, kept: Path) -> Self:
        """The pack as the sources that there are now make it."""
        return cls(name, kept / f"{name}-{digest_of(SOURCES)}")

    def bring(self, assets: Path) -> None:
        """Have the pack in the assets folder: a copy of the kept one, or made and kept."""
        with FileLock(self.place.parent / "lock"):
            if (self.place / self.name).is_dir() and not (assets / self.name).exists():
                shutil.copytree(self.place, assets, dirs_exist_ok=True)
            fetch(self.name, assets)
            if not (self.place / self.name).is_dir():
                for older in self.place.parent.glob(f"{self.name}-*"):
                    shutil.rmtree(older)
                with part_folder(self.place) as part:
                    shutil.copytree(assets / self.name, part / self.name)

    def keep_derived(self, assets: Path, of: Iterable[Asset]) -> None:
        """Keep what a session computed from these assets."""
        own = {asset.sha256 for asset in of}
        with FileLock(self.place.parent / "lock"):
            for file in (assets / FOLDER).rglob("*.npz"):
                target = self.place / file.relative_to(assets)
                if file.stem in own and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    write_bytes_atomic(target, file.read_bytes())


def digest_of(sources: Path) -> str:
    """Of every file of the package, and what makes the files of a pack with it."""
    digest = hashlib.sha256(sys.version.encode())
    for name in LIBRARIES:
        digest.update(f"{name} {version(name)}\0".encode())
    for path in sorted(sources.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(sources)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:32]
