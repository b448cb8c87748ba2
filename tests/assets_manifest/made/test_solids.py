"""Bars of made things, against numpy's own vector products."""

from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.made.solids import Solids, paint

GREY = paint("grey", (0.5, 0.5, 0.5))


def plain_bar(start, end, radii, sides, closed):
    """Points and normals of a bar, said with numpy's functions."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    ahead = (b - a) / np.linalg.norm(b - a)
    across = np.cross(ahead, [1.0, 0, 0] if abs(ahead[0]) < 0.8 else [0, 1.0, 0])
    across /= np.linalg.norm(across)
    turn = np.arange(sides) / sides * 2 * np.pi
    ring = np.outer(np.cos(turn), across) + np.outer(np.sin(turn), np.cross(ahead, across))
    low, high = a + ring * radii[0], b + ring * radii[1]
    then = np.roll(np.arange(sides), -1)
    solids = Solids()
    round_k3 = np.stack([ring, ring[then], ring[then], ring], axis=1)
    solids.quads(GREY, np.stack([low, low[then], high[then], high], axis=1), round_k3)
    if closed:
        top = np.stack([np.broadcast_to(b, low.shape), high, high[then]], axis=1)
        solids.triangles(
            GREY, np.concatenate([top, np.stack([np.broadcast_to(a, low.shape), low[then], low], 1)])
        )
    return solids.parts()[0]


@pytest.mark.parametrize("seed", range(40))
def test_a_bar_is_to_the_bit_what_numpys_products_make_of_it(seed):
    rng = np.random.default_rng(seed)
    ends = rng.normal(0, 3, (2, 3)) * ([1, 1, 1] if seed % 4 else [5, 0, 0])  # every fourth lies along x
    radii, sides = tuple(rng.uniform(0.01, 0.3, 2).tolist()), int(rng.integers(3, 12))
    solids = Solids()
    solids.bar(GREY, tuple(ends[0]), tuple(ends[1]), radii, sides, closed=bool(seed % 2))
    (part,), expected = solids.parts(), plain_bar(*ends, radii, sides, bool(seed % 2))
    for name in ("points_n3", "normals_n3", "triangles_f3"):
        assert getattr(part, name).tobytes() == getattr(expected, name).tobytes(), name
