"""A finished shard's last bytes vouch for all the others, and travel with it."""

import os
import shutil

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter

from fsd_gen.shards.gather import publish_rows
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.seal import SEAL_BYTES, is_sealed, seal_flaw
from fsd_gen.shards.verify import verify_shard
from tests.fsd_gen.shards.files import REPO
from tests.fsd_gen.synthetic import make_shard

GOLDEN = REPO / "tests/data/golden_shard.h5"


def test_finished_and_published_shards_are_sealed_and_a_copy_keeps_its_seal(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1], width=32, height=32)
    published = publish_rows([(path, 1)], tmp_path / "published.h5")
    copied = shutil.copy(published, tmp_path / "copied.h5")
    for shard in (path, published, tmp_path / "copied.h5"):
        assert is_sealed(shard) and seal_flaw(shard) is None and verify_shard(shard) == []
    assert (tmp_path / "copied.h5") == copied
    with h5py.File(path) as file:
        assert len(file["slot"]) == 2


def test_a_byte_that_no_checksum_of_hdf5_covers_is_found_by_the_seal(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0], width=32, height=32)
    content, missed = bytearray(path.read_bytes()), []
    for place in range(900, 1500):  # gaps between the structures at the start of a small file
        content[place] ^= 1
        path.write_bytes(content)
        content[place] ^= 1
        said = " ".join(map(str, verify_shard(path)))
        if not said:
            missed.append(place)
        elif "SHA-256 is not the one of its seal" in said:
            return
    raise AssertionError(f"every flip was found elsewhere, or missed: {missed}")


def test_bytes_after_the_end_that_are_no_seal_are_a_problem(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0], width=32, height=32)
    sound = path.read_bytes()
    for changed in (sound + b"x", sound[:-1], sound[:-SEAL_BYTES] + b"y" * SEAL_BYTES):
        path.write_bytes(changed)
        (problem,) = verify_shard(path)
        assert "they are no seal" in problem.what
        with ShardReader(path) as reader:
            assert len(reader) == 1


def test_a_shard_without_a_seal_is_walked_all_the_same(tmp_path):
    assert not is_sealed(GOLDEN) and verify_shard(GOLDEN) == []
    path = make_shard(tmp_path / "0.h5", slots=[0], width=32, height=32)
    os.truncate(path, path.stat().st_size - SEAL_BYTES)
    assert not is_sealed(path) and verify_shard(path) == []
