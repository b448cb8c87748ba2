"""Hard surfaces in the shares asked for."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from assets_manifest.derived.parts import Part
from fsd_gen.scene.spec import MaterialSpec, Panel, PartLook, Placement
from fsd_gen.styles import hard
from fsd_gen.styles.hard import KINDS, ON_PANELS, WORN_BY, Quota, hard_material, harden, harden_panel
from fsd_gen.styles.sampler import HardConfig


def rng(seed=0):
    return np.random.default_rng(seed)


def test_over_many_things_every_kind_has_its_share():
    config = HardConfig(glass=0.1, mirror=0.02, plain=0.0)
    found = Counter()
    for scene in range(200):
        quota = Quota.of(config, rng(scene))
        found.update(quota.next() for _ in range(10))
    expected = {kind: config.share(kind) for kind in KINDS}
    assert {kind: found[kind] / 2000 for kind in KINDS} == pytest.approx(expected, abs=0.015)
    assert found["plain"] == 0


def test_what_is_due_waits_for_a_thing_that_can_wear_it():
    quota = Quota.of(HardConfig(glass=0.5, **dict.fromkeys(KINDS[1:], 0.0)), rng())
    assert [quota.next(("mirror",)) for _ in range(4)] == [None] * 4
    assert quota.next(("glass",)) == quota.next(("glass",)) == "glass"


def test_shares_beyond_all_are_refused():
    with pytest.raises(ValueError, match="at most 1, got 1.2"):
        HardConfig(glass=0.6, mirror=0.6, brushed_metal=0, translucent=0, repetition=0, plain=0)


def test_every_kind_looks_its_part():
    looks = {kind: hard_material(rng(), kind) for kind in KINDS}
    assert looks["glass"].opacity < 0.35 and looks["glass"].roughness == 0
    assert looks["mirror"].metallic == 1 and looks["mirror"].roughness < 0.06
    assert "brushed" in looks["brushed_metal"].texture and looks["brushed_metal"].metallic == 1
    assert 0.3 < looks["translucent"].opacity < 0.7 and looks["translucent"].roughness > 0.15
    assert "lattice" in looks["repetition"].texture
    assert looks["plain"].texture is None and looks["plain"].normal_map is None


def part(name, stuff, area_m2=1.0):
    return Part(name=name, stuff=stuff, area_m2=area_m2, colour=(0.5, 0.5, 0.5), textured=False)


ALL = HardConfig(**dict.fromkeys(KINDS, 1 / 6))


@pytest.mark.parametrize("stuff", WORN_BY)
def test_a_part_only_turns_into_what_its_stuff_can_be(stuff, monkeypatch):
    monkeypatch.setattr(hard.materials, "changeable", lambda *_: (part("a", stuff), part("b", "plant")))
    old = PartLook(part="a", material=MaterialSpec())
    quota = Quota.of(ALL, rng())
    for k in range(12):
        placed = harden(
            None, rng(k), quota, Placement(name="x", asset="p/x", position=(0, 0, 0), looks=(old,))
        )
        assert placed.hard is None or placed.hard in WORN_BY[stuff]
        assert [look.part for look in placed.looks] == ["a"]
        assert (placed.looks[0] != old) == (placed.hard is not None)


def test_what_has_no_part_to_change_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(hard.materials, "changeable", lambda *_: ())
    quota, person = Quota.of(ALL, rng()), Placement(name="x", asset="p/x", position=(0, 0, 0))
    assert all(harden(None, rng(k), quota, person) == person for k in range(12))


def test_panels_turn_hard_and_say_so():
    panel = Panel(name="Wall", position=(0, 0, 0), size=(1, 1), material=MaterialSpec())
    quota = Quota.of(ALL, rng())
    kinds = {harden_panel(rng(k), quota, panel).hard for k in range(30)}
    assert kinds <= {None, *ON_PANELS} and len(kinds) > 3
