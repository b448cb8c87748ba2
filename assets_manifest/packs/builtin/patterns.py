"""Procedural textures that repeat without a seam, and normal maps from their heights.

Every pattern is a function of (size, rng) that gives display colours 0..1, shape (size, size, 3). Noise is
periodic, so the right edge continues at the left one. Row 0 is the top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.extras import extra

with extra("render"):
    from scipy.ndimage import gaussian_filter
    from scipy.spatial import cKDTree

Pattern = Callable[[int, np.random.Generator], NDArray[np.float64]]
Color = tuple[float, float, float]


def noise(size: int, cells: int | tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Periodic gradient noise with `cells` lattice cells down and across, about -1..1. (size, size)"""
    rows, columns = (cells, cells) if isinstance(cells, int) else cells
    angles = rng.uniform(0, 2 * np.pi, (rows, columns))
    y = (np.arange(size) + 0.5) / size * rows
    x = (np.arange(size) + 0.5) / size * columns
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    fy, fx = (y - i)[:, None], (x - j)[None, :]

    cosine, sine = np.cos(angles), np.sin(angles)

    def corner(di: int, dj: int) -> NDArray[np.float64]:
        down, across = (i + di) % rows, (j + dj) % columns
        along_x = np.take(cosine[down], across, axis=1)
        along_y = np.take(sine[down], across, axis=1)
        slope: NDArray[np.float64] = along_x * (fx - dj) + along_y * (fy - di)
        return slope

    sy, sx = fy**3 * (fy * (6 * fy - 15) + 10), fx**3 * (fx * (6 * fx - 15) + 10)
    top = corner(0, 0) * (1 - sx) + corner(0, 1) * sx
    bottom = corner(1, 0) * (1 - sx) + corner(1, 1) * sx
    values: NDArray[np.float64] = 1.4 * (top * (1 - sy) + bottom * sy)
    return values


def fractal(
    size: int, cells: int | tuple[int, int], rng: np.random.Generator, *, octaves: int = 5, gain: float = 0.5
) -> NDArray[np.float64]:
    """Sum of noises, each twice as fine and `gain` times as strong as the one before. (size, size)"""
    rows, columns = (cells, cells) if isinstance(cells, int) else cells
    total = np.zeros((size, size))
    for octave in range(octaves):
        step = 2**octave
        if max(rows, columns) * step <= size:
            total += gain**octave * noise(size, (rows * step, columns * step), rng)
    return total


def cellular(
    size: int, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Periodic Voronoi cells: distance to the nearest seed, gap to the second, number of the nearest."""
    seeds = rng.uniform(0, 1, (count, 2))
    shifts = np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)])
    tiled = (seeds[None] + shifts[:, None]).reshape(-1, 2)
    centers = (np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), axis=2) + 0.5) / size
    distance, nearest = cKDTree(tiled).query(centers.reshape(-1, 2), k=2)
    shape, scale = (size, size), count**0.5
    gap = (distance[:, 1] - distance[:, 0]).reshape(shape) * scale
    return distance[:, 0].reshape(shape) * scale, gap, (nearest[:, 0] % count).reshape(shape)


def ramp(values: NDArray[np.float64], colors: Sequence[Color]) -> NDArray[np.float64]:
    """Colours along evenly spaced stops, for values 0..1. (H, W) -> (H, W, 3)"""
    stops = np.linspace(0, 1, len(colors))
    channels = [np.interp(values, stops, [color[c] for color in colors]) for c in range(3)]
    return np.stack(channels, axis=2)


def marble(ground: Color, cloud: Color, vein: Color, slabs: int = 3) -> Pattern:
    """Polished slabs with joints: soft clouds, and few veins that run one way, fork and fade."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        row, column, edge = _brick_cells(size, slabs, slabs, stagger=0.0)
        rise, shift = rng.integers(0, size, (2, slabs, slabs))
        down = (np.arange(size)[:, None] + rise[row, column]) % size
        across = (np.arange(size)[None, :] + shift[row, column]) % size  # each slab is cut from elsewhere
        clouds, veins = fractal(size, 3, rng, octaves=5)[down, across], _veins(size, rng)[down, across]
        face = ramp(np.clip(0.4 + 0.3 * clouds, 0, 1), (ground, cloud))
        face = face + (np.array(vein) - face) * veins[:, :, None]
        return np.where((edge < 0.006)[:, :, None], np.array(ground) * 0.7, face)

    return draw


def _veins(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Share of vein at each pixel: lines of uneven width where noise is zero, in patches."""
    total = np.zeros((size, size))
    for cells, wide_n, strength in (((3, 1), 0.003, 0.7), ((6, 2), 0.0014, 0.5), ((12, 5), 0.0008, 0.3)):
        bent = fractal(size, cells, rng, octaves=4, gain=0.45)
        steep = np.hypot(np.roll(bent, 1, 0) - bent, np.roll(bent, 1, 1) - bent)
        far = np.abs(bent) / np.maximum(steep, np.quantile(steep, 0.3))
        wide = np.maximum(wide_n * size * np.exp(2 * fractal(size, 5, rng, octaves=2)), 0.6)
        there = np.clip(0.25 + 2.5 * fractal(size, 3, rng, octaves=2), 0, 1)
        total = np.maximum(total, strength * there * np.exp(-((far / wide) ** 2)))
    return total


def wood(colors: Sequence[Color], boards: int = 0) -> Pattern:
    """Grain runs across the image; `boards` > 0 cuts it into that many rows of planks with joints."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        y = np.arange(size)[:, None] / size
        rings = fractal(size, (5, 1), rng, octaves=2, gain=0.3) + 0.1 * fractal(size, (40, 2), rng, octaves=2)
        fibre = fractal(size, (128, 3), rng, octaves=2, gain=0.8)
        tone, shade = np.zeros((size, size)), np.ones((size, size))
        if boards:
            row, column, edge = _brick_cells(size, boards, max(1, boards // 4), stagger=0.37)
            shift = rng.uniform(0, 1, (boards, max(1, boards // 4)))
            tone = 0.28 * (shift[row, column] - 0.5)
            rings = np.take_along_axis(
                rings, (np.arange(size)[:, None] + row * 37 + column * 91) % size, axis=0
            )
            shade = np.where(edge < 0.012, 0.35, 1.0)
        phase = ((9 * y if boards == 0 else 0) + 2.2 * rings) % 1.0
        lines = phase * np.clip((1 - phase) / 0.15, 0, 1)  # a ring darkens slowly and ends sharply
        value = np.clip(0.75 - 0.5 * lines + 0.22 * fibre + tone, 0, 1)
        return ramp(value, colors) * shade[:, :, None]

    return draw


def _brick_cells(
    size: int, rows: int, columns: int, *, stagger: float = 0.5
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Row, column, and distance to the nearest joint in units of a brick's height, of every pixel."""
    v = (np.arange(size) + 0.5) / size * rows
    row = np.floor(v).astype(int)
    offset = (row * stagger) % 1.0
    u = ((np.arange(size) + 0.5) / size * columns)[None, :] + offset[:, None]
    column = np.floor(u).astype(int) % columns
    fv, fu = (v - row)[:, None], u - np.floor(u)
    aspect = rows / columns
    edge = np.minimum(np.minimum(fv, 1 - fv), np.minimum(fu, 1 - fu) * aspect)
    return np.broadcast_to(row[:, None], (size, size)), column, edge


def bricks(colors: Sequence[Color], mortar: Color, rows: int = 12, columns: int = 4) -> Pattern:
    """Bricks in running bond; `rows` must be even so that the bond closes."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        row, column, edge = _brick_cells(size, rows, columns)
        each = rng.uniform(0, 1, (rows, columns))[row, column]
        grain = fractal(size, 16, rng, octaves=5)
        stone = ramp(np.clip(each + 0.25 * grain, 0, 1), colors) * (1 + 0.12 * grain)[:, :, None]
        joint = np.array(mortar) * (1 + 0.15 * fractal(size, 48, rng, octaves=3))[:, :, None]
        wobble = edge + 0.03 * fractal(size, 24, rng, octaves=3)
        mix = np.clip((wobble - 0.06) / 0.04, 0, 1)[:, :, None]
        return joint * (1 - mix) + stone * mix

    return draw


def tiles(colors: Sequence[Color], grout: Color, count: int = 4, *, checker: bool = False) -> Pattern:
    """Square tiles, each its own shade; with `checker` the colours alternate."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        row, column, edge = _brick_cells(size, count, count, stagger=0.0)
        if checker:
            face = np.array(colors)[(row + column) % len(colors)]
        else:
            face = ramp(rng.uniform(0, 1, (count, count))[row, column], colors)
        cloud = fractal(size, 4, rng, octaves=6)
        face = face * (1 + 0.1 * cloud)[:, :, None]
        return np.where((edge < 0.02)[:, :, None], np.array(grout) * (1 + 0.1 * cloud)[:, :, None], face)

    return draw


def fabric(warp: Color, weft: Color, threads: int = 96) -> Pattern:
    """Plain weave of two yarns."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        t = (np.arange(size) + 0.5) / size * threads
        over = (np.floor(t)[:, None] + np.floor(t)[None, :]) % 2 == 0
        across, down = np.sin(np.pi * (t % 1))[:, None], np.sin(np.pi * (t % 1))[None, :]
        color = np.where(over[:, :, None], np.array(warp), np.array(weft))
        light = np.where(over, 0.55 + 0.45 * across, 0.55 + 0.45 * down)
        uneven = 1 + 0.25 * fractal(size, 24, rng, octaves=4)
        return color * (light * uneven)[:, :, None]

    return draw


def stripes(colors: Sequence[Color], count: int = 12, *, plaid: bool = False) -> Pattern:
    """Straight stripes of random widths; `plaid` crosses them."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        ends = np.sort(rng.uniform(0, 1, count))
        index = np.searchsorted(ends, (np.arange(size) + 0.5) / size) % count
        palette = np.array(colors)[rng.integers(0, len(colors), count)]
        line = palette[index]
        image = (line[:, None] + line[None, :]) / 2 if plaid else np.broadcast_to(line[None], (size, size, 3))
        return image * (1 + 0.08 * fractal(size, 64, rng, octaves=3))[:, :, None]

    return draw


def voronoi(colors: Sequence[Color], joint: Color, count: int = 60, width: float = 0.08) -> Pattern:
    """Crazy paving, pebbles or stained glass: flat cells with joints."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        near, gap, cell = cellular(size, count, rng)
        each = rng.uniform(0, 1, count)[cell]
        grain = fractal(size, 12, rng, octaves=5)
        face = (
            ramp(np.clip(each + 0.15 * grain, 0, 1), colors)
            * (1.08 - 0.25 * near**2 + 0.1 * grain)[:, :, None]
        )
        mix = np.clip((gap - width) / (0.6 * width), 0, 1)[:, :, None]
        return np.array(joint) * (1 + 0.15 * grain)[:, :, None] * (1 - mix) + face * mix

    return draw


def rough(colors: Sequence[Color], cells: int = 8, gain: float = 0.6) -> Pattern:
    """Plaster, concrete, earth: noise at every scale."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        return ramp(np.clip(0.5 + 0.45 * fractal(size, cells, rng, octaves=7, gain=gain), 0, 1), colors)

    return draw


def speckle(colors: Sequence[Color], sigma: float = 1.0) -> Pattern:
    """Granite: blurred random grains of several colours."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        value = np.zeros((size, size))
        for scale in (sigma, 2.5 * sigma, 6 * sigma):
            grain = gaussian_filter(rng.normal(size=(size, size)), scale, mode="wrap")
            value += grain / grain.std()
        return ramp(np.clip(0.5 + 0.22 * value, 0, 1), colors)

    return draw


def dots(pixels: int, *, colored: bool) -> Pattern:
    """Random square dots of `pixels`: nothing is easier to match, and nothing repeats."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        cells = size // pixels
        values = rng.uniform(0, 1, (cells, cells, 3 if colored else 1)) ** 1.2
        image = np.kron(values, np.ones((pixels, pixels, 1)))
        return np.broadcast_to(image, (cells * pixels, cells * pixels, 3))

    return draw


def brushed(color: Color) -> Pattern:
    """Brushed metal: long fine scratches."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        scratch = gaussian_filter(rng.normal(size=(size, size)), (0.7, size / 8), mode="wrap")
        cloud = fractal(size, 3, rng, octaves=4)
        shade: NDArray[np.float64] = 1 + 0.09 * scratch / scratch.std() + 0.08 * cloud
        return np.array(color) * shade[:, :, None]

    return draw


def grass(colors: Sequence[Color]) -> Pattern:
    """Short blades seen from above."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        blades = np.zeros((size, size))
        for sigma in ((3.5, 0.8), (0.8, 3.5), (1.6, 1.6)):
            layer = gaussian_filter(rng.normal(size=(size, size)), sigma, mode="wrap")
            blades = np.maximum(blades, layer / layer.std())
        patch = fractal(size, 4, rng, octaves=4)
        return ramp(np.clip(0.05 + 0.3 * blades + 0.12 * patch, 0, 1), colors)

    return draw


def poster(palette: Sequence[Color], shapes: int = 40) -> Pattern:
    """Overlapping discs, boxes and bars on a plain ground. Not meant to be tiled."""

    def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
        y, x = (np.mgrid[:size, :size] + 0.5) / size
        image = np.broadcast_to(np.array(palette[0]), (size, size, 3)).copy()
        for number in range(shapes):
            cy, cx = rng.uniform(0, 1, 2)
            reach = rng.uniform(0.03, 0.28) * (1 - 0.6 * number / shapes)
            turn = rng.uniform(0, np.pi)
            a = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
            b = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
            radius = np.hypot(a, b)
            inside = (
                radius < reach,
                (radius < reach) & (radius > 0.7 * reach),
                np.maximum(abs(a), abs(b)) < reach,
                (abs(a) < reach) & (abs(b) < 0.15 * reach),
                (b > -reach / 2) & (b + 1.7 * abs(a) < reach),
            )[int(rng.integers(5))]
            image[inside] = palette[int(rng.integers(1, len(palette)))]
        return image * (1 + 0.05 * fractal(size, 32, rng, octaves=4))[:, :, None]

    return draw


def normal_map(heights: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Tangent-space normals 0..1 of periodic heights; green points to the top row. (H, W) -> (H, W, 3)"""
    left, up = _fall(heights) * strength, _fall(heights[::-1].T).T[::-1] * strength
    length = left * left
    length += up * up
    length += 1.0
    np.sqrt(length, out=length)
    image = np.empty((*heights.shape, 3))
    for channel, component in enumerate((left, up, np.ones(()))):
        normal: NDArray[np.float64] = component / length
        normal *= 0.5
        np.add(0.5, normal, out=image[..., channel])
    return image


def _fall(heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much lower than the pixel to its left each pixel's right neighbour is; periodic."""
    fall = np.empty_like(heights)
    np.subtract(heights[:, :-2], heights[:, 2:], out=fall[:, 1:-1])
    np.subtract(heights[:, -1], heights[:, 1], out=fall[:, 0])
    np.subtract(heights[:, -2], heights[:, 0], out=fall[:, -1])
    return fall
