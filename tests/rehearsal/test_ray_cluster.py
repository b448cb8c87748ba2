"""`ray-cluster.yaml` as it is shipped, on three hosts and a laptop: their addresses are the recipe's own."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from assets_manifest.library import AssetLibrary
from tests.rehearsal.farm import FARM, RECIPE, SHARED, Farm, farm_in, pictures
from tests.rehearsal.hosts import awaited, missing

WHY_NOT = missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]


@pytest.fixture(scope="module")
def farm(
    tmp_path_factory: pytest.TempPathFactory, library: AssetLibrary, assets_home: Path
) -> Iterator[Farm]:
    """Up, with all hosts."""
    with farm_in(tmp_path_factory.mktemp("farm"), assets_home) as farm:
        for name in FARM:
            farm.switch_on(name)
        farm.up()
        farm.await_nodes(len(FARM))
        yield farm
        down(farm)


def down(farm: Farm) -> None:
    """`ray down` ends the head at once; a node that hears nothing of its head any more ends itself."""
    assert farm.ray(f"down -y {RECIPE}").returncode == 0
    for name in FARM:
        without = partial(farm.without_ray, name)
        awaited(without, f"a Ray is left on {name}", 180.0, 2.0)


def test_three_hosts_make_the_run_of_one_and_get_its_assets_by_their_hash(farm, quiet):
    run = farm.render("three")
    run.await_work_of(*FARM)
    assert run.ended() == 0, run.log.read_text()
    assert pictures(run.run_dir) == quiet
    for name in FARM:
        assert "builtin" in farm.hosts[name].run("ls ~/.cache/fsd-gen/assets").stdout
    verified = farm.ray(f"exec {RECIPE} 'fsd-gen verify {SHARED}/three'")
    assert "are intact, 0 problems" in verified.stdout


def test_a_link_that_is_cut_for_20_seconds_changes_nothing(farm, quiet):
    run = farm.render("cut")
    run.await_work_of(*FARM)
    farm.hosts["one"].unplug()
    time.sleep(20)
    farm.hosts["one"].plug()
    assert run.ended() == 0, run.log.read_text()
    assert pictures(run.run_dir) == quiet
    assert farm.nodes() == len(FARM)


def test_a_host_whose_link_is_cut_for_good_is_done_without_and_taken_back_by_ray_up(farm, quiet):
    run = farm.render("lost")
    run.await_work_of(*FARM)
    farm.hosts["two"].unplug()
    assert run.ended() == 0, run.log.read_text()
    assert pictures(run.run_dir) == quiet
    farm.hosts["two"].plug()
    farm.up()  # Ray tries it by itself, too, but once
    farm.await_nodes(len(FARM))


def test_a_run_whose_head_is_killed_says_so_in_a_line_and_goes_on_with_the_same_command(farm, quiet):
    run = farm.render("headless")
    run.await_work()
    farm.hosts["head"].run("pkill -9 gcs_server")
    assert run.ended() != 0
    (line,) = re.findall(r"^error: .*", run.log.read_text(), re.M)
    assert re.search(r"Ray's head at 10\.0\.0\.1:6379 has not answered for 40 s .* same command again", line)
    begun = run.status().progress.items_done
    farm.up()
    farm.await_nodes(len(FARM))
    again = farm.render("headless")
    assert again.ended() == 0, again.log.read_text()
    assert pictures(again.run_dir) == quiet
    assert begun and again.status().progress.items_made <= len(quiet) - begun


def test_a_bare_host_that_replaces_a_dead_one_joins_a_run_at_work_once_it_is_set_up(farm, quiet):
    farm.hosts["two"].switch_off()
    farm.await_nodes(len(FARM) - 1)
    run = farm.render("late")
    run.await_work_of("head", "one")
    with farm.held("head", "one"):
        farm.switch_on("two")
        farm.join("two")
        run.await_work_of("two")
    assert run.ended() == 0, run.log.read_text()
    assert pictures(run.run_dir) == quiet
