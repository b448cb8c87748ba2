"""A pack that one session of tests made is that of the next: ten CPU seconds, for whoever runs a single file.

Kept under a digest of all that it is made of, so that whoever changes its maker has it made anew.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

import assets_manifest
from assets_manifest.fetch import fetch
from jobs.files import part_folder

SOURCES = Path(assets_manifest.__file__).parent
LIBRARIES = ("numpy", "openexr", "pillow", "scipy", "trimesh", "usd-core")


def bring(pack: str, assets: Path, kept: Path) -> None:
    """Have the pack in the assets folder: a copy of one in the folder `kept`, or made and kept there."""
    place = kept / f"{pack}-{digest_of(SOURCES)}"
    with FileLock(kept / "lock"):
        if place.is_dir() and not (assets / pack).exists():
            shutil.copytree(place, assets / pack)
        fetch(pack, assets)
        if not place.is_dir():
            for older in kept.glob(f"{pack}-*"):
                shutil.rmtree(older)
            with part_folder(place) as part:
                shutil.copytree(assets / pack, part, dirs_exist_ok=True)


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
