"""Renderers and hands that misbehave as told, for workers in any process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from fsd_gen.backends.base import BackendError, StereoImages
from fsd_gen.production import hand, worker
from fsd_gen.production.attempt import attempts
from fsd_gen.production.steps import Steps
from fsd_gen.production.worker import Filler, ShardWorker, filler_of_a_hand
from fsd_gen.scene.slots import SlotKey


class Noise:
    """Takes dull pictures, which follow from the seed; refuses some scenes, all of some slots."""

    name, version = "mitsuba", "noise"

    def __init__(self, at: Callable[[str], None] = lambda sample: None) -> None:
        self._at = at
        self.rendered: list[str] = []

    def render(self, staged: Any, rig: Any, settings: Any, seed: int) -> StereoImages:
        assert staged.path.is_file() and staged.flat.meshes
        sample = staged.path.stem
        self.rendered.append(sample)
        self._at(sample)
        key = SlotKey.parse(sample)
        if key.slot == 2 or (key.slot == 0 and key.attempt == 0):
            raise BackendError(f"{sample} is not to its taste")
        noise = np.random.default_rng(seed).random((2, rig.height, rig.width, 3), np.float32)
        left_hwc, right_hwc = np.float32(0.5) + np.float32(0.02) * noise
        return StereoImages(
            left_hwc=left_hwc,
            right_hwc=right_hwc,
            stage_cpu_s={"trace": 0.25},
            backend=self.name,
            backend_version=self.version,
            variant="",
            denoiser="",
        )

    def close(self) -> None:
        pass


def noisy_worker(
    run_dir: str, hands: int, at: Callable[[str], None] = lambda sample: None, make: Any = filler_of_a_hand
) -> tuple[ShardWorker, Noise]:
    """A worker whose renderer first calls `at`, and whose hands are made by `make`."""
    noise = Noise(at)
    before = worker.create_backend, worker.filler_of_a_hand
    try:
        worker.create_backend = lambda name, threads: noise
        worker.filler_of_a_hand = make
        return ShardWorker(run_dir, 1, 60.0, hands=hands), noise
    finally:
        worker.create_backend, worker.filler_of_a_hand = before


def hand_that_dies(how: str, slot: int, *given: Any) -> Filler:
    """What fills slots in a hand that ends at one of them."""

    def deadly(key: SlotKey, *rest: Any) -> Iterator[Any]:
        if key.slot == slot:
            os.abort() if how == "abort" else os._exit(9)
        return attempts(key, *rest)

    worker.attempts = deadly  # that process has no other use
    return filler_of_a_hand(*given)


def hand_that_hangs(slot: int, *given: Any) -> Any:
    """What fills slots in a hand that never comes back from one of them, for which it has a second."""

    def stuck(key: SlotKey, *rest: Any) -> Iterator[Any]:
        if key.slot == slot:
            time.sleep(600)
        return attempts(key, *rest)

    worker.attempts = stuck  # that process has no other use
    *most, _, lend = given
    hasty, patient = filler_of_a_hand(*most, 1.0, lend), filler_of_a_hand(*given)

    def steps(key: SlotKey, shard: Path, *, beside: bool) -> Steps:
        return (hasty if key.slot == slot else patient).steps(key, shard, beside=beside)

    return SimpleNamespace(steps=steps)


def hand_that_grows(*given: Any) -> Filler:
    """What fills slots in a hand that leaves after each."""
    hand.MOST_BYTES = 1
    return filler_of_a_hand(*given)


def hand_that_does_not_come_up(*given: Any) -> Filler:
    raise FileNotFoundError("the assets are gone")


def die_at(sample: str, now: str) -> None:
    if now == sample:
        os._exit(9)


if __name__ == "__main__":  # RUN HANDS SAMPLE: a worker that vanishes as it renders a sample
    from fsd_gen.production.requests import requests_for, shard_tasks
    from fsd_gen.production.run import Run

    filling, _ = noisy_worker(sys.argv[1], int(sys.argv[2]), partial(die_at, sys.argv[3]))
    (one,) = shard_tasks(requests_for(Run.open(Path(sys.argv[1])), 1))
    filling.run(one, lambda event: None)
