"""People of one scene: nobody twice as long as there is somebody else, clothes in other colours."""

from __future__ import annotations

import re

import numpy as np

from assets_manifest.derived.parts import parts
from assets_manifest.records import Asset
from fsd_gen.scene.spec import PartLook
from fsd_gen.styles import materials
from fsd_gen.styles.outdoors.scenery import is_light
from fsd_gen.styles.sampler import AnySampler

NOT_UPRIGHT = (
    "lying", "Lying", "sit", "Sit", "horse", "cat", "chicken", "rabbit", "Cat", "dog", "mannequin",
)  # fmt: skip
CLOTHES = re.compile(r"shirt|skirt|suit|tie\b|_Upper_|_Lower_")
SCALES = (0.94, 1.05)
TWICE_M = 45.0  # so far apart two who look alike stand, at least


def people(sampler: AnySampler) -> tuple[Asset, ...]:
    """Whoever stands or walks; lay figures only where there is nobody else."""
    found = tuple(
        asset
        for asset in sampler.assets("object", "character")
        if asset.size_m
        and 1.4 < asset.size_m[2] < 2.1
        and is_light(asset)
        and not any(part in asset.id for part in NOT_UPRIGHT)
    )
    return tuple(asset for asset in found if not asset.id.startswith("builtin/")) or found


class Crowd:
    """Who comes next."""

    def __init__(self, sampler: AnySampler) -> None:
        self._sampler, self._people = sampler, people(sampler)
        self._waiting: list[Asset] = []
        self._placed: list[tuple[str, float, float]] = []

    def __len__(self) -> int:
        return len(self._people)

    def next(self, rng: np.random.Generator, x: float, y: float) -> Asset | None:
        """Somebody for this place, None where everybody stands near it already."""
        near = {who for who, a, b in self._placed if np.hypot(x - a, y - b) < TWICE_M}
        if not self._waiting:
            self._waiting = [self._people[k] for k in rng.permutation(len(self._people)).tolist()]
        for k, asset in enumerate(self._waiting):
            if asset.id not in near:
                self._placed.append((asset.id, x, y))
                return self._waiting.pop(k)
        return None

    def clothes(self, rng: np.random.Generator, asset: Asset) -> tuple[PartLook, ...]:
        """Other cloth for the parts that are nothing but clothes."""
        library = self._sampler.library
        found = parts(asset, library.path(asset.id), library.root(asset.id))
        worn = [part for part in found if CLOTHES.search(part.name) and part.mapped]
        looks = []
        for part in worn:
            cloth = materials.made(rng, "weave").but(texture=None, colour=materials.thing_colour(rng))
            looks.append(PartLook(part=part.name, material=cloth))
        return tuple(looks)

    @staticmethod
    def size(rng: np.random.Generator) -> float:
        """How large somebody is drawn."""
        return round(float(rng.uniform(*SCALES)), 3)
