"""Packs for a machine that lacks them: exactly those that are asked for, to the byte, brought there once.

    ROOT/PACK/                     where there was no pack of this name
    ROOT/.by_digest/DIGEST/PACK/   beside another pack of this name, which is left alone

What comes is not trusted: the records have to have the digest that is asked for, and every file the SHA-256
of its record. A pack appears whole, by one rename; a lock lets one process of a machine bring it, and the
others wait for it.
"""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from assets_manifest.library import (
    PACK_FILE,
    RECORDS_FILE,
    AssetLibrary,
    MissingAssetError,
    PackError,
    assets_root,
    load_pack,
)
from jobs.files import PART_SUFFIX, DiskFullError, file_sha256, part_folder
from jobs.system_errors import explain

BY_DIGEST = ".by_digest"


class PackDeliveryError(PackError):
    """A pack did not come, or came as another than was asked for."""


class PackSource(Protocol):
    """Where packs lie: another machine, a shared folder, a store."""

    def copy(self, name: str, into: Path) -> None:
        """Write the file called PACK/URI to the path `into`, in bounded memory. Raises OSError."""


def delivered(pack_name: str, digest: str, source: PackSource, root: Path | None = None) -> Path:
    """Folder of the pack whose records have this digest; brought from `source` if it is not here yet.

    Raises:
        PackDeliveryError: it cannot be had, or is not what was asked for.
        DiskFullError: there is no room for it.
    """
    folder = assets_root(root)
    folder.mkdir(parents=True, exist_ok=True)
    plain, apart = folder / pack_name, folder / BY_DIGEST / digest / pack_name
    with FileLock(folder / f".{pack_name}.lock"):
        for place in (plain, apart):
            if _digest(place) == digest:
                return place
        place = apart if plain.exists() else plain
        _bring(place, digest, source)
    return place


def files_of(library: AssetLibrary) -> dict[str, Path]:
    """Every file of the library's packs by the name that a `PackSource` knows it by."""
    found: dict[str, Path] = {}
    for asset in library:
        folder = library.folder(asset.id)
        for uri in (PACK_FILE, RECORDS_FILE, asset.uri, *(uri for uri, _ in asset.attachments)):
            found[f"{folder.name}/{uri}"] = folder / uri
    return found


def _digest(place: Path) -> str:
    """Digest of the pack at `place`; "" where there is none that can be read."""
    try:
        return load_pack(place).identity().digest
    except (MissingAssetError, PackError):
        return ""


def _bring(place: Path, digest: str, source: PackSource) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    for stale in place.parent.glob(f".{place.name}.*{PART_SUFFIX}"):
        shutil.rmtree(stale, ignore_errors=True)
    try:
        with part_folder(place) as part:
            _fill(part, place.name, digest, source)
    except DiskFullError:
        raise
    except OSError as error:
        raise _undelivered(place.name, explain(error)) from error


def _fill(part: Path, name: str, digest: str, source: PackSource) -> None:
    for file in (PACK_FILE, RECORDS_FILE):
        source.copy(f"{name}/{file}", part / file)
    try:
        pack = load_pack(part)
    except (MissingAssetError, PackError):  # which would name a folder that nobody knows
        raise _undelivered(name, f"its {PACK_FILE} and {RECORDS_FILE} make no pack") from None
    if (found := pack.identity().digest) != digest:
        raise _undelivered(name, f"its records have the digest {found[:12]}, not {digest[:12]}")
    wanted = {asset.uri: asset.sha256 for asset in pack.assets}
    wanted |= {uri: sha256 for asset in pack.assets for uri, sha256 in asset.attachments}
    for uri, sha256 in wanted.items():
        (part / uri).parent.mkdir(parents=True, exist_ok=True)
        source.copy(f"{name}/{uri}", part / uri)
        if (found := file_sha256(part / uri)) != sha256:
            raise _undelivered(name, f"{uri} came with sha256 {found[:12]}, its record says {sha256[:12]}")


def _undelivered(pack_name: str, why: str) -> PackDeliveryError:
    return PackDeliveryError(
        f"the pack {pack_name} could not be brought to {socket.gethostname()}: {why}; put it there by hand "
        f"(`fsd-gen assets fetch {pack_name}`, or copy its folder), or mend where it comes from"
    )
