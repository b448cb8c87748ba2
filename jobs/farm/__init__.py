"""The Ray farm: `run_tasks` does tasks on long-lived workers, `ray_session` keeps one Ray for several calls.

Only the modules of this package know Ray, and they are imported when Ray is needed: `workers=0` runs in this
process without it. Without the extra `farm` everything else raises MissingExtraError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from jobs.config import FarmConfig
from jobs.inline import run_inline
from jobs.task import Event, FarmReport, MakeWorkers, Task


def run_tasks(
    makers: MakeWorkers,
    tasks: Iterable[Task],
    config: FarmConfig,
    on_event: Callable[[Event], None],
    halt: Callable[[], str] = str,
) -> FarmReport:
    """Run every task on some worker and return what came of them; order and number of workers change nothing.

    `makers` is an importable callable that makes a worker (or a `functools.partial` of one), called once in
    each worker process; where `config` has pools, one for each by name. `on_event` is called in this process,
    one event at a time. `halt` is asked again and again for a reason to stop, "" for none. A task that keeps
    failing is reported and stops nothing else. Raises FarmInterrupted on SIGINT or SIGTERM, FarmHalted for
    such a reason, WorkerStartError if no worker starts, ClusterUnreachableError and FarmCapacityError
    before anything ran. Uses a Ray that this process has already initialised (see `ray_session`), else starts
    one and stops it again.
    """
    if config.workers == 0:
        if isinstance(makers, Mapping):
            raise ValueError("pools need processes; without workers there is one maker")
        return run_inline(makers, tasks, config, on_event, halt)
    from jobs.farm.driver import run_on_ray

    return run_on_ray(makers, tasks, config, on_event, halt)


@contextmanager
def ray_session(config: FarmConfig) -> Iterator[None]:
    """Keep one Ray for several `run_tasks`: a local one, or a connection to `config.address`.

    Inside another session, with a Ray initialised by the caller, or with no workers, it changes nothing.
    """
    if config.workers == 0:
        yield
        return
    from jobs.farm.session import session

    with session(config):
        yield
