"""Places are found above floors, in free air, wherever the stage's origin, unit and axis are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fsd_gen.usd.reader import read_world
from fsd_gen.worlds.space import FREE_M, Places, Space
from tests.fsd_gen.usd.cases import SUN, WALL, stage
from tests.fsd_gen.worlds.halls import hall


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return Space(read_world(hall(tmp_path_factory.mktemp("hall"))))


@pytest.fixture(scope="module")
def places(space: Space) -> Places:
    return space.find_places()


def test_places_are_on_the_floor_inside_and_beside_what_stands_there(places):
    """Of its roof, its table (too small to stand on) and the inside of its closed cupboard, nothing."""
    indoors = places.floor_n3[places.floor_n3[:, 2] < 2.5]
    assert len(indoors) > 100
    on_floor = indoors[np.abs(indoors[:, 2]) < 1e-6]
    assert len(on_floor) > 0.9 * len(indoors)
    x, y = on_floor[:, 0], on_floor[:, 1]
    assert (np.abs(x) < 5).all() and (np.abs(y) < 4).all()
    assert not ((np.abs(x + 3) < 1) & (np.abs(y - 2.5) < 0.8)).any()
    assert places.room_n[places.floor_n3[:, 2] < 0.1] == pytest.approx(3.0, abs=0.01)


def test_nothing_is_nearer_to_a_place_than_an_eye_may_be(space, places):
    eyes_n3 = places.floor_n3 + [0, 0, 1] * np.minimum(1.2, 0.6 * places.room_n)[:, None]
    assert space.around(eyes_n3)[0].min() >= FREE_M


def test_the_inside_of_a_closed_thing_is_told_from_that_of_a_room(space):
    nearest_n, back_n = space.around(np.array([[-3.0, 2.5, 1.0], [0.0, -1.0, 1.2]]))  # cupboard, hall
    assert back_n[0] > 0.8 and back_n[1] < 0.1
    assert nearest_n[0] == pytest.approx(0.8, abs=0.1)


def test_unit_and_axis_make_no_difference(tmp_path, places):
    metric = Space(read_world(hall(tmp_path, unit=1.0, y_up=False))).find_places()
    assert len(metric.floor_n3) == pytest.approx(len(places.floor_n3), rel=0.1)
    assert np.abs(metric.floor_n3.max(axis=0) - places.floor_n3.max(axis=0)).max() < 0.2


def test_a_sky_of_kilometres_hides_no_room(tmp_path):
    path = hall(tmp_path)
    text = path.read_text().rstrip()
    path.write_text(text + '\ndef Sphere "Sky" { double radius = 200000 }\n'.replace("}", "\n}"))
    found = Space(read_world(path)).find_places().floor_n3
    assert ((np.abs(found[:, 2]) < 1e-6) & (np.abs(found[:, 0]) < 5)).sum() > 100


def test_a_room_that_is_one_box_looking_outwards_has_places_too(tmp_path):
    box = 'def Cube "Room" {\n double size = 4\n}'
    found = Space(read_world(stage(tmp_path, box, SUN))).find_places()
    assert len(found.floor_n3) > 100 and found.floor_n3[:, 2] == pytest.approx(-2)


def test_a_stage_without_floor_has_none(tmp_path):
    assert len(Space(read_world(stage(tmp_path, WALL, SUN))).find_places().floor_n3) == 0


def test_places_do_not_depend_on_when_they_are_found(space, places):
    again = space.find_places()
    assert np.array_equal(again.floor_n3, places.floor_n3)


def test_what_fills_the_view_as_one_plane_is_measured(space):
    ahead = np.array([0.0, 1.0, 0.0]) + np.random.default_rng(0).uniform(-0.2, 0.2, (50, 3)) * [1, 0, 1]
    hits = space.cast(np.tile([3.0, 2.5, 1.5], (50, 1)), ahead)
    assert space.largest_plane(hits) == 1.0
    around = np.random.default_rng(0).normal(size=(200, 3))
    assert space.largest_plane(space.cast(np.tile([0.0, 0.0, 1.5], (200, 1)), around)) < 0.5


def lit(folder: Path, body: str) -> bool:
    return Space(read_world(stage(folder, WALL, body))).flat.gives_light()


def test_a_stage_gives_light_by_lights_or_by_what_glows(tmp_path):
    assert lit(tmp_path, SUN) and not lit(tmp_path, "")
