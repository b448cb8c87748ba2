"""Where rendering runs: one set of farm settings for first draws and for regeneration alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from fsd_gen.backends.registry import gpus_needed, unknown_backend
from fsd_gen.config import Config, ConfigError
from jobs.config import FarmConfig, Needs, Pool
from jobs.pool_text import pools_of

RECYCLE_AFTER = 500  # samples; a fresh process costs seconds
RECYCLE_RSS_MB = 8000
MOST_HANDS = 4  # of one worker, beside the one that waits; each holds the libraries and assets that it uses
STALL_TIMEOUT_S = 3600.0  # a worker silent for so long is replaced, unless its images are very dear:
SLOWEST_SAMPLE_S = 1e-4  # of a pixel; eighty times what a slow core takes


def render_farm(
    *,
    workers: int | None = None,
    address: str | None = None,
    cpus_per_worker: float = 1,
    gpus_per_worker: float | None = None,
    memory_gib_per_worker: float = 0,
    pools: Sequence[str] = (),
) -> FarmConfig:
    """Settings of a farm of renderers: workers are recycled when worn out and replaced when they hang.

    GPUs per worker are by default what the renderer needs.

    Raises:
        ConfigError: a worker cannot need this, what is asked for contradicts itself, a backend is one that
            nobody knows, or the address is none.
        PoolTextError: what describes a pool does not.
    """
    try:
        needs = Needs(cpus=cpus_per_worker, gpus=gpus_per_worker, memory_gib=memory_gib_per_worker)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if workers == 0 and (address is not None or needs != Needs()):
        raise ConfigError(
            "--workers 0 renders in this process, which claims nothing and joins no cluster; leave out "
            "--address, --cpus-per-worker, --gpus-per-worker and --memory-per-worker, or give another number"
        )
    if pools and (workers, needs) != (None, Needs()):
        raise ConfigError(
            "--pool says how many workers a pool has and what each needs (:cpus=,gpus=,memory=); leave out "
            "--workers, --cpus-per-worker, --gpus-per-worker and --memory-per-worker"
        )
    rendering = tuple(map(_rendering, pools_of(pools, "BACKEND")))
    try:
        return FarmConfig(
            workers=workers,
            address=address,
            cpus_per_worker=cpus_per_worker,
            gpus_per_worker=gpus_per_worker,
            memory_gib_per_worker=memory_gib_per_worker,
            pools=rendering,
            recycle_after=RECYCLE_AFTER,
            recycle_rss_mb=RECYCLE_RSS_MB,
            stall_timeout_s=STALL_TIMEOUT_S,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _rendering(pool: Pool) -> Pool:
    """The pool with what its renderer needs. Raises ConfigError where its name says another thing."""
    if problem := unknown_backend(pool.kind):
        raise ConfigError(f"--pool {pool.name}: {problem}")
    gpus = gpus_needed(pool.kind) if pool.needs.gpus is None else pool.needs.gpus
    if (pool.name == "gpu" and not gpus) or (pool.name == "cpu" and gpus):
        raise ConfigError(
            f"--pool {pool.name}: each worker of {pool.kind} claims {gpus:g} GPUs there; say gpus=N, or call "
            "the pool something else"
        )
    return replace(pool, needs=replace(pool.needs, gpus=gpus))


def renderers(farm: FarmConfig, config: Config) -> frozenset[str]:
    """The backends that a run of `config` is rendered by on this farm."""
    return frozenset(pool.kind or config.render.backend for pool in farm.all_pools())


def fitted(farm: FarmConfig, config: Config) -> FarmConfig:
    """The farm with the GPUs that the configuration's own renderer needs, where nobody said how many."""
    if farm.pools or farm.workers == 0 or farm.gpus_per_worker is not None:
        return farm
    return replace(farm, gpus_per_worker=gpus_needed(config.render.backend))


def refuse_orphans(begun: Mapping[str, str], there: Collection[str]) -> None:
    """Raises ConfigError where a shard, each with its renderer, was begun by one that this farm has not."""
    orphans = [(shard, renderer) for shard, renderer in begun.items() if renderer not in there]
    if orphans:
        shard, renderer = orphans[0]
        more = f" (and {len(orphans) - 1} more)" if len(orphans) > 1 else ""
        raise ConfigError(
            f"{shard}.part{more}: was begun by the renderer {renderer}, and one renderer makes a shard from "
            f"start to end; add a pool that has it (--pool NAME:{renderer}:WORKERS), or delete what was begun"
        )


def hands_of(needs: Needs) -> int:
    """Processes that fill slots beside each worker, so that its renderer need not wait for them.

    One for each CPU that it claims, as far as that helps; and one that waits for images where they come from
    a GPU. None where one CPU does all.
    """
    if not needs.gpus and needs.cpus < 2:
        return 0
    return min(max(1, int(needs.cpus)), MOST_HANDS) + bool(needs.gpus)


def attempt_limit_s(farm: FarmConfig, config: Config) -> float | None:
    """Seconds after which an attempt at a sample counts as hanging; None if it never does."""
    if farm.stall_timeout_s is None:
        return None
    samples = 2 * config.image.width * config.image.height * config.render.spp
    return max(farm.stall_timeout_s, SLOWEST_SAMPLE_S * samples)


def patient(farm: FarmConfig, limit_s: float | None) -> FarmConfig:
    """The farm that lets a worker end a hanging attempt itself, and only then takes it for lost."""
    return farm if limit_s is None else replace(farm, stall_timeout_s=1.25 * limit_s + 60)
