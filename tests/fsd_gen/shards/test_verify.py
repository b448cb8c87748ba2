"""Every damage is found and named by shard, row and dataset."""

import subprocess
import sys
import textwrap

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter
import pytest

from fsd_gen.shards.format import ShardError
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.verify import verify_shard
from tests.fsd_gen.shards.files import REPO, SIX, chunk_place, flip
from tests.fsd_gen.synthetic import make_shard


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


@pytest.mark.parametrize("name", ["cx_px", "disparity_p50", "sky_share", "exposure", "wall_s"])
def test_every_column_is_compared_with_what_it_was_made_from(tmp_path, name):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1], width=32, height=32)
    with h5py.File(path, "r+") as file:
        file[name][1] = 0.123
    assert {(p.row, p.dataset) for p in verify_shard(path)} == {(1, name)}


def test_a_pose_that_is_not_the_scenes_is_found(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0], width=32, height=32)
    with h5py.File(path, "r+") as file:
        file["left_to_world"][0, 0, 3] += 1
    assert {(p.row, p.dataset) for p in verify_shard(path)} == {(0, "left_to_world")}
