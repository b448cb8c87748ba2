"""Where rendering runs: one set of farm settings for first draws and for regeneration alike."""

from __future__ import annotations

from dataclasses import replace

from fsd_gen.config import Config
from jobs.config import FarmConfig

RECYCLE_AFTER = 500  # samples; a fresh process costs seconds
RECYCLE_RSS_MB = 8000
STALL_TIMEOUT_S = 3600.0  # a worker silent for so long is replaced, unless its images are very dear:
SLOWEST_SAMPLE_S = 1e-4  # of a pixel; eighty times what a slow core takes


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


def attempt_limit_s(farm: FarmConfig, config: Config) -> float | None:
    """Seconds after which an attempt at a sample counts as hanging; None if it never does."""
    if farm.stall_timeout_s is None:
        return None
    samples = 2 * config.image.width * config.image.height * config.render.spp
    return max(farm.stall_timeout_s, SLOWEST_SAMPLE_S * samples)


def patient(farm: FarmConfig, limit_s: float | None) -> FarmConfig:
    """The farm that lets a worker end a hanging attempt itself, and only then takes it for lost."""
    return farm if limit_s is None else replace(farm, stall_timeout_s=1.25 * limit_s + 60)
