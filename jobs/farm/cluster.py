"""What the driver asks of the cluster it runs on, and of time: Ray is one, the tests' simulation another.

A `Call` is an answer that is still to come: hashable, compared by identity. `get` raises the errors of Ray.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from jobs.config import FarmConfig, Pool
from jobs.ledger import Run
from jobs.task import MakeWorker

Call = Any


class Seat(Protocol):
    """The driver's handle on a new worker. Its calls return at once with a reference to the answer."""

    def start(self, make_worker: MakeWorker) -> Call:
        """Make the worker; answered with a Birth."""

    def run(self, run: Run) -> Call:
        """Do one run of a task; answered with an Ending."""

    def close(self) -> Call:
        """Close the worker."""

    def kill(self) -> None:
        """End the process; without effect if it is gone."""


class Cluster(Protocol):
    """Nodes, processes on them, and a clock."""

    def now(self) -> float:
        """Seconds since some moment."""

    def hire(self, mailbox: Any, config: FarmConfig, pool: Pool, shunned: Iterable[str]) -> Seat:
        """Order a worker; `shunned` nodes are left to others, as long as there are others."""

    def mailbox(self) -> Any:
        """Handle of a new `Mailbox` in a process of its own on this machine."""

    def wait(self, calls: Sequence[Call], *, count: int = 1, timeout_s: float) -> list[Call]:
        """Which of the calls are answered, once `count` are, or the time is over."""

    def get(self, call: Call, timeout_s: float | None = None) -> Any:
        """The answer. Raises RayError where there is none, GetTimeoutError where it takes longer."""

    def kill(self, actor: Any) -> None:
        """End an actor's process. Raises RayError where it cannot be reached."""

    def draining(self) -> frozenset[str]:
        """The nodes that are about to be taken away."""

    def worker_counts(self, pools: Sequence[Pool], *, joined: bool) -> list[int]:
        """How many workers of each pool to aim for. Raises FarmCapacityError where none of one will fit."""

    def placed(self, seats: Sequence[Seat]) -> int:
        """How many of these workers, none of which has answered, have been given room and a process."""

    def room_left(self) -> str:
        """What is free, in words."""

    def last_words(self, worker: str) -> list[str]:
        """The last lines of standard error of "host:pid", where they can be read from here."""

    def said(self) -> list[str]:
        """What the cluster has said since it was last asked: for a log."""

    def check(self) -> None:
        """Raises FarmError once something has ended that a Ray of our own stands on."""
