from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from fsd_gen.shards.find import find_samples
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.split import By, Split, SplitError, split_samples, weaknesses
from tests.fsd_gen.synthetic import make_shard
from tests.stereo_model.data.runs import make_scenes


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Ten slots; slot 1 was drawn twice."""
    root = tmp_path_factory.mktemp("run")
    make_shard(root / "shards/00000.h5", slots=range(10), width=64, height=40)
    make_shard(root / "rounds/00001.h5", slots=[1], attempt=1, width=64, height=40)
    return root


def slots(located):
    return [record.slot for _, record in located]


def test_both_sides_are_all_samples_and_share_no_slot(run):
    samples = find_samples([run, run / "rounds"])
    for seed in range(9):
        parted = split_samples(samples, val=0.3, seed=seed)
        assert sorted([*parted.train, *parted.val], key=str) == sorted(samples, key=str)
        assert not set(slots(parted.train)) & set(slots(parted.val)) and len(set(slots(parted.val))) == 3
        assert slots(parted.train).count(1) in (0, 2)  # attempts stay together


def test_the_seed_decides_and_the_order_of_shards_does_not(run):
    samples = find_samples(run)
    one = split_samples(samples, val=3, seed=1)
    assert set(slots(split_samples(samples[::-1], val=3, seed=1).val)) == set(slots(one.val))
    assert {tuple(slots(split_samples(samples, val=3, seed=seed).val)) for seed in range(5)} != {
        tuple(slots(one.val))
    }


@pytest.mark.parametrize("val", [10, 0.99, 11])
def test_a_side_without_a_sample_is_refused(run, val):
    with pytest.raises(SplitError, match="10 slots cannot be parted so that .* from 1 to 9"):
        split_samples(find_samples(run), val=val)


def test_the_smallest_share_is_one_slot(run):
    assert len(split_samples(find_samples(run), val=0.01).val) == 1


def assets(located):
    found = set()
    for path, record in located:
        with ShardReader(path) as reader:
            found |= set(reader.spec(record.row).asset_ids())
    return found


def test_by_asset_no_asset_is_on_both_sides_and_little_is_left_out(tmp_path):
    common = {slot: ("p/sky", f"p/chair{slot}") for slot in range(6)}
    apart = {6: ("p/night", "p/lamp"), 7: ("p/night", "p/chair0"), 8: ("p/dawn", "p/bed"), 9: ("p/dawn",)}
    make_scenes(tmp_path / "shards/0.h5", {**common, **apart})
    parted = split_samples(find_samples(tmp_path), val=2, by=By.ASSET)
    assert sorted(slots(parted.val)) == [8, 9] and not assets(parted.train) & assets(parted.val)
    assert parted.left_out == 0 and len(parted.train) == 8
    more = split_samples(find_samples(tmp_path), val=3, by=By.ASSET)
    assert not assets(more.train) & assets(more.val)
    assert len(more.train) + len(more.val) + more.left_out == 10 and more.left_out


def test_where_every_scene_shares_an_asset_nothing_is_pretended(tmp_path):
    make_scenes(tmp_path / "shards/0.h5", dict.fromkeys(range(3), ("p/sky",)))
    with pytest.raises(SplitError, match="shares an asset with one of the 1 to validate on .2 scenes.*packs"):
        split_samples(find_samples(tmp_path), val=1, by=By.ASSET)


def parted(train: str, val: str, left_out: int = 0) -> Split:
    """A letter for the stratum of every sample."""
    sides = ([(Path("0.h5"), SimpleNamespace(stratum=letter)) for letter in side] for side in (train, val))
    return Split(train=tuple(next(sides)), val=tuple(next(sides)), left_out=left_out)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (parted("abab", "ab", 3), []),
        (parted("aaaa", "aa"), []),
        (parted("abab", "bb"), ["all samples to validate on are b, none a"]),
        (parted("ab", "aab"), ["fewer samples are left to train on than to validate on"]),
        (parted("abab", "ab", 4), ["4 of 10 samples are in neither list"]),
    ],
)
def test_a_poor_split_is_known_by_its_weaknesses(split, said):
    assert list(weaknesses(split)) == said
