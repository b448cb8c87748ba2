"""A road through a town: carriageway, kerbs, pavements, side streets, repairs and covers.

Where it runs says `made.roadway`, what is painted on it `made.road_marks`.
Parts: carriageway, kerb, kerb_face, pavement, verge, marking, marking_worn, patch, seam, cover, grating,
joint.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from assets_manifest.made import road_pictures
from assets_manifest.made.registry import Maker
from assets_manifest.made.road_marks import MARK_M, Marks, strip
from assets_manifest.made.roadway import (
    CAMBER,
    END_M,
    KERB_HEIGHT_M,
    KERB_M,
    START_M,
    VERGE_M,
    Array,
    Junction,
    Road,
)
from assets_manifest.made.solids import Solids, paint
from assets_manifest.meshes.parts import Surface

SEAM_M, PATCH_M = 0.003, 0.002  # what lies on the asphalt, over it
SIDE_PAVEMENT_M = 1.8  # along side streets
ASPHALT = "carriageway.png"


def make(folder: Path, words: tuple[str, ...]) -> Path:
    """The road's USD file, with pictures of its asphalt and its paint."""
    road = Road.of(words)
    rng = np.random.Generator(np.random.Philox(key=[road.seed, 3]))
    lanes = [abs(road.lane_v(lane, 1)) for lane in range(road.lanes)]
    road_pictures.carriageway(folder / ASPHALT, rng, road.half_m, lanes)
    solids = Solids()
    _surface(solids, road)
    _side_streets(solids, road)
    _kerb_joints(solids, road)
    _repairs(solids, road, rng)
    Marks(solids, road, rng).draw(folder)
    _covers(solids, road, rng)
    return solids.write(folder)


MAKER = Maker(name="road", version=2, kind="object", make=make)


def _asphalt(gain: float = 1.0, name: str = "carriageway") -> Surface:
    return Surface(name=name, color_texture=ASPHALT, color_gain=(gain, gain, gain), roughness=0.85)


def _pavement() -> Surface:
    return paint("pavement", (0.3, 0.29, 0.28), 0.85)


def _verge() -> Surface:
    return paint("verge", (0.1, 0.12, 0.04), 0.95)


def _kerb() -> Surface:
    return paint("kerb", (0.36, 0.35, 0.33), 0.8)


def _stations(road: Road) -> Array:
    """Along s: even, and at the edges of side streets."""
    even = np.arange(START_M, END_M + 1, 2.5)
    edges = [j.s + side * j.half_m for j in road.junctions() for side in (-1, 1)]
    return np.unique([*even, *edges])


def _pieces(road: Road) -> list[Array]:
    """Stations between side streets."""
    stations, cuts = _stations(road), [START_M]
    for junction in road.junctions():
        cuts += [junction.s - junction.half_m, junction.s + junction.half_m]
    ends = [*cuts, float(stations[-1])]
    return [stations[(stations >= a) & (stations <= b)] for a, b in pairwise(ends)][::2]


def _surface(solids: Solids, road: Road) -> None:
    """The sheets from verge to verge, and the kerbs between them."""
    edge = road.half_m
    for side in (1, -1):
        _sheet(solids, _asphalt(), road, _stations(road), side * np.linspace(0, edge, 5))
        for s in _pieces(road):
            inner = s.copy()
            inner[[0, -1]] += [1e-5, -1e-5]  # beside a side street, not in it
            if road.pavement_m:
                _sheet(solids, _kerb(), road, inner, side * np.array([edge + 1e-6, edge + KERB_M]))
                _kerb_face(solids, road, inner, side)
                across = side * np.array([edge + KERB_M, road.back_m])
                _sheet(solids, _pavement(), road, inner, across)
            across = side * (road.back_m + np.array([0, 6, 20, VERGE_M]))
            _sheet(solids, _verge(), road, inner, across)


def _sheet(solids: Solids, surface: Surface, road: Road, s_n: Array, v_n: Array, lift: float = 0.0) -> None:
    """A smooth sheet in road coordinates; textured ones lie as their picture does."""
    s, v = np.meshgrid(s_n, np.sort(v_n), indexing="ij")
    uv = _asphalt_uv(road, s, v) if surface.color_texture else None
    solids.grid(surface, road.place(s, v) + [0, 0, lift], _upright(s), uv)


def _upright(like: Array) -> Array:
    """Normals of a sheet of this shape: the road is as good as level."""
    return np.stack([0 * like, 0 * like, 0 * like + 1], axis=-1)


def _asphalt_uv(road: Road, s: Array, v: Array) -> Array:
    """Place in the carriageway's picture: from the middle to the kerb, and along; sides are not mirrored."""
    shift = 0.37 if v.max() > 0 else 0.0
    return np.stack([np.abs(v) / road.half_m, s / road_pictures.ALONG_M + shift], axis=-1)


def _kerb_face(solids: Solids, road: Road, s: Array, side: int) -> None:
    top = road.place(s, side * (road.half_m + 1e-6))
    low = top - [0, 0, KERB_HEIGHT_M + 0.05]
    face = np.stack([low[:-1], low[1:], top[1:], top[:-1]], axis=1)
    solids.quads(_kerb_face_paint(), face if side > 0 else face[:, ::-1])


def _kerb_face_paint() -> Surface:
    return paint("kerb_face", (0.33, 0.32, 0.3), 0.8)


def _side_streets(solids: Solids, road: Road) -> None:
    """Side streets from the kerb to the edge of the ground, both sides."""
    for junction in road.junctions():
        for side in (1, -1):
            out = np.array([road.half_m + 1e-6, road.back_m, road.back_m + 6, road.back_m + 20])
            out = side * np.append(out, road.back_m + VERGE_M)
            s = junction.s + np.linspace(-1, 1, 5) * (junction.half_m - 1e-6)
            ss, vv = np.meshgrid(s, np.sort(out), indexing="ij")
            uv = np.stack([np.abs(ss - junction.s) / road.half_m, vv / road_pictures.ALONG_M], axis=-1)
            solids.grid(_asphalt(), road.place(ss, vv), _upright(ss), uv)
            if road.pavement_m:
                for edge in (-1, 1):
                    _side_edge(solids, road, junction, side, edge)


def _side_edge(solids: Solids, road: Road, junction: Junction, side: int, edge: int) -> None:
    """Kerb and pavement along one edge of a side street."""
    at = junction.s + edge * (junction.half_m + 1e-4)
    out = side * (road.half_m + 1e-6 + np.array([0, KERB_M, road.pavement_m + KERB_M, VERGE_M]))
    top = road.place(at, out)
    low = top.copy()
    low[:, 2] = float(road.grade(at)) - CAMBER * road.half_m - 0.05
    face = np.stack([low[:-1], low[1:], top[1:], top[:-1]], axis=1)
    solids.quads(_kerb_face_paint(), face if side * edge < 0 else face[:, ::-1])
    far = side * (road.back_m + np.array([0, VERGE_M]))
    kerb = side * np.array([road.half_m + 1e-6, road.back_m + VERGE_M])
    for surface, across, a, b, lift in (
        (_pavement(), far, KERB_M, SIDE_PAVEMENT_M, 0.006),
        (_kerb(), kerb, 0.0, KERB_M, 0.008),
    ):
        s = np.sort(junction.s + edge * (junction.half_m + 1e-4 + np.array([a, b])))
        _sheet(solids, surface, road, s, across, lift)


def _kerb_joints(solids: Solids, road: Road) -> None:
    """Thin dark lines between kerb stones, where the camera may see them."""
    if not road.pavement_m:
        return
    s = np.arange(START_M + 30, 70.0, 0.95)
    s = s[[road.clear_of_junctions(float(x), 0.3) for x in s]]
    dark = paint("joint", (0.1, 0.095, 0.09), 0.95)
    for side in (1, -1):
        v = side * (road.half_m + np.array([0.002, KERB_M]))
        near, far = road.place(s, v[0]) + [0, 0, 0.0015], road.place(s, v[1]) + [0, 0, 0.0015]
        ahead = np.stack([np.cos(road.curvature * s), np.sin(road.curvature * s), 0 * s], axis=1) * 0.008
        quads = np.stack([near, near + ahead, far + ahead, far], axis=1)
        solids.quads(dark, quads if side > 0 else quads[:, ::-1])


def _repairs(solids: Solids, road: Road, rng: np.random.Generator) -> None:
    """Patches of other asphalt, trenches along the road, and cracks that were sealed with tar."""
    patch = _asphalt(
        float(rng.uniform(0.5, 0.78) if rng.uniform() < 0.7 else rng.uniform(1.15, 1.35)), "patch"
    )
    seam = paint("seam", (0.018, 0.018, 0.018), 0.6)
    sizes = [(rng.uniform(0.5, 2.2), rng.uniform(0.6, 4.0)) for _ in range(int(rng.integers(3, 14)))]
    sizes += [(rng.uniform(0.5, 0.9), rng.uniform(12, 45)) for _ in range(int(rng.integers(0, 3)))]
    for wide, long in sizes:
        s, v = rng.uniform(-10, 140), rng.uniform(-road.half_m + 0.1, road.half_m - 0.1 - wide)
        if v * (v + wide) > 0:  # the crown of the road is no place for a flat patch
            cut = np.linspace(s, s + long, max(2, int(np.ceil(long / 1.5)) + 1))
            uv = rng.uniform(0, 1, 2)
            strip(solids, patch, road, cut, np.array([v, v + wide]), PATCH_M, uv)
    for _ in range(int(rng.integers(2, 14))):
        _crack(solids, road, rng, seam)


def _crack(solids: Solids, road: Road, rng: np.random.Generator, seam: Surface) -> None:
    s, v = rng.uniform(2, 110), rng.uniform(-0.9, 0.9) * road.half_m
    along = rng.uniform() < 0.5
    for _ in range(int(rng.integers(6, 26))):
        ds, dv = rng.uniform(0.2, 0.5), rng.normal(0, 0.07)
        a, b = (s, v), (s + (ds if along else dv), v + (dv if along else ds))
        if abs(b[1]) < road.half_m - 0.1 and a[1] * b[1] > 0:
            _line(solids, road, seam, np.array([a, b]), float(rng.uniform(0.008, 0.022)))
        s, v = b


def _line(solids: Solids, road: Road, surface: Surface, ends: Array, half: float) -> None:
    ahead = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    side = np.array([-ahead[1], ahead[0]]) * half
    corners = np.array([ends[0] - side, ends[1] - side, ends[1] + side, ends[0] + side])
    points = road.place(corners[:, 0], corners[:, 1]) + [0, 0, SEAM_M]
    solids.quads(surface, points[None])


def _covers(solids: Solids, road: Road, rng: np.random.Generator) -> None:
    """Manhole covers in the lanes, gratings in the gutters."""
    iron, dark = (
        paint("cover", (0.13, 0.125, 0.12), 0.5, metallic=0.6),
        paint("grating", (0.02, 0.02, 0.02), 0.8),
    )
    for _ in range(int(rng.integers(3, 12))):
        s, v = rng.uniform(3, 130), rng.uniform(0.15, 0.85) * road.half_m * rng.choice([-1, 1])
        for surface, radius, lift in ((dark, 0.36, MARK_M + 0.002), (iron, 0.33, MARK_M + 0.004)):
            turn = np.arange(20) / 20 * 2 * np.pi
            rim = road.place(s + radius * np.cos(turn), v + radius * np.sin(turn)) + [0, 0, lift]
            middle = np.broadcast_to(road.place(s, v) + [0, 0, lift], rim.shape)
            solids.triangles(surface, np.stack([middle, rim, np.roll(rim, -1, axis=0)], axis=1))
    starts = np.arange(START_M + rng.uniform(0, 20), 150.0, 22.0)
    starts = starts[[road.clear_of_junctions(float(s), 1.0) for s in starts]]
    for side in (-1, 1):
        v = np.sort(side * (road.half_m - np.array([0.42, 0.04])))
        strip(solids, iron, road, starts[:, None] + [0, 0.5], np.repeat([v], len(starts), axis=0), MARK_M)
        slots = (starts[:, None] + 0.04 + 0.075 * np.arange(6)).reshape(-1, 1) + [0, 0.04]
        across = np.repeat([v + [0.03, -0.03]], len(slots), axis=0)
        strip(solids, dark, road, slots, across, MARK_M + 0.002)
