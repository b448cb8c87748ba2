"""A page of packs that needs nothing else, and a check that files open."""

from __future__ import annotations

import re

import pytest

from assets_manifest.importing import browse
from assets_manifest.importing.opening import unopened
from assets_manifest.library import open_library
from tests.assets_manifest.importing.files import brought_in, glb, obj, png


@pytest.fixture
def mine(tmp_path):
    obj(tmp_path / "in/box.obj")
    (tmp_path / "in/licences.csv").write_text(
        'file,licence,author,title\nbox.obj,MIT,"<b>Ann</b>",<script>x</script>\n'
    )
    glb(
        tmp_path / "in/a.glb",
        images=[png()],
        material={"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}},
    )
    brought_in(tmp_path / "in", tmp_path / "packs")
    return open_library(["mine"], tmp_path / "packs")


def test_the_page_shows_every_asset_needs_no_other_file_and_escapes_all(mine, tmp_path):
    text = browse.page(mine, tmp_path / "packs")
    assert text.count("<article") == 2 == text.count("data:image/png;base64,")
    assert text.count("<script>") == 1 and "<b>Ann" not in text and "&lt;script&gt;" in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    for part in ("12 triangles", "1.00 x 1.00 x 1.00 m", "MIT", "mine/box"):
        assert part in text


def test_thumbnails_are_drawn_once(mine, tmp_path, monkeypatch):
    first = browse.page(mine, tmp_path / "packs")
    monkeypatch.setattr(browse, "portrait", lambda *_: pytest.fail("drawn again"))
    assert browse.page(mine, tmp_path / "packs") == first


def test_pictures_and_skies_of_other_packs_have_thumbnails(library, assets_home):
    for kind in ("texture", "hdri", "object"):
        asset = library.select(kind)[0]
        assert browse.thumbnail_of(asset, library, assets_home)[:4] == b"\x89PNG"


def test_files_that_do_not_open_are_named_though_their_sums_are_right(mine):
    assert list(unopened(mine)) == []
    mine.path("mine/box").write_bytes(b"PXR-USDC rotten")
    texture = mine.folder("mine/a") / mine.get("mine/a").attachments[0][0]
    texture.unlink()
    problems = {each.asset_id: each.problem for each in unopened(mine)}
    assert problems.keys() == {"mine/a", "mine/box"} and "not there" in problems["mine/a"]
