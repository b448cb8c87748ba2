"""Where a camera may stand out of doors, and how good the view from there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import Vec3
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.outdoors.scenery import EYE_M, HeightOf
from fsd_gen.styles.outdoors.streetscape import LEFT, RIGHT, Street
from fsd_gen.styles.sampler import pick

TRIES = 90
UNDER_LEAVES = 100.0  # what a place below a crown loses
BODY_M = 0.45  # kept free round either eye
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A place for the left camera, and what it looks at."""

    eye: Vec3
    target: Vec3

    @property
    def ahead(self) -> Array:
        """Level unit vector (2,) of the view."""
        away = np.array(self.target[:2]) - self.eye[:2]
        return np.asarray(away / max(float(np.hypot(*away)), 1e-9))


def random_stand(rng: np.random.Generator, half_m: float, height: HeightOf) -> Stand:
    """Somewhere off the middle of a place, looking across it."""
    turn = float(rng.uniform(0, 2 * np.pi))
    off = half_m * float(rng.uniform(0.35, 0.8))
    x, y = -off * np.cos(turn), -off * np.sin(turn)
    view = turn + float(rng.normal(0, 0.35))
    pitch = np.deg2rad(float(rng.uniform(-9, 4)))
    eye = (
        round(float(x), 4),
        round(float(y), 4),
        round(height(float(x), float(y)) + float(rng.uniform(0.8, 2.0)), 4),
    )
    target = (
        eye[0] + float(np.cos(view)) * 6,
        eye[1] + float(np.sin(view)) * 6,
        eye[2] + 6 * float(np.tan(pitch)),
    )
    return Stand(eye=eye, target=target)


def pavement_stand(rng: np.random.Generator, street: Street, aims: Sequence[Footprint] = ()) -> Stand:
    """On a pavement, looking along the street or across it: at a centre of mass, where there are `aims`."""
    road, side = street.road, int(rng.choice([RIGHT, LEFT]))
    s = float(rng.uniform(-12, 45)) if aims else 0.0
    v = side * (road.half_m + float(rng.uniform(0.35, 0.75)) * road.pavement_m)
    x, y, z = street.at(s, v)
    height, pitch = float(rng.uniform(0.8, 1.9)), np.deg2rad(float(rng.uniform(-8, 3)))
    turn = np.deg2rad(road.heading_deg(s) - side * float(rng.uniform(-6, 55)))
    eye = (round(x, 4), round(y, 4), round(z + height, 4))
    ahead = (x + 6 * float(np.cos(turn)), y + 6 * float(np.sin(turn)), z + height + 6 * float(np.tan(pitch)))
    stand = Stand(eye=eye, target=ahead)
    shown = [a for a in aims if 3 < (np.array([a.x, a.y]) - eye[:2]) @ stand.ahead < 25]
    if not shown:
        return stand
    target = _centre_of_mass(rng, lambda a, b: z, shown)
    off = float(np.degrees(np.arctan2(target[1] - y, target[0] - x) - turn + np.pi) % 360) - 180
    return looking(eye, target) if abs(off) < 20 else stand


def before(stand: Stand, rng: np.random.Generator, near_m: float, far_m: float) -> tuple[float, float]:
    """A place in view, spread evenly over inverse depth."""
    depth = 1 / float(rng.uniform(1 / far_m, 1 / near_m))
    across = float(rng.uniform(-0.55, 0.55)) * depth
    (ax, ay), (x, y, _) = stand.ahead.tolist(), stand.eye
    return x + ax * depth + ay * across, y + ay * depth - ax * across


def body(stand: Stand, rig: StereoRig, nearest_m: float) -> tuple[Footprint, ...]:
    """The ground that stays free for this camera: under both eyes, and before them up to `nearest_m`."""
    ahead, (x, y, _) = stand.ahead, stand.eye
    right = np.array([ahead[1], -ahead[0]])
    turn = float(np.degrees(np.arctan2(ahead[1], ahead[0])))
    middle = np.array([x, y]) + right * rig.baseline_m / 2
    wide = 2 * BODY_M + rig.baseline_m
    spots = [
        Footprint(x=float(middle[0]), y=float(middle[1]), width=2 * BODY_M, depth=wide, heading_deg=turn)
    ]
    reach = nearest_m * 1.15
    for share in (0.5, 1.0):
        centre = middle + ahead * reach * (share - 0.25)
        spots.append(
            Footprint(
                x=float(centre[0]),
                y=float(centre[1]),
                width=reach * 0.5,
                depth=wide + reach * share * rig.width / rig.focal_px,
                heading_deg=turn,
            )
        )
    return tuple(spots)


def best_stand(
    stands: Sequence[Stand],
    taken: Sequence[Footprint],
    rig: StereoRig,
    nearest_m: float,
    crowns: Sequence[Footprint] = (),
) -> Stand:
    """Of places to stand, the one that sees most at all depths with nothing in its way, not below a crown."""
    table = np.array([(s.x, s.y, np.hypot(s.width, s.depth) / 2, s.top) for s in taken])
    scores = [
        _score(stand, table.reshape(-1, 4), rig, nearest_m)
        - UNDER_LEAVES * any(crown.distance_to(*stand.eye[:2]) < EYE_M / 2 for crown in crowns)
        for stand in stands
    ]
    return stands[int(np.argmax(scores))]


def inside(
    rng: np.random.Generator, half_m: float, height: HeightOf, aims: Sequence[Footprint]
) -> list[Stand]:
    """Places anywhere in a square, each looking at the centre of mass of what is around something."""
    reach, stands = half_m - 0.8, []
    for _ in range(TRIES):
        target = _centre_of_mass(rng, height, aims)
        ex, ey = float(rng.uniform(-reach, reach)), float(rng.uniform(-reach, reach))
        eye = (round(ex, 4), round(ey, 4), round(height(ex, ey) + float(rng.uniform(0.8, 2.0)), 4))
        stands.append(looking(eye, target))
    return stands


def looking(eye: Vec3, target: Vec3) -> Stand:
    """From here about there: half as steeply as straight at it."""
    x, y, z = target
    return Stand(eye=eye, target=(x, y, round(0.5 * z + 0.5 * eye[2], 4)))


def _centre_of_mass(rng: np.random.Generator, height: HeightOf, aims: Sequence[Footprint]) -> Vec3:
    """Of what is within five metres of something."""
    chosen = pick(rng, aims)
    group = [s for s in aims if np.hypot(s.x - chosen.x, s.y - chosen.y) < 5]
    x, y = (float(np.mean([getattr(s, axis) for s in group])) for axis in ("x", "y"))
    return (x, y, height(x, y) + float(np.mean([min(s.top, 3.0) / 2 for s in group])))


def _score(stand: Stand, table_n4: Array, rig: StereoRig, nearest_m: float) -> float:
    ahead = stand.ahead
    if np.hypot(stand.target[0] - stand.eye[0], stand.target[1] - stand.eye[1]) < 3:
        return -1e9
    away = table_n4[:, :2] - stand.eye[:2]
    depth, across = away @ ahead, away @ np.array([ahead[1], -ahead[0]])
    free = (
        np.hypot(depth, np.where(across > 0, np.maximum(across - rig.baseline_m, 0), across)) - table_n4[:, 2]
    )
    seen = (depth > -table_n4[:, 2]) & (
        np.abs(across) < depth * rig.width / 2 / rig.focal_px + table_n4[:, 2] + 0.3
    )
    if (free < BODY_M).any() or (seen & (free < nearest_m)).any():
        return -1e9
    shown = depth[seen & (table_n4[:, 2] < 5)]
    bands = np.histogram(shown, bins=[0, 4, 8, 16, 32, 64])[0]
    return float(np.minimum(bands, 4).sum() - 3 * (free[seen] < 1.4).sum())
