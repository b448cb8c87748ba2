"""A renderer that never comes back, for workers in any process."""

from __future__ import annotations

import time
from types import SimpleNamespace

from fsd_gen.production import worker
from fsd_gen.production.worker import ShardWorker


def never_back(*scene: object, **how: object) -> None:
    time.sleep(600)


def hanging_worker(run_dir: str, limit_s: float) -> ShardWorker:
    backend = SimpleNamespace(name="sleeper", version="1", render=never_back, close=lambda: None)
    worker.create_backend = lambda name, threads: backend  # this process has no other use
    return ShardWorker(run_dir, 1, limit_s)
