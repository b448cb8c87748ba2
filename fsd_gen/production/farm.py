"""Where rendering runs: one set of farm settings for first draws and for regeneration alike."""

from __future__ import annotations

from jobs.config import FarmConfig

RECYCLE_AFTER = 500  # samples; a fresh process costs seconds
RECYCLE_RSS_MB = 8000
STALL_TIMEOUT_S = 3600.0  # a worker silent for so long is replaced


def render_farm(
    *, workers: int | None = None, address: str | None = None, gpus_per_worker: float = 0.0
) -> FarmConfig:
    """Settings of a farm of renderers: workers are recycled when worn out and replaced when they hang."""
    return FarmConfig(
        workers=workers,
        address=address,
        gpus_per_worker=gpus_per_worker,
        recycle_after=RECYCLE_AFTER,
        recycle_rss_mb=RECYCLE_RSS_MB,
        stall_timeout_s=STALL_TIMEOUT_S,
    )
