from __future__ import annotations

import json
import os
import signal
import sys

import pytest

from jobs.extras import MissingExtraError
from stereo_model import load_model
from stereo_model.training import launch
from stereo_model.training.config import TrainConfig
from stereo_model.training.launch import TeamCapacityError, WorkerFailedError, ray_session, train_together
from stereo_model.training.run import build_trainer, run_recipe
from stereo_model.training.run_folder import saved_step
from stereo_model.training.stopping import TrainingInterrupted
from stereo_model.training.team import TeamError
from tests.stereo_model.pairs import write_pairs
from tests.stereo_model.training.recipes import recipe


def test_a_batch_that_cannot_be_shared_evenly_is_refused_before_anything_starts(tmp_path):
    config = TrainConfig(steps=1, batch_size=6, micro_batch=2)
    with pytest.raises(TeamError, match="6 cannot be shared evenly by passes of 2 samples on 2 workers"):
        train_together(lambda team: None, config, tmp_path / "run", workers=2)
    assert not (tmp_path / "run").exists()


def test_more_workers_than_processors_are_refused(monkeypatch):
    monkeypatch.setattr(launch.ray, "cluster_resources", lambda: {"CPU": 2.0})
    with pytest.raises(TeamCapacityError, match="3 workers need a CPU each, there are 2 CPUs and 0 GPUs"):
        launch._require_room(3, on_gpu=False)


@pytest.mark.slow
def test_ray_starts_two_workers_that_train_stop_on_a_signal_and_fail_with_one_clear_line(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", 3)
    long = recipe(pairs, **{"training.steps": 1000})
    seen = []

    def stop_after_the_second(step, loss, rate):
        seen.append((step, loss))
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with ray_session(2):
        with pytest.raises(TrainingInterrupted, match="start the same training again"):
            run_recipe(long, tmp_path / "run", workers=2, on_step=stop_after_the_second)
        done = saved_step(tmp_path / "run")
        assert 2 <= done < 1000 and build_trainer(long, tmp_path / "run").step == done
        assert not (tmp_path / "run" / "stop-requested").exists()
        logged = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
        assert seen == [(record["step"], record["loss"]) for record in logged][: len(seen)]
        with pytest.raises(WorkerFailedError, match="another training configuration") as error:
            run_recipe(recipe(pairs, **{"training.gamma": 0.5}), tmp_path / "run", workers=2)
        assert "\n" not in str(error.value)
        run_recipe(recipe(pairs), tmp_path / "whole", workers=2)
    assert load_model(tmp_path / "whole" / "model.pt").config.max_disparity == 64


def test_the_error_of_the_first_worker_that_failed_is_its_last_line():
    failure = RuntimeError("training failed")
    failure.worker_failures = {1: ValueError("later"), 0: ValueError("Traceback ...\nValueError: too wide")}
    assert launch._gist(failure) == "worker 0: ValueError: too wide"
    assert launch._gist(RuntimeError("no worker\nwas there")) == "was there"


def test_without_ray_the_extra_is_named_in_one_line(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "stereo_model.training.launch")
    pairs = write_pairs(tmp_path / "pairs", 1)
    with pytest.raises(MissingExtraError, match=r"pip install '.\[farm\]'"):
        run_recipe(recipe(pairs), tmp_path / "run", workers=2)
