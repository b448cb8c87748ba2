"""A shard's identity has its asset packs in it, and shards from before that was so are read as ever."""

from __future__ import annotations

import json

import h5py
import pytest
from typer.testing import CliRunner

from fsd_gen import cli
from fsd_gen.shards.format import ShardError, merge_meta
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.writer import ShardWriter
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard

WHOLE = '{"stones":{"digest":"aa","version":"2"}}'
PARTIAL = '{"stones":{"digest":"bb","partial":true,"version":"2"}}'


def test_shards_of_different_assets_cannot_be_gathered():
    with pytest.raises(ShardError, match="assets_json is .*bb.*, but a has .*aa"):
        merge_meta([make_meta(assets_json=WHOLE), make_meta(assets_json=PARTIAL)], ["a", "b"])


def test_a_shard_without_the_attribute_reads_as_one_that_names_no_packs(tmp_path):
    path = make_shard(tmp_path / "old.h5", slots=[0])
    with h5py.File(path) as file:
        assert "assets_json" not in file.attrs
    with ShardReader(path) as reader:
        assert reader.meta.assets_json == ""


def test_the_packs_are_read_back(tmp_path):
    with ShardReader(make_shard(tmp_path / "new.h5", slots=[0], assets_json=WHOLE)) as reader:
        assert reader.meta.assets_json == WHOLE


def test_a_part_that_was_begun_before_packs_were_named_is_finished(tmp_path):
    path = tmp_path / "00000.h5"
    ShardWriter(path, [0, 1], make_meta()).add(make_sample(0))
    begun = json.loads((path.with_name("00000.h5.part") / "part.json").read_text())
    assert "assets_json" not in begun  # as in parts of before
    writer = ShardWriter(path, [0, 1], make_meta())
    assert writer.missing == (1,)
    with pytest.raises(ShardError, match="was begun with assets_json"):
        ShardWriter(path, [0, 1], make_meta(assets_json=WHOLE))


def test_info_says_which_packs_were_incomplete(tmp_path):
    shown = {
        name: CliRunner().invoke(
            cli.app, ["info", str(make_shard(tmp_path / name, slots=[0], assets_json=text))]
        )
        for name, text in (("whole.h5", WHOLE), ("partial.h5", PARTIAL), ("old.h5", ""))
    }
    assert "incomplete asset packs: stones" in shown["partial.h5"].output
    assert all("incomplete" not in shown[name].output for name in ("whole.h5", "old.h5"))
