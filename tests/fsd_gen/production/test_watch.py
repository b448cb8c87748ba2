"""Work that hangs ends in bounded time, is named, tried again and then given up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from assets_manifest.library import open_library
from fsd_gen.checks.defects import DefectCode
from fsd_gen.config import Config
from fsd_gen.production import worker
from fsd_gen.production.farm import attempt_limit_s, patient, render_farm
from fsd_gen.production.requests import requests_for, shard_tasks
from fsd_gen.production.run import Run
from fsd_gen.production.watch import MOST_DEATHS, Watch, code_of
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.reader import ShardReader
from jobs.config import FarmConfig
from jobs.farm import run_tasks
from jobs.task import Event, EventKind
from tests.fsd_gen.production.crashing import POISON, crashing_worker
from tests.fsd_gen.production.hanging import hanging_worker, never_back

HANG = """
import sys, time
from pathlib import Path
from fsd_gen.production.watch import Watch

with Watch(Path(sys.argv[1]), "sleeper", float(sys.argv[2])).over(7) as still_at_work:
    still_at_work()
    print("begun", flush=True)
    time.sleep(60)
"""


def hang(part: Path, limit_s: float) -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[3])
    return subprocess.Popen(
        [sys.executable, "-c", HANG, str(part), str(limit_s)],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_process_that_hangs_ends_itself_says_where_and_is_counted(tmp_path: Path) -> None:
    for times in (1, 2):
        with hang(tmp_path, 0.2) as process:
            _, said = process.communicate(timeout=30)
        assert process.returncode == 1
        assert said.startswith("slot 7: sleeper did not come to an end in 0 s; this process ends")
        stacks = Watch(tmp_path, "sleeper", 1.0).stacks(7)
        assert len(stacks) == times and "<string>" in stacks[-1]
    assert Watch(tmp_path, "sleeper", 1.0).stacks(8) == []


CRASH = """
import os, sys
from pathlib import Path
from fsd_gen.production.watch import Watch

with Watch(Path(sys.argv[1]), "sleeper", None).over(7):
    os.abort() if sys.argv[2] == "abort" else os._exit(9)
"""


@pytest.mark.parametrize(("how", "stacks"), [("abort", 1), ("exit", 0)])
def test_a_process_that_crashes_says_where_and_one_that_vanishes_is_known_to_have_been_there(
    tmp_path: Path, how: str, stacks: int
) -> None:
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", CRASH, str(tmp_path), how]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.DEVNULL)
    watch = Watch(tmp_path, "sleeper", None)
    assert watch.cut_short(7) and not watch.cut_short(8)
    found = watch.stacks(7)
    assert [code_of(stack) for stack in found] == [DefectCode.CRASHED] * stacks
    assert all("<string>" in stack for stack in found)


def test_what_ends_by_an_exception_was_not_cut_short(tmp_path: Path) -> None:
    watch = Watch(tmp_path, "sleeper", 60.0)
    with pytest.raises(KeyboardInterrupt), watch.over(7):
        raise KeyboardInterrupt
    assert not watch.cut_short(7)


def test_a_process_that_is_killed_is_not_counted(tmp_path: Path) -> None:
    with hang(tmp_path, 60.0) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGKILL)
    assert Watch(tmp_path, "sleeper", 1.0).stacks(7) == []


def test_work_that_ends_in_time_leaves_nothing_behind(tmp_path: Path) -> None:
    with Watch(tmp_path, "sleeper", 60.0).over(7) as still_at_work:
        still_at_work()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def run(tmp_path: Path, small_config: Config) -> Run:
    run = Run.start(tmp_path, small_config)
    run.bind_assets(open_library(small_config.assets.packs))
    return run


def test_a_slot_that_hung_twice_is_quarantined_without_a_third_try(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = SimpleNamespace(name="sleeper", version="1", render=never_back, close=lambda: None)
    monkeypatch.setattr(worker, "create_backend", lambda name, threads: backend)
    part = run.shard_path(0).with_name("00000.h5.part")
    part.mkdir(parents=True)
    for slot in run.slots_of_shard(0):
        (part / f"{slot:07d}.hung.txt").write_text(
            "Timeout (1:00:00)!\nThread 1\nTimeout (1:00:00)!\nThread 2\n"
        )
    events: list[Event] = []
    (task,) = shard_tasks(requests_for(run, 1))
    worker.ShardWorker(str(run.folder), 1, 60.0).run(task, events.append)
    with ShardReader(run.shard_path(0)) as reader:
        assert [entry.reasons for entry in reader.quarantined()] == [(("hung",), ("hung",))] * 2
    warnings = [(event.message, event.data) for event in events if event.kind is EventKind.WARNING]
    assert warnings[0] == (
        "slot 0: sleeper hung on it (2 of 2); quarantined",
        "Timeout (1:00:00)!\nThread 2\n",
    )


@pytest.mark.parametrize(
    ("left", "deaths", "told"),
    [
        ("", MOST_DEATHS, "the process of sleeper died at it (5 of 5); quarantined"),
        ("Fatal Python error: Aborted\n" * 2, 0, "sleeper crashed on it (2 of 2); quarantined"),
    ],
    ids=["without a word", "with its stacks"],
)
def test_a_slot_that_ends_its_process_again_and_again_is_quarantined_as_crashed(
    run: Run, monkeypatch: pytest.MonkeyPatch, left: str, deaths: int, told: str
) -> None:
    backend = SimpleNamespace(name="sleeper", version="1", render=never_back, close=lambda: None)
    monkeypatch.setattr(worker, "create_backend", lambda name, threads: backend)
    monkeypatch.setattr(worker, "attempts", lambda key, *rest: pytest.fail(f"{key} was tried again"))
    part = run.shard_path(0).with_name("00000.h5.part")
    part.mkdir(parents=True)
    (part / "0000000.hung.txt").write_text(left)
    (task,) = shard_tasks([replace(requests_for(run, 1)[0], keys=[SlotKey(slot=0)])])
    events: list[Event] = []
    worker.ShardWorker(str(run.folder), 1, 60.0).run(replace(task, deaths=deaths), events.append)
    with ShardReader(run.shard_path(0)) as reader:
        (entry,) = reader.quarantined()
    assert set(entry.reasons) == {("crashed",)} and len(entry.reasons) == max(deaths, 2)
    assert [event.message for event in events if event.kind is EventKind.WARNING] == [f"slot 0: {told}"]


@pytest.mark.slow
def test_a_scene_that_ends_its_process_every_time_costs_its_slot_and_not_the_shard(run: Run) -> None:
    events: list[Event] = []
    maker = partial(crashing_worker, str(run.folder))
    farm = FarmConfig(workers=1, max_retries=0)
    report = run_tasks(maker, shard_tasks(requests_for(run, 1)), farm, events.append)
    assert not report.failed and report.retried == 0
    with ShardReader(run.shard_path(0)) as reader:
        (entry,) = reader.quarantined()
        assert (entry.slot, entry.reasons) == (POISON, (("crashed",),) * MOST_DEATHS)
        assert [record.slot for record in reader.records()] == [0]
    told = [event.message for event in events if "died at it" in event.message]
    assert [text.rpartition("; ")[2] for text in told] == ["tried again"] * 4 + ["quarantined"]


@pytest.mark.slow
def test_a_renderer_that_hangs_costs_its_slot_and_not_the_shard(run: Run) -> None:
    maker = partial(hanging_worker, str(run.folder), 3.0)
    events: list[Event] = []
    farm = FarmConfig(workers=1, max_retries=4)
    report = run_tasks(maker, shard_tasks(requests_for(run, 1)), farm, events.append)
    assert not report.failed
    with ShardReader(run.shard_path(0)) as reader:
        assert [entry.reasons for entry in reader.quarantined()] == [(("hung",), ("hung",))] * 2
    told = [event.message for event in events if "hung on it" in event.message]
    assert told[:2] == [
        "slot 0: sleeper hung on it (1 of 2); tried again",
        "slot 0: sleeper hung on it (2 of 2); quarantined",
    ]


def test_the_worker_ends_a_hanging_attempt_before_the_farm_does_and_dear_images_have_longer(
    small_config: Config,
) -> None:
    farm = render_farm(workers=1)
    limit_s = attempt_limit_s(farm, small_config)
    assert limit_s == farm.stall_timeout_s == 3600
    dear = small_config.model_copy(update={"render": small_config.render.model_copy(update={"spp": 65536})})
    assert attempt_limit_s(farm, dear) == pytest.approx(1e-4 * 2 * 160 * 96 * 65536)
    patience = patient(farm, limit_s).stall_timeout_s
    assert patience is not None and patience > limit_s
