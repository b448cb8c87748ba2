"""What a store is asked for of a shard is counted, answer by answer."""

from __future__ import annotations

from benchmarks.storage import counted, fill, one_pair
from tests.curation.world import make_run


def test_the_bytes_of_each_answer_about_a_shard_are_counted(bucket, tmp_path):
    run, name = make_run(tmp_path / "run", slots=2, per_shard=2), "shards/00000.h5"
    fill(bucket, run, name, described=True)
    assert len(bucket.names("run/index/entries/")) == 1
    with counted(bucket) as sizes:
        one_pair(f"{bucket.url}/run", name)
    assert (run / name).stat().st_size in sizes  # it is smaller than a block
