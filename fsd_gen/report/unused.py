"""Assets that no scene used, of the packs that the scenes of a run draw from."""

from __future__ import annotations

from assets_manifest.library import MissingAssetError, PackError, open_library
from fsd_gen.production.survey import Survey
from fsd_gen.report.gather import Numbers


def unused_assets(numbers: Numbers, found: Survey) -> list[str] | None:
    """Their ids; None where the packs, those of the config or else those that were met, are not here."""
    packs = found.run.config.assets.packs if found.run else sorted(numbers.packs - {"made"})
    try:
        library = open_library(packs)
    except (MissingAssetError, PackError):
        return None
    return [asset.id for asset in library if asset.id not in numbers.assets]
