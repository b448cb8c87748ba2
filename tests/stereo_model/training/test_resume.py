"""What a run folder goes on with: repaired files, other data, other settings, damaged states."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from jobs.locks import RunLock, RunLockedError
from stereo_model import load_model, model_digest
from stereo_model.data.encodings import DataFileError
from stereo_model.training.amend import Amendment, ResumeError
from stereo_model.training.run import build_trainer, run_recipe
from stereo_model.training.run_folder import checkpoints
from stereo_model.training.train import train
from stereo_model.weights.files import CheckpointError
from tests.stereo_model.pairs import write_pairs
from tests.stereo_model.training.recipes import recipe

DATA = Amendment(data=True)
WIDTH, HEIGHT = 96, 48


def write_pfm(path, disparity_hw):
    header = f"Pf\n{disparity_hw.shape[1]} {disparity_hw.shape[0]}\n-1.0\n".encode()
    path.write_bytes(header + np.flipud(disparity_hw).astype("<f4").tobytes())


@pytest.fixture
def pairs(tmp_path):
    """Three pairs with PFM truth."""
    root = write_pairs(tmp_path / "pairs", 3)
    for folder in root.iterdir():
        write_pfm(folder / "disp.pfm", np.load(folder / "disp.npy"))
        (folder / "disp.npy").unlink()
    return root


def small(pairs, steps=4, **more):
    values = {
        "training.steps": steps,
        "training.batch_size": 1,
        "training.micro_batch": None,
        "training.learn": "initial",
    }
    return recipe(pairs, **{**values, "training.tensorboard": False, **more})


def logged(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def amendments(run):
    return [json.loads(line) for line in (run / "amendments.jsonl").read_text().splitlines()]


def test_a_file_cut_short_and_repaired_is_the_same_data(pairs, tmp_path, caplog):
    whole = run_recipe(small(pairs), tmp_path / "whole")
    third = logged(tmp_path / "whole")[2]["indices"][0]  # the sample of the third step, the first of its pair
    victim = pairs / f"pair{third}" / "disp.pfm"
    content = victim.read_bytes()
    victim.write_bytes(content[: len(content) // 2])
    lazy = small(pairs, **{"training.checkpoint_every": 100})
    for _ in range(2):  # trying again before the repair changes nothing
        with pytest.raises(DataFileError, match="disp.pfm.* 2 steps are done and saved: repair the file"):
            run_recipe(lazy, tmp_path / "run")
    victim.write_bytes(content)
    run_recipe(lazy, tmp_path / "run")
    assert "after step 2: data: " in caplog.text and "disp.pfm" in caplog.text and "repaired" in caplog.text
    assert model_digest(load_model(tmp_path / "run/model.pt")) == model_digest(load_model(whole))
    assert amendments(tmp_path / "run")[0]["step"] == 2 and not (tmp_path / "run/damaged.jsonl").exists()


def test_repairing_does_not_excuse_other_changes(pairs, tmp_path):
    run_recipe(small(pairs, steps=2), tmp_path / "run")
    victim, other = (pairs / name / "disp.pfm" for name in ("pair0", "pair1"))
    content = victim.read_bytes()
    victim.write_bytes(content[:100])
    for folder in ("run", "fresh"):  # a folder that has no state yet begins with what there is
        with pytest.raises((DataFileError, ResumeError)):
            run_recipe(small(pairs, steps=9), tmp_path / folder)
    victim.write_bytes(content)
    other.write_bytes(other.read_bytes() + b"\0")
    with pytest.raises(ResumeError, match="as many samples, but other files or other sizes"):
        run_recipe(small(pairs, steps=9), tmp_path / "run")


def test_data_that_shrank_is_refused_with_the_numbers_and_taken_on_purpose(pairs, tmp_path):
    run = tmp_path / "run"
    build_trainer(small(pairs), run).run(until=2)
    shutil.rmtree(pairs / "pair2")
    with pytest.raises(ResumeError, match="folder: samples 3.* there, samples 2.* here.*--amend data"):
        run_recipe(small(pairs), run)
    build_trainer(small(pairs), run, amend=DATA)  # killed at once: the folder knows it all the same
    run_recipe(small(pairs), run)
    (change,) = amendments(run)
    assert (change["step"], change["field"]) == (2, "data")
    assert (change["was"]["folder"]["samples"], change["now"]["folder"]["samples"]) == (3, 2)
    assert [record["step"] for record in logged(run)] == [1, 2, 3, 4]


def test_more_steps_prolong_a_training_that_was_finished(pairs, tmp_path, caplog):
    run = tmp_path / "run"
    run_recipe(small(pairs, steps=2), run)
    first = model_digest(load_model(run / "model.pt"))
    run_recipe(small(pairs, steps=4), run)
    assert (
        "training.steps: 2 -> 4" in caplog.text
        and "the learning rate follows the schedule of 4" in caplog.text
    )
    assert model_digest(load_model(run / "model.pt")) != first
    assert [record["step"] for record in logged(run)] == [1, 2, 3, 4]
    assert [(c["field"], c["was"], c["now"]) for c in amendments(run)] == [("training.steps", 2, 4)]
    with pytest.raises(ResumeError, match="training.steps is 4 there and 3 here.*4 steps are done already"):
        run_recipe(small(pairs, steps=3), run, amend=Amendment(fields=frozenset({"steps"})))


def test_fewer_steps_need_to_be_said(pairs, tmp_path):
    build_trainer(small(pairs, steps=9), tmp_path).run(until=2)
    with pytest.raises(
        ResumeError, match="training.steps is 9 there and 3 here: .* or --amend training.steps=3"
    ):
        run_recipe(small(pairs, steps=3), tmp_path)
    run_recipe(small(pairs, steps=3), tmp_path, amend=Amendment(fields=frozenset({"steps"})))
    assert len(logged(tmp_path)) == 3


def test_another_seed_or_rate_is_refused_with_the_way_out_and_taken_on_purpose(pairs, tmp_path):
    build_trainer(small(pairs), tmp_path).run(until=2)
    changed = {"training.seed": 7, "training.learning_rate": 0.5}
    with pytest.raises(ResumeError) as error:
        run_recipe(small(pairs, **changed), tmp_path)
    assert str(error.value).endswith(
        "checkpoint_0000002.pt: another training configuration; "
        "training.learning_rate is 0.001 there and 0.5 here: give training.learning_rate=0.001 to go on as "
        "before, or --amend training.learning_rate=0.5 to change it after step 2; "
        "training.seed is 0 there and 7 here: give training.seed=0 to go on as before, or "
        "--amend training.seed=7 to change it after step 2; or use another run folder"
    )
    run_recipe(
        small(pairs, **changed), tmp_path, amend=Amendment(fields=frozenset({"seed", "learning_rate"}))
    )
    run_recipe(small(pairs, **changed), tmp_path)
    assert {change["field"] for change in amendments(tmp_path)} == {"training.seed", "training.learning_rate"}


def test_what_the_state_consists_of_cannot_be_amended(pairs, tmp_path):
    build_trainer(small(pairs), tmp_path).run(until=1)
    amend = Amendment(fields=frozenset({"average"}))
    with pytest.raises(ResumeError, match="training.average is 0.995 there and 0.0 here: give") as error:
        run_recipe(small(pairs, **{"training.average": 0.0}), tmp_path, amend=amend)
    assert "--amend" not in str(error.value)


def test_another_start_is_refused_since_the_state_would_win(pairs, tmp_path):
    build_trainer(small(pairs), tmp_path).run(until=1)
    with pytest.raises(ResumeError, match="model.seed is 0 there and 5 here.; give model.seed=0 to go on"):
        run_recipe(small(pairs, **{"model.seed": 5}), tmp_path)


@pytest.fixture(scope="module")
def two_states(tmp_path_factory):
    """A training stopped after step 3, with the states of steps 2 and 3; and its pairs."""
    root = tmp_path_factory.mktemp("states")
    pairs = write_pairs(root / "pairs", 2)
    build_trainer(small(pairs, **{"training.keep_checkpoints": 2}), root / "run").run(until=3)
    return root / "run", pairs


def empty(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[:-5000])


def of_text(path):
    path.write_text("no state")


@pytest.mark.parametrize("damage", [empty, cut, of_text])
def test_the_newest_good_state_is_taken_and_said(two_states, tmp_path, damage, caplog):
    run, pairs = tmp_path / "run", two_states[1]
    shutil.copytree(two_states[0], run)
    damage(run / "checkpoint_0000003.pt")
    trainer = build_trainer(small(pairs, **{"training.keep_checkpoints": 2}), run)
    assert trainer.step == 2
    assert "checkpoint_0000003.pt" in caplog.text and "going on from checkpoint_0000002.pt" in caplog.text
    trainer.run(until=3)  # the damaged one is not counted among those to keep
    assert [path.name for path in checkpoints(run)] == ["checkpoint_0000002.pt", "checkpoint_0000003.pt"]
    assert [record["step"] for record in logged(run)] == [1, 2, 3]


def test_without_any_good_state_nothing_begins_again_unasked(two_states, tmp_path):
    run, pairs = tmp_path / "run", two_states[1]
    shutil.copytree(two_states[0], run)
    for path in checkpoints(run):
        empty(path)
    with pytest.raises(CheckpointError, match="no other state .* restore one from a copy, or remove"):
        build_trainer(small(pairs, **{"training.keep_checkpoints": 2}), run)
    assert len(checkpoints(run)) == 2


def test_two_trainings_in_one_folder_are_refused(pairs, tmp_path):
    with RunLock(tmp_path / "run"):
        with pytest.raises(RunLockedError, match="is in use by process .* since "):
            run_recipe(small(pairs), tmp_path / "run")
        with pytest.raises(RunLockedError):
            train(object(), [], small(pairs).training, tmp_path / "run", data_digest="-")
    run_recipe(small(pairs, steps=1), tmp_path / "run")
