"""What MTL materials look like: by name first, then by their highlight."""

from __future__ import annotations

import pytest

from assets_manifest.meshes.load import MtlMaterial
from assets_manifest.meshes.textures import ObjectTexture
from assets_manifest.packs.sweethome3d.looks import surface_of

PICTURE = ObjectTexture(name="picture.png")


def grey(level: float) -> tuple[float, float, float]:
    return (level, level, level)


def look(name, *, kd=0.6, ks=0.5, ns=80.0, d=1.0, texture=None, vehicle=False):
    diffuse = grey(kd) if isinstance(kd, float) else kd
    written = MtlMaterial(name=name, diffuse=diffuse, specular=grey(ks), shininess=ns, opacity=d)
    return surface_of(written, texture, vehicle=vehicle)


@pytest.mark.parametrize("name", ["Couch_Chrome", "inox", "metal_faucet", "Tap", "cueBrass", "metal-handle"])
def test_what_is_called_metal_or_is_a_tap_is_metal(name):
    assert look(name).metallic == 1


@pytest.mark.parametrize(
    ("name", "material"),
    [
        ("METAL_white_paint", {}),
        ("blackmetal", {"kd": 0.05}),
        ("Red_Metal", {"kd": (0.9, 0.0, 0.1)}),
        ("metalillo", {"kd": (0.66, 0.02, 0.02)}),  # no word says it: the colour does
        ("metall", {"kd": 0.05}),
        ("metal", {"kd": 0.9, "ks": 0.1}),
        ("Metal", {"ks": 0.0}),
        ("chrome_plastic", {}),
        ("handle", {"kd": (0.4, 0.2, 0.1)}),
        ("paint", {"ks": 1.0}),
    ],
)
def test_painted_metal_and_what_is_no_metal_is_none(name, material):
    assert look(name, **material).metallic == 0


def test_metals_reflect_as_their_kind_does_however_dark_the_file_has_them():
    assert look("chrome", kd=0.17).color == pytest.approx((0.68, 0.68, 0.69))
    assert look("golden").color == (1.0, 0.71, 0.29)
    dim, bright = look("metal", kd=0.3), look("metal", kd=0.9, ks=0.8)
    assert dim.color == pytest.approx(grey(0.45)) and 0.75 < bright.color[0] <= 0.85
    assert look("chrome").roughness < look("Steel").roughness < look("metal", ns=5.0).roughness


@pytest.mark.parametrize("name", ["espejo", "miroir", "sweethome3d_window_mirror", "Door_Reflect_Left"])
def test_mirrors_mirror(name):
    mirror = look(name)
    assert (mirror.metallic, mirror.color) == (1.0, grey(0.9)) and mirror.roughness <= 0.06


def test_a_picture_of_a_mirror_and_black_glass_called_so_are_none():
    assert look("mirror", texture=PICTURE).metallic == 0
    assert look("black_mirror", kd=0.06).metallic == 0
    assert look("white-no-reflection").metallic == 0


def test_panes_are_clear_and_milk_glass_dark_glass_and_signals_stay_as_they_are():
    assert look("Glass", kd=0.82, d=0.5).opacity == pytest.approx(0.18)
    assert look("glass", kd=0.9).opacity == pytest.approx(0.18)
    for name, kd in (("white_glass", 0.7), ("glass", 0.2), ("GLASS_brake_light", (1.0, 0.0, 0.0))):
        assert look(name, kd=kd, d=0.5).opacity == 0.5
    assert look("Glass", d=0.5).roughness <= 0.1 < look("Frosted_Glass", d=0.9).roughness
    assert look("unnamed", d=0.3, ns=5.0).roughness <= 0.1  # by what it lets through
    assert look("glass", d=0.5).metallic == 0


def test_roughness_follows_the_highlight_within_what_the_stuff_can_be():
    assert look("unnamed", ns=30.0).roughness == pytest.approx(0.5)  # (2 / 32) ** (1 / 4)
    assert look("unnamed", ks=0.0).roughness == 0.9
    assert look("tissu", ns=900.0).roughness == 0.75
    assert look("faience", ns=5.0).roughness == 0.25
    assert look("unnamed", ns=1e9).roughness == 0.08


def test_what_an_exporter_writes_where_nobody_chose_says_nothing():
    default = {"ks": 0.5, "ns": 96.078431}
    assert look("unnamed", **default).roughness == 0.5
    assert look("wood", **default).roughness == pytest.approx(0.525)
    assert look("wood", ks=0.5, ns=96.5).roughness == pytest.approx(0.38, abs=0.01)


def test_the_paint_of_vehicles_is_lacquered():
    assert look("carpaint", vehicle=True).clearcoat == 1
    assert look("carpaint").clearcoat == look("seat", vehicle=True).clearcoat == 0
