"""What belongs to the building: doors, window frames, radiators, the stands and cords of lamps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assets_manifest.made.interior.solids import Body, Rgb, block, object_maker, paint, plain
from assets_manifest.made.interior_sizes import (
    CORD_M,
    DOOR_DEPTH_M,
    RADIATOR_DEPTH_M,
    STAND_M,
    WINDOW_DEPTH_M,
)
from assets_manifest.meshes.parts import Surface
from assets_manifest.packs.builtin.shapes import cylinder, revolved, sphere

PAINTS: tuple[Rgb, ...] = ((0.75, 0.74, 0.71), (0.75, 0.74, 0.71), (0.4, 0.24, 0.11), (0.14, 0.07, 0.035),
                           (0.2, 0.25, 0.28), (0.6, 0.55, 0.42), (0.06, 0.13, 0.1))  # fmt: skip
STEEL = plain("steel", (0.6, 0.6, 0.6), 0.3, 1.0)
BRASS = plain("brass", (0.6, 0.43, 0.16), 0.3, 1.0)


def _door(_: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """A closed leaf in its frame, before the wall."""
    width, height = size
    body, back = Body(), DOOR_DEPTH_M / 2
    frame, leaf = plain("frame", paint(rng, PAINTS), 0.4), plain("leaf", paint(rng, PAINTS), 0.4)
    if rng.uniform() < 0.6:
        leaf = plain("leaf", frame.color, 0.4)
    bar, front = 0.08, back - 0.04
    for left in (-width / 2, width / 2 - bar):
        body.add(frame, block((left, front, 0), (left + bar, back, height)))
    body.add(frame, block((-width / 2 + bar, front, height - bar), (width / 2 - bar, back, height)))
    x, top = width / 2 - bar, height - bar
    body.add(leaf, block((-x, back - 0.025, 0.005), (x, back, top)))
    _mouldings(body, rng, leaf, x, back - 0.025, top)
    _handle(
        body, BRASS if rng.uniform() < 0.4 else STEEL, (x - 0.07) * float(rng.choice([-1, 1])), back - 0.025
    )
    return body


def _mouldings(
    body: Body, rng: np.random.Generator, leaf: Surface, x: float, front: float, top: float
) -> None:
    """Raised fields in rows and columns; some leaves are plain."""
    rows, columns = int(rng.integers(0, 4)), int(rng.integers(1, 3))
    edge = 0.12
    wide = (2 * x - edge * (columns + 1)) / columns
    high = (top - edge * (rows + 1)) / max(rows, 1)
    for row, column in np.ndindex(rows, columns):
        left, low = -x + edge + column * (wide + edge), edge + row * (high + edge)
        body.add(leaf, block((left, front - 0.01, low), (left + wide, front, low + high)))
        inner = 0.04
        right, top_edge = left + wide - inner, low + high - inner
        body.add(leaf, block((left + inner, front - 0.016, low + inner), (right, front - 0.01, top_edge)))


def _handle(body: Body, metal: Surface, x: float, front: float) -> None:
    stem = cylinder(0.009, DOOR_DEPTH_M / 2 + front, 16).turned("x", 90).moved(x, front, 1.02)
    left, right = sorted((x, x - float(np.sign(x)) * 0.12))
    grip = block((left, -DOOR_DEPTH_M / 2, 1.01), (right, -DOOR_DEPTH_M / 2 + 0.015, 1.03))
    body.add(metal, block((x - 0.02, front - 0.006, 0.93), (x + 0.02, front, 1.1)), stem, grip)


def _window(_: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """A frame with sashes, and bars across some of them."""
    width, height = size
    body, wood = Body(), plain("frame", paint(rng, PAINTS[:4]), 0.4)
    y, bar = WINDOW_DEPTH_M / 2, 0.055
    _border(body, wood, (-width / 2, 0.0, width / 2, height), bar, y)
    sashes = max(1, round(width / rng.uniform(0.6, 1.1)))
    step, rows = (width - 2 * bar) / sashes, int(rng.integers(1, 4))
    for k in range(sashes):
        left = -width / 2 + bar + k * step
        _border(body, wood, (left, bar, left + step, height - bar), 0.045, y * 0.8)
        for row in range(1, rows):
            z = bar + row * (height - 2 * bar) / rows
            body.add(
                wood, block((left + 0.045, -y * 0.4, z - 0.012), (left + step - 0.045, y * 0.4, z + 0.012))
            )
    handle = -width / 2 + bar + step - 0.02 if sashes > 1 else width / 2 - bar - 0.03
    body.add(
        STEEL, block((handle - 0.01, -y, height * 0.45), (handle + 0.01, -y * 0.8, height * 0.45 + 0.12))
    )
    return body


def _border(body: Body, wood: Surface, rect: tuple[float, float, float, float], bar: float, y: float) -> None:
    """Four bars around a rectangle (left, low, right, high) of the x-z plane."""
    left, low, right, high = rect
    for a, b in ((left, left + bar), (right - bar, right)):
        body.add(wood, block((a, -y, low), (b, y, high)))
    for a, b in ((low, low + bar), (high - bar, high)):
        body.add(wood, block((left + bar, -y, a), (right - bar, y, b)))


def _radiator(_: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """Ribs between two plates, and the valve."""
    width, height = size
    body, y = Body(), RADIATOR_DEPTH_M / 2
    white = plain("enamel", paint(rng, PAINTS[:1]), 0.35)
    ribs = max(3, round(width / rng.uniform(0.035, 0.08)))
    step, gap = width / ribs, float(rng.uniform(0.1, 0.45))
    for k in range(ribs):
        left = -width / 2 + k * step
        low, high = (0.0, height) if k in (0, ribs - 1) else (0.02, height - 0.01)
        body.add(white, block((left, -y, low), (left + step * (1 - gap * (k < ribs - 1)), -y + 0.035, high)))
    body.add(white, block((-width / 2, -y + 0.035, 0.03), (width / 2, y, height - 0.03)))
    body.add(STEEL, block((width / 2 - 0.03, -y, height * 0.86), (width / 2, -y + 0.03, height * 0.9)))
    return body


def _stand(_: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """The foot and stem of a lamp whose globe sits on top of HEIGHT."""
    (height,) = size
    body, metal = Body(), BRASS if rng.uniform() < 0.4 else plain("stand", paint(rng, PAINTS[2:]), 0.35)
    r = STAND_M / 2
    body.add(metal, revolved([(0, 0), (r, 0), (r, 0.015), (0.02, 0.035), (0.012, height), (0, height)], 40))
    if rng.uniform() < 0.5:
        knob = min(0.07, height / 5)
        body.add(metal, sphere(knob).moved(z=height * 0.3))
    return body


def _pendant(_: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """The rose and cord of a lamp that hangs HEIGHT below the ceiling."""
    (height,) = size
    body, r = Body(), CORD_M / 2
    black = plain("cord", paint(rng, ((0.03, 0.03, 0.03), (0.7, 0.68, 0.64))), 0.5)
    body.add(black, cylinder(0.005, height, 12), cylinder(r, 0.025, 32).moved(z=height - 0.025))
    return body


DOOR = object_maker("room_door", 1, "SEED WIDTH HEIGHT", _door)
WINDOW = object_maker("room_window", 1, "SEED WIDTH HEIGHT", _window)
RADIATOR = object_maker("room_radiator", 1, "SEED WIDTH HEIGHT", _radiator)
LAMP_STAND = object_maker("room_stand", 1, "SEED HEIGHT", _stand)
PENDANT = object_maker("room_pendant", 1, "SEED HEIGHT", _pendant)
