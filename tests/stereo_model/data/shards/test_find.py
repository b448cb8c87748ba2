"""What naming shards means: to the generator's data set, to the training side's, and to the curation."""

from __future__ import annotations

import shutil

import pytest

from curation.judging.tables import write_verdicts
from curation.judging.verdicts import Outcome
from curation.rounds.state import read_run
from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.find import find_shards
from stereo_model.data.base import DataFolderError, DataOptionError
from stereo_model.data.registry import open_dataset
from stereo_model.data.shards.find import NoShardsError
from stereo_model.data.shards.lists import SampleListError, write_list
from tests.fsd_gen.synthetic import make_shard
from tests.stereo_model.data.runs import curate, make_run, verdict

ALL = ["0000000-a0", "0000001-a0", "0000002-a0", "0000003-a0"]
LEFT = ["0000000-a0", "0000002-a0", "0000003-a0", "0000001-a1"]  # after the round


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return curate(make_run(tmp_path_factory.mktemp("runs") / "one"))


def ours(source, **keep):
    pairs = open_dataset("shards", source, **({"keep": keep} if keep else {}))
    return [pairs.scene(index).rpartition("/")[2] for index in range(len(pairs))]


def theirs(source, **keep):
    return [record.sample_id for record in StereoShards(source, crop=None, keep=keep or None).records]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", ALL),
        ("shards", ALL),
        ("shards/*.h5", ALL),
        ("shards/0000[1-9].h5", ALL[2:]),
        ("shards/00000.h5", ALL[:2]),
        ("rounds/1/regenerated", ["0000001-a1"]),
        ("rounds/1", LEFT),
        (["shards/00001.h5", "shards"], [*ALL[2:], *ALL[:2]]),
        (["rounds/1", "shards/00000.h5"], [*ALL, "0000001-a1"]),
        ("../o*", ALL),
    ],
    ids=str,
)
def test_a_name_means_the_same_samples_everywhere(run, name, expected):
    source = [run / each for each in name] if isinstance(name, list) else run / name
    assert ours(source) == theirs(source) == expected


def test_a_rounds_population_is_the_curations(run):
    assert sorted(ours(run / "rounds/1")) == [sample.key.sample_id for sample in sorted(
        read_run(run).now.samples, key=lambda sample: sample.key.sample_id
    )]  # fmt: skip


def test_a_round_that_is_not_over_is_refused(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run/rounds/1/report.json").unlink()
    for read in (ours, theirs):
        with pytest.raises(ValueError, match="round 1 is not over.*fsd-curate round"):
            read(tmp_path / "run/rounds/1")
    assert ours(tmp_path / "run") == ALL


def test_a_published_run_is_read_like_any_other(run, tmp_path):
    shutil.copytree(run / "shards", tmp_path / "shards")
    write_verdicts(tmp_path / "verdicts.parquet", [verdict(slot, 0, Outcome.KEEP) for slot in range(4)])
    (tmp_path / "published.json").write_text("{}")
    assert ours(tmp_path) == ours(tmp_path, verdict="keep") == theirs(tmp_path, verdict="keep") == ALL


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ({"stratum": "indoor"}, ALL[2:]),
        ({"stratum": ["indoor", "flying"]}, ALL),
        ({"verdict": "keep"}, [ALL[0], ALL[2]]),
        ({"verdict": ["keep", "unjudged"], "stratum": "indoor"}, ALL[2:]),
        ({"baseline": "0.1..0.2", "disparity": [None, 200]}, ALL),
        ({"flags": {"sky": "0.05..", "mirror": 0}}, ALL),
    ],
    ids=str,
)
def test_filters_keep_the_same_samples_everywhere(run, keep, expected):
    assert ours(run, **keep) == theirs(run, **keep) == expected


def test_successors_that_were_scored_before_publishing_have_a_verdict_too(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    final = [verdict(1, 1, Outcome.KEEP)]
    write_verdicts(tmp_path / "run/rounds/1/final_verdicts.parquet", final)
    assert ours(run / "rounds/1", verdict="unjudged") == ["0000003-a0", "0000001-a1"]
    assert ours(tmp_path / "run/rounds/1", verdict="unjudged") == ["0000003-a0"]
    assert ours(tmp_path / "run/rounds/1", verdict="keep") == ["0000000-a0", "0000002-a0", "0000001-a1"]


def test_a_filter_that_leaves_nothing_says_what_there_is(run):
    for read in (ours, theirs):
        with pytest.raises(DataOptionError, match="keep.stratum: no sample is of 'roof': there are .*indoor"):
            read(run, stratum=["indoor", "roof"])
    with pytest.raises(DataFolderError, match="none of 4 samples in 2 shards passes keep.baseline=900"):
        ours(run, baseline="900..")


def test_verdicts_are_asked_for_only_where_somebody_judged(tmp_path):
    make_shard(tmp_path / "shards/00000.h5", slots=[0])
    for read in (ours, theirs):
        with pytest.raises(ValueError, match="nothing has judged the samples of .*fsd-curate round"):
            read(tmp_path, verdict="keep")


def test_a_list_means_its_samples_wherever_it_is_moved_with_its_run(run, tmp_path):
    write_list(run / "some.txt", [(run / "shards/00001.h5", (3, 0)), (run / "shards/00000.h5", (0, 0))],
               title="two")  # fmt: skip
    shutil.copytree(run, tmp_path / "moved #1 [a]")
    for place in (run, tmp_path / "moved #1 [a]"):
        assert ours(place / "some.txt") == theirs(place / "some.txt") == ["0000003-a0", "0000000-a0"]
    whole = [run / "some.txt", run / "shards/00000.h5"]
    assert ours(whole) == theirs(whole) == ["0000003-a0", "0000000-a0", "0000001-a0"]
    some = open_dataset("shards", run / "some.txt")
    assert some.digest() != open_dataset("shards", run).digest()
    assert some.digest() == open_dataset("shards", tmp_path / "moved #1 [a]/some.txt").digest()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# nothing", "names no sample"),
        ("shards/00000.h5:3-b1", "line 1: .* is no sample"),
        ("shards/00000.h5:0000007-a0", "1 samples of a list are not in it, such as 0000007-a0"),
        ("shards/none.h5", "nothing of that name"),
        ("shards/none.h5:0000001-a0", "none.h5, which is not there; was the list moved"),
        ("list.txt", "names another list"),
    ],
)
def test_a_list_that_is_none_is_refused(run, tmp_path, text, complaint):
    shutil.copytree(run / "shards", tmp_path / "shards")
    (tmp_path / "list.txt").write_text(text)
    for read in (ours, theirs):
        with pytest.raises(ValueError, match=complaint):
            read(tmp_path / "list.txt")
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SampleListError, match="not a text"):
        ours(tmp_path / "list.txt")


def test_files_that_copying_leaves_beside_shards_are_none(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    for name in ("._00000.h5", ".DS_Store", "Thumbs.db"):
        (tmp_path / "run/shards" / name).write_bytes(b"junk")
    assert ours(tmp_path / "run") == theirs(tmp_path / "run") == ALL
    assert ours(tmp_path / "run/shards/*.h5") == ALL and len(read_run(tmp_path / "run").drawn[0]) == 4


def test_an_empty_answer_says_what_was_looked_for_and_what_is_there(run, tmp_path):
    part = tmp_path / "unfinished/shards/00000.h5.part"
    make_shard(part / "0000000-a0.h5", slots=[0])
    for name, complaint in (
        ("unfinished", r"1 shards are unfinished \(1 samples so far\).* such as .*00000.h5.part"),
        ("nowhere", "nothing of that name; expected a shard, a folder of shards, a run"),
        ("*.h5", "nothing of that name"),
        ("run:12", "RUN:SLOT names one sample, to `fsd-gen replay` and `stage` only; name its run"),
    ):
        with pytest.raises(NoShardsError, match=f"no finished shards.*{complaint}"):
            ours(tmp_path / name)
        with pytest.raises(FileNotFoundError, match=complaint):
            find_shards(tmp_path / name)
    assert ours(part) == theirs(part) == ["0000000-a0"]
    with pytest.raises(NoShardsError, match="name one round"):
        ours(run / "rounds")


def test_only_shards_are_opened_from_several_places(tmp_path):
    with pytest.raises(DataOptionError, match="folder is opened from one folder, got 2"):
        open_dataset("folder", ["a", "b"])
