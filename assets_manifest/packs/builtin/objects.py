"""The objects of the builtin pack: furniture, clutter, garden things and abstract shapes made from soups.

Frame: z up, metres, front towards -y. Objects need not stand on z = 0 here; the pack puts them there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assets_manifest.meshes.parts import Surface
from assets_manifest.packs.builtin.shapes import (
    Soup,
    box,
    cone,
    cylinder,
    extruded,
    gear_outline,
    heart_outline,
    icosphere,
    joined,
    revolved,
    rock,
    sphere,
    spring,
    star_outline,
    superquadric,
    torus,
    torus_knot,
)

Solid = tuple[Soup, Surface]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSpec:
    """One object: what it looks like and what it is for."""

    make: Callable[[], list[Solid]]
    tags: tuple[str, ...]


def plain(
    name: str,
    color: tuple[float, float, float],
    roughness: float = 0.5,
    *,
    metallic: float = 0.0,
    opacity: float = 1.0,
) -> Surface:
    """An untextured surface; `color` is linear."""
    return Surface(name=name, color=color, roughness=roughness, metallic=metallic, opacity=opacity)


def textured(texture: str, roughness: float = 0.6) -> Surface:
    """A surface with one of the pack's textures."""
    return Surface(name=texture, color_texture=f"../textures/{texture}.png", roughness=roughness)


OAK, WALNUT, PINE, CHERRY = (textured(f"wood_{wood}", 0.45) for wood in ("oak", "walnut", "pine", "cherry"))
STEEL = plain("steel", (0.55, 0.56, 0.58), 0.28, metallic=1.0)
BRASS = plain("brass", (0.62, 0.44, 0.16), 0.3, metallic=1.0)
BLACK, WHITE = plain("black", (0.02, 0.02, 0.022), 0.4), plain("white", (0.78, 0.77, 0.74), 0.5)
RED, BLUE = plain("red", (0.5, 0.04, 0.03), 0.35), plain("blue", (0.03, 0.12, 0.4), 0.35)
GREEN, YELLOW = plain("green", (0.06, 0.25, 0.08), 0.5), plain("yellow", (0.7, 0.42, 0.03), 0.4)
LEAF, BARK = plain("leaf", (0.07, 0.2, 0.04), 0.7), plain("bark", (0.14, 0.08, 0.045), 0.9)
CLAY, CREAM = plain("clay", (0.42, 0.15, 0.07), 0.8), plain("cream", (0.72, 0.6, 0.42), 0.6)
GLASS = plain("glass", (0.9, 0.95, 0.93), 0.08, opacity=0.25)
SHADE = plain("lampshade", (0.8, 0.72, 0.55), 0.9)
TWEED, LINEN, DENIM, PLAID = (textured(name, 0.95) for name in ("tweed", "linen", "denim", "plaid"))


def legs(width: float, depth: float, height: float, thick: float) -> Soup:
    """Four square legs at the corners of a rectangle."""
    x, y = (width - thick) / 2, (depth - thick) / 2
    return joined([box(thick, thick, height).moved(a * x, b * y) for a in (-1, 1) for b in (-1, 1)])


def table(width: float, depth: float, height: float, top: Surface, leg: Surface) -> list[Solid]:
    return [
        (box(width, depth, 0.035).moved(z=height - 0.035), top),
        (legs(width - 0.06, depth - 0.06, height - 0.035, 0.06), leg),
        (box(width - 0.16, depth - 0.16, 0.07).moved(z=height - 0.105), leg),
    ]


def round_table(radius: float, height: float, top: Surface, foot: Surface) -> list[Solid]:
    stem = revolved(
        [
            (0, 0),
            (radius * 0.55, 0),
            (radius * 0.5, 0.03),
            (0.05, 0.07),
            (0.045, height - 0.08),
            (0.15, height - 0.03),
            (0, height - 0.03),
        ]
    )
    return [(cylinder(radius, 0.03, 64).moved(z=height - 0.03), top), (stem, foot)]


def chair(seat: Surface, frame: Surface, *, slats: int) -> list[Solid]:
    back = [
        box(0.4 / slats * 0.6, 0.02, 0.42).moved((i + 0.5) * 0.4 / slats - 0.2, 0.2, 0.47)
        for i in range(slats)
    ]
    posts = [box(0.04, 0.04, 0.5).moved(x, 0.2, 0.45) for x in (-0.2, 0.2)]
    rail = box(0.44, 0.035, 0.07).moved(0, 0.2, 0.89)
    return [
        (box(0.44, 0.44, 0.05).moved(z=0.42), seat),
        (joined([legs(0.44, 0.44, 0.42, 0.04), *posts, rail, *back]), frame),
    ]


def stool(height: float, seat: Surface, frame: Surface) -> list[Solid]:
    ring = torus(0.15, 0.012).moved(z=height * 0.35)
    feet = [
        cylinder(0.014, height)
        .turned("x", 6)
        .turned("z", 45 + 90 * i)
        .moved(0.1 * np.cos(a), 0.1 * np.sin(a))
        for i, a in enumerate(np.pi / 4 + np.arange(4) * np.pi / 2)
    ]
    return [(cylinder(0.17, 0.04).moved(z=height - 0.01), seat), (joined([*feet, ring]), frame)]


def bench(width: float, surface: Surface, frame: Surface, *, back: bool) -> list[Solid]:
    slats = [box(width, 0.09, 0.03).moved(0, y, 0.43) for y in (-0.16, -0.05, 0.06, 0.17)]
    if back:
        slats += [box(width, 0.03, 0.09).moved(0, 0.24, z) for z in (0.58, 0.71, 0.84)]
    sides = [box(0.05, 0.42, 0.43).moved(x) for x in (-width * 0.42, width * 0.42)]
    sides += (
        [box(0.05, 0.04, 0.55).moved(x, 0.22, 0.4) for x in (-width * 0.42, width * 0.42)] if back else []
    )
    return [(joined(slats), surface), (joined(sides), frame)]


def sofa(width: float, cloth: Surface, cushion: Surface) -> list[Solid]:
    soft = superquadric(1, 0.25, 0.25)
    seats = max(1, round((width - 0.4) / 0.7))
    step = (width - 0.4) / seats
    pillows = [
        soft.scaled(step * 0.5, 0.34, 0.1).moved((i + 0.5) * step - (width - 0.4) / 2, -0.08, 0.42)
        for i in range(seats)
    ]
    arms = [soft.scaled(0.11, 0.44, 0.3).moved(x, 0, 0.32) for x in (-(width / 2 - 0.11), width / 2 - 0.11)]
    body = [
        box(width - 0.1, 0.84, 0.26).moved(z=0.06),
        soft.scaled(width / 2, 0.12, 0.4).moved(0, 0.36, 0.44),
    ]
    throw = soft.scaled(0.22, 0.08, 0.2).turned("x", -20).moved(width * 0.22, 0.16, 0.66)
    return [(joined([*arms, *body, *pillows]), cloth), (throw, cushion)]


def bed(width: float, frame: Surface, sheet: Surface, blanket: Surface) -> list[Solid]:
    soft = superquadric(1, 0.2, 0.2)
    pillows = [
        superquadric(1, 0.6, 0.3).scaled(0.3, 0.2, 0.08).moved(x, 0.72, 0.58)
        for x in ((-width / 4, width / 4) if width > 1.2 else (0,))
    ]
    return [
        (
            joined(
                [
                    box(width + 0.1, 2.06, 0.25).moved(z=0.08),
                    box(width + 0.1, 0.06, 1.0).moved(0, 1.03),
                    legs(width, 2.0, 0.1, 0.08),
                ]
            ),
            frame,
        ),
        (joined([soft.scaled(width / 2, 1.0, 0.11).moved(z=0.42), *pillows]), sheet),
        (soft.scaled(width / 2 + 0.04, 0.68, 0.125).moved(0, -0.34, 0.42), blanket),
    ]


def shelf(
    width: float, height: float, boards: int, surface: Surface, *, books: bool, seed: int = 0
) -> list[Solid]:
    depth, thick = 0.3, 0.025
    gap = (height - thick) / (boards - 1)
    frame = [box(width, depth, thick).moved(z=i * gap) for i in range(boards)]
    frame += [box(thick, depth, height).moved(x) for x in (-width / 2 + thick / 2, width / 2 - thick / 2)]
    frame.append(box(width, 0.01, height).moved(0, depth / 2 - 0.005))
    solids: list[Solid] = [(joined(frame), surface)]
    return solids + (_book_rows(width, gap, boards, thick, seed) if books else [])


def _book_rows(width: float, gap: float, boards: int, thick: float, seed: int) -> list[Solid]:
    rng = np.random.Generator(np.random.Philox(key=seed))
    covers = (RED, BLUE, GREEN, CREAM, BLACK, YELLOW, CLAY, WHITE)
    rows: dict[int, list[Soup]] = {}
    for board in range(boards - 1):
        x, end = -width / 2 + 0.04, width / 2 - 0.05 - rng.uniform(0, 0.4) * width
        while x < end:
            w, h, d = rng.uniform(0.015, 0.05), gap * rng.uniform(0.55, 0.85), rng.uniform(0.16, 0.23)
            book = box(w, d, h).moved(x + w / 2, 0.13 - d / 2, board * gap + thick)
            rows.setdefault(int(rng.integers(len(covers))), []).append(book)
            x += w + 0.002
    return [(joined(soups), covers[index]) for index, soups in sorted(rows.items())]


def cabinet(
    width: float, height: float, depth: float, body: Surface, knob: Surface, rows: int
) -> list[Solid]:
    step = (height - 0.14) / rows
    fronts = [
        box(width / 2 - 0.03, 0.02, step - 0.02).moved(x, -depth / 2 - 0.008, 0.1 + i * step + 0.01)
        for i in range(rows)
        for x in (-width / 4, width / 4)
    ]
    knobs = [
        sphere(0.014).moved(x, -depth / 2 - 0.03, 0.1 + (i + 0.5) * step)
        for i in range(rows)
        for x in (-width / 4, width / 4)
    ]
    shell = [
        box(width, depth, height - 0.13).moved(z=0.1),
        box(width + 0.04, depth + 0.04, 0.03).moved(z=height - 0.03),
    ]
    return [(joined([*shell, *fronts, legs(width, depth, 0.1, 0.05)]), body), (joined(knobs), knob)]


def floor_lamp(pole: Surface, shade: Surface) -> list[Solid]:
    hood = revolved([(0.22, 1.25), (0.13, 1.55), (0.125, 1.55), (0.215, 1.25), (0.22, 1.25)])
    stand = revolved([(0, 0), (0.15, 0), (0.15, 0.02), (0.015, 0.035), (0.012, 1.45), (0, 1.45)])
    return [(stand, pole), (hood, shade)]


def table_lamp(foot: Surface, shade: Surface) -> list[Solid]:
    body = revolved(
        [
            (0, 0),
            (0.07, 0),
            (0.075, 0.02),
            (0.03, 0.06),
            (0.06, 0.13),
            (0.07, 0.18),
            (0.02, 0.26),
            (0.008, 0.28),
            (0.008, 0.36),
            (0, 0.36),
        ]
    )
    return [
        (body, foot),
        (revolved([(0.15, 0.27), (0.09, 0.46), (0.086, 0.46), (0.145, 0.27), (0.15, 0.27)]), shade),
    ]


def pendant_lamp(hood: Surface) -> list[Solid]:
    bell = revolved(
        [
            (0.2, 0),
            (0.17, 0.1),
            (0.08, 0.18),
            (0.03, 0.2),
            (0, 0.2),
            (0.02, 0.19),
            (0.075, 0.17),
            (0.165, 0.09),
            (0.195, 0),
            (0.2, 0),
        ]
    )
    return [
        (bell, hood),
        (joined([cylinder(0.006, 0.55, 12).moved(z=0.19), cylinder(0.05, 0.03).moved(z=0.72)]), BLACK),
    ]


def vase(profile: list[tuple[float, float]], surface: Surface) -> list[Solid]:
    outer = np.array(profile)
    inner = [(max(r - 0.006, 0.0), z) for r, z in profile[::-1][:-1]] + [(0.0, profile[0][1] + 0.008)]
    return [(revolved([(0.0, float(outer[0, 1])), *profile, *inner], 64), surface)]


def wavy(height: float, base: float, swing: float, waves: float) -> list[tuple[float, float]]:
    """A vase's profile: a radius that swings about `base`."""
    z = np.linspace(0, height, 40)
    r = base + swing * np.sin(waves * np.pi * z / height + 0.4)
    return [(float(a), float(b)) for a, b in zip(r, z, strict=True)]


def bottle(surface: Surface, label: Surface) -> list[Solid]:
    body = [
        (0, 0),
        (0.036, 0),
        (0.038, 0.01),
        (0.038, 0.19),
        (0.03, 0.22),
        (0.014, 0.25),
        (0.013, 0.3),
        (0.015, 0.305),
        (0.015, 0.315),
        (0, 0.315),
    ]
    return [(revolved(body), surface), (revolved([(0.0385, 0.06), (0.0385, 0.15)]), label)]


def mug(surface: Surface) -> list[Solid]:
    cup = revolved(
        [(0, 0), (0.038, 0), (0.041, 0.005), (0.041, 0.095), (0.037, 0.095), (0.037, 0.008), (0, 0.008)]
    )
    handle = torus(0.026, 0.005).turned("x", 90).moved(0.048, 0, 0.05)
    return [(joined([cup, handle]), surface)]


def bowl_of_fruit() -> list[Solid]:
    bowl = revolved([(0, 0), (0.06, 0), (0.1, 0.03), (0.14, 0.09), (0.135, 0.09), (0.095, 0.035), (0, 0.012)])
    spots = [(0.05, 0.0), (-0.03, 0.05), (-0.03, -0.05), (0.0, 0.0)]
    fruit = [sphere(0.04).moved(x, y, 0.065 + 0.045 * (i == 3)) for i, (x, y) in enumerate(spots)]
    return [(bowl, WALNUT), (joined(fruit[:2]), RED), (joined(fruit[2:]), YELLOW)]


def book_stack(seed: int) -> list[Solid]:
    rng = np.random.Generator(np.random.Philox(key=seed))
    solids, z = [], 0.0
    for cover in (RED, BLUE, CREAM, GREEN, BLACK)[: int(rng.integers(3, 6))]:
        w, d, h = rng.uniform(0.15, 0.24), rng.uniform(0.2, 0.3), rng.uniform(0.015, 0.045)
        turn, shift = rng.uniform(-18, 18), rng.uniform(-0.015, 0.015, 2)
        lids = joined([box(w, d, 0.003), box(w, d, 0.003).moved(z=h - 0.003), box(0.003, d, h).moved(-w / 2)])
        for soup, surface in ((lids, cover), (box(w - 0.008, d - 0.01, h - 0.006).moved(z=0.003), WHITE)):
            solids.append((soup.turned("z", turn).moved(shift[0], shift[1], z), surface))
        z += h
    return solids


def crate(size: float, surface: Surface) -> list[Solid]:
    plank, thick = size / 5, 0.018
    walls = []
    for turn in range(4):
        for row in range(4):
            walls.append(
                box(size, thick, plank).moved(0, size / 2, row * plank * 1.28 + 0.01).turned("z", 90 * turn)
            )
        walls.append(
            box(plank / 2, plank / 2, size).moved(size / 2 - 0.04, size / 2 - 0.04).turned("z", 90 * turn)
        )
    return [(joined([*walls, box(size, size, thick)]), surface)]


def plant(pot: Surface, height: float, leaves: int, seed: int) -> list[Solid]:
    rng = np.random.Generator(np.random.Philox(key=seed))
    blade_half = [(0.0, 0.0), (0.035, 0.08), (0.03, 0.22), (0.0, 0.38), (-0.03, 0.22), (-0.035, 0.08)]
    blades = []
    for index in range(leaves):
        size = height * rng.uniform(0.7, 1.1)
        blade = extruded(blade_half, 0.004).scaled(size, size * 1.9, 1).turned("x", rng.uniform(20, 80))
        blades.append(
            blade.turned("z", 137.5 * index + rng.uniform(-12, 12)).moved(
                z=0.2 + 0.35 * height * index / leaves
            )
        )
    tub = revolved(
        [(0, 0), (0.1, 0), (0.14, 0.22), (0.15, 0.22), (0.15, 0.25), (0.125, 0.25), (0.12, 0.2), (0, 0.2)]
    )
    stem = cylinder(0.015, 0.2 + 0.35 * height).moved(z=0.02)
    return [(tub, pot), (joined(blades), LEAF), (stem, BARK)]


def tree(height: float, seed: int) -> list[Solid]:
    rng = np.random.Generator(np.random.Philox(key=seed))
    trunk = revolved(
        [
            (0, 0),
            (0.035 * height, 0),
            (0.02 * height, 0.08 * height),
            (0.016 * height, 0.6 * height),
            (0, 0.6 * height),
        ],
        20,
    )
    crown = []
    for index in range(9):
        angle, reach = index * 2.4, height * rng.uniform(0.06, 0.2)
        lump = rock(height * rng.uniform(0.12, 0.19), seed * 31 + index, 3)
        crown.append(
            lump.moved(reach * np.cos(angle), reach * np.sin(angle), height * rng.uniform(0.5, 0.85))
        )
    return [(trunk, BARK), (joined(crown), textured("grass", 0.9))]


def pine_tree(height: float) -> list[Solid]:
    tiers = [
        revolved([(0, h), (r, h - 0.04 * height), (r * 0.3, h + 0.16 * height), (0, h + 0.25 * height)], 28)
        for h, r in (
            (0.2 * height, 0.24 * height),
            (0.37 * height, 0.19 * height),
            (0.54 * height, 0.14 * height),
            (0.7 * height, 0.09 * height),
        )
    ]
    return [(cylinder(0.03 * height, 0.3 * height, 16), BARK), (joined(tiers), textured("grass", 0.9))]


def street_lamp() -> list[Solid]:
    pole = revolved([(0, 0), (0.16, 0), (0.14, 0.3), (0.06, 0.4), (0.045, 4.2), (0, 4.2)], 24)
    head = [box(0.16, 0.9, 0.05).moved(0, -0.4, 4.15), box(0.26, 0.5, 0.09).moved(0, -0.75, 4.08)]
    return [
        (joined([pole, *head]), plain("iron", (0.03, 0.05, 0.045), 0.5)),
        (box(0.2, 0.4, 0.02).moved(0, -0.75, 4.06), WHITE),
    ]


def fence(width: float, surface: Surface) -> list[Solid]:
    count = round(width / 0.14)
    picket = [(-0.045, 0), (0.045, 0), (0.045, 0.9), (0, 1.0), (-0.045, 0.9)]
    pickets = [
        extruded(picket, 0.02).turned("x", 90).moved((i + 0.5) * width / count - width / 2)
        for i in range(count)
    ]
    rails = [box(width, 0.03, 0.07).moved(0, 0.02, z) for z in (0.2, 0.7)]
    return [(joined([*pickets, *rails]), surface)]


def traffic_cone() -> list[Solid]:
    stripe = revolved([(0.105, 0.27), (0.075, 0.4)])
    body = revolved([(0.15, 0.03), (0.035, 0.55), (0.02, 0.56), (0, 0.56)])
    return [
        (joined([box(0.38, 0.38, 0.03), body]), plain("orange", (0.75, 0.16, 0.02), 0.5)),
        (stripe.scaled(1.01, 1.01, 1), WHITE),
    ]


def hydrant() -> list[Solid]:
    body = revolved(
        [
            (0, 0),
            (0.16, 0),
            (0.16, 0.04),
            (0.11, 0.05),
            (0.11, 0.5),
            (0.14, 0.51),
            (0.14, 0.55),
            (0.12, 0.6),
            (0.06, 0.66),
            (0.03, 0.7),
            (0, 0.7),
        ]
    )
    spouts = [
        cylinder(0.05, 0.34).moved(z=-0.17).turned("x", 90).moved(z=0.4),
        cylinder(0.045, 0.32).moved(z=-0.16).turned("y", 90).moved(z=0.4),
    ]
    return [(joined([body, *spouts]), RED)]


def car(paint: Surface) -> list[Solid]:
    side = [
        (-2.0, 0.3),
        (2.0, 0.3),
        (2.05, 0.6),
        (1.95, 0.8),
        (1.15, 0.92),
        (0.55, 1.38),
        (-0.9, 1.4),
        (-1.6, 0.98),
        (-2.05, 0.9),
        (-2.1, 0.5),
    ]
    glass = [(1.0, 0.95), (0.5, 1.32), (-0.85, 1.34), (-1.4, 0.98)]
    wheels = [
        cylinder(0.32, 0.2, 36).moved(z=-0.1).turned("x", 90).moved(x, y, 0.32)
        for x in (-1.3, 1.3)
        for y in (-0.72, 0.72)
    ]
    hubs = [
        cylinder(0.19, 0.22, 24).moved(z=-0.11).turned("x", 90).moved(x, y, 0.32)
        for x in (-1.3, 1.3)
        for y in (-0.72, 0.72)
    ]
    panes = extruded(glass, 1.66).turned("x", 90).moved(0, 0.83)
    lights = [box(0.06, 0.3, 0.14).moved(2.02, y, 0.6) for y in (-0.55, 0.55)]
    return [
        (extruded(side, 1.6).turned("x", 90).moved(0, 0.8), paint),
        (panes, plain("dark_glass", (0.02, 0.025, 0.03), 0.08)),
        (joined(wheels), BLACK),
        (joined(hubs), STEEL),
        (joined(lights), WHITE),
    ]


def mannequin(clothes: Surface, skin: Surface, stride: float) -> list[Solid]:
    def limb(top: tuple[float, float, float], angle: float, length: float, radius: float) -> Soup:
        soup = superquadric(1, 0.8, 1).scaled(radius, radius, length / 2).moved(z=-length / 2 + radius)
        return soup.turned("x", angle).moved(*top)

    legs_ = [limb((0.1 * s, 0, 0.88), s * stride, 0.95, 0.085) for s in (-1, 1)]
    arms = [limb((0.24 * s, 0, 1.4), -s * stride * 1.3, 0.68, 0.05) for s in (-1, 1)]
    torso = superquadric(1, 0.5, 0.8).scaled(0.21, 0.13, 0.34).moved(z=1.15)
    head = [
        superquadric(1, 0.9, 0.9).scaled(0.095, 0.11, 0.135).moved(z=1.65),
        cylinder(0.05, 0.14).moved(z=1.44),
    ]
    return [(joined(legs_), DENIM), (joined([torso]), clothes), (joined([*arms, *head]), skin)]


def picture(texture: str, width: float, height: float, frame: Surface) -> list[Solid]:
    bar = 0.04
    rims = [box(width + 2 * bar, 0.03, bar).moved(z=z) for z in (0.0, height + bar)]
    rims += [box(bar, 0.03, height).moved(x, 0, bar) for x in (-(width + bar) / 2, (width + bar) / 2)]
    face = box(width, 0.012, height).moved(0, 0.005, bar)
    stretched = Soup(
        face.points_f33,
        np.stack([face.points_f33[..., 0] / width + 0.5, (face.points_f33[..., 2] - bar) / height], axis=2),
    )
    return [(joined(rims), frame), (stretched, textured(texture, 0.7))]


def clock() -> list[Solid]:
    def lying(soup: Soup) -> Soup:
        return soup.turned("x", 90).moved(z=0.18)

    hands = [
        box(0.012, 0.004, 0.1).moved(0, -0.036, 0.18),
        box(0.012, 0.004, 0.13).turned("y", 65).moved(0, -0.036, 0.18),
    ]
    face = lying(cylinder(0.16, 0.034))
    return [(lying(torus(0.165, 0.018)), BLACK), (face, WHITE), (joined(hands), BLACK)]


def monitor() -> list[Solid]:
    screen = box(0.58, 0.006, 0.33).moved(0, -0.016, 0.13)
    stretched = Soup(screen.points_f33, screen.points_f33[..., [0, 2]] * (1 / 0.6))
    shell = [
        box(0.62, 0.03, 0.37).moved(z=0.11),
        box(0.06, 0.03, 0.14).moved(0, 0.02),
        box(0.26, 0.18, 0.012),
    ]
    return [(joined(shell), BLACK), (stretched, textured("poster_night", 0.2))]


def rug(width: float, depth: float, surface: Surface) -> list[Solid]:
    return [(superquadric(1, 0.3, 0.06).scaled(width / 2, depth / 2, 0.008), surface)]


def one(soup: Soup, surface: Surface) -> list[Solid]:
    return [(soup, surface)]


def _spec(make: Callable[[], list[Solid]], *tags: str) -> ObjectSpec:
    return ObjectSpec(make=make, tags=tags)


_HOME = ("indoor", "living")
_OUT = ("outdoor",)
_TOP = ("indoor", "tabletop")
_SHAPE = ("shape",)

OBJECTS: dict[str, ObjectSpec] = {
    "table_dining": _spec(lambda: table(1.6, 0.9, 0.75, OAK, OAK), *_HOME, "kitchen", "floor", "table"),
    "table_desk": _spec(lambda: table(1.3, 0.65, 0.74, WHITE, STEEL), "indoor", "office", "floor", "table"),
    "table_coffee": _spec(lambda: table(1.0, 0.55, 0.42, WALNUT, BLACK), *_HOME, "floor", "table"),
    "table_side": _spec(lambda: table(0.45, 0.45, 0.55, PINE, PINE), *_HOME, "bedroom", "floor", "table"),
    "table_round": _spec(lambda: round_table(0.55, 0.75, CHERRY, BLACK), *_HOME, "kitchen", "floor", "table"),
    "table_glass": _spec(lambda: round_table(0.45, 0.45, GLASS, STEEL), *_HOME, "floor", "table", "glass"),
    "chair_slats": _spec(lambda: chair(OAK, OAK, slats=4), *_HOME, "kitchen", "floor", "seat"),
    "chair_cushion": _spec(lambda: chair(TWEED, WALNUT, slats=2), *_HOME, "office", "floor", "seat"),
    "chair_red": _spec(lambda: chair(RED, STEEL, slats=1), *_HOME, "kitchen", "office", "floor", "seat"),
    "stool_low": _spec(lambda: stool(0.46, PINE, STEEL), *_HOME, "kitchen", "floor", "seat"),
    "stool_bar": _spec(lambda: stool(0.76, WALNUT, BLACK), "indoor", "kitchen", "floor", "seat"),
    "bench_indoor": _spec(lambda: bench(1.2, OAK, BLACK, back=False), *_HOME, "bedroom", "floor", "seat"),
    "bench_park": _spec(
        lambda: bench(1.7, PINE, plain("iron", (0.03, 0.05, 0.045)), back=True), *_OUT, "seat"
    ),
    "sofa_two": _spec(lambda: sofa(1.7, LINEN, PLAID), *_HOME, "floor", "seat"),
    "sofa_three": _spec(lambda: sofa(2.3, DENIM, textured("stripes_warm")), *_HOME, "floor", "seat"),
    "armchair": _spec(lambda: sofa(1.0, TWEED, LINEN), *_HOME, "floor", "seat"),
    "bed_double": _spec(lambda: bed(1.6, WALNUT, WHITE, PLAID), "indoor", "bedroom", "floor", "bed"),
    "bed_single": _spec(
        lambda: bed(0.9, PINE, WHITE, textured("stripes_warm")), "indoor", "bedroom", "floor", "bed"
    ),
    "shelf_books": _spec(lambda: shelf(0.9, 1.9, 6, OAK, books=True, seed=1), *_HOME, "office", "floor"),
    "shelf_books_low": _spec(
        lambda: shelf(1.2, 0.85, 3, WHITE, books=True, seed=2), *_HOME, "bedroom", "floor", "table"
    ),
    "shelf_empty": _spec(
        lambda: shelf(0.7, 1.5, 5, BLACK, books=False), "indoor", "office", "kitchen", "floor"
    ),
    "cabinet_low": _spec(lambda: cabinet(1.4, 0.7, 0.42, WALNUT, BRASS, 2), *_HOME, "floor", "table"),
    "cabinet_drawers": _spec(
        lambda: cabinet(0.8, 1.0, 0.45, WHITE, STEEL, 4), "indoor", "bedroom", "floor", "table"
    ),
    "wardrobe": _spec(lambda: cabinet(1.2, 2.0, 0.6, PINE, BRASS, 1), "indoor", "bedroom", "floor"),
    "lamp_floor": _spec(lambda: floor_lamp(BRASS, SHADE), *_HOME, "bedroom", "floor", "lamp"),
    "lamp_table": _spec(lambda: table_lamp(CLAY, SHADE), *_TOP, "living", "bedroom", "lamp"),
    "lamp_pendant": _spec(lambda: pendant_lamp(YELLOW), "indoor", "living", "kitchen", "ceiling", "lamp"),
    "rug_plaid": _spec(lambda: rug(2.2, 1.5, PLAID), *_HOME, "floor", "rug"),
    "rug_felt": _spec(lambda: rug(1.6, 1.1, textured("felt_red", 1.0)), *_HOME, "bedroom", "floor", "rug"),
    "plant_tall": _spec(lambda: plant(WHITE, 1.2, 26, 5), *_HOME, "office", "floor", "plant"),
    "plant_small": _spec(
        lambda: [(s.scaled(0.55, 0.55, 0.55), m) for s, m in plant(CLAY, 0.5, 16, 6)],
        *_TOP,
        "living",
        "plant",
    ),
    "picture_primary": _spec(lambda: picture("poster_primary", 0.7, 0.7, BLACK), *_HOME, "wall", "painting"),
    "picture_forest": _spec(
        lambda: picture("poster_forest", 0.9, 0.6, OAK), *_HOME, "office", "wall", "painting"
    ),
    "picture_pastel": _spec(
        lambda: picture("poster_pastel", 0.5, 0.7, WHITE), *_HOME, "bedroom", "wall", "painting"
    ),
    "clock_wall": _spec(clock, *_HOME, "kitchen", "office", "wall"),
    "vase_wavy": _spec(lambda: vase(wavy(0.32, 0.07, 0.03, 2.2), BLUE), *_TOP, "living"),
    "vase_slim": _spec(lambda: vase(wavy(0.42, 0.045, 0.02, 1.3), textured("mosaic", 0.3)), *_TOP, "living"),
    "vase_wide": _spec(lambda: vase(wavy(0.22, 0.1, 0.035, 1.1), CLAY), *_TOP, "living"),
    "bottle_green": _spec(lambda: bottle(plain("bottle", (0.02, 0.1, 0.03), 0.1), CREAM), *_TOP, "kitchen"),
    "mug_yellow": _spec(lambda: mug(YELLOW), *_TOP, "kitchen", "office"),
    "mug_checked": _spec(lambda: mug(textured("dots_color_coarse", 0.3)), *_TOP, "kitchen", "office"),
    "glass_tumbler": _spec(
        lambda: vase([(0.03, 0.0), (0.0306, 0.01), (0.036, 0.1)], GLASS), *_TOP, "kitchen", "glass"
    ),
    "fruit_bowl": _spec(bowl_of_fruit, *_TOP, "kitchen", "living"),
    "books_flat": _spec(lambda: book_stack(11), *_TOP, "living", "office", "bedroom"),
    "books_flat_2": _spec(lambda: book_stack(12), *_TOP, "living", "office", "bedroom"),
    "monitor": _spec(monitor, *_TOP, "office"),
    "crate": _spec(lambda: crate(0.4, PINE), "indoor", "outdoor", "floor"),
    "tree_broad": _spec(lambda: tree(5.5, 3), *_OUT, "plant"),
    "tree_young": _spec(lambda: tree(3.2, 4), *_OUT, "plant"),
    "tree_pine": _spec(lambda: pine_tree(6.0), *_OUT, "plant"),
    "bush": _spec(lambda: one(rock(0.6, 21).scaled(1.2, 1.0, 0.8), textured("grass", 0.9)), *_OUT, "plant"),
    "boulder": _spec(lambda: one(rock(0.5, 22), textured("granite", 0.9)), *_OUT),
    "stone": _spec(lambda: one(rock(0.22, 23).scaled(1.3, 1, 0.7), textured("concrete", 0.9)), *_OUT),
    "street_lamp": _spec(street_lamp, *_OUT, "lamp"),
    "fence_white": _spec(lambda: fence(2.1, WHITE), *_OUT),
    "traffic_cone": _spec(traffic_cone, *_OUT),
    "hydrant": _spec(hydrant, *_OUT),
    "car_red": _spec(lambda: car(plain("paint_red", (0.45, 0.02, 0.02), 0.2)), *_OUT, "vehicle"),
    "car_blue": _spec(lambda: car(plain("paint_blue", (0.02, 0.09, 0.3), 0.2)), *_OUT, "vehicle"),
    "figure_walking": _spec(lambda: mannequin(RED, CREAM, 20), "character"),
    "figure_standing": _spec(lambda: mannequin(textured("stripes_warm", 0.9), CREAM, 4), "character"),
    "shape_box": _spec(lambda: one(box(0.5, 0.4, 0.3), textured("dots_color_coarse")), *_SHAPE),
    "shape_cylinder": _spec(lambda: one(cylinder(0.2, 0.5), textured("mosaic")), *_SHAPE),
    "shape_cone": _spec(lambda: one(cone(0.25, 0.5), textured("stripes_warm")), *_SHAPE),
    "shape_sphere": _spec(lambda: one(sphere(0.25), textured("marble_green", 0.2)), *_SHAPE),
    "shape_icosphere": _spec(lambda: one(icosphere(0.25, 1), CREAM), *_SHAPE),
    "shape_torus": _spec(lambda: one(torus(0.25, 0.09), textured("checker_black_white")), *_SHAPE),
    "shape_knot_2_3": _spec(lambda: one(torus_knot(2, 3, 0.22, 0.05), BRASS), *_SHAPE),
    "shape_knot_3_5": _spec(lambda: one(torus_knot(3, 5, 0.25, 0.03), textured("dots_color")), *_SHAPE),
    "shape_spring": _spec(lambda: one(spring(6, 0.15, 0.5, 0.02), STEEL), *_SHAPE),
    "shape_superquadric": _spec(lambda: one(superquadric(0.25, 0.3, 0.3), textured("wood_cherry")), *_SHAPE),
    "shape_pinched": _spec(lambda: one(superquadric(0.3, 2.4, 1.0), textured("marble_white", 0.2)), *_SHAPE),
    "shape_octahedron": _spec(lambda: one(superquadric(0.3, 2.0, 2.0), textured("granite")), *_SHAPE),
    "shape_star": _spec(lambda: one(extruded(star_outline(5, 0.3, 0.13), 0.12), YELLOW), *_SHAPE),
    "shape_star_many": _spec(
        lambda: one(extruded(star_outline(12, 0.3, 0.2), 0.2), textured("tiles_blue")), *_SHAPE
    ),
    "shape_gear": _spec(
        lambda: one(extruded(gear_outline(16, 0.28, 0.23), 0.1), textured("steel_brushed", 0.4)), *_SHAPE
    ),
    "shape_heart": _spec(lambda: one(extruded(heart_outline(0.5), 0.15), RED), *_SHAPE),
    "shape_rock": _spec(lambda: one(rock(0.25, 31), textured("dots_medium")), *_SHAPE),
}
