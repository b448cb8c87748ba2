"""However many slots are in work at once, what is stored and told is the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from assets_manifest.library import open_library
from fsd_gen.config import Config
from fsd_gen.production import hands
from fsd_gen.production.errors import PluginError
from fsd_gen.production.farm import hands_of
from fsd_gen.production.hand import COMMAND, sendable
from fsd_gen.production.hands import HandLostError, Hands
from fsd_gen.production.requests import requests_for, shard_tasks
from fsd_gen.production.run import Run
from fsd_gen.production.watch import Watch
from fsd_gen.shards.index import collect_records, manifest_digest
from fsd_gen.shards.reader import ShardReader
from jobs.config import Needs
from jobs.files import DiskFullError
from jobs.task import Event, EventKind, Stop
from tests.fsd_gen.production import handy
from tests.fsd_gen.production.handy import (
    hand_that_dies,
    hand_that_does_not_come_up,
    hand_that_grows,
    hand_that_hangs,
    noisy_worker,
)

SLOTS = 4  # 0 is drawn twice, 2 is given up


@pytest.fixture(scope="module")
def config(sparse_config: Config) -> Config:
    """Checks that dull pictures pass, whatever their scene."""
    anything = {"min_valid": 0.0, "max_sky": 1.0, "max_beyond": 1.0, "min_left_right": 0.0}
    limits = sparse_config.checks.model_copy(update=anything)
    more = {"checks": limits, "max_attempts": 2, "samples_per_shard": SLOTS}
    return sparse_config.model_copy(update=more)


def begun(folder: Path, config: Config) -> Run:
    run = Run.start(folder, config)
    run.bind_assets(open_library(config.assets.packs))
    return run


def fill(run: Run, hands: int, report: Callable[[Event], None], **how: object) -> list[str]:
    """Fill the run's first shard; the samples that were rendered, in order."""
    (task,) = shard_tasks(requests_for(run, 1))
    worker, noise = noisy_worker(str(run.folder), hands, **how)
    try:
        worker.run(task, report)
    finally:
        worker.close()
    return noise.rendered


def content(run: Run) -> tuple[str, list[object]]:
    """What the shard holds, cost apart."""
    with ShardReader(run.shard_path(0)) as reader:
        given_up = [(entry.slot, entry.reasons) for entry in reader.quarantined()]
    return manifest_digest(collect_records([run.shard_path(0)], run.folder)), given_up


def rows(run: Run) -> list[tuple[int, str]]:
    """Each slot that has a sample, with what that holds."""
    with ShardReader(run.shard_path(0)) as reader:
        return [(record.slot, record.content_id) for record in reader.records()]


def told(events: list[Event]) -> list[object]:
    """The events, cost apart."""
    return [
        (e.kind, e.done, e.message, e.data, [key for key in e.counts.items() if key[1] == 1]) for e in events
    ]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, config: Config) -> tuple[Run, list[Event]]:
    """The shard as one process makes it, and what was told of it."""
    events: list[Event] = []
    run = begun(tmp_path_factory.mktemp("plain"), config)
    fill(run, 0, events.append)
    return run, events


def test_hands_make_the_same_shard_and_tell_the_same_of_it_in_the_same_order(plain, config, tmp_path) -> None:
    run, events = begun(tmp_path, config), list[Event]()
    fill(run, 2, events.append)
    assert content(run) == content(plain[0]) and content(run)[1] == [(2, (("renderer_error",),) * 2)]
    assert told(events) == told(plain[1])
    assert sum("drawn again" in event.message for event in events) == 3
    costs = [event.counts for event in events if event.kind is EventKind.ITEM and event.counts]
    assert all(cost["stage_cpu_s", "trace"] == 0.25 and cost["stage_cpu_s", "author"] > 0 for cost in costs)
    assert [("stage_cpu_s", "refused") in cost for cost in costs] == [True, False, False]


def test_a_worker_that_is_stopped_loses_nothing_finished_and_goes_on(plain, config, tmp_path) -> None:
    run = begun(tmp_path, config)

    def stop_at_the_second(event: Event) -> None:
        if event.done == 2:
            raise Stop("taken away")

    with pytest.raises(Stop):
        fill(run, 2, stop_at_the_second)
    part = run.shard_path(0).with_name("00000.h5.part")
    assert not Watch(part, "", None).suspects()
    kept = {path.name: path.stat().st_mtime_ns for path in part.glob("*-a*.h5")}
    assert {"0000000-a1.h5", "0000001-a0.h5"} <= set(kept)
    events: list[Event] = []
    rendered = fill(run, 1, events.append)
    assert events[0].kind is EventKind.RESUMED and events[0].done == len(kept)
    assert not {name.removesuffix(".h5") for name in kept} & set(rendered)
    assert content(run) == content(plain[0])


@pytest.mark.parametrize(
    ("how", "times", "what"),
    [("abort", 2, "crashed on it"), pytest.param("exit", 5, "died at it", marks=pytest.mark.slow)],
)
def test_a_scene_that_ends_the_hand_that_draws_it_costs_its_slot_and_no_other(
    plain, config, tmp_path, how, times, what
) -> None:
    run, events = begun(tmp_path, config), list[Event]()
    fill(run, 1, events.append, make=partial(hand_that_dies, how, 1))
    assert content(run)[1] == [(1, (("crashed",),) * times), (2, (("renderer_error",),) * 2)]
    assert rows(run) == [row for row in rows(plain[0]) if row[0] != 1]
    cuts = [event.message for event in events if event.message.startswith("slot 1: ")]
    thens = [*["tried again"] * (times - 1), "quarantined"]
    assert [text.rpartition("; ")[2] for text in cuts] == thens
    assert all(f"a process beside mitsuba {what} (" in text for text in cuts)


def test_a_hand_that_never_answers_says_where_is_ended_and_costs_its_slot_and_no_other(
    plain, config, tmp_path, capfd
) -> None:
    run, events = begun(tmp_path, config), list[Event]()
    fill(run, 1, events.append, make=partial(hand_that_hangs, 1))
    assert content(run)[1] == [(1, (("hung",), ("hung",))), (2, (("renderer_error",),) * 2)]
    assert rows(run) == [row for row in rows(plain[0]) if row[0] != 1]
    cuts = [event for event in events if event.message.startswith("slot 1: ")]
    assert [event.message for event in cuts] == [
        "slot 1: a process beside mitsuba hung on it (1 of 2); tried again",
        "slot 1: a process beside mitsuba hung on it (2 of 2); quarantined",
    ]
    assert all(event.kind is EventKind.WARNING and "in stuck" in event.data for event in cuts)
    said = "slot 1: mitsuba did not come to an end in 1 s; this process ends"
    assert capfd.readouterr().err.count(said) == 2


def test_a_hand_that_is_killed_before_it_is_up_is_replaced_and_nothing_is_blamed(
    plain, config, tmp_path, monkeypatch
) -> None:
    mark = tmp_path / "killed"
    first = (
        f"import os; p = {str(mark)!r}; os.path.exists(p) or (open(p, 'w').close(), os.kill(os.getpid(), 9))"
    )
    monkeypatch.setattr(hands, "COMMAND", (*COMMAND[:2], f"{first}; {COMMAND[2]}"))
    run, events = begun(tmp_path, config), list[Event]()
    fill(run, 1, events.append)
    assert mark.exists() and content(run) == content(plain[0]) and told(events) == told(plain[1])


def test_hands_that_end_by_themselves_or_again_and_again_are_no_accident() -> None:
    killed = Hands(lambda *_: None, 1, None)
    for _ in range(hands.MOST_LOST_EARLY):
        killed.lost_early(-9)
    with pytest.raises(HandLostError, match="by signal 9 before it was up"):
        killed.lost_early(-9)
    with pytest.raises(HandLostError, match="with exit code 1"):
        Hands(lambda *_: None, 1, None).lost_early(1)


@pytest.mark.slow
def test_a_hand_that_has_grown_is_replaced_and_nothing_is_lost(plain, config, tmp_path) -> None:
    run, events = begun(tmp_path, config), list[Event]()
    fill(run, 2, events.append, make=hand_that_grows)
    assert content(run) == content(plain[0]) and told(events) == told(plain[1])


@pytest.mark.slow
def test_slots_in_work_when_a_worker_vanished_are_filled_alone_and_none_is_blamed(
    plain, config, tmp_path
) -> None:
    run = begun(tmp_path, config)
    program = [sys.executable, handy.__file__, str(run.folder), "2", "0000001-a0"]
    root = str(Path(__file__).parents[3])
    ended = subprocess.run(program, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True)
    assert ended.returncode == 9, ended.stderr
    watch = Watch(run.shard_path(0).with_name("00000.h5.part"), "", None)
    suspects = watch.suspects()
    assert 1 in suspects and len(suspects) <= 2 and not any(map(watch.cut_short, suspects))
    events: list[Event] = []
    fill(run, 1, events.append)
    assert content(run) == content(plain[0])
    assert not [event.message for event in events if "died" in event.message or "crashed" in event.message]


def test_what_is_wrong_with_no_scene_is_raised_at_its_slot_after_what_came_before(config, tmp_path) -> None:
    def fail(sample: str) -> None:
        if sample == "0000001-a0":
            raise ZeroDivisionError("out of\nideas")

    run, events = begun(tmp_path, config), list[Event]()
    with pytest.raises(
        PluginError, match="backend 'mitsuba' raised ZeroDivisionError: out of ideas in .*test_hands"
    ):
        fill(run, 2, events.append, at=fail)
    assert [event.done for event in events if event.kind is EventKind.ITEM] == [1]
    with pytest.raises(FileNotFoundError, match="the assets are gone"):
        fill(run, 1, events.append, make=hand_that_does_not_come_up)


def test_errors_reach_the_other_process_as_what_they_are(tmp_path: Path) -> None:
    class OddError(PluginError):
        def __init__(self, first: str, second: str) -> None:
            super().__init__(f"{first} {second}")

    full = sendable(DiskFullError.at(tmp_path / "x", 5))
    assert isinstance(full, DiskFullError) and full.needed_bytes == 5
    assert type(sendable(OddError("no", "way"))) is PluginError
    assert str(sendable(OddError("no", "way"))) == "no way"


def test_a_worker_has_hands_where_it_claims_a_gpu_or_several_cpus() -> None:
    needs = [(1, 0.0), (2, 0.0), (32, 0.0), (1, 1.0), (4, 1.0), (0.5, 0.25)]
    assert [hands_of(Needs(cpus=cpus, gpus=gpus)) for cpus, gpus in needs] == [0, 2, 4, 2, 5, 2]
