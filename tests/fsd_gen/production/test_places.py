"""A run in a store is the run that a folder would hold."""

from __future__ import annotations

from fsd_gen.production.places import at_work_in
from fsd_gen.production.render import render_shards
from fsd_gen.production.requests import RenderReport, requests_for
from fsd_gen.production.run import Run
from fsd_gen.production.survey import survey
from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.index import refresh_index
from jobs.config import FarmConfig
from jobs.store.mirror import local_place


def render(place, config, shards: int = 2, workers: int = 0) -> RenderReport:
    with at_work_in(place) as folder:
        run = Run.start(folder, config)
        farm = FarmConfig(workers=workers, cpus_per_worker=1)
        report = render_shards(folder, requests_for(run, shards), farm=farm, on_event=lambda event: None)
        refresh_index(folder)
    return report


def test_a_run_made_in_a_store_is_listed_verified_and_read_there(bucket, sparse_config, tmp_path):
    url = f"{bucket.url}/demo"
    config = sparse_config.model_copy(update={"samples_per_shard": 1})
    report = render(url, config)
    assert report.complete and len(report.written) == 2, report.farm.failed
    assert {"demo/config.yaml", "demo/assets.yaml", "demo/shards/00001.h5"} <= set(bucket.keys())
    assert not list((tmp_path / "scratch").rglob("*.part"))
    found = survey(local_place(url), deep=True)
    assert not found.findings and found.intact == 2
    data = StereoShards(url, crop=(32, 64))
    assert data[1]["left"].shape == (3, 32, 64)
