"""Processes that take the CPUs away for random moments, and end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def taking_cpu(count: int) -> Iterator[list[int]]:
    """`count` processes that work and rest for random moments; gives their process ids."""
    context = multiprocessing.get_context("spawn")
    hogs = [context.Process(target=_hog, args=(number, os.getpid()), daemon=True) for number in range(count)]
    for hog in hogs:
        hog.start()
    try:
        yield [hog.pid for hog in hogs if hog.pid is not None]
    finally:
        for hog in hogs:
            hog.kill()
            hog.join()


def _hog(number: int, parent: int) -> None:
    """Work until the parent is gone: one that is killed ends nobody, and the orphan has another parent."""
    chance = random.Random(number)
    while os.getppid() == parent:
        until = time.monotonic() + chance.uniform(0.0, 1.0)
        while time.monotonic() < until:
            pass
        time.sleep(chance.uniform(0.0, 0.3))
