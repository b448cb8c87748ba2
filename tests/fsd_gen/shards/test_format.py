"""The layout on disk is the documented one, and plain h5py reads it."""

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter
import numpy as np

from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.verify import verify_shard
from tests.fsd_gen.shards.files import SIX
from tests.fsd_gen.synthetic import make_sample, make_shard


def test_plain_h5py_reads_a_shard(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1])
    with h5py.File(path) as file:
        left, disparity = file["left"][1], file["disparity_left"][1]
        assert left.dtype == np.uint8 and left.shape == (80, 128, 3)
        assert disparity.dtype == np.float32 and disparity.shape == (80, 128)
        np.testing.assert_array_equal(disparity, make_sample(1).disparity_left_hw)
        assert file["spec_json"].asstr()[1] == make_sample(1).spec.to_json()
        assert file["stratum"].asstr()[:].tolist() == ["flying", "flying"]
        assert file.attrs["licence"] == b"CC0-1.0"
        assert b"OCCLUDED=1, OUT_OF_FRAME=2, SKY=4" in file.attrs["flags"]


def test_the_layout_is_the_documented_one(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0], width=384, height=100)
    image, disparity, flags = (
        ((1, 80, 160), [32033, 3]),
        ((1, 80, 320), [2, 32026, 3]),
        ((1, 80, 384), [32026, 3]),
    )
    with h5py.File(path) as file:
        assert file.attrs["schema_version"] == 2
        for name, expected in zip(SIX, (image, image, disparity, disparity, flags, flags), strict=True):
            stored = file[name].id.get_create_plist()
            filters = [stored.get_filter(index)[0] for index in range(stored.get_nfilters())]
            assert (file[name].chunks[:3], filters) == expected
        assert all(file[name].fletcher32 for name in file if file[name].size)


def test_long_attributions_and_configurations_fit(tmp_path):
    text = "\n".join(f"object {n:06d}: somebody, CC-BY 4.0" for n in range(8000))
    path = make_shard(tmp_path / "0.h5", slots=[0], attribution=text, config_json="x" * 100_000)
    with ShardReader(path) as reader:
        assert reader.meta.attribution == text
    assert verify_shard(path) == []
