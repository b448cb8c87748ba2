"""Books in piles, and shelves filled with books, boxes and things."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assets_manifest.made.interior.cartons import carton, carton_faces
from assets_manifest.made.interior.solids import Body, Rgb, block, linear, object_maker, paint, plain
from assets_manifest.made.interior.spines import PAGES, SPINES, cover_rect, spine_rect, spines
from assets_manifest.made.swatches.palettes import thing
from assets_manifest.meshes.parts import Surface
from assets_manifest.packs.builtin.shapes import Soup, revolved

BOARD_M = 0.02
WOODS: tuple[Rgb, ...] = (
    (0.75, 0.74, 0.71),
    (0.42, 0.26, 0.13),
    (0.17, 0.08, 0.04),
    (0.55, 0.4, 0.22),
    (0.05, 0.045, 0.045),
    (0.3, 0.04, 0.03),
    (0.2, 0.28, 0.3),
)
GLAZES: tuple[Rgb, ...] = (
    (0.6, 0.55, 0.45),
    (0.1, 0.2, 0.3),
    (0.45, 0.12, 0.06),
    (0.12, 0.2, 0.1),
    (0.7, 0.7, 0.68),
)
Spot = tuple[float, float, float]


def book(number: int, low: Spot, size: Spot) -> Soup:
    """A book standing with its spine to the front: (thickness, depth, height)."""
    high = (low[0] + size[0], low[1] + size[1], low[2] + size[2])
    cover = cover_rect(number)
    return block(
        low, high, front=spine_rect(number), left=cover, right=cover, back=PAGES, top=PAGES, bottom=PAGES
    )


def lying(number: int, centre: Spot, size: Spot, degrees: float) -> Soup:
    """A book lying flat, its spine to the front: (length, width, thickness)."""
    length, width, thick = size
    soup = block((-length / 2, -width / 2, 0), (length / 2, width / 2, thick), rest=cover_rect(number))
    front = block((-length / 2, -width / 2, 0), (length / 2, width / 2, thick), rest=PAGES)
    sides = np.r_[2:8]  # right, back, left: the edges of the pages
    soup.uv_f32[sides] = front.uv_f32[sides]
    return soup.turned("z", degrees).moved(*centre)


def _pile(folder: Path, rng: np.random.Generator, size: list[float]) -> Body:
    width, depth, height = size
    body, z = Body(), 0.0
    paper = Surface(name="books", color_texture=spines(folder, rng), roughness=0.6)
    swing = 8.0
    first = True
    while z < height - 1e-6:
        thick = min(float(rng.uniform(0.012, 0.04)), height - z)
        if height - z - thick < 0.012:
            thick = height - z
        share = 1.0 if first else float(rng.uniform(0.65, 0.85))
        turn = 0.0 if first else float(rng.uniform(-swing, swing))
        body.add(
            paper, lying(int(rng.integers(SPINES)), (0, 0, z), (width * share, depth * share, thick), turn)
        )
        z, first = z + thick, False
    return body


def _shelf(folder: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """A bookcase: sides, back, boards, and what stands on each."""
    width, depth, height = size
    body, wood = Body(), paint(rng, WOODS)
    rows = max(1, round(height / rng.uniform(0.28, 0.4)))
    columns = max(1, round(width / rng.uniform(0.55, 1.0)))
    _case(body, wood, size, rows, columns)
    filler = Filler(folder, rng, body)
    step, foot = (height - BOARD_M) / rows, BOARD_M
    across = (width - BOARD_M) / columns
    for row in range(rows):
        for column in range(columns):
            x = -width / 2 + BOARD_M + column * across
            room = (across - BOARD_M, depth - 0.03, step - BOARD_M)
            filler.fill((x, -depth / 2 + 0.01, row * step + foot), room)
    return body


def _case(body: Body, colour: Rgb, size: list[float], rows: int, columns: int) -> None:
    """Back, uprights and boards: parts of their own, as their grain runs up or along."""
    width, depth, height = size
    x, y, t = width / 2, depth / 2, BOARD_M
    back, upright, board = (plain(name, colour, 0.45) for name in ("back", "upright", "board"))
    body.add(back, block((-x, y - 0.008, 0), (x, y, height)))
    for column in range(columns + 1):
        left = -x + column * (width - t) / columns
        body.add(upright, block((left, -y, 0), (left + t, y - 0.008, height)))
    for row in range(rows + 1):
        z = row * (height - t) / rows
        for column in range(columns):
            left = -x + t + column * (width - t) / columns
            body.add(board, block((left, -y, z), (left + (width - t) / columns - t, y - 0.008, z + t)))


class Filler:
    """Fills compartments of a shelf with rows of things."""

    def __init__(self, folder: Path, rng: np.random.Generator, body: Body) -> None:
        self.rng, self.body = rng, body
        self.paper = Surface(name="books", color_texture=spines(folder, rng), roughness=0.6)
        self.carton = Surface(name="carton", color_texture=carton(folder, rng), roughness=0.9)
        self.tidy = float(rng.uniform(0.02, 0.35))  # share of free places
        self.bookish = float(rng.uniform(0.35, 0.9))

    def fill(self, corner: Spot, room: Spot) -> None:
        """Things from left to right; `corner` is the lower left front one of the compartment."""
        x, end = corner[0] + 0.005, corner[0] + room[0] - 0.005
        while x < end - 0.05:
            kind, left = self.rng.uniform(), (x, corner[1], corner[2])
            if self.rng.uniform() < self.tidy:
                x += float(self.rng.uniform(0.04, 0.25))
            elif kind < self.bookish:
                x = self._row(left, end, room)
            elif kind < self.bookish + (1 - self.bookish) * 0.25:
                x = self._lying(left, end, room)
            elif kind < self.bookish + (1 - self.bookish) * 0.45:
                x = self._games(left, end, room)
            elif kind < self.bookish + (1 - self.bookish) * 0.75:
                x = self._box(left, end, room)
            else:
                x = self._vase(left, end, room)

    def _row(self, left: Spot, end: float, room: Spot) -> float:
        """Books side by side, one series or all kinds."""
        x, y, z = left
        tall = float(self.rng.uniform(0.55, 0.85)) * room[2]
        alike = int(self.rng.integers(SPINES)) if self.rng.uniform() < 0.15 else None
        for _ in range(int(self.rng.integers(4, 8) if alike is not None else self.rng.integers(4, 22))):
            thick = float(self.rng.uniform(0.012, 0.05))
            high = min(tall * float(self.rng.uniform(0.8, 1.15)), room[2] - 0.01)
            deep = min(high * 0.72, room[1] - 0.01)
            if x + thick > end:
                break
            number = int(self.rng.integers(SPINES)) if alike is None else alike
            out = y + float(self.rng.uniform(0.0, 0.02)) + max(0.0, room[1] - deep - 0.05) * 0.5
            self.body.add(self.paper, book(number, (x, out, z), (thick, deep, high)))
            x += thick + 0.0008
        return self._leaning((x, y, z), end, room, tall) + 0.004

    def _leaning(self, left: Spot, end: float, room: Spot, tall: float) -> float:
        """Sometimes a book that leans on the row to its left; where the next thing may stand."""
        angle, thick = float(self.rng.uniform(6, 22)), float(self.rng.uniform(0.012, 0.035))
        high = min(tall, room[2] - 0.02) * float(self.rng.uniform(0.75, 1.0))
        aside = high * float(np.sin(np.deg2rad(angle)))
        if self.rng.uniform() < 0.55 or left[0] + aside + thick > end:
            return left[0]
        out = float(self.rng.uniform(0.0, 0.02))
        size = (thick, min(high * 0.72, room[1] - 0.03), high)
        standing = book(int(self.rng.integers(SPINES)), (0.0, 0.0, 0.0), size).turned("y", -angle)
        self.body.add(self.paper, standing.moved(left[0] + aside, left[1] + out, left[2]))
        return left[0] + aside + thick / float(np.cos(np.deg2rad(angle)))

    def _games(self, left: Spot, end: float, room: Spot) -> float:
        """Flat boxes on top of each other, each a little askew."""
        wide, z = min(float(self.rng.uniform(0.2, 0.38)), end - left[0]), left[2]
        top = left[2] + room[2] * float(self.rng.uniform(0.25, 0.85))
        deep = min(wide * float(self.rng.uniform(0.65, 1.0)), room[1] - 0.02)
        if wide < 0.15:
            return end
        while z + 0.03 < top:
            share, thick = (
                float(self.rng.uniform(0.75, 0.95)),
                min(float(self.rng.uniform(0.03, 0.07)), top - z),
            )
            x, y = wide * share / 2, deep * share / 2
            flat = block((-x, -y, 0), (x, y, thick)).turned("z", float(self.rng.uniform(-3, 3)))
            number = int(self.rng.integers(1000))
            coat = plain(f"game{number}", linear(thing(self.rng)), 0.55)
            self.body.add(coat, flat.moved(left[0] + wide / 2, left[1] + room[1] / 2, z))
            z += thick
        return left[0] + wide + 0.01

    def _lying(self, left: Spot, end: float, room: Spot) -> float:
        long = min(0.26, end - left[0], room[1] / 0.75)
        z, top = left[2], left[2] + room[2] * float(self.rng.uniform(0.2, 0.8))
        y = left[1] + room[1] / 2
        while long > 0.12 and z < top - 0.035:
            thick, share = float(self.rng.uniform(0.012, 0.035)), float(self.rng.uniform(0.75, 0.95))
            size, turn = (long * share, long * 0.72 * share, thick), float(self.rng.uniform(-3, 3))
            number = int(self.rng.integers(SPINES))
            self.body.add(self.paper, lying(number, (left[0] + long / 2, y, z), size, turn))
            z += thick
        return left[0] + long + 0.01

    def _box(self, left: Spot, end: float, room: Spot) -> float:
        wide = min(float(self.rng.uniform(0.15, 0.4)), end - left[0])
        high, deep = (
            room[2] * float(self.rng.uniform(0.4, 0.85)),
            room[1] * float(self.rng.uniform(0.75, 0.98)),
        )
        surface = self.carton
        if self.rng.uniform() < 0.6:
            surface = plain(f"box{int(self.rng.integers(3))}", linear(thing(self.rng)), 0.7)
        high_corner = (left[0] + wide, left[1] + deep, left[2] + high)
        self.body.add(surface, block(left, high_corner, **carton_faces(self.rng)))
        return left[0] + wide + 0.01

    def _vase(self, left: Spot, end: float, room: Spot) -> float:
        radius = min(float(self.rng.uniform(0.03, 0.09)), room[1] / 2 - 0.01, (end - left[0]) / 2)
        if radius < 0.025:
            return end
        high = min(room[2] * 0.85, radius * float(self.rng.uniform(1.5, 4)))
        neck, belly = (float(self.rng.uniform(0.3, 0.9)) for _ in range(2))
        profile = [(0, 0), (radius * belly, 0), (radius, high * 0.35), (radius * neck, high * 0.8),
                   (radius * neck * 1.1, high), (radius * neck * 0.9, high), (0, high * 0.9)]  # fmt: skip
        clay = plain(
            f"clay{int(self.rng.integers(4))}", paint(self.rng, GLAZES), float(self.rng.uniform(0.1, 0.7))
        )
        centre = (left[0] + radius, left[1] + room[1] / 2, left[2])
        self.body.add(clay, revolved(profile, 20).moved(*centre))
        return left[0] + 2 * radius + 0.01


def _standing(folder: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """A row of books, as long as WIDTH, its back even."""
    width, depth, height = size
    body = Body()
    paper = Surface(name="books", color_texture=spines(folder, rng), roughness=0.6)
    x, tall = -width / 2, True
    while x < width / 2 - 1e-6:
        thick = min(float(rng.uniform(0.012, 0.045)), width / 2 - x)
        if width / 2 - x - thick < 0.012:
            thick = width / 2 - x
        share = 1.0 if tall else float(rng.uniform(0.7, 0.97))
        deep = depth * (0.75 + 0.25 * share)
        if tall:
            deep = depth
        corner = (x, depth / 2 - deep, 0.0)
        body.add(paper, book(int(rng.integers(SPINES)), corner, (thick - 0.0005, deep, height * share)))
        x, tall = x + thick, False
    return body


BOOKS = object_maker("room_books", 2, "SEED WIDTH DEPTH HEIGHT", _pile)
BOOK_ROW = object_maker("room_book_row", 2, "SEED WIDTH DEPTH HEIGHT", _standing)
SHELF = object_maker("room_shelf", 2, "SEED WIDTH DEPTH HEIGHT", _shelf)
