"""Surfaces of made things in the street and of trunks, so that none is plain where a camera comes close."""

from __future__ import annotations

import numpy as np

from fsd_gen.scene.spec import MaterialSpec, PartLook
from fsd_gen.styles import materials
from fsd_gen.styles.sampler import AnySampler, pick

SORTS: dict[str, dict[str, tuple[str, ...]]] = {  # of a kind of thing: what each part may be covered with
    "bin": {"body": ("painted",)},
    "cabinet": {"body": ("painted",), "plinth": ("concrete",)},
    "bollard": {"metal": ("painted",)},
    "arm_lamp": {"metal": ("painted",)},
    "ball_lamp": {"metal": ("painted",)},
    "lantern": {"metal": ("painted",)},
    "wire_pole": {"wood": ("weathered",)},
    "bench": {"wood": ("weathered",)},
    "fence": {"wood": ("weathered",)},
    "planter": {"stone": ("concrete", "granite")},
    "wall": {"wall": ("bricks", "stucco", "bricks"), "coping": ("concrete",)},
}
EACH = 2  # surfaces of one sort in one scene: made pictures cost time
BARKED = ("broad", "round", "tall", "bare", "conifer")


class Finishes:
    """A few surfaces, shared by all the things of one scene."""

    def __init__(self, sampler: AnySampler) -> None:
        self._rng = sampler.rng("finishes")
        self._known: dict[str, list[MaterialSpec]] = {}

    def of_thing(self, rng: np.random.Generator, kind: str) -> tuple[PartLook, ...]:
        """What covers a thing of the street."""
        return tuple(
            PartLook(part=part, material=self._one(rng, pick(rng, sorts)))
            for part, sorts in SORTS.get(kind, {}).items()
        )

    def of_plant(self, rng: np.random.Generator, kind: str) -> tuple[PartLook, ...]:
        """Bark of a tree."""
        return (PartLook(part="bark", material=self._one(rng, "bark")),) if kind in BARKED else ()

    def _one(self, rng: np.random.Generator, sort: str) -> MaterialSpec:
        known = self._known.setdefault(sort, [])
        if len(known) < EACH and (not known or rng.uniform() < 0.5):
            known.append(materials.made(self._rng, sort))
            return known[-1]
        return pick(rng, known)
