"""The credits that a dataset made from assets has to carry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from assets_manifest.records import Asset

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
    """Title, author, source and licence of every asset, by licence, then author, then title."""
    by_licence: dict[str, list[Asset]] = defaultdict(list)
    for asset in assets:
        by_licence[asset.licence].append(asset)
    sections = [_section(licence, by_licence[licence]) for licence in sorted(by_licence)]
    return "\n".join(["Assets in these images and their authors", "", *sections])


def _section(licence: str, assets: list[Asset]) -> str:
    heading = f"{licence}: {LICENCE_TEXTS.get(licence, 'see the source')}"
    ordered = sorted(assets, key=lambda asset: (asset.author.lower(), asset.title.lower(), asset.id))
    lines = [f'- "{asset.title or asset.id}" by {asset.author}, from {asset.source}' for asset in ordered]
    return "\n".join([heading, "-" * len(heading), *lines, ""])
