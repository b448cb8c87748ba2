"""Every asset has a licence that its user said; what has none is refused with the option that says it."""

from __future__ import annotations

import re

import pytest

from assets_manifest.importing.licences import checked
from assets_manifest.importing.raw import ImportRefusedError, RejectedFileError
from assets_manifest.library import open_library
from tests.assets_manifest.importing.files import brought_in, obj, reasons


def test_without_a_licence_nothing_comes_in_and_the_option_is_named(tmp_path):
    obj(tmp_path / "in/a.obj")
    with pytest.raises(ImportRefusedError, match="no licence is said; give --licence"):
        brought_in(tmp_path / "in", tmp_path / "packs", licence=None)


def test_attribution_asks_for_an_author(tmp_path):
    obj(tmp_path / "in/a.obj")
    with pytest.raises(ImportRefusedError, match="CC-BY-4.0 asks for its author's name; give --author"):
        brought_in(tmp_path / "in", tmp_path / "packs", licence="CC-BY-4.0")
    brought_in(tmp_path / "in", tmp_path / "packs", licence="CC-BY-4.0", author="Ann")
    assert open_library(["mine"], tmp_path / "packs").get("mine/a").author == "Ann"


def test_a_table_says_it_file_by_file_and_goes_before_the_option(tmp_path):
    folder = tmp_path / "in"
    for name in ("a.obj", "sub/b.obj", "sub/c.obj"):
        obj(folder / name)
    rows = ["file,licence,author,title", "a.obj,MIT,Ann,A chair", "sub/b*,CC-BY-4.0,Bob,"]
    (folder / "licences.csv").write_text("\n".join(rows))
    report = brought_in(folder, tmp_path / "packs", licence="CC0-1.0")
    assert reasons(report) == {}
    library = open_library(["mine"], tmp_path / "packs")
    found = {asset.id: (asset.licence, asset.author, asset.title) for asset in library}
    assert found == {
        "mine/a": ("MIT", "Ann", "A chair"),
        "mine/sub/b": ("CC-BY-4.0", "Bob", "b"),
        "mine/sub/c": ("CC0-1.0", "unknown", "c"),
    }


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("Creative Commons Attribution-NonCommercial 4.0", "CC-BY-NC-4.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("MIT License\n\nPermission is hereby granted, free of charge", "MIT"),
        ("Apache License\n   Version 2.0, January 2004", "Apache-2.0"),
    ],
)
def test_a_known_licence_text_above_the_files_says_it(text, licence, tmp_path):
    obj(tmp_path / "in/sub/a.obj")
    (tmp_path / "in/LICENSE.txt").write_text(text)
    brought_in(tmp_path / "in", tmp_path / "packs", licence=None, author="Ann")
    assert open_library(["mine"], tmp_path / "packs").get("mine/sub/a").licence == licence


def test_an_unknown_licence_text_and_an_odd_table_are_refused(tmp_path):
    obj(tmp_path / "in/a/x.obj")
    (tmp_path / "in/a/LICENSE").write_text("all mine")
    obj(tmp_path / "in/b/y.obj")
    (tmp_path / "in/b/licences.csv").write_text("path,terms\ny.obj,MIT\n")
    obj(tmp_path / "in/ok.obj")
    (tmp_path / "in/licences.csv").write_text("file,licence\nok.obj,MIT\n")
    found = reasons(brought_in(tmp_path / "in", tmp_path / "packs", licence=None))
    assert "the text of LICENSE is of no licence that is known; give --licence" in found["a/x.obj"]
    assert "expected the columns" in found["b/y.obj"]


@pytest.mark.parametrize(
    ("licence", "meant"),
    [
        ("Bogus", "'Bogus' is no identifier of a licence;"),
        ("Apache-2", "'Apache-2' is no identifier of a licence (the nearest is Apache-2.0);"),
        (
            "MIT OR CC-BY-4",
            "'CC-BY-4' in 'MIT OR CC-BY-4' is no identifier of a licence (the nearest is CC-BY-4.0);",
        ),
        ("MIT OR", "'MIT OR' is no identifier of a licence (the nearest is MIT);"),
    ],
)
def test_what_spdx_does_not_know_is_refused_with_the_nearest_that_it_does(licence, meant):
    with pytest.raises(RejectedFileError, match=re.escape(meant)):
        checked(licence, "Ann")


def test_an_expression_asks_for_the_author_that_all_its_choices_ask_for():
    assert checked("CC-BY-4.0 OR MIT", "").author == "unknown"
    with pytest.raises(RejectedFileError, match="MIT AND CC-BY-4.0 asks for its author's name"):
        checked("MIT AND CC-BY-4.0", "")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("cc-by-4.0", "CC-BY-4.0"),
        ("LicenseRef-own", "LicenseRef-own"),
        ("0BSD", "0BSD"),
        ("cc-by-4.0 or mit", "CC-BY-4.0 OR MIT"),
        ("MIT AND Apache-2.0", "MIT AND Apache-2.0"),
    ],
)
def test_what_spdx_knows_is_kept_as_it_writes_it(given, kept):
    assert checked(given, "Ann").licence == kept
