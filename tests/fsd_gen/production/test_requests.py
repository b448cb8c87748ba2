from __future__ import annotations

import pickle
import time

import pytest

from fsd_gen.production.requests import FirstDraw, refuse_too_many, requests_for, shard_tasks
from fsd_gen.production.run import Run
from fsd_gen.scene.slots import SlotKey
from fsd_gen.sections import ConfigError


def test_a_first_draw_is_attempt_0_of_its_slots_and_travels():
    draw = pickle.loads(pickle.dumps(FirstDraw(range(4, 7))))
    assert list(draw) == [SlotKey(slot=4), SlotKey(slot=5), SlotKey(slot=6)] and len(draw) == 3
    assert list(draw[1:]) == [SlotKey(slot=5), SlotKey(slot=6)] and draw[-1] == SlotKey(slot=6)


def test_a_large_run_is_asked_for_in_no_time(tmp_path, small_config):
    run = Run(tmp_path, small_config, small_config.identity())
    started = time.process_time()
    tasks = shard_tasks(requests_for(run, 20_000))
    assert time.process_time() - started < 5
    assert tasks[-1].payload["keys"][-1].slot == 39_999 and tasks[-1].size == 2


def test_more_samples_than_ids_can_name_are_refused():
    refuse_too_many(2_500, 4_000)
    with pytest.raises(
        ConfigError, match="100000 shards of 4096 samples are 409600000 slots; expected at most"
    ):
        refuse_too_many(100_000, 4096)
