"""Made ground, roads, houses, plants and street furniture."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from pxr import Usd, UsdGeom

from assets_manifest.made import buildings, ground, road, roadway, street, trees
from assets_manifest.made.buildings import Building, windows
from assets_manifest.made.facade import around
from assets_manifest.made.ground import Ground
from assets_manifest.made.registry import MadeAssetError, makers
from assets_manifest.made.roadway import Road
from tests.assets_manifest.made.surfaces_of import height, triangles

GROUND = ("lawn", "200", "120", "18", "5")
ROAD = ("street", "-310", "32", "21", "30", "7")
HOUSE = ("town", "120", "90", "3", "4")
SAMPLES = {
    "ground": GROUND,
    "road": ROAD,
    "building": HOUSE,
    "plant": ("broad", "70", "60", "900", "1"),
    "street": ("sign", "10", "3"),
    "vehicle": ("hatch", "3"),
    "backdrop": ("woods", "200", "30", "2"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_words_make_the_same_shapes(name, tmp_path):
    digests = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = makers()[name].make(folder, SAMPLES[name])
        stage = Usd.Stage.Open(str(path))
        meshes = [UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]
        points = [np.asarray(mesh.GetPointsAttr().Get()) for mesh in meshes]
        assert meshes and all(np.isfinite(p).all() for p in points)
        digests.append(hashlib.sha256(b"".join(p.tobytes() for p in points)).hexdigest())
    assert digests[0] == digests[1]


@pytest.mark.parametrize(("name", "words"), [(n, (*w[:-1], "-1")) for n, w in SAMPLES.items()])
def test_words_that_are_none_are_refused(name, words, tmp_path):
    with pytest.raises(MadeAssetError, match="seed to be a whole number"):
        makers()[name].make(tmp_path, words)


def test_the_ground_is_as_high_as_it_says(tmp_path):
    land = Ground.of(GROUND)
    mesh = triangles(ground.make(tmp_path, GROUND), "ground", "path")
    rng = np.random.default_rng(0)
    for x, y in rng.uniform(-11, 11, (60, 2)):
        if abs(abs(x - land.path_x(y)) - land.path_m / 2) > 0.1:
            assert height(mesh, x, y) == pytest.approx(land.height(x, y), abs=0.01)
    assert np.ptp([land.height(x, 0.0) for x in np.linspace(-10, 10, 40)]) > 0.1


def test_the_road_is_where_and_as_high_as_it_says(tmp_path):
    lane = Road.of(ROAD)
    mesh = triangles(road.make(tmp_path, ROAD), "carriageway", "kerb", "pavement", "verge")
    rng = np.random.default_rng(0)
    for s, v in zip(rng.uniform(-60, 300, 60), rng.uniform(-25, 25, 60), strict=True):
        x, y, z = lane.place(s, v)
        if abs(abs(v) - lane.half_m) > 0.02:
            assert height(mesh, x, y) == pytest.approx(z, abs=0.01)


def test_road_coordinates_are_metres():
    lane = Road.of(ROAD)
    ahead = lane.place(np.array([10.0, 11.0]), 0.0)
    assert np.linalg.norm(ahead[1] - ahead[0]) == pytest.approx(1, abs=1e-3)
    heading = np.radians(lane.heading_deg(10.5))
    assert (ahead[1] - ahead[0])[:2] == pytest.approx([np.cos(heading), np.sin(heading)], abs=1e-3)
    assert lane.place(5.0, 2.0)[1] > lane.place(5.0, 0.0)[1]  # left of +x


def test_kerbs_are_a_step_up_from_the_gutter():
    lane = Road.of(ROAD)
    step = lane.height(3.0, lane.half_m + 0.05) - lane.height(3.0, lane.half_m - 0.001)
    assert step == pytest.approx(roadway.KERB_HEIGHT_M, abs=1e-3)


def test_a_wall_is_all_there_but_for_its_openings():
    holes = [(1.0, 2.0, 1.0, 2.0), (3.0, 4.5, 0.5, 2.5), (1.2, 1.8, 3.0, 4.0)]
    pieces = around((0.0, 6.0, -1.0, 5.0), holes)
    area = sum((a1 - a0) * (u1 - u0) for a0, a1, u0, u1 in pieces)
    assert area == pytest.approx(36 - 1 - 3 - 0.6)


@pytest.mark.parametrize("kind", buildings.KINDS)
def test_openings_of_a_house_lie_in_its_walls_and_apart(kind):
    for seed in range(40):
        house = Building.of((kind, "130", "100", "4", str(seed)))
        walls = house.walls()
        for side in range(4):
            rects = [opening.rect() for number, opening in windows(house) if number == side]
            for k, (a0, a1, u0, u1) in enumerate(rects):
                assert 0 < a0 < a1 < walls[side].length_m and 0 < u0 < u1 < house.eaves_m, (kind, seed)
                for b0, b1, v0, v1 in rects[:k]:
                    assert a1 <= b0 or b1 <= a0 or u1 <= v0 or v1 <= u0, (kind, seed)


def test_a_house_stays_light(tmp_path):
    path = buildings.make(tmp_path, ("modern", "300", "120", "9", "8"))
    stage = Usd.Stage.Open(str(path))
    counts = [
        len(UsdGeom.Mesh(prim).GetFaceVertexCountsAttr().Get())
        for prim in stage.Traverse()
        if prim.IsA(UsdGeom.Mesh)
    ]
    assert 500 < sum(counts) < 60_000
    assert {"wall", "base", "pane"} <= {prim.GetName() for prim in stage.Traverse()}


@pytest.mark.parametrize("kind", street.KINDS)
def test_things_of_the_street_stand_and_keep_to_their_ground(kind, tmp_path):
    thing = street.Thing.of((kind, "30", "5"))
    path = street.make(tmp_path, (kind, "30", "5"))
    stage = Usd.Stage.Open(str(path))
    points = np.concatenate(
        [np.asarray(UsdGeom.Mesh(p).GetPointsAttr().Get()) for p in stage.Traverse() if p.IsA(UsdGeom.Mesh)]
    )
    low = points[points[:, 2] < 2.0 * thing.size_m[2] / 3]
    assert points[:, 2].min() < 0.07 and points[:, 2].max() > 0.4
    if kind not in ("arm_lamp", "wire_pole"):
        assert (np.abs(low[:, :2]).max(axis=0) <= np.array(thing.size_m[:2]) / 2 + 0.2).all()


@pytest.mark.parametrize("kind", trees.KINDS)
def test_plants_are_as_large_as_they_say(kind, tmp_path):
    words = (kind, "30", "30", "800", "2")
    plant = trees.Plant.of(words)
    path = trees.make(tmp_path, words)
    stage = Usd.Stage.Open(str(path))
    points = np.concatenate(
        [np.asarray(UsdGeom.Mesh(p).GetPointsAttr().Get()) for p in stage.Traverse() if p.IsA(UsdGeom.Mesh)]
    )
    assert points[:, 2].max() == pytest.approx(plant.height_m, rel=0.35)
    assert np.ptp(points[:, 0]) == pytest.approx(plant.width_m, rel=0.5)
