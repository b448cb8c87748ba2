"""Settings of a farm: how many workers, what each may use, how often a task is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmConfig:
    """Where and how tasks run."""

    workers: int | None = None  # None: as many as fit; 0: one after the other in this process, without Ray
    address: str | None = None  # None: a Ray of our own; "auto" or "host:port": an existing cluster
    cpus_per_worker: float = 1
    gpus_per_worker: float = 0  # 0 claims none and hides none
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
        if self.cpus_per_worker <= 0 or self.gpus_per_worker < 0:
            raise ValueError(
                "a worker needs more than 0 CPUs and 0 or more GPUs, "
                f"got cpus_per_worker={self.cpus_per_worker} gpus_per_worker={self.gpus_per_worker}"
            )
        if self.max_retries < 0:
            raise ValueError(f"max_retries must be 0 or more, got {self.max_retries}")
        for name in ("recycle_after", "recycle_rss_mb", "stall_timeout_s"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be positive or None (never), got {value}")
