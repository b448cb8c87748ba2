"""What stands along streets and paths: lamps, signs, shelters, bins, bollards, walls, fences, posts.

Words: kind / length in dm / seed. The length matters to what runs along x (wall, fence, railing, bars) and to
the height of lamps and posts. Fronts look towards -y; everything stands on z = 0 and is footed below it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assets_manifest.made import signs
from assets_manifest.made.registry import Maker
from assets_manifest.made.solids import Solids, paint
from assets_manifest.made.words import understood
from assets_manifest.meshes.parts import Surface

KINDS = (
    "arm_lamp",
    "ball_lamp",
    "lantern",
    "sign",
    "nameplate",
    "signal",
    "bollard",
    "bin",
    "shelter",
    "wall",
    "fence",
    "railing",
    "planter",
    "cabinet",
    "wire_pole",
    "bench",
    "cycle_stand",
)
LAMPS = ("arm_lamp", "ball_lamp", "lantern")
LIMITS = {"length_dm": (1, 200), "seed": (0, 2**31)}
FOOT_M = -0.3
GREY, DARK = (0.35, 0.36, 0.37), (0.03, 0.035, 0.035)
GREENISH, WHITE = (0.02, 0.07, 0.045), (0.7, 0.7, 0.68)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What the words of one thing say."""

    kind: str
    length_m: float
    seed: int

    @classmethod
    def of(cls, words: tuple[str, ...]) -> Thing:
        """Raises MadeAssetError for words that are none of a thing in the street."""
        kind, (length, seed) = understood(words, KINDS, LIMITS)
        return cls(kind=kind, length_m=length / 10, seed=seed)

    @property
    def size_m(self) -> tuple[float, float, float]:
        """Its footprint on the ground, and its height."""
        length = self.length_m
        return {
            "arm_lamp": (0.3, 0.3, length),
            "ball_lamp": (0.3, 0.3, length),
            "lantern": (0.3, 0.3, length),
            "sign": (0.25, 0.25, 2.9),
            "nameplate": (1.0, 0.2, 1.2),
            "signal": (0.4, 0.4, 3.4),
            "bollard": (0.22, 0.22, 0.95),
            "bin": (0.55, 0.55, 1.0),
            "shelter": (length, 1.6, 2.5),
            "wall": (length, 0.34, 1.9),
            "fence": (length, 0.14, 1.4),
            "railing": (length, 0.1, 1.0),
            "planter": (1.2, 1.2, 0.6),
            "cabinet": (1.1, 0.4, 1.3),
            "wire_pole": (0.34, 0.34, length),
            "bench": (length, 0.6, 0.85),
            "cycle_stand": (0.8, 0.12, 0.85),
        }[self.kind]

    @property
    def lamp_m(self) -> tuple[float, float, float]:
        """Where a lamp shines, relative to its foot."""
        reach = -min(1.6, 0.22 * self.length_m) if self.kind == "arm_lamp" else 0.0
        return (0.0, reach, self.length_m - (0.1 if self.kind == "arm_lamp" else 0.2))


def make(folder: Path, words: tuple[str, ...]) -> Path:
    """The thing's USD file, with the prints that it carries beside it."""
    thing = Thing.of(words)
    solids = Solids()
    MAKES[thing.kind](_Job(solids, thing, np.random.Generator(np.random.Philox(key=thing.seed)), folder))
    return solids.write(folder)


MAKER = Maker(name="street", version=1, kind="object", make=make)


@dataclass(frozen=True, slots=True)
class _Job:
    solids: Solids
    thing: Thing
    rng: np.random.Generator
    folder: Path

    def metal(self) -> Surface:
        """Painted or galvanised steel."""
        colour = (GREY, DARK, GREENISH)[self.rng.integers(3)]
        return paint("metal", colour, 0.45, metallic=0.0 if colour != GREY else 0.6)

    def printed(self, name: str, picture: signs.Picture) -> Surface:
        """A surface with this picture, saved beside the object."""
        signs.save(self.folder / f"{name}.png", picture)
        return Surface(name=name, color_texture=f"{name}.png", roughness=0.4)


def _arm_lamp(job: _Job) -> None:
    solids, metal, height = job.solids, job.metal(), job.thing.length_m
    _, reach, _ = job.thing.lamp_m
    solids.bar(metal, (0, 0, FOOT_M), (0, 0, 1.1), (0.1, 0.085), 10)
    solids.bar(metal, (0, 0, 1.1), (0, 0, height - 0.3), (0.075, 0.045), 8)
    solids.bar(metal, (0, 0, height - 0.32), (0, reach * 0.6, height), (0.04, 0.035), 7)
    solids.box(
        paint("head", (0.3, 0.3, 0.31), 0.4),
        (-0.14, reach - 0.35, height - 0.03),
        (0.14, reach + 0.4, height + 0.07),
    )


def _ball_lamp(job: _Job) -> None:
    solids, metal, height = job.solids, job.metal(), job.thing.length_m
    solids.bar(metal, (0, 0, FOOT_M), (0, 0, 0.5), (0.11, 0.09), 10)
    solids.bar(metal, (0, 0, 0.5), (0, 0, height - 0.36), (0.055, 0.04), 8)
    solids.turned(metal, [(0.12, 0), (0.1, 0.06), (0.03, 0.08)], (0, 0, height - 0.42))
    glow = [(0.2 * np.sin(t), 0.2 - 0.2 * np.cos(t)) for t in np.linspace(0.4, 3.1, 9)]
    solids.turned(paint("globe", (0.75, 0.74, 0.7), 0.2), glow, (0, 0, height - 0.4), 14)


def _lantern(job: _Job) -> None:
    solids, metal, height = job.solids, paint("metal", DARK, 0.5), job.thing.length_m
    solids.turned(metal, [(0.17, FOOT_M), (0.17, 0.1), (0.12, 0.16), (0.12, 0.5), (0.07, 0.6)], (0, 0, 0))
    solids.bar(metal, (0, 0, 0.6), (0, 0, height - 0.5), (0.055, 0.04), 8)
    solids.turned(metal, [(0.05, 0), (0.11, 0.06), (0.05, 0.1)], (0, 0, height - 0.52))
    solids.turned(
        paint("glass", (0.72, 0.7, 0.62), 0.15), [(0.1, 0.1), (0.16, 0.42)], (0, 0, height - 0.52), 6
    )
    solids.turned(metal, [(0.2, 0.42), (0.12, 0.54), (0.02, 0.62)], (0, 0, height - 0.52), 6)


def _sign(job: _Job) -> None:
    solids, pole = job.solids, paint("pole", GREY, 0.4, metallic=0.7)
    solids.bar(pole, (0, 0, FOOT_M), (0, 0, 2.9), (0.035, 0.035), 10)
    level = 2.82
    for number in range(int(job.rng.integers(1, 3))):
        shape, picture = signs.traffic_sign(job.rng)
        size = 0.6 if number == 0 else 0.5
        _plate(job, f"print_{number}", shape, picture, level - size, size)
        level -= size + 0.08


def _plate(job: _Job, name: str, shape: str, picture: signs.Picture, bottom: float, size: float) -> None:
    """A sign's plate: its picture fills the square that its outline lies in."""
    corners = signs.OUTLINES[shape] * [size, size] + [-size / 2, bottom]
    number = len(corners)
    front = np.insert(corners, 1, -0.045, axis=1)
    fan = np.stack([np.zeros(number - 2, int), np.arange(1, number - 1), np.arange(2, number)], axis=1)
    job.solids.printed(job.printed(name, picture), front[fan], signs.OUTLINES[shape][fan])
    job.solids.triangles(
        paint("back", (0.4, 0.4, 0.41), 0.5, metallic=0.5), (front + [0, 0.006, 0])[fan[:, ::-1]]
    )


def _nameplate(job: _Job) -> None:
    solids, pole = job.solids, paint("pole", GREY, 0.5)
    for x in (-0.38, 0.38):
        solids.bar(pole, (x, 0, FOOT_M), (x, 0, 1.15), (0.025, 0.025), 8)
    board = job.printed("print_0", signs.street_name(job.rng))
    solids.print(board, (-0.5, -0.04, 0.85), (0.5, -0.04, 0.85), (0.5, -0.04, 1.1), (-0.5, -0.04, 1.1))
    solids.box(pole, (-0.5, -0.037, 0.85), (0.5, -0.027, 1.1))


def _signal(job: _Job) -> None:
    solids, pole, black = job.solids, paint("pole", GREY, 0.45), paint("box", (0.015, 0.015, 0.016), 0.5)
    solids.bar(pole, (0, 0, FOOT_M), (0, 0, 3.4), (0.055, 0.05), 10)
    solids.box(black, (-0.15, -0.3, 2.45), (0.15, -0.06, 3.4))
    lit = int(job.rng.integers(3))
    for k, colour in enumerate(((0.03, 0.5, 0.12), (0.75, 0.35, 0.02), (0.75, 0.03, 0.02))):
        r, g, b = (c * (1.0 if k == lit else 0.12) for c in colour)
        z = 2.62 + 0.3 * k
        solids.bar(paint(f"light_{k}", (r, g, b), 0.2), (0, -0.3, z), (0, -0.315, z), (0.1, 0.1), 14)
        solids.bar(black, (0, -0.3, z + 0.09), (0, -0.45, z + 0.1), (0.09, 0.1), 8)


def _bollard(job: _Job) -> None:
    height, radius = float(job.rng.uniform(0.75, 0.95)), float(job.rng.uniform(0.05, 0.1))
    metal, white = job.metal(), paint("band", WHITE, 0.4)
    job.solids.turned(
        metal,
        [(radius, FOOT_M), (radius, height), (radius * 0.7, height + 0.03), (0, height + 0.04)],
        (0, 0, 0),
    )
    if job.rng.uniform() < 0.6:
        job.solids.turned(white, [(radius + 0.003, height - 0.22), (radius + 0.003, height - 0.1)], (0, 0, 0))


def _bin(job: _Job) -> None:
    body = paint(
        "body",
        ((0.03, 0.1, 0.05), (0.05, 0.06, 0.07), (0.3, 0.31, 0.3), (0.04, 0.09, 0.22))[job.rng.integers(4)],
        0.5,
    )
    if job.rng.uniform() < 0.5:
        job.solids.turned(
            body,
            [(0.2, -0.05), (0.22, 0.05), (0.25, 0.75), (0.27, 0.78), (0.27, 0.86), (0.2, 0.88)],
            (0, 0, 0),
        )
        job.solids.turned(paint("dark", DARK, 0.7), [(0.24, 0.82), (0.0, 0.8)], (0, 0, 0))
        return
    job.solids.box(body, (-0.22, -0.24, 0.06), (0.22, 0.24, 0.92))
    job.solids.box(paint("lid", DARK, 0.5), (-0.25, -0.28, 0.92), (0.25, 0.26, 1.0))
    for x in (-0.2, 0.2):
        job.solids.bar(
            paint("wheel", DARK, 0.8), (x - 0.03, 0.2, 0.09), (x + 0.03, 0.2, 0.09), (0.09, 0.09), 12
        )


def _shelter(job: _Job) -> None:
    """A bus shelter: glass at the back and one side, a poster at the other, a bench."""
    solids, metal, w = job.solids, job.metal(), job.thing.length_m / 2
    glass = Surface(name="glass", color=(0.9, 0.95, 0.93), roughness=0.02, opacity=0.18, ior=1.0)
    solids.box(metal, (-w, -0.75, 2.35), (w, 0.75, 2.45))
    for x in np.linspace(-w + 0.05, w - 0.05, 4):
        solids.bar(metal, (x, 0.65, FOOT_M), (x, 0.65, 2.36), (0.04, 0.04), 8)
    for x in (-w + 0.05, w - 0.05):
        solids.bar(metal, (x, -0.6, FOOT_M), (x, -0.6, 2.36), (0.04, 0.04), 8)
    solids.quad(
        glass, (-w + 0.1, 0.65, 0.3), (w - 0.1, 0.65, 0.3), (w - 0.1, 0.65, 2.2), (-w + 0.1, 0.65, 2.2)
    )
    solids.quad(
        glass, (w - 0.05, -0.5, 0.3), (w - 0.05, 0.6, 0.3), (w - 0.05, 0.6, 2.2), (w - 0.05, -0.5, 2.2)
    )
    poster = job.printed("print_0", signs.poster(job.rng))
    solids.box(metal, (-w + 0.02, -0.62, 0.35), (-w + 0.1, 0.62, 2.2))
    for x, y in ((-w + 0.105, 0.57), (-w + 0.015, -0.57)):
        solids.print(poster, (x, -y, 0.42), (x, y, 0.42), (x, y, 2.12), (x, -y, 2.12))
    solids.box(paint("seat", (0.25, 0.13, 0.06), 0.6), (-0.7 * w, 0.2, 0.43), (0.7 * w, 0.58, 0.48))
    for x in (-0.6 * w, 0.6 * w):
        solids.bar(metal, (x, 0.45, FOOT_M), (x, 0.45, 0.44), (0.03, 0.03), 8)


def _wall(job: _Job) -> None:
    w, height = job.thing.length_m / 2, float(np.random.default_rng(job.thing.seed // 16).uniform(0.9, 1.9))
    job.solids.box(paint("wall", (0.4, 0.33, 0.27), 0.9), (-w, -0.12, -1.2), (w, 0.12, height))
    job.solids.box(paint("coping", (0.45, 0.44, 0.42), 0.85), (-w, -0.17, height), (w, 0.17, height + 0.07))
    for x in (-w, w):
        job.solids.box(
            paint("wall", (0.4, 0.33, 0.27), 0.9), (x - 0.16, -0.16, -1.2), (x + 0.16, 0.16, height + 0.12)
        )


def _fence(job: _Job) -> None:
    """Boards or pickets on two rails between posts; `seed // 16` decides the sort, so that lengths match."""
    sort = np.random.default_rng(job.thing.seed // 16)
    height, step = float(sort.uniform(0.9, 1.7)), float(sort.choice([0.11, 0.14, 0.2]))
    stain = ((0.25, 0.15, 0.08), (0.55, 0.55, 0.52), (0.16, 0.12, 0.09), (0.1, 0.14, 0.09))[sort.integers(4)]
    wood, w = paint("wood", stain, 0.8), job.thing.length_m / 2
    for x in np.linspace(-w, w, max(2, round(job.thing.length_m / 1.8) + 1)):
        job.solids.box(wood, (x - 0.045, -0.045, -0.5), (x + 0.045, 0.045, height + 0.05))
    for z in (0.25, height - 0.25):
        job.solids.box(wood, (-w, -0.02, z - 0.04), (w, 0.02, z + 0.04))
    for x in np.arange(-w + step / 2, w, step):
        top = height + float(job.rng.normal(0, 0.008))
        job.solids.box(wood, (x - step * 0.42, -0.045, 0.06), (x + step * 0.42, -0.022, top))


def _railing(job: _Job) -> None:
    metal, w = paint("metal", (DARK, GREENISH, GREY)[job.thing.seed // 16 % 3], 0.5), job.thing.length_m / 2
    for z in (0.12, 0.95):
        job.solids.box(metal, (-w, -0.02, z - 0.02), (w, 0.02, z + 0.02))
    for x in np.arange(-w + 0.06, w, 0.12):
        job.solids.bar(metal, (x, 0, 0.12), (x, 0, 0.95), (0.009, 0.009), 4)
    for x in np.linspace(-w, w, max(2, round(job.thing.length_m / 2) + 1)):
        job.solids.bar(metal, (x, 0, FOOT_M), (x, 0, 1.02), (0.025, 0.025), 6)


def _planter(job: _Job) -> None:
    stone, half = paint("stone", (0.4, 0.38, 0.35), 0.85), 0.55
    for low, high in (
        ((-half, -half), (half, -half + 0.08)),
        ((-half, half - 0.08), (half, half)),
        ((-half, -half), (-half + 0.08, half)),
        ((half - 0.08, -half), (half, half)),
    ):
        job.solids.box(stone, (*low, -0.1), (*high, 0.55))
    job.solids.box(paint("soil", (0.05, 0.035, 0.02), 0.95), (-half, -half, 0), (half, half, 0.48))
    leaves = rng_points(job.rng, 900, half - 0.05)
    tone = paint("leaf", (0.06, 0.14, 0.03), 0.6)
    bloom = paint("bloom", ((0.5, 0.04, 0.06), (0.6, 0.4, 0.03), (0.4, 0.1, 0.4))[job.rng.integers(3)], 0.7)
    for surface, chosen, size in ((tone, leaves, 0.045), (bloom, leaves[:160] + [0, 0, 0.04], 0.022)):
        turn = job.rng.normal(0, size, (len(chosen), 2, 3))
        job.solids.triangles(surface, np.stack([chosen, chosen + turn[:, 0], chosen + turn[:, 1]], axis=1))


def rng_points(
    rng: np.random.Generator, number: int, half: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Points (N, 3) over a planter's soil, in a low mound."""
    xy = rng.uniform(-half, half, (number, 2))
    mound = 0.5 + 0.32 * rng.uniform(0.1, 1, number) * (1 - (np.abs(xy).max(axis=1) / half) ** 2 * 0.7)
    return np.column_stack([xy, mound])


def _cabinet(job: _Job) -> None:
    body = paint(
        "body", ((0.3, 0.31, 0.3), (0.12, 0.16, 0.12), (0.45, 0.44, 0.38))[job.rng.integers(3)], 0.55
    )
    w, h = float(job.rng.uniform(0.3, 0.55)), float(job.rng.uniform(0.8, 1.25))
    job.solids.box(paint("plinth", (0.35, 0.34, 0.33), 0.9), (-w, -0.18, -0.3), (w, 0.18, 0.08))
    job.solids.box(body, (-w, -0.17, 0.08), (w, 0.17, h))
    job.solids.box(body, (-w - 0.02, -0.19, h), (w + 0.02, 0.19, h + 0.04))
    for x in (-0.02, w * 0.5):
        job.solids.box(paint("gap", DARK, 0.8), (x, -0.173, 0.12), (x + 0.008, -0.17, h - 0.04))
    if job.rng.uniform() < 0.6:
        poster = job.printed("print_0", signs.poster(job.rng))
        x, z = -w * 0.95 + float(job.rng.uniform(0, 0.1)), float(job.rng.uniform(0.2, 0.35))
        job.solids.print(
            poster, (x, -0.176, z), (x + 0.3, -0.176, z), (x + 0.3, -0.176, z + 0.42), (x, -0.176, z + 0.42)
        )


def _wire_pole(job: _Job) -> None:
    height = job.thing.length_m
    job.solids.bar(paint("wood", (0.16, 0.11, 0.075), 0.9), (0, 0, FOOT_M), (0, 0, height), (0.15, 0.1), 9)
    job.solids.box(
        paint("wood", (0.16, 0.11, 0.075), 0.9), (-1.0, -0.06, height - 0.8), (1.0, 0.06, height - 0.68)
    )
    for x in (-0.9, -0.45, 0.45, 0.9):
        job.solids.turned(
            paint("insulator", (0.3, 0.33, 0.3), 0.2),
            [(0.04, 0), (0.05, 0.08), (0.02, 0.14)],
            (x, 0, height - 0.68),
            8,
        )


def _bench(job: _Job) -> None:
    w = job.thing.length_m / 2
    wood = paint("wood", ((0.28, 0.16, 0.07), (0.03, 0.1, 0.05), (0.2, 0.13, 0.09))[job.rng.integers(3)], 0.6)
    for y in (-0.2, -0.09, 0.02, 0.13):
        job.solids.box(wood, (-w, y, 0.42), (w, y + 0.09, 0.455))
    if job.rng.uniform() < 0.75:
        for k, z in enumerate((0.52, 0.64, 0.76)):
            job.solids.box(wood, (-w, 0.235 + 0.02 * k, z), (w, 0.26 + 0.02 * k, z + 0.09))
    metal = paint("metal", DARK, 0.5)
    for x in (-w * 0.82, w * 0.82):
        job.solids.box(metal, (x - 0.03, -0.2, -0.2), (x + 0.03, -0.15, 0.42))
        job.solids.box(metal, (x - 0.03, 0.18, -0.2), (x + 0.03, 0.24, 0.82))
        job.solids.box(metal, (x - 0.03, -0.2, 0.38), (x + 0.03, 0.22, 0.42))


def _cycle_stand(job: _Job) -> None:
    steel = paint("steel", (0.55, 0.56, 0.57), 0.3, metallic=1.0)
    for x in (-0.36, 0.36):
        job.solids.bar(steel, (x, 0, FOOT_M), (x, 0, 0.78), (0.025, 0.025), 8)
    job.solids.bar(steel, (-0.36, 0, 0.78), (0.36, 0, 0.78), (0.025, 0.025), 8)


MAKES: dict[str, Callable[[_Job], None]] = {
    "arm_lamp": _arm_lamp,
    "ball_lamp": _ball_lamp,
    "lantern": _lantern,
    "sign": _sign,
    "nameplate": _nameplate,
    "signal": _signal,
    "bollard": _bollard,
    "bin": _bin,
    "shelter": _shelter,
    "wall": _wall,
    "fence": _fence,
    "railing": _railing,
    "planter": _planter,
    "cabinet": _cabinet,
    "wire_pole": _wire_pole,
    "bench": _bench,
    "cycle_stand": _cycle_stand,
}
