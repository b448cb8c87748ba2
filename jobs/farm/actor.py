"""The process of one worker, seen from inside (`Actor`) and from the driver (`Seat`)."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from jobs.config import FarmConfig, Pool
from jobs.extras import extra
from jobs.farm.guard import guard_process_group
from jobs.farm.mailbox import WorkerSide
from jobs.farm.metrics import Metrics
from jobs.farm.post import Post, is_last_chance, pace_of
from jobs.farm.room import GIB
from jobs.host import WorkerHost, process_name
from jobs.ledger import Ending, Run
from jobs.signals import Notice
from jobs.task import Event, MakeWorker

with extra("farm"):
    import ray
    from ray.exceptions import RayError

NODE_LABEL = "ray.io/node-id"  # Ray gives every node one
UNSTARTED = "an actor is to be started before it is used"
TAKEN_AWAY = "SIGTERM: this machine is being taken away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """How the start of a worker went."""

    worker: str = ""  # "host:pid"
    node: str = ""  # Ray's id of its node
    failure: str = ""  # traceback or cause of death


class Actor:
    """What the process holds: one worker in its host."""

    def __init__(self, mailbox: WorkerSide, config: FarmConfig, pool: str) -> None:
        self._mailbox = mailbox
        self._post = Post(pace_of(config))
        self._config = config
        self._pool = pool
        self._host: WorkerHost | None = None
        self._metrics: Metrics | None = None  # of the worker, once it is there
        self._guard = guard_process_group()
        self._notice = Notice()

    def start(self, make_worker: MakeWorker) -> Birth:
        """Make the worker."""
        try:
            self._host = WorkerHost(
                make_worker,
                self._send,
                recycle_after=self._config.recycle_after,
                recycle_rss_mb=self._config.recycle_rss_mb,
            )
        except Exception:  # a record for the driver, which decides
            return Birth(worker=process_name(), failure=traceback.format_exc())
        self._metrics = Metrics({"pool": self._pool, **self._host.labels})
        return Birth(worker=process_name(), node=ray.get_runtime_context().get_node_id())

    def run(self, run: Run) -> Ending:
        """Do one run of a task; SIGTERM stops it at its next report."""
        with self._notice.at_work(), self._counted().of_a_task(process_name()):
            self._post.begin(vital=is_last_chance(run.task))
            ending = self._started().run(run)
            self._mailbox.carry_out(self._post.settle())
        return replace(ending, told=self._post.rest())

    def close(self) -> None:
        """Close the worker."""
        self._started().close()

    def _send(self, event: Event) -> str:
        if self._metrics is not None:
            self._metrics.take(event)
        order = self._mailbox.carry_out(self._post.report(event))
        return order or (TAKEN_AWAY if self._notice.given else "")

    def _started(self) -> WorkerHost:
        if self._host is None:
            raise RuntimeError(UNSTARTED)
        return self._host

    def _counted(self) -> Metrics:
        if self._metrics is None:
            raise RuntimeError(UNSTARTED)
        return self._metrics


class Seat:
    """The driver's handle on a new actor. Its calls return at once with a reference to the answer."""

    def __init__(
        self, mailbox: WorkerSide, config: FarmConfig, pool: Pool, shunned: Iterable[str] = ()
    ) -> None:
        """`shunned`: nodes that are left to others, as long as there are others."""
        options = _claims(pool) | _place(pool.needs.label, sorted(shunned))
        if env := {**config.env, **pool.env}:
            options["runtime_env"] = {"env_vars": env}
        self._actor = _actor_class().options(**options).remote(mailbox, config, pool.name)

    @property
    def id(self) -> str:
        """Ray's name of it."""
        found: str = self._actor._actor_id.hex()
        return found

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


@cache
def _actor_class() -> Any:
    """Made once: Ray pickles and sends each one that is made, which takes ten times as long as an order."""
    return ray.remote(max_restarts=0, max_task_retries=0)(Actor)


def _claims(pool: Pool) -> dict[str, Any]:
    needs = pool.needs
    memory = {"memory": round(needs.memory_gib * GIB)} if needs.memory_gib else {}
    return {"num_cpus": needs.cpus, "num_gpus": needs.gpus or 0, **memory}


def _place(label: str, shunned: list[str]) -> dict[str, Any]:
    """Where Ray may put a worker: spread over all nodes that will do."""
    key, _, value = label.partition("=")
    wanted = {key: value} if label else {}
    spread: dict[str, Any] = {"scheduling_strategy": "SPREAD"}
    if not shunned:
        return spread | ({"label_selector": wanted} if wanted else {})
    elsewhere = wanted | {NODE_LABEL: f"!in({','.join(shunned)})"}
    return {"label_selector": elsewhere, "fallback_strategy": [{"label_selector": wanted}]}
