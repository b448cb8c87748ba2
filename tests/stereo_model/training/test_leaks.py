"""What a validation shares with the training is said, with its share."""

from __future__ import annotations

import pytest

from stereo_model.data.registry import open_dataset
from stereo_model.training.leaks import shared
from stereo_model.training.run import build_trainer
from tests.fsd_gen.synthetic import make_shard
from tests.stereo_model.data.runs import make_scenes
from tests.stereo_model.pairs import write_pairs
from tests.stereo_model.training.recipes import recipe


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Slots 0 to 3 of one run under one sky, with a chair of each shard."""
    root = tmp_path_factory.mktemp("run")
    make_scenes(root / "00000.h5", {0: ("p/sky", "p/chair0"), 1: ("p/sky",)})
    make_scenes(root / "00001.h5", {2: ("p/sky", "p/chair1"), 3: ("p/sky", "p/chair1")})
    return root


def opened(*paths):
    return open_dataset("shards", list(paths))


def test_shared_slots_and_assets_are_named_with_their_share(shards):
    one, both = opened(shards / "00000.h5"), opened(shards)
    assert [line.split(", so")[0] for line in shared({"train": one}, {"val": both})] == [
        "validation.val: 2 of its 4 samples (50%) are of slots that are trained on too",
        "validation.val: 2 of the 3 assets in its scenes (67%) are trained on too",
    ]


def test_slots_of_the_same_number_in_another_run_are_others(shards, tmp_path):
    other = make_shard(tmp_path / "0.h5", slots=[0, 1], config_digest="another")
    assert shared({"train": opened(shards)}, {"val": opened(other)}) == []


def test_pairs_that_are_trained_on_are_counted_whatever_their_folder_is_called(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", 2)
    (tmp_path / "link").symlink_to(pairs)
    train = {"train": open_dataset("folder", pairs)}
    (line,) = shared(train, {"val": open_dataset("folder", tmp_path / "link")})
    assert line.startswith("validation.val: 2 of its 2 pairs (100%) are trained on too")
    apart = write_pairs(tmp_path / "apart", 2)
    assert shared(train, {"val": open_dataset("folder", apart)}) == []


def test_a_training_says_it_before_it_begins(tmp_path, caplog):
    pairs = write_pairs(tmp_path / "pairs", 2)
    validation = [{"kind": "folder", "root": str(pairs)}]
    build_trainer(recipe(pairs, validation=validation), tmp_path / "run")
    assert "validation.folder: 2 of its 2 pairs (100%) are trained on too" in caplog.text
