"""Hard surfaces, in the shares that the settings ask for: what stereo matchers fail on, on purpose.

A `Quota` deals kinds out over the objects, or the panels, of a scene. What is due and cannot be worn by one
thing goes to the next that can wear it, so that the shares hold over many scenes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import get_args

import numpy as np

from fsd_gen.scene.spec import Hard, MaterialSpec, Panel, PartLook, Placement
from fsd_gen.styles import materials
from fsd_gen.styles.sampler import AnySampler, HardConfig

KINDS: tuple[Hard, ...] = get_args(Hard)
ON_PANELS: tuple[Hard, ...] = ("mirror", "brushed_metal", "repetition", "plain")
WORN_BY: dict[str, tuple[Hard, ...]] = {  # what a part of this stuff may turn into and still be plausible
    "glass": ("glass", "mirror", "translucent"),
    "mirror": ("mirror",),
    "metal": ("brushed_metal", "mirror", "plain"),
    "plastic": ("translucent", "glass", "plain", "brushed_metal", "repetition"),
    "ceramic": ("glass", "translucent", "plain", "repetition"),
    "wood": ("plain",),
    "fabric": ("repetition", "plain"),
    "leather": ("plain",),
    "stone": ("plain",),
}
VISIBLE = 0.15  # share of an object's area that a hard part must have


@dataclass(slots=True)
class Quota:
    """Deals out hard kinds one thing after the other; starts anywhere, so that small scenes get theirs."""

    shares: dict[Hard, float]
    due: dict[Hard, float] = field(default_factory=dict)

    @classmethod
    def of(cls, config: HardConfig, rng: np.random.Generator) -> Quota:
        """The settings' shares; what is due at the start is random."""
        shares = {kind: config.share(kind) for kind in KINDS}
        return cls(shares, {kind: float(rng.uniform()) for kind in KINDS})

    def next(self, suits: Collection[Hard] = KINDS) -> Hard | None:
        """The kind that the next thing has to be, of those that suit it; mostly none."""
        for kind, share in self.shares.items():
            self.due[kind] += share
        owed = [kind for kind in KINDS if kind in suits and self.shares[kind] > 0 and self.due[kind] >= 1]
        if not owed:
            return None
        chosen = max(owed, key=lambda kind: self.due[kind])
        self.due[chosen] -= 1
        return chosen


def harden(sampler: AnySampler, rng: np.random.Generator, quota: Quota, placement: Placement) -> Placement:
    """The object with its largest suitable part made hard where the quota says so, and that recorded.

    An object that has none, such as a person, a plant or a car, stays as it is.
    """
    found = materials.changeable(sampler, placement.asset)
    total = sum(part.area_m2 for part in found) or 1.0
    large = [part for part in found if part.area_m2 >= VISIBLE * total]
    kind = quota.next({hard for part in large for hard in WORN_BY.get(part.stuff, ())})
    if kind is None:
        return placement
    best = max((part for part in large if kind in WORN_BY.get(part.stuff, ())), key=lambda part: part.area_m2)
    look = hard_material(rng, kind, scale=placement.scale[0])
    alike = {part.name for part in found if (part.stuff, part.colour) == (best.stuff, best.colour)}
    kept = tuple(each for each in placement.looks if each.part not in alike)
    hard = tuple(PartLook(part=name, material=look) for name in sorted(alike))
    return placement.but(material=None, looks=kept + hard, hard=kind)


def hardened(sampler: AnySampler, placements: Iterable[Placement]) -> tuple[Placement, ...]:
    """The objects, those made hard that the style's quotas ask for, part by part."""
    rng = sampler.rng("hard")
    quota = Quota.of(sampler.style.hard, rng)
    return tuple(
        placement if placement.hard or placement.material else harden(sampler, rng, quota, placement)
        for placement in placements
    )


def harden_whole(rng: np.random.Generator, quota: Quota, placement: Placement) -> Placement:
    """The object, all of it, in a hard material where the quota says so: for scenes without plausibility."""
    kind = quota.next()
    if kind is None:
        return placement
    coat = hard_material(rng, kind, scale=placement.scale[0])
    return placement.but(material=coat, looks=(), hard=kind)


def harden_panel(rng: np.random.Generator, quota: Quota, panel: Panel) -> Panel:
    """The panel in a hard material where the quota says so."""
    kind = quota.next(ON_PANELS)
    return panel if kind is None else panel.but(material=hard_material(rng, kind), hard=kind)


def hard_material(rng: np.random.Generator, kind: Hard, *, scale: float = 1.0) -> MaterialSpec:
    """A material of the kind, for a thing drawn `scale` times as large as its file has it."""
    if kind == "glass":
        return materials.clear_glass(rng)
    if kind == "mirror":
        return materials.mirror(rng)
    if kind == "brushed_metal":
        return materials.made(rng, "brushed", scale=scale)
    if kind == "translucent":
        return materials.translucent(rng)
    if kind == "repetition":
        return materials.made(rng, "lattice", scale=scale)
    return MaterialSpec(colour=materials.thing_colour(rng), roughness=float(rng.uniform(0.3, 1.0)))
