"""The process of one worker, seen from inside (`Actor`) and from the driver (`Seat`)."""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jobs.config import FarmConfig
from jobs.extras import extra
from jobs.farm.guard import guard_process_group
from jobs.farm.mailbox import WorkerSide
from jobs.host import WorkerHost, process_name
from jobs.ledger import Ending, Run
from jobs.task import MakeWorker

with extra("farm"):
    import ray
    from ray.exceptions import RayError


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """How the start of a worker went."""

    worker: str = ""  # "host:pid"
    failure: str = ""  # traceback or cause of death


class Actor:
    """What the process holds: one worker in its host."""

    def __init__(self, mailbox: WorkerSide, config: FarmConfig) -> None:
        self._mailbox = mailbox
        self._config = config
        self._host: WorkerHost | None = None
        self._guard = guard_process_group()

    def start(self, make_worker: MakeWorker) -> Birth:
        """Make the worker."""
        try:
            self._host = WorkerHost(
                make_worker,
                self._mailbox.put,
                recycle_after=self._config.recycle_after,
                recycle_rss_mb=self._config.recycle_rss_mb,
            )
        except Exception:  # a record for the driver, which decides
            return Birth(worker=process_name(), failure=traceback.format_exc())
        return Birth(worker=process_name())

    def run(self, run: Run) -> Ending:
        """Do one run of a task."""
        return self._started().run(run)

    def close(self) -> None:
        """Close the worker."""
        self._started().close()

    def _started(self) -> WorkerHost:
        if self._host is None:
            raise RuntimeError("an actor is to be started before it is used")
        return self._host


class Seat:
    """The driver's handle on a new actor. Its calls return at once with a reference to the answer."""

    def __init__(self, mailbox: WorkerSide, config: FarmConfig) -> None:
        options: dict[str, Any] = {"num_cpus": config.cpus_per_worker, "num_gpus": config.gpus_per_worker}
        if config.env:
            options["runtime_env"] = {"env_vars": dict(config.env)}
        remote: Any = ray.remote(max_restarts=0, max_task_retries=0)(Actor)
        self._actor = remote.options(**options).remote(mailbox, config)

    def start(self, make_worker: MakeWorker) -> ray.ObjectRef[Birth]:
        """Make the worker."""
        call: ray.ObjectRef[Birth] = self._actor.start.remote(make_worker)
        return call

    def run(self, run: Run) -> ray.ObjectRef[Ending]:
        """Do one run of a task."""
        call: ray.ObjectRef[Ending] = self._actor.run.remote(run)
        return call

    def close(self) -> ray.ObjectRef[None]:
        """Close the worker."""
        call: ray.ObjectRef[None] = self._actor.close.remote()
        return call

    def kill(self) -> None:
        """End the process; without effect if it is gone."""
        with suppress(RayError):
            ray.kill(self._actor)
