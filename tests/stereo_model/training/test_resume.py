"""What a run folder goes on with: repaired files, other data, other settings, damaged states."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest

from jobs.locks import RunLock, RunLockedError
from stereo_model import load_model, model_digest
from stereo_model.data.batches import load_batch
from stereo_model.data.encodings import DataFileError
from stereo_model.data.mixture import Part
from stereo_model.data.registry import open_dataset
from stereo_model.training.amend import Amendment, ResumeError
from stereo_model.training.damage import note_damaged, read_damaged
from stereo_model.training.run import build_trainer, run_recipe
from stereo_model.training.run_folder import checkpoints
from stereo_model.training.train import train
from stereo_model.weights.files import CheckpointError
from tests.stereo_model.pairs import write_pairs
from tests.stereo_model.training.recipes import recipe

DATA = Amendment(data=True)
STEPS = Amendment(fields=frozenset({"steps"}))
KEEP_TWO = {"training.keep_checkpoints": 2, "training.checkpoint_every": 1}


def write_pfm(path, disparity_hw):
    header = f"Pf\n{disparity_hw.shape[1]} {disparity_hw.shape[0]}\n-1.0\n".encode()
    path.write_bytes(header + np.flipud(disparity_hw).astype("<f4").tobytes())


def small(pairs, steps=4, **more):
    values = {"training.steps": steps, "training.batch_size": 1, "training.micro_batch": None}
    values |= {"training.learn": "initial", "training.tensorboard": False, "training.checkpoint_every": 100}
    values |= {"training.average": 0.0}  # a second network in every state: test_trainer.py resumes one
    return recipe(pairs, **{**values, **more})


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """Three pairs with PFM truth, and a training stopped after step 2 with the states of both steps."""
    root = tmp_path_factory.mktemp("origin")
    pairs = write_pairs(root / "pairs", 3)
    for folder in pairs.iterdir():
        write_pfm(folder / "disp.pfm", np.load(folder / "disp.npy"))
        (folder / "disp.npy").unlink()
    build_trainer(small(pairs, **KEEP_TWO), root / "run").run(until=2)
    return root


@pytest.fixture
def pairs(origin, tmp_path):
    shutil.copytree(origin / "pairs", tmp_path / "pairs")
    return tmp_path / "pairs"


@pytest.fixture
def run(origin, tmp_path):
    shutil.copytree(origin / "run", tmp_path / "run")
    return tmp_path / "run"


def logged(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def amendments(run):
    return [json.loads(line) for line in (run / "amendments.jsonl").read_text().splitlines()]


def test_a_file_cut_short_and_repaired_is_the_same_data(origin, pairs, tmp_path, caplog):
    lazy = small(pairs, steps=3)
    whole = run_recipe(lazy, tmp_path / "whole")
    third = logged(tmp_path / "whole")[2]["indices"][0]  # the sample of the third step, the first of its pair
    victim = pairs / f"pair{third}" / "disp.pfm"
    content = victim.read_bytes()
    victim.write_bytes(content[: len(content) // 2])
    for _ in range(2):  # trying again before the repair changes nothing
        with pytest.raises(DataFileError, match="disp.pfm.* 2 steps are done and saved: repair the file"):
            run_recipe(lazy, tmp_path / "cut")
    victim.write_bytes(content)
    run_recipe(lazy, tmp_path / "cut")
    assert "after step 2: data: " in caplog.text and "disp.pfm" in caplog.text and "repaired" in caplog.text
    assert model_digest(load_model(tmp_path / "cut/model.pt")) == model_digest(load_model(whole))
    assert amendments(tmp_path / "cut")[0]["step"] == 2 and not (tmp_path / "cut/damaged.jsonl").exists()


def test_repairing_does_not_excuse_other_changes(pairs, run):
    third = next(iter(load_batch(open_dataset("folder", pairs), small(pairs).training, 2).indices))
    victim, other = (pairs / f"pair{number % 3}" / "disp.pfm" for number in (third, third + 1))
    content = victim.read_bytes()
    note_damaged(run, [Part(name="folder", dataset=open_dataset("folder", pairs))], [(0, third)])
    assert not read_damaged(run)  # nothing is wrong yet
    victim.write_bytes(content[:100])
    note_damaged(run, [Part(name="folder", dataset=open_dataset("folder", pairs))], [(0, third)])
    assert {file.file for file in read_damaged(run)} >= {f"pair{third}/disp.pfm"}
    victim.write_bytes(content)
    other.write_bytes(other.read_bytes() + b"\0")
    with pytest.raises(ResumeError, match="as many samples, but other files, or other sizes"):
        run_recipe(small(pairs), run)


def test_files_with_other_contents_of_the_same_size_are_other_data(pairs, run):
    victim = pairs / "pair1" / "disp.pfm"
    content = bytearray(victim.read_bytes())
    content[-8] ^= 1
    victim.write_bytes(content)
    with pytest.raises(ResumeError, match="as many samples, but other files, or other sizes or contents"):
        run_recipe(small(pairs), run)


def test_what_a_data_set_leaves_out_is_listed(pairs, tmp_path, caplog):
    (pairs / "pair1" / "disp.pfm").unlink()
    build_trainer(small(pairs, **{"data.folder.options": {"allow_missing": True}}), tmp_path / "out")
    assert any("skipped: data.folder: pair1: no pair1/disp" in message for message in caplog.messages)


def test_data_that_shrank_is_refused_with_the_numbers_and_taken_on_purpose(pairs, run):
    shutil.rmtree(pairs / "pair2")
    with pytest.raises(ResumeError, match="folder: samples 3.* there, samples 2.* here.*--amend data"):
        build_trainer(small(pairs), run)
    build_trainer(small(pairs), run, amend=DATA)  # killed at once: the folder knows it all the same
    build_trainer(small(pairs), run).run(until=3)
    (change,) = amendments(run)
    assert (change["step"], change["field"]) == (2, "data")
    assert (change["was"]["folder"]["samples"], change["now"]["folder"]["samples"]) == (3, 2)
    assert [record["step"] for record in logged(run)] == [1, 2, 3]


def test_more_steps_prolong_a_training_that_was_finished(pairs, run, caplog):
    build_trainer(small(pairs, steps=2), run, amend=STEPS).run()
    first = model_digest(load_model(run / "model.pt"))
    run_recipe(small(pairs, steps=3), run)
    assert "training.steps: 2 -> 3" in caplog.text
    assert "the learning rate follows the schedule of 3 steps" in caplog.text
    assert model_digest(load_model(run / "model.pt")) != first
    assert [record["step"] for record in logged(run)] == [1, 2, 3]
    assert [(change["was"], change["now"]) for change in amendments(run)] == [(4, 2), (2, 3)]
    with pytest.raises(ResumeError, match="training.steps is 3 there and 2 here.*3 steps are done already"):
        build_trainer(small(pairs, steps=2), run, amend=STEPS)


def test_fewer_steps_need_to_be_said(pairs, run):
    with pytest.raises(
        ResumeError, match="training.steps is 4 there and 3 here: .* --amend training.steps=3"
    ):
        build_trainer(small(pairs, steps=3), run)
    assert build_trainer(small(pairs, steps=3), run, amend=STEPS).config.steps == 3


def test_another_seed_or_rate_is_refused_with_the_way_out_and_taken_on_purpose(pairs, run):
    changed = {"training.seed": 7, "training.learning_rate": 0.5}
    with pytest.raises(ResumeError) as error:
        build_trainer(small(pairs, **changed), run)
    assert str(error.value).endswith(
        "checkpoint_0000002.pt: another training configuration; "
        "training.learning_rate is 0.001 there and 0.5 here: give training.learning_rate=0.001 to go on as "
        "before, or --amend training.learning_rate=0.5 to change it after step 2; "
        "training.seed is 0 there and 7 here: give training.seed=0 to go on as before, or "
        "--amend training.seed=7 to change it after step 2; or use another run folder"
    )
    amend = Amendment(fields=frozenset({"seed", "learning_rate"}))
    build_trainer(small(pairs, **changed), run, amend=amend)
    build_trainer(small(pairs, **changed), run).run(until=3)
    assert {change["field"] for change in amendments(run)} == {"training.seed", "training.learning_rate"}
    assert logged(run)[2]["learning_rate"] > 100 * logged(run)[1]["learning_rate"]


def test_what_the_state_consists_of_cannot_be_amended(pairs, run):
    amend = Amendment(fields=frozenset({"average"}))
    with pytest.raises(ResumeError, match="training.average is 0.0 there and 0.995 here: give") as error:
        build_trainer(small(pairs, **{"training.average": 0.995}), run, amend=amend)
    assert "--amend" not in str(error.value)


def test_another_start_is_refused_since_the_state_would_win(pairs, run):
    with pytest.raises(ResumeError, match="model.seed is 0 there and 5 here.; give model.seed=0 to go on"):
        build_trainer(small(pairs, **{"model.seed": 5}), run)


def empty(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[:-5000])


def of_text(path):
    path.write_text("no state")


def flipped(path):
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        record = max(archive.infolist(), key=lambda record: record.file_size)
    content[record.header_offset + record.file_size // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [empty, cut, of_text, flipped])
def test_the_newest_good_state_is_taken_and_said(pairs, run, damage, caplog):
    damage(run / "checkpoint_0000002.pt")
    trainer = build_trainer(small(pairs, **KEEP_TWO), run)
    assert trainer.step == 1
    assert "checkpoint_0000002.pt" in caplog.text and "going on from checkpoint_0000001.pt" in caplog.text
    if damage is empty:
        trainer.run(until=2)  # the damaged one is not counted among those to keep
        assert [path.name for path in checkpoints(run)] == ["checkpoint_0000001.pt", "checkpoint_0000002.pt"]
        assert [record["step"] for record in logged(run)] == [1, 2]


def test_without_any_good_state_nothing_begins_again_unasked(pairs, run):
    for path in checkpoints(run):
        empty(path)
    with pytest.raises(CheckpointError, match="no other state .* restore one from a copy, or remove"):
        build_trainer(small(pairs), run)
    assert len(checkpoints(run)) == 2


def test_unless_told_otherwise_two_states_are_kept_so_that_a_damaged_one_has_a_predecessor(pairs):
    assert small(pairs).training.keep_checkpoints == 2


def test_two_trainings_in_one_folder_are_refused(pairs, run):
    with RunLock(run):
        with pytest.raises(RunLockedError, match="is in use by process .* since "):
            run_recipe(small(pairs), run)
        with pytest.raises(RunLockedError):
            train(object(), [], small(pairs).training, run, data_digest="-")
    run_recipe(small(pairs, steps=2), run, amend=STEPS)


def test_a_folder_that_cannot_be_one_is_one_clear_line(pairs, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file cannot be the folder of a run"):
        run_recipe(small(pairs), tmp_path / "file")
