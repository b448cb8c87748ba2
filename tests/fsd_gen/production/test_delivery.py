"""Workers get the run's packs where their machine lacks them; pools of several renderers make one dataset."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assets_manifest.delivery import PackDeliveryError
from assets_manifest.library import load_pack, open_library
from fsd_gen.production.assets import bind_assets
from fsd_gen.production.delivery import ComeAlready, StorePacks, open_packs, pack_source
from fsd_gen.shards.index import collect_records
from fsd_gen.shards.reader import ShardReader
from jobs.config import FarmConfig
from tests.assets_manifest.test_delivery import written
from tests.conftest import SPARSE

ROOT = Path(__file__).parents[3]


def test_a_run_opens_its_frozen_packs_from_where_they_are_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "shared")
    library = open_library(["mine"], tmp_path / "shared")
    bind_assets(tmp_path, library)
    monkeypatch.setenv("FSD_ASSETS_DIR", str(tmp_path / "node"))
    monkeypatch.setenv("FSD_ASSETS_FROM", str(tmp_path / "shared"))
    source = pack_source(FarmConfig(), library)
    assert source == StorePacks(str(tmp_path / "shared"))
    opened = open_packs(tmp_path, ["mine"], source)
    assert opened.digest() == library.digest() and list(opened.verify()) == []
    assert opened.folder("mine/box.usdc") == tmp_path / "node/mine"
    assert open_packs(tmp_path, ["mine"], ComeAlready()).folder("mine/box.usdc") == tmp_path / "node/mine"
    monkeypatch.setenv("FSD_ASSETS_DIR", str(tmp_path / "nothing"))
    with pytest.raises(PackDeliveryError, match="was there a moment ago"):
        open_packs(tmp_path, ["mine"], ComeAlready())


def test_workers_of_this_machine_open_what_lies_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path)
    monkeypatch.setenv("FSD_ASSETS_DIR", str(tmp_path))
    monkeypatch.delenv("FSD_ASSETS_FROM", raising=False)
    library = open_library(["mine"])
    assert pack_source(FarmConfig(), library) is None
    assert pack_source(FarmConfig(workers=0, address="auto"), library) is None
    assert open_packs(tmp_path / "no run", ["mine"], None).digest() == library.digest()


NODES = """
import sys
from pathlib import Path
from fsd_gen.config import load_config
from fsd_gen.production.render import render_shards
from fsd_gen.production.requests import requests_for
from fsd_gen.production.run import Run
from jobs.config import FarmConfig, Needs, Pool
from tests.jobs.cluster import cluster_of

folder, config = Path(sys.argv[1]), load_config(sys.argv[2])
pools = tuple(
    Pool(name=zone, kind="mitsuba", workers=1, needs=Needs(label=f"zone={zone}"),
         env={"FSD_ASSETS_DIR": str(folder / zone)})
    for zone in "ab"
)
with cluster_of("a", "b") as cluster:
    run = Run.start(folder / "run", config)
    farm = FarmConfig(pools=pools, address=cluster.address, max_retries=0)
    report = render_shards(run.folder, requests_for(run, 6), farm=farm, on_event=lambda event: None)
print(report.complete, len(report.written), dict(report.farm.failed))
"""


def driven(*command: object, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", **environ},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.mark.slow
def test_nodes_without_the_packs_get_them_from_the_driver(library, assets_home: Path, tmp_path: Path) -> None:
    assert driven("-c", NODES, tmp_path, SPARSE).splitlines()[-1] == "True 6 {}"
    digest = load_pack(assets_home / "builtin").identity().digest
    for zone in "ab":
        there = open_library(["builtin"], tmp_path / zone)
        assert [pack.digest for pack in there.identities()] == [digest]
        assert list(there.verify()) == []


DIMMED = """
from dataclasses import replace
from fsd_gen.backends.plugin import BackendPlugin
from fsd_gen.backends.registry import create_backend

class Dimmed:
    name, version = "dimmed", "1"

    def __init__(self, threads):
        self._mitsuba = create_backend("mitsuba", threads=threads)

    def render(self, *scene, **how):
        images = self._mitsuba.render(*scene, **how)
        left_hwc, right_hwc = images.left_hwc**1.02, images.right_hwc**1.02
        return replace(images, backend=self.name, left_hwc=left_hwc, right_hwc=right_hwc)

    def close(self):
        self._mitsuba.close()

BACKEND = BackendPlugin(create=Dimmed)
"""


def _installed(folder: Path) -> str:
    """A folder for PYTHONPATH with another renderer, as a package of a user's own brings it."""
    about = folder / "dimmed-1.dist-info"
    about.mkdir(parents=True)
    (folder / "dimmed.py").write_text(DIMMED)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: dimmed\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[fsd_gen.backends]\ndimmed = dimmed:BACKEND\n")
    return f"{ROOT}{os.pathsep}{folder}"


@pytest.mark.slow
def test_two_renderers_make_one_run_with_the_truth_of_one(library, tmp_path: Path) -> None:
    path = _installed(tmp_path / "site")

    def render(out: str, shards: int, *options: str) -> None:
        command = ["render", "--config", SPARSE, "--shards", shards, "--out", tmp_path / out, *options]
        driven("-m", "fsd_gen", *command, PYTHONPATH=path)

    dim, plain = ("--pool", "dim:dimmed:1"), ("--pool", "cpu:mitsuba:1")
    render("both", 1, *dim)
    render("both", 3, *dim, *plain)
    render("one", 3, "--workers", "1")
    both, one = (sorted((tmp_path / run / "shards").glob("*.h5")) for run in ("both", "one"))
    truth = [[record.truth_digest for record in collect_records(paths, tmp_path)] for paths in (both, one)]
    assert truth[0] == truth[1] and len(truth[0]) == 6
    assert _renderers(one) == ["mitsuba"] * 3
    assert _renderers(both)[0] == "dimmed" and set(_renderers(both)) <= {"mitsuba", "dimmed"}


def _renderers(shards: list[Path]) -> list[str]:
    found = []
    for path in shards:
        with ShardReader(path) as reader:
            found.append(reader.meta.renderer)
    return found
