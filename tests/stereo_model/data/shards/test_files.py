from __future__ import annotations

import errno
import fcntl
import os

import h5py
import pytest

from fsd_gen.shards.reader import ShardReader
from stereo_model.data.shards.files import open_hdf5, open_shard_file
from tests.fsd_gen.synthetic import make_shard


@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS])
def test_a_finished_shard_is_read_where_files_cannot_be_locked(tmp_path, monkeypatch, reason):
    path = make_shard(tmp_path / "00000.h5", slots=[0])
    plain = h5py.File

    def without_locks(name, mode, **options):
        if options.get("locking", True):
            raise OSError(reason, f"unable to lock file, errno = {reason}")
        return plain(name, mode, **options)

    monkeypatch.setattr(h5py, "File", without_locks)
    with ShardReader(path) as reader:
        assert reader.sample(0).spec.key.slot == 0
    with open_shard_file(path) as file:
        assert list(file["slot"]) == [0]


def test_another_programs_lock_keeps_nobody_from_reading(tmp_path):
    path = make_shard(tmp_path / "00000.h5", slots=[0])
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with ShardReader(path) as reader:
            assert len(reader) == 1


def test_a_shard_that_is_open_without_a_lock_is_opened_again(tmp_path):
    path = make_shard(tmp_path / "00000.h5", slots=[0])
    with h5py.File(path, "r", locking=False), open_hdf5(path) as file:
        assert "left" in file


def test_other_refusals_pass(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_hdf5(tmp_path / os.urandom(4).hex())
