"""Trees, shrubs and hedges of real leaves: folded quads in clumps round a branching skeleton.

Large dark leaves inside a crown close it: light comes through it here and there, not everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.registry import Maker
from assets_manifest.made.solids import Solids, paint
from assets_manifest.made.words import understood
from assets_manifest.meshes.parts import Surface
from assets_manifest.meshes.triples import cross, lengths

KINDS = ("broad", "round", "tall", "birch", "bare", "conifer", "shrub", "hedge")
LIMITS = {"height_dm": (4, 250), "width_dm": (4, 250), "leaves": (50, 9000), "seed": (0, 2**31)}
Array = NDArray[np.float64]

GREENS = (
    (0.075, 0.11, 0.025),
    (0.05, 0.095, 0.045),
    (0.11, 0.14, 0.05),
    (0.055, 0.13, 0.02),
    (0.09, 0.16, 0.035),
    (0.035, 0.10, 0.03),
    (0.12, 0.17, 0.03),
    (0.06, 0.12, 0.05),
)
AUTUMN = ((0.33, 0.15, 0.02), (0.28, 0.07, 0.02), (0.38, 0.24, 0.04), (0.20, 0.13, 0.04))
NEEDLES = ((0.025, 0.065, 0.03), (0.035, 0.08, 0.045))
BARK = ((0.11, 0.08, 0.055), (0.17, 0.14, 0.11), (0.07, 0.05, 0.035), (0.30, 0.28, 0.25))
HEDGE_DEPTH = 0.45  # of its height, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """What the words of one plant say."""

    kind: str
    height_m: float
    width_m: float  # of the crown; of a hedge, its length
    leaves: int
    seed: int

    @classmethod
    def of(cls, words: tuple[str, ...]) -> Plant:
        """Raises MadeAssetError for words that are none of a plant."""
        kind, (height, width, leaves, seed) = understood(words, KINDS, LIMITS)
        return cls(kind=kind, height_m=height / 10, width_m=width / 10, leaves=leaves, seed=seed)

    @property
    def depth_m(self) -> float:
        """Across: a hedge is thinner than long."""
        return min(0.7, self.height_m * HEDGE_DEPTH) if self.kind == "hedge" else self.width_m

    @property
    def trunk_m(self) -> float:
        """Radius of the trunk at the ground; what must stay free of other things."""
        return 0.04 + 0.016 * self.height_m if self.kind not in ("shrub", "hedge") else 0.04


def make(folder: Path, words: tuple[str, ...]) -> Path:
    """The plant's USD file."""
    plant = Plant.of(words)
    rng = np.random.Generator(np.random.Philox(key=plant.seed))
    solids = Solids()
    {"bare": _bare, "conifer": _conifer, "shrub": _shrub, "hedge": _hedge}.get(plant.kind, _crown)(
        solids, plant, rng
    )
    return solids.write(folder)


MAKER = Maker(name="plant", version=2, kind="object", make=make)


def _bark(rng: np.random.Generator) -> Surface:
    r, g, b = np.array(BARK[rng.integers(len(BARK))]) * rng.uniform(0.7, 1.2)
    return paint("bark", (r, g, b), 0.95)


def _foliage(rng: np.random.Generator, colours: tuple[tuple[float, float, float], ...]) -> list[Surface]:
    """Two neighbouring tones of one kind of leaf."""
    base = np.array(colours[rng.integers(len(colours))])
    tones = []
    for number, light in enumerate((0.8, 1.25)):
        r, g, b = np.clip(base * light * rng.uniform(0.85, 1.15, 3), 0, 1)
        tones.append(paint(f"leaf_{number}", (r, g, b), 0.55))
    return tones


CLUMPS = {"broad": 40, "round": 34, "tall": 36, "birch": 38}
TALLNESS = {"tall": 0.42, "birch": 0.4}  # half height of the crown as a share of the tree's


def _crown(solids: Solids, plant: Plant, rng: np.random.Generator) -> None:
    """A trunk that forks towards clumps of leaves in an ellipsoid; inside it is dark, so that it closes."""
    half, middle = _ellipsoid(plant)
    clumps = _in_ball(rng, CLUMPS[plant.kind], 0.4, 0.95) * half + middle
    weight = rng.uniform(0.5, 1.5, len(clumps))
    bark = paint("bark", (0.3, 0.29, 0.27), 0.85) if plant.kind == "birch" else _bark(rng)
    _skeleton(solids, plant, rng, clumps, middle, half, bark)
    reach = (0.17 if plant.kind == "birch" else 0.2) * plant.width_m + 0.12
    tones = _foliage(rng, AUTUMN if rng.uniform() < 0.12 else GREENS)
    inner = plant.leaves // 5
    at = _around(rng, clumps, reach, plant.leaves - inner, weight)
    if plant.kind == "birch":  # twigs hang
        at[:, 2] -= np.abs(rng.normal(0, 0.05 * plant.height_m, len(at)))
    _leaves(solids, rng, tones, at, _leaf_m(plant))
    shade = _in_ball(rng, inner, 0.05, 0.72) * half + middle
    _leaves(solids, rng, [_shadow(tones[0])], shade, min(1.7 * _leaf_m(plant), 0.36))


def _ellipsoid(plant: Plant) -> tuple[Array, Array]:
    """Half axes (3,) and middle (3,) of the crown."""
    half = np.array([plant.width_m / 2, plant.width_m / 2, plant.height_m * TALLNESS.get(plant.kind, 0.34)])
    return half, np.array([0, 0, plant.height_m - half[2]])


def _shadow(tone: Surface) -> Surface:
    """Leaves that the sun does not reach."""
    r, g, b = (0.5 * c for c in tone.color)
    return paint("leaf_inner", (r, g, b), 0.7)


def _bare(solids: Solids, plant: Plant, rng: np.random.Generator) -> None:
    """A tree in winter: branches, twigs, twigs of twigs."""
    half, middle = _ellipsoid(plant)
    clumps = _in_ball(rng, 30, 0.55, 0.95) * half + middle
    bark = _bark(rng)
    _skeleton(solids, plant, rng, clumps, middle, half, bark)
    number = max(120, plant.leaves // 4)
    start = _around(rng, clumps, 0.1 * plant.width_m, number)
    away = (start - middle) / np.linalg.norm(start - middle, axis=1, keepdims=True)
    away = away + rng.normal(0, 0.5, away.shape) + [0, 0, 0.25]
    end = start + away * (0.11 * plant.width_m * rng.uniform(0.4, 1.2, (number, 1)))
    width = (0.004 + 0.0006 * plant.height_m) * np.ones((number, 1))
    across = np.cross(away, rng.normal(size=away.shape))
    across *= width / np.linalg.norm(across, axis=1, keepdims=True)
    solids.triangles(bark, np.stack([start - across, start + across, end], axis=1))
    fork = start + (end - start) * rng.uniform(0.2, 0.7, (number, 1))
    tip = fork + rng.normal(0, 0.05 * plant.width_m, away.shape)
    solids.triangles(bark, np.stack([fork - 0.6 * across, fork + 0.6 * across, tip], axis=1))


def _leaf_m(plant: Plant) -> float:
    """Leaves of a plant with few of them are larger, so that its crown closes all the same."""
    area = plant.width_m * plant.height_m
    return float(np.clip(2.4 * np.sqrt(area / plant.leaves), 0.05, 0.26))


def _in_ball(rng: np.random.Generator, number: int, low: float, high: float) -> Array:
    """Points (N, 3) in a shell of the unit ball, evenly over directions."""
    turn = np.arange(number) * 2.399963 + rng.uniform(0, 6.28)
    z = 1 - 2 * (np.arange(number) + 0.5) / number
    ring = np.sqrt(1 - z**2)
    shell = np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)
    return shell * (rng.uniform(low**3, high**3, number) ** (1 / 3))[:, None] + rng.normal(
        0, 0.05, (number, 3)
    )


def _skeleton(
    solids: Solids,
    plant: Plant,
    rng: np.random.Generator,
    clumps: Array,
    middle: Array,
    half: Array,
    bark: Surface,
) -> None:
    trunk = plant.trunk_m
    fork = np.array([*rng.normal(0, 0.02, 2) * plant.height_m, middle[2] - half[2] * 0.8])
    top = np.array([*rng.normal(0, 0.03, 2) * plant.height_m, middle[2] + half[2] * 0.5])
    solids.bar(bark, (0, 0, -0.3), (0, 0, 0.25 * plant.trunk_m), (trunk * 1.5, trunk * 1.15), 9)
    solids.bar(bark, (0, 0, 0), fork, (trunk * 1.15, trunk * 0.8), 9)
    solids.bar(bark, fork, top, (trunk * 0.8, trunk * 0.2), 7)
    for clump in clumps:
        start = fork + (top - fork) * rng.uniform(0.0, 0.75) * np.clip(
            (clump[2] - fork[2]) / (top[2] - fork[2]), 0, 1
        )
        knee = start + (clump - start) * 0.5 + [0, 0, 0.08 * np.linalg.norm(clump - start)]
        solids.bar(bark, start, knee, (trunk * 0.38, trunk * 0.22), 5)
        solids.bar(bark, knee, clump, (trunk * 0.22, trunk * 0.06), 4)


def _around(
    rng: np.random.Generator, clumps: Array, reach: float, number: int, weight: Array | None = None
) -> Array:
    """Points (N, 3) scattered round the clumps, denser on the outside of each; by `weight` of each."""
    share = None if weight is None else weight / weight.sum()
    of = rng.choice(len(clumps), size=number, p=share)
    away = rng.normal(size=(number, 3))
    away /= lengths(away)[:, None]
    return clumps[of] + away * (reach * rng.uniform(0.05, 1, number) ** (1 / 2.2))[:, None]


def _leaves(solids: Solids, rng: np.random.Generator, tones: list[Surface], at: Array, leaf_m: float) -> None:
    """A folded leaf at each point, turned at random, mostly flat to the sky."""
    number = len(at)
    normal = rng.normal(size=(number, 3)) + [0, 0, 0.9]
    normal /= lengths(normal)[:, None]
    along = cross(normal, rng.normal(size=(number, 3)))
    along /= lengths(along)[:, None]
    across = cross(normal, along)
    length, width = leaf_m * rng.uniform(0.7, 1.3, (number, 1)), leaf_m * rng.uniform(0.28, 0.5, (number, 1))
    tip, side, fold = along * length / 2, across * width, normal * width * 0.35
    points = np.stack([at - tip, at + side + fold, at + tip, at - side + fold], axis=1)
    tone = rng.integers(len(tones), size=number)
    for index, surface in enumerate(tones):
        chosen = points[tone == index]
        solids.triangles(surface, chosen[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 3))


def _conifer(solids: Solids, plant: Plant, rng: np.random.Generator) -> None:
    """Whorls of drooping branches that get shorter towards the tip."""
    trunk, height = plant.trunk_m, plant.height_m
    bark = _bark(rng)
    solids.bar(bark, (0, 0, -0.3), (0, 0, height * 0.97), (trunk, 0.01), 8)
    level = rng.uniform(0.10, 1.0, plant.leaves) ** 0.8
    out = (1.02 - level) * plant.width_m / 2 * rng.uniform(0.2, 1, plant.leaves) ** 0.6
    branch = rng.integers(9, size=plant.leaves) / 9 * 2 * np.pi + np.floor(level * 26) * 1.1
    turn = branch + rng.normal(0, 0.16, plant.leaves)
    whorl = np.floor(level * 26) / 26
    z = whorl * height - 0.28 * out + rng.normal(0, 0.03, plant.leaves) * height / 12
    at = np.stack([out * np.cos(turn), out * np.sin(turn), np.maximum(z, 0.15)], axis=1)
    tones = _foliage(rng, NEEDLES)
    outer = plant.leaves * 4 // 5
    _leaves(solids, rng, tones, at[:outer], 0.6 * _leaf_m(plant))
    shade = at[outer:] * [0.55, 0.55, 1]
    _leaves(solids, rng, [_shadow(tones[0])], shade, min(1.5 * _leaf_m(plant), 0.36))


def _shrub(solids: Solids, plant: Plant, rng: np.random.Generator) -> None:
    half = np.array([plant.width_m / 2, plant.width_m / 2, plant.height_m * 0.46])
    middle = np.array([0, 0, plant.height_m * 0.5])
    clumps = _in_ball(rng, 14, 0.3, 0.8) * half + middle
    clumps[:, 2] = np.maximum(clumps[:, 2], 0.15 * plant.height_m)
    bark = _bark(rng)
    for clump in clumps:
        solids.bar(bark, (0, 0, -0.1), clump, (0.02, 0.006), 4)
    at = _around(rng, clumps, 0.22 * plant.width_m, plant.leaves)
    at[:, 2] = np.maximum(at[:, 2], 0.03)
    _leaves(solids, rng, _foliage(rng, GREENS), at, 0.8 * _leaf_m(plant))


def _hedge(solids: Solids, plant: Plant, rng: np.random.Generator) -> None:
    """A clipped box of leaves round a dark core."""
    half = np.array([plant.width_m / 2, plant.depth_m / 2, plant.height_m / 2])
    core = half - [0.06, 0.06, 0.06]
    low, high = np.array([0, 0, half[2]]) - core, np.array([0, 0, half[2]]) + core
    low[2] = -0.2
    tones = _foliage(rng, GREENS)
    r, g, b = (c * 0.35 for c in tones[0].color)
    solids.box(paint("core", (r, g, b), 0.95), low.tolist(), high.tolist())
    at = rng.uniform(-1, 1, (plant.leaves, 3))
    sides = np.array([half[1] * half[2], half[0] * half[2], half[0] * half[1]])
    axis = rng.choice(3, plant.leaves, p=sides / sides.sum())
    at[np.arange(plant.leaves), axis] = np.sign(at[np.arange(plant.leaves), axis])
    at = at * half + rng.normal(0, 0.025, at.shape) + [0, 0, half[2]]
    at[:, 2] = np.maximum(at[:, 2], 0.03)
    _leaves(solids, rng, tones, at, 0.9 * float(np.sqrt(8 * sides.sum() / plant.leaves)))
