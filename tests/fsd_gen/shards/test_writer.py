"""A shard is filled sample by sample, survives kills and full disks, and is complete once it has its name."""

import dataclasses
import errno
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.verify import verify_shard
from fsd_gen.shards.writer import ShardWriter
from jobs.files import DiskFullError
from tests.fsd_gen.shards.files import REPO, assert_same_sample, sha256
from tests.fsd_gen.shards.plain import plain_writing
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard


def test_rows_are_in_slot_order_whatever_the_order_of_writing(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[7, 3, 5])
    with ShardReader(path) as reader:
        assert [record.slot for record in reader.records()] == [3, 5, 7]
        assert_same_sample(reader.sample(1), make_sample(5))
        np.testing.assert_allclose(reader.poses()[2], camera_to_world(make_sample(7).spec.camera))


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


def test_chunk_by_chunk_and_digest_by_digest_the_bytes_are_the_same(tmp_path):
    ours = make_shard(tmp_path / "a.h5", slots=[0, 1])
    with plain_writing():
        plain = make_shard(tmp_path / "b.h5", slots=[0, 1])
    assert sha256(ours) == sha256(plain)


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


def test_one_renderer_makes_a_shard_from_start_to_end(tmp_path):
    mine, other = make_meta(), dataclasses.replace(make_meta(), renderer="other")
    writer = ShardWriter(tmp_path / "0.h5", range(2), mine)
    ShardWriter(tmp_path / "0.h5", range(2), other)  # nothing is there yet, so anybody may begin
    ShardWriter(tmp_path / "0.h5", range(2), mine)
    writer.quarantine(1, [["sky"]])
    with pytest.raises(ShardError, match="was begun by the renderer 'analytic', not 'other'; go on"):
        ShardWriter(tmp_path / "0.h5", range(2), other)
    identity = writer.part / "part.json"
    identity.write_text(identity.read_text().replace('"renderer": "analytic",', ""))  # as older versions did
    ShardWriter(tmp_path / "0.h5", range(2), mine).add(make_sample(0))
    assert '"renderer": "analytic"' in identity.read_text()


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


@pytest.mark.parametrize("most_kills", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_resumed_the_shard_has_the_same_bytes(tmp_path, most_kills):
    delays = random.Random(0)
    kills = 0
    while not (tmp_path / "0.h5").exists():
        process = start_writer(tmp_path / "0.h5")
        process.stdout.readline()
        try:
            process.wait(delays.uniform(0.0, 0.25) if kills < most_kills else 60)
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


@pytest.mark.parametrize("limit", [0, pytest.param(4_000, marks=pytest.mark.slow), 94_000, 165_000])
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


EVERY_LIMIT = """
    import os, random, resource, shutil, signal, sys
    from pathlib import Path
    from fsd_gen.shards.writer import ShardWriter
    from tests.fsd_gen.synthetic import make_meta

    part, size, bad = Path(sys.argv[1]), int(sys.argv[2]), []
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    chance = random.Random(1)
    anywhere = [chance.randrange(size) for _ in range(60)]
    for limit in {*range(0, 6000, 300), *anywhere, *range(size - 3000, size, 150)}:
        path = part.with_name(f"limit-{limit}.h5")
        shutil.copytree(part, path.with_name(path.name + ".part"))
        writer = ShardWriter(path, range(4), make_meta())
        if (child := os.fork()) == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                writer.finish()
            except OSError:
                sys.exit(4)  # through the interpreter's end, where HDF5 closes what is still open
            sys.exit(3)
        if (code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) != 4 or path.exists():
            bad.append((limit, code))
    print(bad)
"""


@pytest.mark.slow
def test_a_process_ends_in_peace_wherever_a_write_failed(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", range(4), make_meta())
    for slot in range(4):
        writer.add(make_sample(slot))
    size = make_shard(tmp_path / "whole.h5", slots=range(4)).stat().st_size
    arguments = [str(tmp_path / "0.h5.part"), str(size)]
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(EVERY_LIMIT), *arguments],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == "[]\n", ran.stderr
