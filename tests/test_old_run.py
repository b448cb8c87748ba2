"""A run of format 1, made by the program before this one, goes on for ever: read, resumed, published.

`tests/data/run_v1` holds two shards of two samples each and one complete round that kept all four; its
models were removed. The digests below are what the old program made of the slots that follow.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets_manifest.library import AssetLibrary
from fsd_gen import cli as generator
from fsd_gen.config import load_config
from fsd_gen.production.run import Run
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.format import merge_meta
from fsd_gen.shards.index import collect_records
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.verify import verify_shard
from fsd_gen.styles.compose import compose_scene

OLD_RUN = Path(__file__).parent / "data" / "run_v1"
DIGEST = "5353d357bf376a58"
NEXT_SLOTS = {4: "indoor", 5: "flying"}  # slot: stratum


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A copy to work on."""
    return Path(shutil.copytree(OLD_RUN, tmp_path / "run"))


def call(app, *words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_its_shards_are_intact_and_its_samples_readable(run_dir):
    for path in sorted((run_dir / "shards").glob("*.h5")):
        assert verify_shard(path) == []
        with ShardReader(path) as reader:
            assert reader.meta.assets_json == "" and len(reader) == 2
            assert [reader.sample(row).spec.digest() for row in range(2)] == [
                record.spec_digest for record in reader.records()
            ]
    assert DIGEST in call(generator.app, "info", run_dir)


def test_new_shards_carry_the_name_that_the_old_ones_carry(run_dir, library):
    run = Run.open(run_dir)
    run.bind_assets(library)
    with ShardReader(run.shard_path(0)) as reader:
        old = reader.meta
    new = run.shard_meta(library)
    assert merge_meta([old, new], ["old", "new"]).config_digest == old.config_digest
    assert new.config_digest.startswith(DIGEST) and new.config_json == old.config_json
    assert new.assets_json == ""


@pytest.mark.parametrize("slot", NEXT_SLOTS)
def test_its_next_slots_stay_in_their_strata(run_dir, slot, library):
    """Styles make better scenes from version to version; what a slot is of, a version never changes."""
    spec = compose_scene(Run.open(run_dir).config, library, SlotKey(slot=slot))
    assert spec.stratum == NEXT_SLOTS[slot]
    assert compose_scene(Run.open(run_dir).config, library, SlotKey(slot=slot)) == spec


def test_its_config_begins_a_new_run_of_the_same_scenes(run_dir, tmp_path, library: AssetLibrary):
    config = load_config(str(run_dir / "config.yaml"))
    assert config.version == 2 and config.rig.max_disparity_share == 0.25
    Run.start(tmp_path / "new", config)
    assert Run.start(run_dir, config).known_as.digest.startswith(DIGEST)


@pytest.mark.slow
def test_one_shard_more_is_rendered_into_it(run_dir, library):
    call(
        generator.app,
        "render",
        "--config",
        run_dir / "config.yaml",
        "--out",
        run_dir,
        "--shards",
        3,
        "--workers",
        0,
    )
    records = collect_records(sorted((run_dir / "shards").glob("*.h5")), run_dir)
    assert [record.slot for record in records] == list(range(6))
    assert {record.slot: record.stratum for record in records[4:]} == NEXT_SLOTS
    assert (run_dir / "assets.yaml").is_file()
    assert DIGEST in call(generator.app, "info", run_dir)


def test_it_is_published_without_its_models(run_dir, tmp_path):
    from curation import cli as curation

    out = tmp_path / "curated"
    assert "4 samples in 2 shards" in call(curation.app, "publish", run_dir, "--out", out)
    (first, *_) = sorted((out / "shards").glob("*.h5"))
    assert verify_shard(first) == []
    with ShardReader(first) as reader, ShardReader(run_dir / "shards/00000.h5") as old:
        assert [r.content_id for r in reader.records()] == [r.content_id for r in old.records()]
