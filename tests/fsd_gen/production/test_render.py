"""The farm makes the same dataset however it is run, stopped and killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from assets_manifest.library import open_library
from fsd_gen.backends.base import BackendError
from fsd_gen.backends.registry import create_backend
from fsd_gen.cli import app
from fsd_gen.config import Config, ConfigError
from fsd_gen.production.attempt import Attempt
from fsd_gen.production.log import cause
from fsd_gen.production.render import render_shards
from fsd_gen.production.requests import requests_for, shard_tasks
from fsd_gen.production.run import Run
from fsd_gen.production.survey import survey
from fsd_gen.production.worker import ShardWorker
from fsd_gen.shards.channels import OPTIONAL, REQUIRED
from fsd_gen.shards.index import collect_records, manifest_digest, truth_manifest_digest
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.verify import verify_shard
from fsd_gen.styles.registry import find_style
from jobs.config import FarmConfig
from jobs.locks import RunLock
from jobs.rundir import RunConfigMismatchError
from jobs.task import Event, EventKind
from tests.fsd_gen.styles.only import only
from tests.fsd_gen.synthetic import make_sample

SHARDS = 2


def render(folder: Path, config: Config, workers: int, shards: int = SHARDS) -> Run:
    with RunLock(folder):
        run = Run.start(folder, config)
        farm = FarmConfig(workers=workers, cpus_per_worker=1)
        report = render_shards(folder, requests_for(run, shards), farm=farm, on_event=lambda event: None)
    assert report.complete, report.farm.failed
    return run


def digests(run: Run, shards: int = SHARDS) -> tuple[str, str]:
    records = collect_records(sorted(run.shards.glob("*.h5"))[:shards], run.folder)
    return manifest_digest(records), truth_manifest_digest(records)


@pytest.fixture(scope="module")
def reference(tmp_path_factory, sparse_config) -> Run:
    return render(tmp_path_factory.mktemp("reference"), sparse_config, workers=0)


def test_two_workers_make_the_same_dataset_as_this_process_alone(reference, sparse_config, tmp_path):
    assert digests(render(tmp_path, sparse_config, workers=2)) == digests(reference)


@pytest.mark.slow
def test_a_worker_with_two_cpus_fills_slots_beside_its_renderer_and_makes_the_same_dataset(
    reference, sparse_config, tmp_path
):
    with RunLock(tmp_path):
        run = Run.start(tmp_path, sparse_config)
        farm = FarmConfig(workers=1, cpus_per_worker=2)
        events: list[Event] = []
        report = render_shards(tmp_path, requests_for(run, SHARDS), farm=farm, on_event=events.append)
    assert report.complete, report.farm.failed
    assert digests(run) == digests(reference)
    assert [event.done for event in events if event.kind is EventKind.ITEM] == [1, 2] * SHARDS


def test_a_finished_run_renders_nothing_again(reference, sparse_config):
    before = {path: path.stat().st_mtime_ns for path in reference.shards.glob("*.h5")}
    render(reference.folder, sparse_config, workers=0)
    assert {path: path.stat().st_mtime_ns for path in reference.shards.glob("*.h5")} == before


def test_a_finished_run_given_again_clears_away_what_a_killed_worker_left(
    reference, sparse_config, tmp_path, monkeypatch
):
    left = tmp_path / "fsd-scratch-stage-left"
    left.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    render(reference.folder, sparse_config, workers=0)
    assert not left.exists()


def test_another_configuration_is_refused_with_what_differs(reference, sparse_config):
    other = sparse_config.model_copy(update={"seed": 99})
    with pytest.raises(RunConfigMismatchError, match="seed is 0 in the folder, 99 in yours"):
        Run.start(reference.folder, other)


@pytest.mark.parametrize("workers", ["0", pytest.param("1", marks=pytest.mark.slow)])
def test_killing_driver_and_worker_at_random_then_going_on_without_them_changes_no_byte_of_the_truth(
    reference, sparse_config, tmp_path, workers
):
    config_file = tmp_path / "config.yaml"
    config_file.write_text(sparse_config.to_yaml())
    run_dir = tmp_path / "run"
    command = ["render", "--config", str(config_file), "--shards", "1", "--out", str(run_dir), "--workers"]
    program = [sys.executable, "-m", "fsd_gen", *command, workers]
    driver = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_a_sample(run_dir, driver)
    time.sleep(random.uniform(0, 0.5))
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    done = CliRunner().invoke(app, [*command, "0"])
    assert done.exit_code == 0, done.output
    run = Run.open(run_dir)
    assert digests(run) == digests(reference, shards=1)
    assert truth_bytes(run.shard_path(0)) == truth_bytes(reference.shard_path(0))


def wait_for_a_sample(run_dir: Path, driver: subprocess.Popen, timeout_s: float = 90) -> None:
    """Until a first sample is stored, or the whole run is over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and driver.poll() is None:
        if any(run_dir.glob("shards/*.part/*-a*.h5")):
            return
        time.sleep(0.05)


def truth_bytes(path: Path) -> dict[str, bytes]:
    names = ("disparity_left", "disparity_right", "flags_left", "flags_right")
    with h5py.File(path) as file:
        return {name: np.asarray(file[name]).tobytes() for name in names}


class Dimmed:
    """Mitsuba by another name, and darker: another renderer with another picture of the same scene."""

    name, version = "dimmed", "1"

    def __init__(self, threads: int) -> None:
        self._mitsuba = create_backend("mitsuba", threads=threads)

    def render(self, *scene, **how):
        images = self._mitsuba.render(*scene, **how)
        left_hwc, right_hwc = images.left_hwc**1.02, images.right_hwc**1.02
        return replace(images, backend=self.name, left_hwc=left_hwc, right_hwc=right_hwc)

    def close(self):
        self._mitsuba.close()


def test_shards_of_another_renderer_say_so_and_have_the_same_truth(
    reference, sparse_config, tmp_path, monkeypatch
):
    makers = {"mitsuba": create_backend, "dimmed": lambda name, threads: Dimmed(threads)}
    monkeypatch.setattr(
        "fsd_gen.production.worker.create_backend", lambda name, threads: makers[name](name, threads=threads)
    )
    run = Run.start(tmp_path, sparse_config)
    run.bind_assets(open_library(sparse_config.assets.packs))
    (task,) = shard_tasks(requests_for(run, 1))
    ShardWorker(str(tmp_path), 1, backend="dimmed").run(task, lambda event: None)
    first = [collect_records([each.shard_path(0)], each.folder) for each in (run, reference)]
    keys = [[record.key for record in records] for records in first]
    assert keys[0] == keys[1]  # what a renderer refuses is drawn again, and then it is another scene
    assert truth_bytes(run.shard_path(0)) == truth_bytes(reference.shard_path(0))
    with ShardReader(run.shard_path(0)) as ours, ShardReader(reference.shard_path(0)) as theirs:
        assert (ours.meta.renderer, theirs.meta.renderer) == ("dimmed", "mitsuba")
        assert ours.meta.config_digest == theirs.meta.config_digest
        assert not np.array_equal(ours.array("left", 0), theirs.array("left", 0))
    assert survey(tmp_path, deep=False).findings == []


def test_a_shard_that_a_renderer_began_waits_for_a_pool_that_has_it(sparse_config, tmp_path):
    run = Run.start(tmp_path, sparse_config)
    part = run.shards / "00000.h5.part"
    part.mkdir(parents=True)
    (part / "part.json").write_text('{"renderer": "replicator"}')
    (part / "0000000-a0.h5").touch()
    farm = FarmConfig(workers=0)
    with pytest.raises(ConfigError, match="was begun by the renderer replicator, .* add a pool that has it"):
        render_shards(tmp_path, requests_for(run, 1), farm=farm, on_event=lambda event: None)


def test_a_slot_that_never_passes_is_quarantined_with_its_reasons(sparse_config, tmp_path):
    impossible = sparse_config.checks.model_copy(update={"min_valid": 1.0, "max_black": 0.0})
    config = only(sparse_config, "flying").model_copy(
        update={"checks": impossible, "max_attempts": 2, "samples_per_shard": 1}
    )
    run = render(tmp_path, config, workers=0, shards=1)
    with ShardReader(run.shard_path(0)) as reader:
        assert len(reader) == 0
        (entry,) = reader.quarantined()
    assert entry.slot == 0
    assert len(entry.reasons) == 2 and all(entry.reasons)


def test_a_run_has_the_channels_of_its_config_and_the_same_truth(reference, sparse_config, tmp_path):
    config = sparse_config.model_copy(update={"channels": ("normals_left", "instance_left")})
    run = render(tmp_path, config, workers=0, shards=1)
    assert verify_shard(run.shard_path(0)) == []
    with ShardReader(run.shard_path(0)) as rich, ShardReader(reference.shard_path(0)) as plain:
        assert rich.meta.channels == (*REQUIRED, *OPTIONAL)
        assert [r.truth_digest for r in rich.records()] == [r.truth_digest for r in plain.records()]
        assert len(np.unique(rich.array("instance_left", 0))) > 3


def test_a_renderer_that_refuses_every_scene_of_a_slot_quarantines_the_slot_and_fails_no_shard(
    sparse_config, tmp_path, monkeypatch
):
    class Refusing:
        name, version = "refusing", "1"

        def render(self, staged, rig, settings, seed):
            raise BackendError("no such scene")

        def close(self):
            pass

    monkeypatch.setattr("fsd_gen.production.worker.create_backend", lambda name, threads: Refusing())
    harmless = sparse_config.checks.model_copy(update={"min_valid": 0.0, "max_sky": 1.0, "max_beyond": 1.0})
    config = sparse_config.model_copy(update={"checks": harmless, "max_attempts": 2, "samples_per_shard": 1})
    run = render(tmp_path, config, workers=0, shards=1)  # asserts that the report is complete
    with ShardReader(run.shard_path(0)) as reader:
        (entry,) = reader.quarantined()
    assert entry.reasons == (("renderer_error",), ("renderer_error",))


class Broken:
    """A renderer that fails in a way nobody foresaw."""

    name, version = "broken", "1"

    def render(self, staged, rig, settings, seed):
        raise RuntimeError("out of\nideas")

    def close(self):
        pass


def test_a_renderer_that_raises_what_it_should_not_fails_the_shard_and_is_named(
    sparse_config, tmp_path, monkeypatch
):
    monkeypatch.setattr("fsd_gen.production.worker.create_backend", lambda name, threads: Broken())
    harmless = sparse_config.checks.model_copy(update={"min_valid": 0.0, "max_sky": 1.0, "max_beyond": 1.0})
    run = Run.start(tmp_path, sparse_config.model_copy(update={"checks": harmless}))
    farm = FarmConfig(workers=0, max_retries=0)
    report = render_shards(tmp_path, requests_for(run, 1), farm=farm, on_event=lambda event: None)
    told = cause(report.farm.failed["shards/00000"].traceback)
    assert told.startswith("PluginError: backend 'broken' raised RuntimeError: out of ideas in ")
    assert "test_render.py" in told
    assert not list(run.shards.glob("*.h5"))


def test_a_style_that_raises_is_a_defect_of_the_attempt_told_once(sparse_config, tmp_path, monkeypatch):
    def compose(sampler):
        raise ZeroDivisionError("of a reef")

    style = replace(find_style("flying"), compose=compose)
    for place in ("fsd_gen.styles.compose", "fsd_gen.production.attempt"):
        monkeypatch.setattr(f"{place}.find_style", lambda name: style)
    config = only(sparse_config, "flying").model_copy(update={"max_attempts": 2})
    events: list[Event] = []
    run = Run.start(tmp_path, config)
    farm = FarmConfig(workers=0)
    assert render_shards(tmp_path, requests_for(run, 1), farm=farm, on_event=events.append).complete
    told = [event for event in events if "drawn again" in event.message]
    assert [event.kind for event in told] == [EventKind.WARNING, *[EventKind.NOTE] * 3]
    assert "style_error (style 'flying' raised ZeroDivisionError: of a reef in " in told[0].message
    assert told[0].data.startswith("Traceback") and "of a reef" in told[0].data
    with ShardReader(run.shard_path(0)) as reader:
        assert {code for entry in reader.quarantined() for codes in entry.reasons for code in codes} == {
            "style_error"
        }


def test_a_pair_whose_pictures_were_not_held_against_its_truth_is_told(sparse_config, tmp_path, monkeypatch):
    def attempts(key, *_):
        sample = make_sample(key.slot, width=sparse_config.image.width, height=sparse_config.image.height)
        yield Attempt(key=key, sample=sample, defects=(), remark="nothing to go by" if key.slot else "")

    monkeypatch.setattr("fsd_gen.production.worker.attempts", attempts)
    events: list[Event] = []
    run = Run.start(tmp_path, sparse_config)
    render_shards(tmp_path, requests_for(run, 1), farm=FarmConfig(workers=0), on_event=events.append)
    told = [event for event in events if event.kind is EventKind.NOTE]
    assert [event.message for event in told] == ["0000001-a0: nothing to go by"]
