"""What is drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from jobs.config import FarmConfig, Pool
from jobs.task import Task

HARMLESS = {"drain", "restart", "cut", "join"}  # no run may be held against its task
FAULTS = ("lose", "drain", "sigterm", "partition", "restart", "cut", "freeze", "join")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How a task behaves; the payload of one."""

    item_s: float = 1.0
    poison: int | None = None  # the item that kills whoever does it
    raises: int = 0  # attempts that raise at the last item
    tires: bool = False  # asks for a fresh worker after each run of one item
    mute: bool = False  # its result cannot travel

    @property
    def innocent(self) -> bool:
        return self.poison is None and not self.raises and not self.mute


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One schedule."""

    seed: int
    config: FarmConfig
    tasks: tuple[Task, ...]
    nodes: tuple[int, ...]  # CPUs of each
    death: float  # chance at each of a process's steps
    freeze: float
    bad_start: float
    slow_start: float
    latency_s: float
    faults: tuple[tuple[float, str], ...] = field(default=())
    stop_s: float | None = None
    broken_s: float | None = None  # when a Ray of our own ends

    @property
    def harmless(self) -> bool:
        """Whether nothing befalls the workers that a task could be blamed for."""
        dangers = self.death or self.freeze or self.bad_start
        return not dangers and {fault for _, fault in self.faults} <= HARMLESS


def draw(seed: int) -> Plan:
    """The schedule of this seed."""
    rng = Random(seed)
    joined, calm = rng.random() < 0.7, rng.random() < 0.3
    config = _config(rng, joined)
    nodes = tuple(rng.randint(1, 4) for _ in range(rng.randint(1, 4))) if joined else (8,)
    span = rng.choice([5.0, 30.0, 120.0])
    kinds = FAULTS if joined else ("restart", "cut", "freeze")
    if calm:
        kinds = tuple(kind for kind in kinds if kind in HARMLESS)
    chosen = rng.sample(kinds, min(len(kinds), rng.randint(0, 3)))
    faults = [(rng.uniform(0, span), kind) for kind in chosen for _ in range(rng.randint(1, 3))]
    return Plan(
        seed=seed,
        config=config,
        tasks=tuple(_task(rng, index, config) for index in range(rng.randint(1, 8))),
        nodes=nodes,
        death=0 if calm else rng.choice([0, 0.004, 0.02, 0.04, 0.1]),
        freeze=0 if calm else rng.choice([0, 0, 0.01]),
        bad_start=0 if calm else rng.choice([0, 0, 0, 0.1, 0.1, 0.5]),
        slow_start=rng.choice([0, 0, 0.2]),
        latency_s=rng.choice([0.001, 0.01, 0.4]),
        faults=tuple(sorted(faults)),
        stop_s=rng.uniform(0, span) if rng.random() < 0.3 else None,
        broken_s=rng.uniform(0, span) if not joined and rng.random() < 0.05 else None,
    )


def _config(rng: Random, joined: bool) -> FarmConfig:
    pools = rng.random() < 0.4
    counts = [rng.choice([None, 1, 2, 3]) if joined else rng.randint(1, 3) for _ in range(2)]
    return FarmConfig(
        workers=None if pools else counts[0],
        pools=tuple(Pool(name=k, kind=k, workers=n) for k, n in zip("ab", counts, strict=True))
        if pools
        else (),
        address="head:6379" if joined else None,
        max_retries=rng.randint(0, 2),
        recycle_after=rng.choice([None, None, 1, 3]),
        stall_timeout_s=rng.choice([None, 8.0, 20.0]),
        stop_grace_s=rng.choice([2.0, 10.0]),
    )


def _task(rng: Random, index: int, config: FarmConfig) -> Task:
    size = rng.randint(1, 6)
    conduct = Conduct(
        item_s=rng.choice([0.1, 1.0, 3.0]),
        poison=rng.randrange(size) if rng.random() < 0.04 else None,
        raises=rng.randint(1, 3) if rng.random() < 0.05 else 0,
        tires=rng.random() < 0.1,
        mute=rng.random() < 0.02,
    )
    return Task(
        id=f"t{index}",
        payload=conduct,
        size=size,
        resumable=rng.random() < 0.7,
        kind=rng.choice(["", "", "a", "b"]) if config.pools else "",
        tolerates=rng.choice([0, 0, 1, 2]),
    )
