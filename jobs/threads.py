"""How the threads of OpenMP, with which torch computes on a CPU, wait for each other.

A thread that has nothing to do spins for milliseconds, by default, since the next piece of work may come at
once. On a core that others use too it takes that time from the very thread it waits for: on two busy cores a
training step took twelve times the CPU seconds, and many times as long, as with one thread.
"""

from __future__ import annotations

import os

POLICY = "OMP_WAIT_POLICY"


def let_idle_threads_sleep() -> None:
    """Have them sleep instead, here and in what this process starts; what the caller's environment says wins.

    OpenMP reads it when it is loaded: to be called before torch is imported.
    """
    os.environ.setdefault(POLICY, "PASSIVE")
