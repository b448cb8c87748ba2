"""Only my objects, and weights per pack or tag: every style obeys, and without them nothing changes."""

from __future__ import annotations

import pytest

from assets_manifest.library import AssetLibrary, Pack
from assets_manifest.records import Asset
from fsd_gen.config import ConfigError, load_config
from fsd_gen.scene.slots import SlotKey
from fsd_gen.sections import AssetsConfig
from fsd_gen.styles.choice import check_choice, chosen_library
from fsd_gen.styles.compose import compose_scene


def _pack(name, count, tag):
    assets = [
        Asset(
            id=f"{name}/{number}",
            kind="object",
            uri="a",
            sha256="0" * 64,
            licence="MIT",
            author="a",
            source="s",
            tags=(tag,),
        )
        for number in range(count)
    ]
    return Pack(name=name, version="1", licence="MIT", assets=tuple(assets))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    return AssetLibrary([(_pack("mine", 5, "chair"), folder), (_pack("other", 100, "table"), folder)])


def _seen(library, config, slots=400):
    """Of each pack, how many objects a scene may choose from, on average."""
    counts = {"mine": 0, "other": 0}
    for slot in range(slots):
        for asset in chosen_library(library, config, 3, SlotKey(slot=slot)).select("object"):
            counts[asset.id.partition("/")[0]] += 1 / slots
    return counts


def _config(**settings):
    return AssetsConfig(packs=("mine", "other"), **settings)


def test_without_settings_the_library_is_the_same_object(two):
    assert chosen_library(two, _config(), 0, SlotKey(slot=0)) is two


def test_objects_come_from_the_named_packs_alone(two):
    assert _seen(two, _config(objects_from=("mine",)), 5) == pytest.approx({"mine": 5, "other": 0})


@pytest.mark.parametrize("weights", [{"mine": 5}, {"tag:chair": 5}, {"other": 0.2}, {"tag:table": 0.2}])
def test_an_asset_is_drawn_as_often_as_it_weighs(weights, two):
    seen = _seen(two, _config(weights=weights))
    assert seen["mine"] == pytest.approx(5) and seen["other"] == pytest.approx(20, rel=0.05)


def test_the_same_attempt_sees_the_same_assets_and_all_can_be_got(two):
    first, again = (
        chosen_library(two, _config(weights={"mine": 9}), 1, SlotKey(slot=7)).select("object")
        for _ in range(2)
    )
    assert first == again and 5 < len(first) < 60
    narrowed = chosen_library(two, _config(objects_from=("mine",)), 1, SlotKey(slot=7))
    assert narrowed.get("other/3").id == "other/3"


@pytest.mark.parametrize("style", ["flying", "indoor"])
def test_every_style_obeys(style, library, small_config):
    settings = {
        "assets.packs": ["builtin"],
        "styles": {style: {}},
        "assets.weights": {"tag:table": 0, "tag:seat": 0},
    }
    config = load_config("demo", settings)
    for slot in range(4):
        used = {
            id
            for id in compose_scene(config, library, SlotKey(slot=slot)).asset_ids()
            if id.startswith("builtin/")
        }
        assert not {id for id in used if {"table", "seat"} & set(library.get(id).tags)}


def test_what_is_unknown_is_refused_with_a_suggestion(two):
    with pytest.raises(
        ConfigError, match=r"assets: objects_from: expected one of the packs, got 'mime'; did you"
    ):
        load_config("demo", {"assets.packs": ["mine"], "assets.objects_from": ["mime"]})
    with pytest.raises(ConfigError, match=r"weights: expected one of the packs, or tag:NAME, got 'mihne'"):
        load_config("demo", {"assets.packs": ["mine"], "assets.weights": {"mihne": 2}})
    with pytest.raises(ConfigError, match=r"no asset has the tag 'chairs'; did you mean 'chair'"):
        check_choice(two, _config(weights={"tag:chairs": 2}))
    with pytest.raises(ConfigError, match=r"has the tag 'sofa'; objects have chair, table$"):
        check_choice(two, _config(weights={"tag:sofa": 2}))
    with pytest.raises(ConfigError, match="every object weighs 0"):
        check_choice(two, _config(weights={"mine": 0, "other": 0}))
