"""Surfaces at real size, and new looks for parts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from assets_manifest.derived.parts import Part
from assets_manifest.made import textures
from fsd_gen.config import Config
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles import materials
from fsd_gen.styles.flying import Config as FlyingConfig
from fsd_gen.styles.materials import blackbody
from fsd_gen.styles.sampler import Sampler


def test_black_bodies_redden_as_they_cool():
    warm, white, blue = blackbody(2700), blackbody(6600), blackbody(12000)
    assert warm[0] == 1 and warm[2] < 0.25
    assert min(white) > 0.85
    assert blue[2] == 1 and blue[0] < 0.7


@pytest.fixture
def sampler(small_config: Config, library):
    return Sampler(
        style=FlyingConfig(), image=small_config.image, rigs=small_config.rig, render=small_config.render,
        library=library, seed=1, key=SlotKey(slot=0), stratum="flying",
    )  # fmt: skip


def rng(seed=0):
    return np.random.default_rng(seed)


def words(material):
    return tuple(material.texture.split("/")[2:])


def test_what_is_made_has_its_real_size_whatever_the_scale_of_the_thing():
    for scale in (1.0, 0.2):
        coat = materials.made(rng(), "bricks", scale=scale)
        assert coat.uv_scale[0] * textures.tile_m(words(coat)) == pytest.approx(scale, abs=1e-3)
        assert coat.normal_map == coat.texture.replace("made/texture", "made/relief")
    assert materials.made(rng(), "marble").normal_map is None
    assert materials.made(rng(), "brushed").metallic == 1


def test_a_picture_covers_its_panel_once():
    coat = materials.spread(rng(), "poster", (0.5, 0.8))
    assert coat.uv_scale == (2.0, 1.25) and coat.uv_offset == (0, 0)


def with_style(sampler, **settings):
    return dataclasses.replace(sampler, style=FlyingConfig(**settings))


def test_surfaces_are_made_as_often_as_the_settings_say(sampler):
    def share(made):
        drawn = [materials.real_surface(with_style(sampler, made=made), rng(k), "wall") for k in range(60)]
        return np.mean([coat.texture.startswith("made/") for coat in drawn])

    assert share(0.0) == 0 and share(1.0) == 1 and 0.4 < share(0.6) < 0.8


def test_surfaces_of_packs_keep_their_real_size_and_get_relief_of_their_own_scale(sampler):
    plain = with_style(sampler, made=0.0)
    for k in range(40):
        coat = materials.real_surface(plain, rng(k), "plaster", "fabric")
        tile_m = plain.library.get(coat.texture).tile_m
        assert 0.8 < 1 / coat.uv_scale[0] / tile_m < 1.25
        if coat.normal_map:
            assert textures.tile_m(tuple(coat.normal_map.split("/")[2:])) * coat.uv_scale[0] < 4


def test_tags_that_nothing_has_still_give_a_surface(sampler):
    assert materials.real_surface(sampler, rng(), "nosuch").texture


def parts_of(*stuffs, **common):
    return tuple(
        Part(
            name=f"part_{n:03d}",
            stuff=stuff,
            area_m2=1.0,
            colour=(0.1 * n, 0.2, 0.3),
            textured=False,
            **common,
        )
        for n, stuff in enumerate(stuffs)
    )


@pytest.fixture
def looks(sampler, monkeypatch):
    """`looks(parts, share)`: what `relook` gives for an asset of these parts, by the parts' names."""
    asset = sampler.library.select("object")[0]

    def of(parts, share=1.0, seed=0, tags=()):
        monkeypatch.setattr(materials, "parts", lambda *_: parts)
        monkeypatch.setattr(type(sampler.library), "get", lambda *_: asset.model_copy(update={"tags": tags}))
        monkeypatch.setattr(type(sampler.library), "path", lambda *_: None)
        found = materials.relook(sampler, rng(seed), asset, share)
        return {look.part: look.material for look in found}

    return of


def sort(material):
    return words(material)[0] if material.texture else None


def test_wood_stays_wood_fabric_fabric_and_glass_glass(looks):
    stuffs = ("wood", "fabric", "glass", "mirror", "leather", "stone")
    for seed in range(25):
        wood, fabric, glass, mirror, leather, stone = looks(parts_of(*stuffs), seed=seed).values()
        assert sort(wood) in ("veneer", None)
        assert sort(fabric) in ("weave", "knit", "printed_cloth")
        assert glass.opacity < 0.7 and glass.texture is None
        assert mirror.metallic == 1 and mirror.roughness <= 0.06 and mirror.normal_map is None
        assert sort(leather) == "leather"
        assert sort(stone) in ("marble", "granite", "terrazzo", "concrete")


def test_plants_screens_paper_and_what_is_unknown_keep_their_looks(looks):
    assert looks(parts_of("plant", "screen", "paper", "other")) == {}


def test_people_vehicles_and_plants_keep_all_of_their_looks(looks):
    for tag in ("character", "vehicle", "plant"):
        assert looks(parts_of("wood", "metal"), tags=(tag,)) == {}


def test_holes_and_pictures_keep_their_looks(looks):
    assert looks(parts_of("wood", cutout=True)) == {}
    assert looks(parts_of("wood", mapped=False)) == {}
    textured = tuple(dataclasses.replace(part, textured=True) for part in parts_of("wood", "plastic"))
    assert list(looks(textured)) == ["part_000"]


def test_parts_of_one_stuff_and_colour_stay_alike(looks):
    first, second = parts_of("wood", "wood")
    twin = dataclasses.replace(first, name="part_009")
    found = [looks((first, second, twin), seed=seed) for seed in range(20)]
    assert all(each["part_000"] == each["part_009"] for each in found)
    assert {each["part_000"] == each["part_001"] for each in found} == {True, False}


def test_without_a_share_only_mirrors_change(looks):
    assert list(looks(parts_of("wood", "mirror", "metal"), share=0.0)) == ["part_001"]


def test_a_whole_coat_follows_the_shares_of_metal_and_glass(sampler):
    def drawn(**shares):
        return [materials.object_material(sampler, rng(k), 1.0, **shares) for k in range(40)]

    assert all(coat.opacity < 1 for coat in drawn(glass=1.0, metal=0.0))
    assert all(coat.metallic == 1 and not coat.texture for coat in drawn(glass=0.0, metal=1.0))


def test_photographed_textures_are_tinted_a_little_and_strongly_where_all_is_random(sampler):
    texture = sampler.library.select("texture")[0]

    def tints(**how):
        drawn = [materials.of_texture(rng(k), texture, tile_m=1.0, **how).tint for k in range(80)]
        return np.array(drawn)

    modest, strong = tints(), tints(tinted=materials.STRONG_TINT)
    assert 0.3 < (modest == 1).all(axis=1).mean() < 0.7
    assert modest.max() <= 1 and modest.min() > 0.7 and 0.1 < strong.min() < 0.5


def test_photos_of_something_keep_their_colours(sampler):
    texture = sampler.library.select("texture")[0].model_copy(update={"kind": "photo"})
    assert all(materials.of_texture(rng(k), texture, tile_m=1.0).tint == (1, 1, 1) for k in range(20))


def test_some_wood_paint_and_most_ceramics_are_lacquered_and_no_cloth_or_glass_is(looks):
    def share(stuff):
        drawn = [m for seed in range(60) for m in looks(parts_of(stuff), seed=seed).values()]
        return np.mean([material.clearcoat > 0 for material in drawn])

    assert 0.15 < share("wood") < 0.6 and share("ceramic") > 0.5 and 0.02 < share("metal") < 0.4
    assert share("fabric") == share("glass") == share("leather") == share("mirror") == 0


def test_some_whole_coats_are_lacquered(sampler):
    coats = [materials.object_material(sampler, rng(k), 1.0, metal=0.1, glass=0.1) for k in range(120)]
    assert 0.08 < np.mean([coat.clearcoat > 0 for coat in coats]) < 0.35
    assert not any(coat.clearcoat for coat in coats if coat.opacity < 1)
