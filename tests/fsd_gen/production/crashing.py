"""A worker whose process vanishes at one slot, in any process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from fsd_gen.production import worker
from fsd_gen.production.attempt import attempts
from fsd_gen.production.worker import ShardWorker

POISON = 1  # slot


def deadly_attempts(key: Any, *rest: Any) -> Iterator[Any]:
    if key.slot == POISON:
        os._exit(9)
    return attempts(key, *rest)


def crashing_worker(run_dir: str) -> ShardWorker:
    worker.attempts = deadly_attempts  # this process has no other use
    return ShardWorker(run_dir, 1, None)
