"""What a store is full of: cardboard boxes, loaded pallets, racks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assets_manifest.made.interior.cartons import carton, carton_faces
from assets_manifest.made.interior.solids import Body, Rgb, block, object_maker, paint, plain
from assets_manifest.meshes.parts import Surface

PALLET_M = 0.144  # height of an empty one
FRAMES: tuple[Rgb, ...] = ((0.03, 0.08, 0.3), (0.02, 0.15, 0.06), (0.35, 0.36, 0.38), (0.4, 0.06, 0.03))
ORANGE: Rgb = (0.6, 0.16, 0.01)
PINE: Rgb = (0.42, 0.29, 0.15)


def _box(folder: Path, rng: np.random.Generator, size: list[float]) -> Body:
    width, depth, height = size
    body, paper = Body(), _carton(folder, rng)
    sides = carton_faces(rng)
    body.add(paper, block((-width / 2, -depth / 2, 0), (width / 2, depth / 2, height), **sides))
    return body


def _carton(folder: Path, rng: np.random.Generator) -> Surface:
    return Surface(name="carton", color_texture=carton(folder, rng), roughness=0.9)


def _pallet(folder: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """A pallet of boards with layers of boxes up to the height."""
    width, depth, height = size
    body = Body()
    _boards(body, (0.0, 0.0, 0.0), width, depth)
    _load(body, rng, _carton(folder, rng), (0.0, 0.0, PALLET_M), (width, depth, height - PALLET_M))
    return body


def _boards(body: Body, centre: tuple[float, float, float], width: float, depth: float) -> None:
    wood, (x, y, z) = plain("pine", PINE, 0.9), centre
    for k in range(7):
        left = x - width / 2 + k * (width - 0.1) / 6
        body.add(wood, block((left, y - depth / 2, z + 0.122), (left + 0.1, y + depth / 2, z + PALLET_M)))
    for k in range(3):
        front = y - depth / 2 + k * (depth - 0.1) / 2
        body.add(wood, block((x - width / 2, front, z), (x + width / 2, front + 0.1, z + 0.122)))


def _load(
    body: Body,
    rng: np.random.Generator,
    paper: Surface,
    centre: tuple[float, float, float],
    size: tuple[float, float, float],
) -> None:
    """Equal boxes in layers; the top layer lacks some."""
    if size[2] < 0.1:
        return
    numbers = [max(1, round(side / rng.uniform(0.3, 0.6))) for side in size]
    (nx, ny, nz), (w, d, h) = numbers, (side / n for side, n in zip(size, numbers, strict=True))
    tone = plain("boxes", paint(rng, ((0.5, 0.48, 0.45), (0.1, 0.2, 0.35), (0.35, 0.06, 0.04))), 0.7)
    surface = paper if rng.uniform() < 0.8 else tone
    for i, j, k in np.ndindex(nx, ny, nz):
        if k == nz - 1 and nz > 1 and (i, j) != (0, 0) and rng.uniform() < 0.25:
            continue
        low = np.array(centre) + (i * w - size[0] / 2, j * d - size[1] / 2, k * h)
        ends = low + 0.002 * np.array([1, 1, 0]), low + (w - 0.004, d - 0.004, h)
        body.add(surface, block(*ends, **carton_faces(rng)))


def _rack(folder: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """Uprights, beams and boards with loads on every level."""
    width, depth, height = size
    body, paper = Body(), _carton(folder, rng)
    steel, beam = plain("frame", paint(rng, FRAMES), 0.4), plain("beam", ORANGE, 0.4)
    bays = max(1, round(width / 2.0))
    levels = max(2, round(height / rng.uniform(0.9, 1.5)))
    bay, step = (width - 0.08) / bays, (height - 0.1) / levels
    for k in range(bays + 1):
        left = -width / 2 + k * bay
        for front in (-depth / 2, depth / 2 - 0.08):
            body.add(steel, block((left, front, 0), (left + 0.08, front + 0.08, height)))
    for k, level in np.ndindex(bays, levels):
        _bay(
            body,
            rng,
            (steel, beam, paper),
            (-width / 2 + 0.08 + k * bay, level * step),
            (bay - 0.08, depth, step),
        )
    return body


def _bay(
    body: Body,
    rng: np.random.Generator,
    surfaces: tuple[Surface, Surface, Surface],
    corner: tuple[float, float],
    size: tuple[float, float, float],
) -> None:
    """One compartment from (left, foot): two beams, a board, and boxes or a loaded pallet."""
    (steel, beam, paper), (left, foot), (width, depth, high) = surfaces, corner, size
    y, z = depth / 2, foot + 0.1
    for front in (-y, y - 0.05):
        body.add(beam, block((left, front, foot), (left + width, front + 0.05, z)))
    body.add(steel, block((left, -y + 0.05, z - 0.02), (left + width, y - 0.05, z)))
    loads = int(rng.integers(1, 4))
    for k in range(loads):
        if rng.uniform() < 0.12:
            continue
        room = (width / loads - 0.06, depth - 0.12, (high - 0.15) * float(rng.uniform(0.45, 0.95)))
        _load(body, rng, paper, (left + (k + 0.5) * width / loads, 0.0, z), room)


BOX = object_maker("room_box", 2, "SEED WIDTH DEPTH HEIGHT", _box)
PALLET = object_maker("room_pallet", 2, "SEED WIDTH DEPTH HEIGHT", _pallet)
RACK = object_maker("room_rack", 2, "SEED WIDTH DEPTH HEIGHT", _rack)
