"""Vehicles and people of a street."""

from __future__ import annotations

import numpy as np

from fsd_gen.styles.outdoors.crowd import Crowd
from fsd_gen.styles.outdoors.vehicles import LAST, Garage, coat
from tests.fsd_gen.styles.open_air import vehicles_of


class Stand:
    """As much of a sampler as garages and crowds ask for."""

    def __init__(self, library):
        self.library = library

    def rng(self, *names):
        return np.random.default_rng(7)

    def assets(self, kind, *tags, without=()):
        return self.library.select(kind, tags=tags, without=tuple(without))


def test_a_model_comes_again_only_after_others(library):
    rng, garage = np.random.default_rng(0), Garage(Stand(library))
    drawn = [garage.next(rng).asset for _ in range(200)]
    for k, asset in enumerate(drawn):
        assert asset not in drawn[max(0, k - LAST + 1) : k]
    assert len(set(drawn)) >= 8


def test_streets_show_many_models_in_many_colours(streets):
    full = [vehicles_of(spec) for spec in streets if len(vehicles_of(spec)) > 25]
    assert full
    for vehicles in full:
        assert len({p.asset for p in vehicles}) >= 9
        assert len({look.material.colour for p in vehicles for look in p.looks}) > 12


def test_paint_goes_on_bodies_alone(library):
    rng, garage = np.random.default_rng(1), Garage(Stand(library))
    painted = [{look.part for look in coat(rng, garage.next(rng))} for _ in range(60)]
    assert {"paint"} in painted and set() in painted
    assert not any("glass" in part or "trim" in part for parts in painted for part in parts)


def test_nobody_stands_beside_their_own_likeness(library):
    rng, crowd = np.random.default_rng(2), Crowd(Stand(library))
    here = [crowd.next(rng, 0.0, 0.0) for _ in range(3 * len(crowd))]
    known = [asset.id for asset in here if asset]
    assert len(known) == len(set(known)) == len(crowd)
    assert crowd.next(rng, 500.0, 0.0) is not None
