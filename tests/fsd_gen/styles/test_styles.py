from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from fsd_gen.config import ConfigError, load_config
from fsd_gen.production.attempt import trace_truth
from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.materials import blackbody
from fsd_gen.styles.registry import STRATA, compose_scene, stratum_of


@pytest.mark.parametrize("stratum", STRATA)
def test_the_same_key_gives_the_same_scene(stratum, small_config, library):
    config = small_config.model_copy(update={"strata": {stratum: 1.0}})
    first = compose_scene(config, library, SlotKey(slot=3))
    assert compose_scene(config, library, SlotKey(slot=3)).digest() == first.digest()
    assert compose_scene(config, library, SlotKey(slot=3, attempt=1)).digest() != first.digest()
    assert first.stratum == stratum
    assert type(first).model_validate_json(first.to_json()) == first


def test_every_attempt_of_a_slot_stays_in_its_stratum(small_config, library):
    strata = [compose_scene(small_config, library, SlotKey(slot=5, attempt=a)).stratum for a in range(4)]
    assert set(strata) == {stratum_of(small_config, 5)}


def test_strata_meet_their_quotas_in_every_run_of_slots():
    config = load_config("demo", {"strata": {"flying": 0.75, "indoor": 0.25}})
    for start in (0, 1000):
        counts = Counter(stratum_of(config, slot) for slot in range(start, start + 100))
        assert counts["flying"] == pytest.approx(75, abs=3)


def test_an_unknown_stratum_is_named_with_the_known_ones():
    config = load_config("demo", {"strata": {"underwater": 1.0}})
    with pytest.raises(ConfigError, match="underwater.*known.*flying"):
        stratum_of(config, 0)


def test_rigs_cover_the_configured_ranges(small_config, library):
    rigs = [compose_scene(small_config, library, SlotKey(slot=slot)).rig for slot in range(60)]
    baselines = [rig.baseline_m for rig in rigs]
    views = [np.rad2deg(2 * np.arctan(rig.width / 2 / rig.focal_px)) for rig in rigs]
    assert 0.04 <= min(baselines) < 0.08 and 0.2 < max(baselines) <= 0.4
    assert 45 <= min(views) < 52 and 88 < max(views) <= 95


def test_a_flying_camera_looks_at_the_objects_centre_of_mass(small_config, library):
    config = small_config.model_copy(update={"strata": {"flying": 1.0}})
    spec = compose_scene(config, library, SlotKey(slot=0))
    centre = np.mean([p.position for p in spec.placements], axis=0)
    pose = camera_to_world(spec.camera)
    ahead = (centre - pose[:3, 3]) / np.linalg.norm(centre - pose[:3, 3])
    assert ahead @ pose[:3, 2] == pytest.approx(1, abs=1e-6)


def test_furniture_stands_on_the_floor_or_on_furniture(small_config, library):
    config = small_config.model_copy(update={"strata": {"indoor": 1.0}})
    on_top = 0
    for slot in range(6):
        spec = compose_scene(config, library, SlotKey(slot=slot))
        heights = {p.position[2] for p in spec.placements if p.name.startswith("Furniture")}
        assert heights == {0.0}
        on_top += sum(p.name.startswith("Thing") and p.position[2] > 0.2 for p in spec.placements)
    assert on_top > 0


def test_most_draws_keep_within_the_configured_disparity(small_config, library):
    limit = small_config.check_limits().max_disparity_px
    sound = 0
    for slot in range(12):
        truth = trace_truth(compose_scene(small_config, library, SlotKey(slot=slot)), library)
        sound += (truth.disparity_left_hw > limit).mean() < 0.02
    assert sound >= 9


def test_turned_rectangles_overlap_only_where_they_share_ground():
    square = Footprint(x=0, y=0, width=2, depth=2, heading_deg=0)
    assert square.overlaps(Footprint(x=1.5, y=0, width=2, depth=2, heading_deg=0))
    assert not square.overlaps(Footprint(x=2.1, y=0, width=2, depth=2, heading_deg=0))
    assert square.overlaps(Footprint(x=2.1, y=0, width=2, depth=2, heading_deg=45))  # its corner reaches in
    assert not square.overlaps(Footprint(x=2, y=2, width=2, depth=0.5, heading_deg=-45))  # boxes would meet


def test_distance_to_a_turned_rectangle_is_zero_inside_and_exact_outside():
    spot = Footprint(x=1, y=1, width=2, depth=1, heading_deg=90)
    assert spot.distance_to(1, 1) == 0
    assert spot.distance_to(2, 1) == pytest.approx(0.5)
    assert spot.distance_to(1, 3) == pytest.approx(1.0)


def test_black_bodies_redden_as_they_cool():
    warm, white, blue = blackbody(2700), blackbody(6600), blackbody(12000)
    assert warm[0] == 1 and warm[2] < 0.25
    assert min(white) > 0.85
    assert blue[2] == 1 and blue[0] < 0.7
