"""`render.sbatch` as it is shipped, submitted to a real Slurm of three hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal import hosts, slurm
from tests.rehearsal.farm import FARM, Farm, Watched, farm_in, pictures
from tests.rehearsal.slurm import await_state, start_slurm, state, submit

WHY_NOT = hosts.missing() or slurm.WHY_NOT
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]


@pytest.fixture(scope="module")
def farm(
    tmp_path_factory: pytest.TempPathFactory, quiet: dict[int, str], assets_home: Path
) -> Iterator[Farm]:
    """With Slurm, and nothing submitted."""
    with farm_in(tmp_path_factory.mktemp("slurm"), assets_home) as farm:
        for name in FARM:
            farm.switch_on(name)
        start_slurm(farm)
        yield farm


def test_a_job_of_three_nodes_makes_the_run_of_one_and_leaves_nothing_behind(farm, quiet):
    job = submit(farm, "job")
    run = Watched(farm.data / "job")
    run.await_work_of("head")
    with farm.held("head"):
        run.await_work_of(*FARM)
    ended = await_state(farm, job, "COMPLETED")
    assert ended["ExitCode"] == "0:0"
    assert pictures(run.run_dir) == quiet
    assert not list(run.run_dir.glob(".ray-token-*"))
    assert all(farm.without_ray(name) for name in FARM)


def test_a_ray_of_a_node_has_all_of_its_cpus(farm, quiet):
    submit(farm, "cpus")
    Watched(farm.data / "cpus").await_work()
    for name in FARM:
        allowed = farm.hosts[name].run("grep Cpus_allowed_list /proc/$(pgrep raylet)/status").stdout
        own = Path("/proc/self/status").read_text()
        assert allowed in own


def test_a_job_that_slurm_takes_its_nodes_from_stops_in_order_and_goes_on_by_itself(farm, quiet):
    job = submit(farm, "taken")
    run = Watched(farm.data / "taken")
    run.await_work()
    farm.hosts["head"].run(f"scancel --batch --signal=TERM {job}")
    ended = await_state(farm, job, "FAILED")
    assert ended["ExitCode"] == "143:0"
    assert "signal 15" in run.status().ended
    again = submit(farm, "taken")
    await_state(farm, again, "COMPLETED")
    assert pictures(run.run_dir) == quiet
    assert state(farm, again)["ExitCode"] == "0:0"
