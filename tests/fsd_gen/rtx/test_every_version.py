"""Every version of both tables renders shards that hold the truth of Mitsuba's, bit by bit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fsd_gen.rtx.child.versions import OVRTX, REPLICATOR, ovrtx_version, replicator_version
from tests.fsd_gen.rtx.isaac import VERSIONS as ISAAC
from tests.fsd_gen.rtx.runs import SAMPLES, TRUTHS, Pixels, pixels_of, records_of, rendered, stand_in

OVRTX_RUNS = {  # version: the switch that it takes
    "0.3.0.312915": {"FSD_OVRTX_ASSUME": "0.3"},
    "0.4.0.346409": {"FSD_OVRTX_ASSUME": "0.4.0"},
    "0.4.1.364340": {"FSD_OVRTX_ASSUME": "0.4.1"},
    "0.5.0.377615": {"FSD_OVRTX_ASSUME": "0.5.0"},
    "0.5.1.385782": {},
    "0.6.0.1791947691": {"FSD_OVRTX_OVSTAGE": "1"},
    "0.7.0.1": {},
}
TABLE = [
    *(("replicator", version, {}) for version in ISAAC),
    *(("ovrtx", version, switches) for version, switches in OVRTX_RUNS.items()),
]


@pytest.fixture(scope="module")
def truth(library, tmp_path_factory) -> Pixels:
    """Of Mitsuba's run of the same slots."""
    shard = rendered("mitsuba", tmp_path_factory.mktemp("mitsuba") / "run", dict(os.environ))
    return pixels_of(shard, TRUTHS)


def test_no_version_of_the_tables_is_left_out():
    assert {replicator_version(version).name for version in ISAAC} == set(REPLICATOR)
    taken = {
        ovrtx_version(version, assume=told.get("FSD_OVRTX_ASSUME", ""))
        for version, told in OVRTX_RUNS.items()
    }
    assert {row.name for row in taken} == set(OVRTX)


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "version", "switches"), TABLE, ids=[f"{e} {v}" for e, v, _ in TABLE])
def test_a_shard_of_every_version_holds_the_truth_of_mitsubas(
    tmp_path: Path, truth, engine, version, switches
):
    environ = {**stand_in(tmp_path, engine, version), **switches}
    shard = rendered(engine, tmp_path / "run", environ)
    found = pixels_of(shard, TRUTHS)
    assert len(found) == SAMPLES and found == truth
    records = records_of(shard)
    assert {(record.backend, record.backend_version) for record in records} == {(engine, version)}
    assert [record.depth_off_share for record in records] == pytest.approx([0.0] * SAMPLES, abs=1e-3)
    assert [record.instance_off_share for record in records] == pytest.approx([0.0] * SAMPLES, abs=1e-3)
