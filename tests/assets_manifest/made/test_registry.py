"""Assets made from numbers when they are needed."""

from __future__ import annotations

import pytest

from assets_manifest.library import MissingAssetError
from assets_manifest.made import registry
from assets_manifest.made.registry import MadeAssetError, Maker, made_file

CALLS = []


def stamp(folder, words):
    if words[0] == "nonsense":
        raise MadeAssetError("expected a seed, got 'nonsense'")
    CALLS.append(words)
    (folder / "stamp.png").write_text("-".join(words))
    return folder / "stamp.png"


STAMP = Maker(name="stamp", version=3, kind="texture", make=stamp)


@pytest.fixture(autouse=True)
def only_stamps(monkeypatch):
    CALLS.clear()
    monkeypatch.setattr(registry, "makers", lambda: {"stamp": STAMP})


def test_the_words_in_an_id_make_the_file_once(tmp_path):
    asset_id = STAMP.asset_id(7, "red")
    assert asset_id == "made/stamp.3/7/red"
    first, again = made_file(asset_id, tmp_path), made_file(asset_id, tmp_path)
    assert first == again and first.read_text() == "7-red" and len(CALLS) == 1
    assert first.is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("asset_id", "why"),
    [
        ("made/stamp.2/7", "version 3 here"),
        ("made/stump.3/7", "makers are stamp"),
        ("made/stamp.3/../7", "makers are"),
        ("made/stamp.3/nonsense", "expected a seed"),
    ],
)
def test_what_no_maker_makes_is_missing_with_the_reason(tmp_path, asset_id, why):
    with pytest.raises(MissingAssetError, match=why):
        made_file(asset_id, tmp_path)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_what_was_cut_off_is_made_again(tmp_path):
    place = tmp_path / "made" / "stamp.3" / "7"
    place.parent.mkdir(parents=True)
    (place.parent / ".made.dead").mkdir()
    assert made_file(STAMP.asset_id(7), tmp_path).read_text() == "7"
