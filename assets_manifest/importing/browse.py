"""One HTML page of packs: thumbnails, sizes, licences, tags, triangles, and a filter; no other files.

Thumbnails are made when they are first asked for and remembered by the content of each asset's file.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets_manifest.derived.store import derived
from assets_manifest.exr import ExrError, read_exr_channels
from assets_manifest.importing.portrait import portrait
from assets_manifest.importing.raw import RejectedFileError
from assets_manifest.importing.remote import TAG as REMOTE_TAG
from assets_manifest.library import AssetLibrary, MissingAssetError, assets_root
from assets_manifest.meshes.thumbnail import picture_thumbnail
from assets_manifest.pictures import open_picture
from assets_manifest.progress import Progress, silent
from assets_manifest.records import Asset

NOTHING: Mapping[str, str] = MappingProxyType({})
SORT, VERSION = "thumbnail", 1
LARGEST_BYTES = 64 * 1024  # of one thumbnail in the page
MOST_SKY_PIXELS = 2**27
STYLE = """
body { font: 14px/1.35 system-ui, sans-serif; margin: 1rem } h1 { font-size: 1.2rem }
input { font: inherit; padding: .4rem; width: min(30rem, 90%) }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: .6rem }
article { border: 1px solid #ddd; border-radius: 6px; padding: .5rem; overflow-wrap: anywhere }
img, .none { width: 100%; height: 150px; object-fit: contain; background: #eee; display: block }
.dim { color: #666 } [hidden] { display: none }
"""
SCRIPT = """
const box = document.querySelector('input'), count = document.querySelector('#count');
const all = [...document.querySelectorAll('article')];
box.addEventListener('input', () => {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  for (const one of all) {
    one.hidden = !words.every(word => one.dataset.text.includes(word));
    shown += !one.hidden;
  }
  count.textContent = shown;
});
"""


def page(
    library: AssetLibrary,
    root: Path | None = None,
    on_progress: Progress = silent,
    drawn: Mapping[str, str] = NOTHING,
) -> str:
    """The page of everything in the library; `root` is the folder of packs.

    `drawn` says of assets, by id, what draws them or why nothing does.
    """
    assets, place = list(library), assets_root(root)
    cards = []
    for done, asset in enumerate(assets):
        on_progress(asset.id, done, len(assets))
        cards.append(_card(asset, thumbnail_of(asset, library, place), drawn.get(asset.id, "")))
    title = escape(", ".join(library.packs))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f'<h1>{title}: <span id="count">{len(cards)}</span> assets</h1>'
        '<input type="search" placeholder="filter: words of id, title, tags, licence, author" autofocus>'
        f"<main>{''.join(cards)}</main><script>{SCRIPT}</script></html>\n"
    )


def thumbnail_of(asset: Asset, library: AssetLibrary, root: Path) -> bytes:
    """A small PNG or b"" where the asset's file gives none."""

    def compute() -> dict[str, NDArray[np.uint8]]:
        return {"png": np.frombuffer(_drawn(asset, library), np.uint8)}

    found = derived(asset, root, SORT, VERSION, compute)
    return found["png"].astype(np.uint8).tobytes()


def _drawn(asset: Asset, library: AssetLibrary) -> bytes:
    if REMOTE_TAG in asset.tags:
        return b""
    try:
        path = library.path(asset.id)
        if asset.kind == "object":
            return portrait(path, library.folder(asset.id))
        if path.suffix.lower() == ".exr":
            return _sky(path)
        with open_picture(path) as image:
            image.thumbnail((512, 512), Image.Resampling.BILINEAR)
            return picture_thumbnail(np.asarray(image.convert("RGB"), np.float64) / 255)
    except (RejectedFileError, MissingAssetError, ExrError, OSError, ValueError):
        return b""  # `assets verify --open` says what is wrong with it


def _sky(path: Path) -> bytes:
    radiance = read_exr_channels(path, most_pixels=MOST_SKY_PIXELS)[:, :, :3]
    step = max(1, radiance.shape[1] // 320)
    small = np.nan_to_num(radiance[::step, ::step].clip(0, 1e4))
    exposed = small / max(float(np.median(small)) * 3, 1e-6)
    return picture_thumbnail(np.broadcast_to((exposed / (1 + exposed)) ** (1 / 2.2), (*small.shape[:2], 3)))


def _card(asset: Asset, png: bytes, drawn: str) -> str:
    size = " x ".join(f"{side:.2f}" for side in asset.size_m) + " m" if asset.size_m else ""
    tile = f"tile {asset.tile_m:g} m" if asset.tile_m else ""
    triangles = f"{asset.triangles:,} triangles" if asset.triangles else ""
    words = (asset.id, asset.title, asset.kind, *asset.tags, asset.licence, asset.author, drawn)
    text = " ".join(words).lower()
    drawn_by = f"<br>{escape(drawn)}" if drawn else ""
    lines: Iterable[str] = filter(None, (asset.kind, size, tile, triangles))
    return (
        f'<article data-text="{escape(text)}">{_image(png)}<b>{escape(asset.title or asset.id)}</b><br>'
        f"{escape(asset.id)}<br><span class='dim'>{escape(', '.join(lines))}<br>"
        f"{escape(asset.licence)}, {escape(asset.author)}<br>{escape(' '.join(asset.tags))}"
        f"{drawn_by}</span></article>"
    )


def _image(png: bytes) -> str:
    if not png or len(png) > LARGEST_BYTES:
        return '<div class="none"></div>'
    return f'<img loading="lazy" alt="" src="data:image/png;base64,{b64encode(png).decode()}">'
