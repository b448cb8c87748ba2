"""Lamps and screens that are on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from assets_manifest.derived.parts import Part
from assets_manifest.records import Asset
from fsd_gen.scene.spec import MaterialSpec, PartLook, Placement
from fsd_gen.styles.rooms import glow

WHITE = (1.0, 1.0, 1.0)
FACE = (0.4, 0.1, -0.4, 0.55)  # seen from behind the x axis: s runs to the left


def part(name, stuff, *, area=0.5, colour=(0.5, 0.5, 0.5), face=FACE):
    return Part(name=name, stuff=stuff, area_m2=area, colour=colour, textured=False, face=face)


SHADE, FOOT = part("part_001_Shade", "fabric", colour=(0.4, 0.2, 0.1)), part("part_002_Base", "wood")
SCREEN, CASE = part("part_000_LCD", "screen"), part("part_001_case", "plastic")


def test_a_shade_gives_the_lamps_light_in_all():
    (look,) = glow.shade_looks([part("a", "fabric", area=0.2, colour=WHITE)], (), 3.0, WHITE)
    assert np.pi * 0.2 * look.material.glow[0] == pytest.approx(3.0, rel=1e-3)
    two = glow.shade_looks([part(n, "fabric", area=0.2, colour=WHITE) for n in "ab"], (), 3.0, WHITE)
    assert [look.material.glow[0] for look in two] == [pytest.approx(3.0 / np.pi / 0.4, rel=1e-3)] * 2


def test_a_tiny_bulb_is_no_brighter_than_bulbs_are():
    (look,) = glow.shade_looks([part("bulb", "glass", area=1e-4, colour=WHITE)], (), 3.0, WHITE)
    assert max(look.material.glow) == glow.BRIGHTEST


def test_light_takes_on_half_of_the_shades_hue_and_the_cloth_keeps_its_look():
    (look,) = glow.shade_looks([SHADE], (), 1.0, WHITE)
    r, g, b = look.material.glow
    assert g / r == pytest.approx(0.75, rel=1e-3) and b / r == pytest.approx(0.625, rel=1e-3)
    worn = PartLook(part=SHADE.name, material=MaterialSpec(texture="made/texture.2/weave/1", opacity=0.4))
    (lit,) = glow.shade_looks([SHADE], (worn,), 1.0, WHITE)
    assert lit.material.texture == worn.material.texture and lit.material.opacity == 1
    assert glow.shade_looks([], (worn,), 1.0, WHITE) == (worn,)


def asset(title, *tags):
    return Asset(
        id="own/thing", kind="object", uri="t.usdc", sha256="c" * 64, licence="CC0-1.0", author="", source="",
        title=title, tags=tags,
    )  # fmt: skip


@pytest.fixture
def turned(monkeypatch):
    """`turned(asset, *parts)`: the looks of 60 placements of it, after switches were turned."""

    def of(thing, *found, seed=0, level=1.0):
        monkeypatch.setattr(glow, "asset_parts", lambda *_: found)
        sampler = SimpleNamespace(library=SimpleNamespace(get=lambda _: thing))
        switches = glow.Switches(sampler, np.random.default_rng(seed), level, 2700.0)
        placements = [Placement(name=f"P{k}", asset=thing.id, position=(0, 0, 0)) for k in range(60)]
        return [{look.part: look.material for look in p.looks} for p in switches.turned(placements)]

    return of


def test_most_lamps_are_on_and_only_their_shades_glow(turned):
    found = turned(asset("Lamp", "lamp"), SHADE, FOOT)
    on = [looks for looks in found if looks]
    assert 0.5 < len(on) / len(found) < 0.9
    assert all(set(looks) == {SHADE.name} and max(looks[SHADE.name].glow) > 0.3 for looks in on)
    dim = turned(asset("Lamp", "lamp"), SHADE, level=0.1)
    assert max(max(each[SHADE.name].glow) for each in dim if each) < min(
        max(each[SHADE.name].glow) for each in on
    )


def test_what_is_no_lamp_and_has_no_screen_stays_as_it_is(turned):
    assert not any(turned(asset("Sofa"), SHADE, FOOT))
    assert not any(turned(asset("Intercom with screen"), SCREEN))


def test_a_share_of_the_screens_is_on_within_what_screens_give_and_the_others_are_dark_glass(turned):
    found = [looks[SCREEN.name] for looks in turned(asset("Laptop"), SCREEN, CASE)]
    on = [screen for screen in found if screen.glow_texture]
    assert 0.35 < len(on) / len(found) < 0.75
    nits = [max(screen.glow) * glow.CD_PER_UNIT for screen in on]
    assert min(nits) >= 79 and max(nits) <= 301 and max(nits) > 2 * min(nits)
    assert len({screen.glow_texture for screen in on}) == len(on)
    assert all(
        s.glow == (0, 0, 0) and max(s.colour) < 0.02 and s.roughness < 0.15 for s in set(found) - set(on)
    )


def test_the_picture_covers_the_screen_once_and_upright(turned):
    screen = next(
        looks[SCREEN.name] for looks in turned(asset("TV"), SCREEN) if looks[SCREEN.name].glow_texture
    )
    corners = np.array([[FACE[0], FACE[1]], [FACE[2], FACE[3]]])
    assert corners * screen.uv_scale + screen.uv_offset == pytest.approx(np.array([[0, 0], [1, 1]]), abs=1e-4)
