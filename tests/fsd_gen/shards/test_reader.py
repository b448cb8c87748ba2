"""What was written is read back exactly, and what is no sound shard is said in one line."""

import dataclasses
import errno
import io
import os
import pickle
import subprocess
import sys

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsd_gen.shards.format import ShardError
from fsd_gen.shards.reader import ShardReader, open_shard
from fsd_gen.shards.record import record_of
from fsd_gen.shards.sample import quantise
from fsd_gen.shards.verify import verify_shard
from fsd_gen.shards.writer import ShardWriter
from tests.fsd_gen.shards.files import REPO, assert_same_sample
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard


@st.composite
def wild_samples(draw):
    """Any arrays of the right type, not only those of sound scenes."""
    width, height = draw(st.sampled_from([(32, 32), (48, 81), (64, 100)]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    base = make_sample(draw(st.integers(0, 3)), attempt=draw(st.integers(0, 2)), width=width, height=height)
    return dataclasses.replace(
        base,
        left_hwc=rng.integers(0, 256, (height, width, 3), np.uint8),
        right_hwc=rng.integers(0, 256, (height, width, 3), np.uint8),
        disparity_left_hw=quantise(rng.uniform(0, 1e4, (height, width))),
        disparity_right_hw=quantise(rng.uniform(0, 2, (height, width))),
        flags_left_hw=rng.integers(0, 64, (height, width), np.uint8),
        flags_right_hw=rng.integers(0, 64, (height, width), np.uint8),
        render=dataclasses.replace(base.render, host_cpu_s=draw(st.floats(0, 1e6)), denoiser="ö"),
    )


@given(sample=wild_samples())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back_exactly(tmp_path_factory, sample):
    folder = tmp_path_factory.mktemp("round_trip")
    rig = sample.spec.rig
    writer = ShardWriter(
        folder / "0.h5", [sample.spec.key.slot], make_meta(width=rig.width, height=rig.height)
    )
    writer.add(sample)
    with ShardReader(writer.finish()) as reader:
        assert_same_sample(reader.sample(0), sample)
        assert reader.records() == (record_of(sample, shard="0.h5", row=0),)


def test_a_shard_of_an_older_program_is_still_read():
    with ShardReader(REPO / "tests/data/golden_shard.h5") as reader:
        assert [record.sample_id for record in reader.records()] == ["0000004-a0", "0000006-a2"]
        assert reader.quarantined()[0].reasons == (("exposure",), ("sky", "left_right"))
        disparity = reader.sample(1).disparity_left_hw
        assert (disparity[20, 16], disparity[0, 0]) == (8.0, 0.0)
        assert verify_shard(reader.path) == []


def test_a_crop_is_the_same_window_of_the_whole(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1], width=64, height=200)
    with ShardReader(path) as reader:
        whole, crop = reader.sample(1), reader.crop(1, 70, 5, 100, 31)
        window = (slice(70, 170), slice(5, 36))
        np.testing.assert_array_equal(crop.left_hwc, whole.left_hwc[window])
        np.testing.assert_array_equal(crop.right_hwc, whole.right_hwc[window])
        np.testing.assert_array_equal(crop.disparity_left_hw, whole.disparity_left_hw[window])
        np.testing.assert_array_equal(crop.flags_left_hw, whole.flags_left_hw[window])
        with pytest.raises(IndexError, match="leaves the 64x200 image"):
            reader.crop(0, 0, 40, 10, 30)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_shard_is_a_clear_error(tmp_path, share):
    path = make_shard(tmp_path / "0.h5", slots=[0])
    with path.open("r+b") as file:
        file.truncate(int(share * path.stat().st_size))
    with pytest.raises(ShardError, match=r"0\.h5: truncated, damaged or not HDF5"):
        len(ShardReader(path))
    (problem,) = verify_shard(path)
    assert problem.file == path


def test_foreign_files_are_clear_errors(tmp_path):
    (tmp_path / "text.h5").write_text("not a shard")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    path = make_shard(tmp_path / "future.h5", slots=[0])
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = 99
    path = make_shard(tmp_path / "poor.h5", slots=[0])
    with h5py.File(path, "r+") as file:
        del file["flags_left"]
    expected = {
        "text.h5": "not HDF5",
        "other.h5": "not a fsd-gen stereo shard",
        "future.h5": "schema version 99, this program reads 1 and 2; a newer",
        "poor.h5": "dataset flags_left is missing",
    }
    for name, message in expected.items():
        with pytest.raises(ShardError, match=message):
            len(ShardReader(tmp_path / name))
        assert message in verify_shard(tmp_path / name)[0].what
    with pytest.raises(FileNotFoundError, match="no such shard"):
        len(ShardReader(tmp_path / "absent.h5"))


def test_an_opened_shard_was_understood(tmp_path):
    with open_shard(make_shard(tmp_path / "0.h5", slots=[0, 1])) as reader:
        assert len(reader) == 2
    (tmp_path / "text.h5").write_text("not a shard")
    with pytest.raises(ShardError, match="not HDF5"):
        open_shard(tmp_path / "text.h5")


def test_a_row_that_is_not_there_is_an_index_error(tmp_path):
    with ShardReader(make_shard(tmp_path / "0.h5", slots=[0])) as reader:
        for row in (-1, 1):
            with pytest.raises(IndexError, match=r"no row -?1, it has rows 0\.\.0"):
                reader.sample(row)


def test_an_open_reader_can_be_pickled_and_read_on(tmp_path):
    with ShardReader(make_shard(tmp_path / "0.h5", slots=[0])) as reader:
        sample = reader.sample(0)
        buffer = io.BytesIO()
        pickle.dump(reader, buffer)
        with pickle.loads(buffer.getvalue()) as other:
            assert_same_sample(other.sample(0), sample)


def test_a_reader_opened_before_a_fork_reads_in_parent_and_child(tmp_path):
    with ShardReader(make_shard(tmp_path / "0.h5", slots=[0, 1])) as reader:
        reader.sample(0)
        child = os.fork()
        if child == 0:
            same = np.array_equal(reader.sample(1).left_hwc, make_sample(1).left_hwc)
            os._exit(0 if same else 1)
        assert_same_sample(reader.sample(1), make_sample(1))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_reading_shards_loads_neither_renderer_nor_truth_nor_torch():
    code = (
        "import sys, fsd_gen.shards.index, fsd_gen.shards.verify, fsd_gen.shards.find\n"
        "print([name for name in sys.modules if name.startswith(('fsd_gen.truth', 'fsd_gen.usd', 'torch'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO)
    assert done.stdout == "[]\n"


def test_a_shard_on_a_file_system_without_locks_is_read(tmp_path, monkeypatch):
    path, real = make_shard(tmp_path / "0.h5", slots=[0], width=32, height=32), h5py.File

    def without_locks(*arguments, locking=None, **others):
        if locking is not False:
            raise OSError(errno.ENOLCK, "Unable to synchronously open file (unable to lock file, errno = 37)")
        return real(*arguments, locking=locking, **others)

    monkeypatch.setattr(h5py, "File", without_locks)
    with open_shard(path) as reader:
        assert reader.sample(0).spec.key.slot == 0


def test_a_shard_that_somebody_else_has_open_without_a_lock_is_read(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0], width=32, height=32)
    with h5py.File(path, "r", locking=False), open_shard(path) as reader:
        assert len(reader) == 1
