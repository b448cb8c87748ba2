"""Every version of both tables renders shards that hold the truth of Mitsuba's, bit by bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fsd_gen.rtx.child.versions import OVRTX, REPLICATOR, ovrtx_version, replicator_version
from tests.fsd_gen.rtx.isaac import VERSIONS as ISAAC
from tests.fsd_gen.rtx.runs import SAMPLES, TRUTHS, Pixels, command, pixels_of, records_of, rendered, stand_in

OVRTX_RUNS = {  # version: the switch that it takes
    "0.3.0.312915": {"FSD_OVRTX_ASSUME": "0.3"},
    "0.4.0.346409": {"FSD_OVRTX_ASSUME": "0.4.0"},
    "0.4.1.364340": {"FSD_OVRTX_ASSUME": "0.4.1"},
    "0.5.0.377615": {"FSD_OVRTX_ASSUME": "0.5.0"},
    "0.5.1.385782": {},
    "0.6.0.1791947691": {"FSD_OVRTX_OVSTAGE": "1"},
    "0.7.0.1": {},
}
FARMED = ("6.0.1", "0.5.1.385782")  # by a worker of the farm; the others by one in the command's own process
IN_PROCESS = ["--workers", "0"]
ROOT = Path(__file__).parents[3]
TABLE = [
    *(("replicator", version, {}) for version in ISAAC),
    *(("ovrtx", version, switches) for version, switches in OVRTX_RUNS.items()),
]


@pytest.fixture(scope="module")
def truth(library, tmp_path_factory) -> Pixels:
    """Of Mitsuba's run of the same slots."""
    shard = rendered("mitsuba", tmp_path_factory.mktemp("mitsuba") / "run", dict(os.environ), *IN_PROCESS)
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
    shard = rendered(engine, tmp_path / "run", environ, *([] if version in FARMED else IN_PROCESS))
    found = pixels_of(shard, TRUTHS)
    assert len(found) == SAMPLES and found == truth
    records = records_of(shard)
    assert {(record.backend, record.backend_version) for record in records} == {(engine, version)}
    assert [record.depth_off_share for record in records] == pytest.approx([0.0] * SAMPLES, abs=1e-3)
    assert [record.instance_off_share for record in records] == pytest.approx([0.0] * SAMPLES, abs=1e-3)


ON_TWO_GPUS = """
import sys, ray
ray.init(address="local", num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False)
from fsd_gen.cli import app
app(sys.argv[1:])
"""
SHARED = [
    "--shards",
    "2",
    "--samples-per-shard",
    str(SAMPLES // 2),
    "--workers",
    "2",
    "--gpus-per-worker",
    "1",
]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["replicator", "ovrtx"])
def test_two_workers_have_a_process_each_on_a_gpu_of_its_own(tmp_path, truth, engine):
    version = "6.0.1" if engine == "replicator" else "0.5.1.385782"
    environ = stand_in(tmp_path, engine, version, journal=tmp_path / "journal-PID")
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environ.get("PYTHONPATH")]))
    words = command(engine, tmp_path / "run", *SHARED)[3:]
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO_GPUS, *words], env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: Pixels = {}
    for shard in sorted((tmp_path / "run" / "shards").glob("*.h5")):
        found |= pixels_of(shard, TRUTHS)
    assert found == truth
    starts = [json.loads(path.open().readline()) for path in tmp_path.glob("journal-*")]
    visible = [start["environ"].get("CUDA_VISIBLE_DEVICES") for start in starts]
    if engine == "replicator":  # which counts GPUs as Vulkan does, and is told one by its number
        assert visible == [None, None] and {start["gpu"] for start in starts} == {0, 1}
    else:
        assert sorted(visible) == ["0", "1"]
