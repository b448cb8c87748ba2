"""Every shard of a folder is measured, and nothing of its samples is lost on the way."""

from __future__ import annotations

import pytest

from benchmarks.crops import version_copy
from fsd_gen.shards.find import find_shards
from fsd_gen.shards.format import VERSIONS
from fsd_gen.shards.reader import ShardReader
from tests.curation.world import make_run


@pytest.mark.parametrize("version", VERSIONS)
def test_the_samples_of_all_shards_are_copied_into_one_of_each_version(version, tmp_path):
    shards = find_shards(make_run(tmp_path / "run", slots=6, per_shard=2))
    copied = tmp_path / "copy.h5"
    assert len(shards) == 3 and version_copy(shards, copied, version) > 0
    with ShardReader(copied) as reader:
        found = [(record.slot, record.content_id) for record in reader.records()]
        assert reader.meta.channels == VERSIONS[version]
    assert found == [(r.slot, r.content_id) for shard in shards for r in ShardReader(shard).records()]
