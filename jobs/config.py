"""Settings of a farm: how many workers of which kinds, what each may use, how often a task is tried again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.veiled import veiled

MOST_WORKERS = 4096  # of one pool
CPUS, GPUS, MEMORY_GIB = (0.01, 4096.0), (0.0, 64.0), (0.0, 65536.0)  # least and most that a worker may claim
NAME = "[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
LABEL = re.compile(f"(?:{NAME}/)?{NAME}={NAME}")  # of a node, as Ray and Kubernetes take them
ADDRESS = re.compile(r"auto|(?:[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one worker claims of its node; a worker starts where all of it is free."""

    cpus: float = 1
    gpus: float | None = None  # a part of one, or whole ones; None: what its kind needs, else none
    memory_gib: float = 0  # 0 claims none
    label: str = ""  # KEY=VALUE of the nodes that will do (`ray start --labels KEY=VALUE`); "": any node

    def __post_init__(self) -> None:
        gpus = self.gpus or 0
        if self.cpus <= 0 or gpus < 0:
            raise ValueError(
                "a worker needs more than 0 CPUs and 0 or more GPUs, "
                f"got cpus_per_worker={self.cpus:g} gpus_per_worker={gpus:g}"
            )
        if gpus > 1 and gpus != int(gpus):
            raise ValueError(f"GPUs of a worker: expected a part of one, or whole ones, got {gpus:g}")
        if self.memory_gib < 0:
            raise ValueError(f"memory of a worker: expected 0 GiB or more, got {self.memory_gib:g}")
        if self.label and not LABEL.fullmatch(self.label):
            raise ValueError(
                "label: expected KEY=VALUE, as in zone=a, each of up to 63 letters, digits, -, _ and . that "
                f"begins and ends with a letter or digit, got {self.label!r}"
            )

    def __str__(self) -> str:
        cpus, gpus = _count(self.cpus, "CPU"), _count(self.gpus or 0, "GPU")
        claims = f"{cpus}, {gpus} and {self.memory_gib:g} GiB" if self.memory_gib else f"{cpus} and {gpus}"
        return f"{claims} on a node with {self.label}" if self.label else claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Workers of one kind. A task that one of them began goes on with its kind alone."""

    name: str = ""
    kind: str = ""  # what makes its results different from another pool's, such as a renderer
    workers: int | None = None  # None: as many as fit
    needs: Needs = Needs()
    env: Mapping[str, str] = field(default_factory=dict)  # for its workers, over the farm's

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"pool {self.name!r}: expected 1 worker or more, got {self.workers}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmConfig:
    """Where and how tasks run."""

    workers: int | None = None  # None: as many as fit; 0: one after the other in this process, without Ray
    address: str | None = None  # None: a Ray of our own; "auto" or "host:port": an existing cluster
    cpus_per_worker: float = 1
    gpus_per_worker: float | None = None  # as in Needs; 0 claims none and hides none
    memory_gib_per_worker: float = 0
    pools: tuple[Pool, ...] = ()  # in place of `workers` and what each needs; names are unique
    max_retries: int = 2  # further attempts after a task raised or its worker died without new items
    recycle_after: int | None = None  # items a worker may finish before it is replaced
    recycle_rss_mb: int | None = None  # resident MiB of a worker and its children, likewise; not if workers=0
    stall_timeout_s: float | None = None  # kill a worker silent for so long in a task; not if workers=0
    stop_grace_s: float = 10.0  # how long an interrupted or closing worker may take
    env: Mapping[str, str] = field(default_factory=dict)  # for the workers; not if workers=0
    verbose: bool = False  # show what workers print

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 0:
            raise ValueError(f"workers must be 0 (in this process) or more, got {self.workers}")
        self._needs()
        self._check_address()
        if self.max_retries < 0:
            raise ValueError(f"max_retries must be 0 or more, got {self.max_retries}")
        for name in ("recycle_after", "recycle_rss_mb", "stall_timeout_s"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be positive or None (never), got {value}")
        self._check_pools()

    def all_pools(self) -> tuple[Pool, ...]:
        """The pools; one without a name where none are given."""
        return self.pools or (Pool(workers=self.workers or None, needs=self._needs()),)

    def _needs(self) -> Needs:
        return Needs(
            cpus=self.cpus_per_worker, gpus=self.gpus_per_worker, memory_gib=self.memory_gib_per_worker
        )

    def _check_address(self) -> None:
        """Raises ValueError, which repeats nothing of what may have a password in it."""
        found = None if self.address is None else ADDRESS.fullmatch(self.address)
        if self.address is not None and (found is None or int(found["port"] or 1) not in range(1, 65536)):
            raise ValueError(
                f'a Ray address is "auto" or "host:port" (of the head, usually port 6379), got '
                f"{veiled(self.address)!r}"
            )

    def _check_pools(self) -> None:
        names = [pool.name for pool in self.pools]
        if self.pools and (self.workers, self._needs()) != (None, Needs()):
            raise ValueError("pools say how many workers there are and what each needs; say it nowhere else")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"pools need different names, these are given twice: {', '.join(twice)}")


def _count(number: float, what: str) -> str:
    return f"{number:g} {what}{'' if number == 1 else 's'}"
