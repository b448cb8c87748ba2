"""`fsd-gen split`: two lists that everything here reads."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image
from typer.testing import CliRunner

from fsd_gen import StereoShards
from fsd_gen.cli import app
from fsd_gen.preview import GAP_PX
from stereo_model.data.registry import open_dataset
from stereo_model.training.leaks import shared
from tests.fsd_gen.synthetic import make_shard

RUNNER = CliRunner()


def run(*arguments):
    result = RUNNER.invoke(app, ["split", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def rendered(tmp_path):
    make_shard(tmp_path / "run/shards/00000.h5", slots=range(6), width=64, height=40)
    return tmp_path / "run"


def test_the_lists_are_read_by_both_data_sets_and_share_nothing(rendered, tmp_path):
    code, text = run(rendered, "--val", "34%")
    assert code == 0 and "4 samples to train on, 2 to validate on" in text
    shutil.move(rendered, tmp_path / "moved")
    lists = {side: tmp_path / f"moved/split/{side}.txt" for side in ("train", "val")}
    ours = {side: open_dataset("shards", path) for side, path in lists.items()}
    assert {side: len(data) for side, data in ours.items()} == {"train": 4, "val": 2}
    assert shared({"train": ours["train"]}, {"val": ours["val"]}) == []
    theirs = StereoShards(lists["val"], crop=None)
    assert [r.sample_id for r in theirs.records] == [ours["val"].scene(i)[-10:] for i in range(2)]
    assert json.loads((tmp_path / "moved/split/split.json").read_text()) == {
        "by": "slot", "left_out": 0, "seed": 0, "val": 0.34
    }  # fmt: skip


def test_the_same_command_writes_the_same_and_another_is_refused(rendered):
    run(rendered, "--val", 2)
    before = {path.name: path.read_bytes() for path in (rendered / "split").iterdir()}
    code, text = run(rendered, "--val", 2)
    assert code == 0 and "were there already" in text
    code, text = run(rendered, "--val", 3)
    assert code == 2 and "holds another split; give --replace" in text
    assert {path.name: path.read_bytes() for path in (rendered / "split").iterdir()} == before
    assert run(rendered, "--val", 3, "--replace")[0] == 0
    (rendered / "split/mine.txt").write_text("precious")
    code, text = run(rendered, "--val", 2, "--replace")
    assert code == 2 and "holds something else" in text and (rendered / "split/mine.txt").exists()


def test_what_a_list_names_is_what_info_verify_and_preview_tell_of(rendered, tmp_path):
    run(rendered, "--val", 2)
    listed = str(rendered / "split/val.txt")
    told = RUNNER.invoke(app, ["info", listed])
    assert told.exit_code == 0 and "2 samples of 64x40 in 1 shards" in told.output
    assert "the shards hold 4 more samples, which were not asked for" in told.output
    assert RUNNER.invoke(app, ["verify", listed]).output.startswith("2 samples are intact, 0 problems")
    sheet = tmp_path / "sheet.png"
    assert RUNNER.invoke(app, ["preview", listed, "--out", str(sheet), "--width", "64"]).exit_code == 0
    whole = tmp_path / "whole.png"
    RUNNER.invoke(app, ["preview", str(rendered / "shards"), "--out", str(whole), "--width", "64"])
    heights = [Image.open(path).height - GAP_PX for path in (sheet, whole)]
    assert heights[1] == 3 * heights[0]


def test_a_folder_of_runs_is_refused_with_their_names(rendered):
    told = RUNNER.invoke(app, ["preview", str(rendered.parent)])
    assert told.exit_code == 2 and f"{rendered} is a run" in " ".join(told.output.split())


def test_a_poor_split_is_written_with_a_warning(rendered):
    code, text = run(rendered, "--val", 4)
    assert (
        code == 0 and "warning: fewer samples are left to train on than to validate on; try another" in text
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--val", "all"), "--val: expected a share such as 5% or 0.05, or a number of slots, got 'all'"),
        (("--val", "100%"), "expected a share"),
        (("--val", "nan"), "expected a share"),
        (("--val", "0"), "expected a share"),
        (("--val", "5%", "--by", "colour"), "--by: expected slot or asset"),
        (("--val", "6"), "6 slots cannot be parted"),
    ],
)
def test_what_cannot_be_is_one_clear_line(rendered, arguments, complaint):
    code, text = run(rendered, *arguments)
    assert code == 2 and complaint in text and not (rendered / "split").exists()


def test_a_source_without_a_folder_of_its_own_needs_out(rendered, tmp_path):
    code, text = run(rendered / "shards/*.h5", "--val", 1)
    assert code == 2 and "--out: expected a folder" in text
    assert run(rendered / "shards/*.h5", "--val", 1, "--out", tmp_path / "lists")[0] == 0
    assert run(tmp_path / "none", "--val", 1)[0] == 2
