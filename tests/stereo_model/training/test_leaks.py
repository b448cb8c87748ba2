"""What a validation shares with the training is said, with its share."""

from __future__ import annotations

import json

import h5py
import pytest

from stereo_model.data.registry import open_dataset
from stereo_model.training.leaks import shared
from stereo_model.training.run import build_trainer
from tests.fsd_gen.synthetic import make_shard
from tests.stereo_model.pairs import write_pairs
from tests.stereo_model.training.recipes import recipe


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Slots 0 to 3 of one run; slots 2 and 3 share a texture with slot 0 and have one of their own."""
    root = tmp_path_factory.mktemp("run")
    for number, slots in enumerate(([0, 1], [2, 3])):
        path = make_shard(root / f"0000{number}.h5", slots=slots)
        with h5py.File(path, "r+") as file:
            for row in range(2):
                spec = json.loads(file["spec_json"][row])
                spec["dome"] = {"hdri": "pack/sky"}
                spec["placements"] = [{"asset": f"pack/chair{number}", "material": {"texture": None}}]
                file["spec_json"][row] = json.dumps(spec)
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
