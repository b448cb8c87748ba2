from __future__ import annotations

from collections import Counter

import pytest

from fsd_gen.config import Config, load_config
from fsd_gen.production.attempt import trace_truth
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene, stratum_of
from fsd_gen.styles.registry import own_styles
from tests.fsd_gen.conftest import FEWER
from tests.fsd_gen.styles.only import only


@pytest.mark.parametrize("style", own_styles())
def test_the_same_key_gives_the_same_scene(style, small_config, library):
    config = only(small_config, style, **FEWER.get(style, {}))
    first = compose_scene(config, library, SlotKey(slot=3))
    assert compose_scene(config, library, SlotKey(slot=3)).digest() == first.digest()
    assert compose_scene(config, library, SlotKey(slot=3, attempt=1)).digest() != first.digest()
    assert first.stratum == style
    assert type(first).model_validate_json(first.to_json()) == first


def test_every_attempt_of_a_slot_stays_in_its_stratum(sparse_config, library):
    specs = [compose_scene(sparse_config, library, SlotKey(slot=5, attempt=a)) for a in range(4)]
    assert {spec.stratum for spec in specs} == {stratum_of(sparse_config, 5)}


def weighted(**weights: float) -> Config:
    return load_config("demo", {"styles": {name: {"weight": weight} for name, weight in weights.items()}})


def test_strata_meet_their_weights_in_every_run_of_slots():
    config = weighted(flying=0.75, indoor=0.25)
    for start in (0, 1000):
        counts = Counter(stratum_of(config, slot) for slot in range(start, start + 100))
        assert counts["flying"] == pytest.approx(75, abs=3)


def test_only_the_proportion_of_weights_counts_and_not_their_order():
    slots = range(200)
    few, many = weighted(flying=1, indoor=3), weighted(indoor=75, flying=25)
    assert [stratum_of(few, slot) for slot in slots] == [stratum_of(many, slot) for slot in slots]


def test_a_style_of_weight_0_is_never_drawn():
    config = weighted(flying=0, indoor=1)
    assert {stratum_of(config, slot) for slot in range(100)} == {"indoor"}


@pytest.mark.parametrize(("slots", "at_least"), [(3, 2), pytest.param(12, 10, marks=pytest.mark.slow)])
def test_most_scenes_keep_within_the_configured_disparity(small_config, library, slots, at_least):
    limit = small_config.check_limits().max_disparity_px
    sound = 0
    for slot in range(slots):
        truth = trace_truth(compose_scene(small_config, library, SlotKey(slot=slot)), library)
        sound += (truth.disparity_left_hw > limit).mean() < 0.02
    assert sound >= at_least
