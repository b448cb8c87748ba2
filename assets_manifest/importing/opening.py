"""Whether each file of a pack opens as what its record says, beyond having the right sum."""

from __future__ import annotations

from collections.abc import Iterator

from assets_manifest.exr import ExrError, read_exr_channels
from assets_manifest.importing.portrait import ANY
from assets_manifest.importing.raw import RejectedFileError
from assets_manifest.importing.remote import TAG as REMOTE_TAG
from assets_manifest.importing.usd_file import read_usd
from assets_manifest.library import AssetLibrary, Difference, MissingAssetError
from assets_manifest.pictures import MAX_PIXELS, open_picture
from assets_manifest.records import Asset


def unopened(library: AssetLibrary) -> Iterator[Difference]:
    """What of the library cannot be opened. What stays on another server is passed over."""
    for asset in library:
        if REMOTE_TAG not in asset.tags:
            try:
                _open(asset, library)
            except (RejectedFileError, MissingAssetError, ExrError, OSError, ValueError) as error:
                said = " ".join(str(error).split())[:300] or type(error).__name__
                yield Difference(asset_id=asset.id, path=library.folder(asset.id) / asset.uri, problem=said)


def _open(asset: Asset, library: AssetLibrary) -> None:
    path = library.path(asset.id)
    if asset.kind == "object":
        if not read_usd(path, library.folder(asset.id), ANY).meshes:
            raise RejectedFileError("no surface: it holds no mesh")
    elif path.suffix.lower() == ".exr":
        read_exr_channels(path, most_pixels=MAX_PIXELS)
    elif asset.kind != "environment":
        with open_picture(path) as image:
            image.load()
