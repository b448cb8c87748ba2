"""The credits that a dataset made from assets has to carry."""

from __future__ import annotations

from collections.abc import Iterable

from assets_manifest.records import Asset
from assets_manifest.spdx import members

LICENCE_TEXTS = {
    "CC-BY-3.0": "Creative Commons Attribution 3.0, https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-3.0-US": "Creative Commons Attribution 3.0 United States, "
    "https://creativecommons.org/licenses/by/3.0/us/",
    "CC0-1.0": "Creative Commons Zero 1.0, https://creativecommons.org/publicdomain/zero/1.0/",
    "MIT": "MIT, https://opensource.org/license/mit",
    "Apache-2.0": "Apache 2.0, https://www.apache.org/licenses/LICENSE-2.0",
    "LicenseRef-public-domain": "Public domain",
}


def attribution_text(assets: Iterable[Asset]) -> str:
    """One line per asset, "- LICENCE: TITLE by AUTHOR, from SOURCE (what the licence is)", sorted.

    Every line says all there is to say of its asset, so that texts can be merged line by line.
    """
    return "\n".join(sorted({_line(asset) for asset in assets}))


def _line(asset: Asset) -> str:
    title = asset.title or asset.id
    terms = "; ".join(
        dict.fromkeys(LICENCE_TEXTS.get(each, "see the source") for each in members(asset.licence))
    )
    return f'- {asset.licence}: "{title}" by {asset.author}, from {asset.source} ({terms})'
