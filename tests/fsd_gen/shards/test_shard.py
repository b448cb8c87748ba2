import dataclasses
import errno
import hashlib
import io
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.shards.channels import REQUIRED
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.gather import publish_rows
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import record_of
from fsd_gen.shards.sample import StereoSample, quantise
from fsd_gen.shards.verify import verify_shard
from fsd_gen.shards.writer import ShardWriter
from jobs.files import DiskFullError
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard

SIX = [channel.name for channel in REQUIRED]
REPO = Path(__file__).parents[3]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_same_sample(a: StereoSample, b: StereoSample) -> None:
    for name, array in a.channels.items():
        other = b.channels[name]
        assert array.dtype == other.dtype, name
        np.testing.assert_array_equal(array, other, err_msg=name)
    assert a.spec == b.spec
    assert a.render == b.render


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


def test_rows_are_in_slot_order_whatever_the_order_of_writing(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[7, 3, 5])
    with ShardReader(path) as reader:
        assert [record.slot for record in reader.records()] == [3, 5, 7]
        assert_same_sample(reader.sample(1), make_sample(5))
        np.testing.assert_allclose(reader.poses()[2], camera_to_world(make_sample(7).spec.camera))


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
    path = make_shard(tmp_path / "0.h5", slots=[0], width=64, height=100)
    with h5py.File(path) as file:
        for name in SIX:
            assert file[name].chunks[:3] == (1, 80, 64)
            assert file[name].fletcher32
            assert file[name].id.get_create_plist().get_filter(0)[0] == 32026
        assert all(file[name].fletcher32 for name in file if file[name].size)


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


def test_quarantined_slots_have_reasons_and_no_row(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", range(2), make_meta())
    writer.quarantine(1, [["exposure"], ["left_right", "sky"]])
    writer.add(make_sample(0))
    with ShardReader(writer.finish()) as reader:
        assert len(reader) == 1
        (entry,) = reader.quarantined()
        assert (entry.slot, entry.reasons) == (1, (("exposure",), ("left_right", "sky")))


def test_a_shard_of_quarantined_slots_alone_is_sound(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", [4], make_meta())
    writer.quarantine(4, [["sky"]])
    with ShardReader(writer.finish()) as reader:
        assert len(reader) == 0 and reader.records() == ()
        assert verify_shard(reader.path) == []


def test_the_same_samples_give_the_same_bytes(tmp_path):
    first = make_shard(tmp_path / "a.h5", slots=[0, 1, 2])
    second = make_shard(tmp_path / "b.h5", slots=[2, 0, 1])
    assert sha256(first) == sha256(second)


def test_nothing_has_the_final_name_before_the_end_and_no_part_is_left_after_it(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", range(2), make_meta())
    writer.add(make_sample(0))
    assert not (tmp_path / "0.h5").exists()
    with pytest.raises(ShardError, match=r"1 slots are missing: \[1\]"):
        writer.finish()
    writer.add(make_sample(1))
    writer.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["0.h5"]


def test_a_writer_resumes_what_another_began(tmp_path):
    ShardWriter(tmp_path / "0.h5", range(3), make_meta()).add(make_sample(1))
    ShardWriter(tmp_path / "0.h5", range(3), make_meta()).quarantine(2, [["sky"]])
    writer = ShardWriter(tmp_path / "0.h5", range(3), make_meta())
    assert writer.done == {1, 2}
    assert writer.missing == (0,)


def test_a_writer_on_a_finished_shard_has_nothing_to_do(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1])
    before = sha256(path)
    writer = ShardWriter(path, [0, 1], make_meta())
    assert writer.missing == ()
    assert writer.finish() == path
    assert sha256(path) == before
    with pytest.raises(ShardError, match="finished and holds"):
        ShardWriter(path, [0, 1, 2], make_meta())


def test_a_damaged_sample_in_the_part_is_dropped_and_the_others_are_kept(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", range(3), make_meta())
    for slot in range(3):
        writer.add(make_sample(slot))
    stored = writer.part / "0000001-a0.h5"
    damaged = bytearray(stored.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    stored.write_bytes(damaged)
    (writer.part / ".0000002-a0.h5.abcd1234.part").write_bytes(b"half")
    again = ShardWriter(tmp_path / "0.h5", range(3), make_meta())
    assert again.missing == (1,)
    again.add(make_sample(1))
    assert sha256(again.finish()) == sha256(make_shard(tmp_path / "clean.h5", slots=range(3)))


@pytest.mark.parametrize(
    "change", [{"config_digest": "other"}, {"seed": 1}, {"config_json": "{}"}, {"width": 64}]
)
def test_a_part_of_another_configuration_is_refused(tmp_path, change):
    ShardWriter(tmp_path / "0.h5", range(2), make_meta())
    with pytest.raises(ShardError, match=f"was begun with {next(iter(change))}"):
        ShardWriter(tmp_path / "0.h5", range(2), make_meta(**change))


def test_samples_that_do_not_fit_are_refused(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", range(2), make_meta())
    writer.add(make_sample(0))
    with pytest.raises(ShardError, match="slot 0 is already done"):
        writer.add(make_sample(0, attempt=1))
    with pytest.raises(ShardError, match="slot 9 is not of this shard"):
        writer.add(make_sample(9))
    with pytest.raises(ShardError, match="seed 5"):
        writer.add(make_sample(1, seed=5))
    with pytest.raises(ShardError, match=r"left is uint8 \(80, 64, 3\), expected uint8 \(80, 128, 3\)"):
        writer.add(make_sample(1, width=64))
    sample = make_sample(1)
    off_the_grid = sample.disparity_left_hw + np.float32(0.001)
    with pytest.raises(ShardError, match="multiples of 1/256"):
        writer.add(dataclasses.replace(sample, disparity_left_hw=off_the_grid))
    with pytest.raises(ShardError, match="sample 0000001-a0: config_digest"):
        writer.add(sample, meta=make_meta(config_digest="other"))


def test_versions_and_attributions_of_the_samples_add_up(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", range(2), make_meta())
    writer.add(make_sample(0), meta=make_meta(attribution="chair: A\ntable: B"))
    writer.add(make_sample(1), meta=make_meta(attribution="table: B\nlamp: C", generator_commit="f00"))
    with ShardReader(writer.finish()) as reader:
        assert reader.meta.attribution == "chair: A\nlamp: C\ntable: B"
        assert reader.meta.generator_commit == "f00"


def test_a_finished_shard_never_takes_the_place_of_another_file(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", [0], make_meta())
    writer.add(make_sample(0))
    (tmp_path / "0.h5").write_bytes(b"precious")
    with pytest.raises(ShardError, match="exists already with other content"):
        writer.finish()
    assert (tmp_path / "0.h5").read_bytes() == b"precious"


KILLED = """
    import sys
    from fsd_gen.shards.writer import ShardWriter
    from tests.fsd_gen.synthetic import make_meta, make_sample
    writer = ShardWriter(sys.argv[1], range(12), make_meta())
    print("writing", flush=True)
    for slot in writer.missing:
        writer.add(make_sample(slot))
    writer.finish()
    print("finished", flush=True)
"""


def start_writer(path: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path)],
        cwd=REPO,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_killed_at_random_moments_and_resumed_the_shard_has_the_same_bytes(tmp_path):
    delays = random.Random(0)
    kills = 0
    while not (tmp_path / "0.h5").exists():
        process = start_writer(tmp_path / "0.h5")
        process.stdout.readline()
        try:
            process.wait(delays.uniform(0.0, 0.25) if kills < 5 else 60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
    assert kills > 0
    assert verify_shard(tmp_path / "0.h5") == []
    assert sha256(tmp_path / "0.h5") == sha256(make_shard(tmp_path / "calm.h5", slots=range(12)))


def test_killed_between_the_rename_and_the_clean_up_the_shard_is_finished(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0])
    (tmp_path / "0.h5.part").mkdir()
    writer = ShardWriter(path, [0], make_meta())
    assert writer.missing == ()
    writer.finish()
    assert not (tmp_path / "0.h5.part").exists()


def test_a_full_disk_while_adding_loses_nothing_finished(tmp_path, monkeypatch):
    writer = ShardWriter(tmp_path / "0.h5", range(2), make_meta())
    writer.add(make_sample(0))

    def full(self, content):
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(DiskFullError):
        patch.setattr(Path, "write_bytes", full)
        writer.add(make_sample(1))
    again = ShardWriter(tmp_path / "0.h5", range(2), make_meta())
    assert again.missing == (1,)
    again.add(make_sample(1))
    assert sha256(again.finish()) == sha256(make_shard(tmp_path / "calm.h5", slots=range(2)))


FILE_TOO_LARGE = """
    import resource, signal, sys
    from fsd_gen.shards.writer import ShardWriter
    from tests.fsd_gen.synthetic import make_meta
    writer = ShardWriter(sys.argv[1], range(4), make_meta())
    assert writer.missing == ()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
    try:
        writer.finish()
    except OSError as error:
        print(type(error).__name__, flush=True)
"""


@pytest.mark.parametrize("limit", [0, 4_000, 150_000, 265_000])
def test_a_write_that_fails_while_finishing_keeps_the_part_and_leaves_no_file(tmp_path, limit):
    writer = ShardWriter(tmp_path / "0.h5", range(4), make_meta())
    for slot in range(4):
        writer.add(make_sample(slot))
    command = [sys.executable, "-c", textwrap.dedent(FILE_TOO_LARGE), str(tmp_path / "0.h5"), str(limit)]
    result = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, "OSError\n"), result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["0.h5.part"]
    assert verify_shard(ShardWriter(tmp_path / "0.h5", range(4), make_meta()).finish()) == []


def test_too_little_space_is_noticed_before_the_final_file_is_begun(tmp_path, monkeypatch):
    writer = ShardWriter(tmp_path / "0.h5", [0], make_meta())
    writer.add(make_sample(0))
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("jobs.files.shutil.disk_usage", lambda path: usage)
    with pytest.raises(DiskFullError, match="finished files are kept"):
        writer.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["0.h5.part"]


def stored_chunks(path: Path, row: int) -> list[tuple[int, bytes]]:
    with ShardReader(path) as reader:
        return [(mask, stored) for name in SIX for _, mask, stored in reader.raw_chunks(name, row)]


def test_published_rows_have_the_very_bytes_of_their_sources(tmp_path):
    a = make_shard(tmp_path / "a.h5", slots=[0, 2], width=64, height=100)
    b = make_shard(tmp_path / "b.h5", slots=[1], width=64, height=100, attempt=3)
    out = publish_rows([(a, 1), (b, 0), (a, 0)], tmp_path / "out.h5", {"round": 2})
    assert [stored_chunks(out, row) for row in range(3)] == [
        stored_chunks(a, 0),
        stored_chunks(b, 0),
        stored_chunks(a, 1),
    ]
    with ShardReader(out) as reader, ShardReader(b) as source:
        assert_same_sample(reader.sample(1), source.sample(0))
        expected = dataclasses.replace(source.records()[0], row=1)
        assert reader.records("b.h5")[1] == expected
    with h5py.File(out) as file:
        assert file.attrs["round"] == 2
    assert verify_shard(out) == []


def test_a_damaged_source_is_not_published(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1])
    flip(path, *chunk_place(path, "left", 1))
    with pytest.raises(ShardError, match="not published"):
        publish_rows([(path, 0), (path, 1)], tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()


def test_publishing_refuses_what_cannot_be_one_dataset(tmp_path):
    a = make_shard(tmp_path / "a.h5", slots=[0])
    b = make_shard(tmp_path / "b.h5", slots=[1], config_digest="other")
    with pytest.raises(ShardError, match="config_digest"):
        publish_rows([(a, 0), (b, 0)], tmp_path / "out.h5")
    with pytest.raises(ShardError, match="twice"):
        publish_rows([(a, 0), (a, 0)], tmp_path / "out.h5")
    with pytest.raises(ShardError, match="no row 3"):
        publish_rows([(a, 3)], tmp_path / "out.h5")
    with pytest.raises(ShardError, match="no rows"):
        publish_rows([], tmp_path / "out.h5")
    with pytest.raises(ShardError, match="'licence'"):
        publish_rows([(a, 0)], tmp_path / "out.h5", {"licence": "mine"})
    assert not (tmp_path / "out.h5").exists()


def chunk_place(path: Path, dataset: str, row: int) -> tuple[int, int]:
    """Offset and size in the file of the first chunk of a row."""
    with h5py.File(path) as file:
        tail = (0,) * (file[dataset].ndim - 1)
        info = file[dataset].id.get_chunk_info_by_coord((row, *tail))
        return info.byte_offset, info.size


def flip(path: Path, offset: int, size: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[offset + size // 2] ^= 0x20
    path.write_bytes(content)


@pytest.mark.parametrize("dataset", [*SIX, "spec_json", "render_json"])
def test_a_flipped_byte_is_found_and_named_by_shard_row_and_dataset(tmp_path, dataset):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1, 2])
    flip(path, *chunk_place(path, dataset, 1))
    problems = verify_shard(path)
    assert {(p.file, p.row, p.dataset) for p in problems} == {(path, 1, dataset)}
    with ShardReader(path) as reader:
        assert reader.sample(0).spec.key.slot == 0
        with pytest.raises(ShardError, match=f"0.h5: row 1, dataset {dataset}: damaged"):
            reader.sample(1)


def test_a_flipped_byte_in_a_column_is_found_and_named(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1])
    with h5py.File(path) as file:
        place = file["focal_px"].id.get_chunk_info_by_coord((0,))
    flip(path, place.byte_offset, place.size)
    (problem,) = verify_shard(path)
    assert "dataset focal_px" in problem.what


FUZZ = """
    import random, sys
    from pathlib import Path
    from fsd_gen.shards.verify import verify_shard
    source, target = map(Path, sys.argv[1:])
    sound, chance, unnoticed = source.read_bytes(), random.Random(1), 0
    for n in range(200):
        content = bytearray(sound)
        # A third each: anywhere, and where a small file keeps its metadata, near its start and its end.
        place = chance.randrange(len(sound) if n % 3 == 0 else 4096)
        content[-1 - place if n % 3 == 1 else place] ^= 1 << chance.randrange(8)
        target.write_bytes(content)
        unnoticed += not verify_shard(target)
    print(unnoticed)
"""


def test_a_bit_flipped_anywhere_is_a_problem_and_never_a_crash_or_a_hang(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1], width=32, height=32)
    command = [sys.executable, "-c", textwrap.dedent(FUZZ), str(path), str(tmp_path / "fuzzed.h5")]
    result = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    # Nothing is stored in the gaps between the file's structures: a few flips change no content.
    assert int(result.stdout) <= 10


def test_long_attributions_and_configurations_fit(tmp_path):
    text = "\n".join(f"object {n:06d}: somebody, CC-BY 4.0" for n in range(8000))
    path = make_shard(tmp_path / "0.h5", slots=[0], attribution=text, config_json="x" * 100_000)
    with ShardReader(path) as reader:
        assert reader.meta.attribution == text
    assert verify_shard(path) == []


def test_content_that_was_exchanged_with_valid_checksums_is_found(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1])
    with h5py.File(path, "r+") as file:
        file["left"][1] = file["left"][0]
        file["disparity_right"][0, 40, 64] += 1
    found = {(p.row, p.dataset) for p in verify_shard(path)}
    assert found == {(1, "content_id"), (0, "content_id"), (0, "truth_digest")}
    assert verify_shard(path, deep=False) == []


def test_a_column_that_contradicts_the_scene_is_found_without_reading_pixels(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1])
    with h5py.File(path, "r+") as file:
        file["baseline_m"][1] = 0.5
    (problem,) = verify_shard(path, deep=False)
    assert (problem.row, problem.dataset) == (1, "baseline_m")
    assert "0.5" in problem.what and "0.2" in problem.what


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
        "future.h5": "schema version 99, this program reads version 1",
        "poor.h5": "dataset flags_left is missing",
    }
    for name, message in expected.items():
        with pytest.raises(ShardError, match=message):
            len(ShardReader(tmp_path / name))
        assert message in verify_shard(tmp_path / name)[0].what
    with pytest.raises(FileNotFoundError, match="no such shard"):
        len(ShardReader(tmp_path / "absent.h5"))


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
