from __future__ import annotations

from pathlib import Path

import pytest

from assets_manifest.packs.sweethome3d.catalogue import CatalogueError, read_catalogue
from tests.assets_manifest.packs.sweethome3d.furniture import (
    CATALOGUE,
    write_library,
)


def test_a_catalogue_entry_is_read(tmp_path: Path) -> None:
    (model,) = read_catalogue(write_library(tmp_path))
    assert (model.key, model.name, model.library) == ("cube", "Café table", "Demo")
    assert (model.width_m, model.depth_m, model.height_m, model.elevation_m) == (1.2, 0.6, 0.75, 0.1)
    assert model.drop_on_top_m == 0.75


def test_an_entry_without_a_size_is_refused(tmp_path: Path) -> None:
    library = write_library(tmp_path, catalogue=CATALOGUE.replace("width#1=120.0\n", ""))
    with pytest.raises(CatalogueError, match="entry 1 has no width"):
        read_catalogue(library)
