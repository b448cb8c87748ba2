"""Start a Ray for this process, or join an existing cluster; and how many workers fit there."""

from __future__ import annotations

import logging
import math
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from jobs.config import FarmConfig, Pool
from jobs.extras import extra
from jobs.farm.room import GIB, Node, fitting
from jobs.farm.words import rays_messages_kept
from jobs.signals import sigterm_kept
from jobs.task import ClusterUnreachableError, FarmCapacityError, FarmError

with extra("farm"):
    import ray
    from ray._private import worker as ray_worker
    from ray._private.resource_and_label_spec import ResourceAndLabelSpec  # what Ray starts a node with
    from ray.job_config import JobConfig

CONNECT_TIMEOUT_S = 5.0
JOIN_TIMEOUT_S = 45.0
OBJECT_STORE_BYTES = 128 << 20  # only small values travel; Ray moves it out of a smaller /dev/shm by itself
LOCAL_RAY = {
    "process_group_cleanup_enabled": True,  # what a worker started dies with it
    "prestart_worker_first_driver": False,  # workers idle beside our actors would only cost memory
}
TRIES = "RAY_gcs_server_port_wait_time_s"  # Ray takes it for a number of tries to reach a head
PROBE = (
    "import sys, ray; ray.init(address=sys.argv[1], include_dashboard=False, log_to_driver=False, "
    "logging_level='ERROR')"
)


@contextmanager
def session(config: FarmConfig) -> Iterator[None]:
    """Have a Ray inside the block: the one that is initialised already, else a local or a joined one."""
    if ray.is_initialized():
        yield
        return
    _prepare_environment(local=config.address is None)
    if config.address is None:
        _refuse_what_fits_nowhere(config.all_pools())
    with nullcontext() if config.verbose else rays_messages_kept():
        with sigterm_kept():  # Ray's own ends the process with exit code 15, and without a word
            _begin(config)
        try:
            yield
        finally:
            ray.shutdown()


def _refuse_what_fits_nowhere(pools: Sequence[Pool]) -> None:
    """Raises FarmCapacityError, before Ray starts, for a pool that this machine will hold no worker of."""
    here = ResourceAndLabelSpec(num_cpus=_wanted_cpus(pools), object_store_memory=OBJECT_STORE_BYTES)
    here.resolve(is_head=True)
    resources = here.to_resource_dict()  # type: ignore[no-untyped-call]  # Ray does not type it
    node = Node(resources=resources, labels=here.labels or {})
    for pool in pools:
        if fitting([node], [pool]) == [0]:
            raise FarmCapacityError(_too_hungry(pool, node.resources))


def _begin(config: FarmConfig) -> None:
    if config.address is None:
        with _start_told():
            _start_local(config)
    else:
        _join(config.address, config)


@contextmanager
def _start_told() -> Iterator[None]:
    """Whatever keeps Ray from starting here becomes one line, and leaves no half of it running."""
    try:
        yield
    except Exception as error:  # the very type that Ray raises, when one of its processes is killed meanwhile
        ray.shutdown()
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise FarmError(
            f"Ray did not start on this machine ({why}); was a process of it killed, or is the machine too "
            "busy? Run the same command again: what was finished is kept"
        ) from error


def worker_counts(pools: Sequence[Pool], *, joined: bool) -> list[int]:
    """How many workers of each pool to aim for; on a joined cluster those that do not fit yet wait for room.

    Raises FarmCapacityError where none of a pool will ever fit.
    """
    fit = fitting(_nodes(), pools)
    if joined:
        return [pool.workers or max(1, count) for pool, count in zip(pools, fit, strict=True)]
    for pool, count in zip(pools, fit, strict=True):
        if count == 0:
            whole = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray does not type it
            raise FarmCapacityError(_too_hungry(pool, whole))
    return fit


def logs_folder() -> Path:
    """Where Ray on this machine keeps what its processes write."""
    node = ray_worker.global_worker.node
    return Path() if node is None else Path(node.get_logs_dir_path())


def room_left() -> str:
    """What is free, in words."""
    free = ray.available_resources()  # type: ignore[no-untyped-call]  # Ray does not type it
    nodes = len(_nodes())
    where = f"{nodes} nodes" if nodes > 1 else "1 node"
    return f"free are {_offer(free)} in all, on {where}"


def _nodes() -> list[Node]:
    found = ray.nodes()  # type: ignore[no-untyped-call]  # Ray does not type it
    return [Node(resources=node["Resources"], labels=node["Labels"]) for node in found if node["Alive"]]


def _offer(resources: Mapping[str, float]) -> str:
    cpus, gpus = resources.get("CPU", 0), resources.get("GPU", 0)
    return f"{cpus:g} CPUs, {gpus:g} GPUs and {resources.get('memory', 0) / GIB:.0f} GiB"


def _too_hungry(pool: Pool, whole: Mapping[str, float]) -> str:
    which = f"of pool {pool.name} " if pool.name else ""
    return (
        f"no worker {which}fits: each needs {pool.needs}, here are {_offer(whole)}; lower the needs of a "
        "worker, or join a cluster with `address`"
    )


def _prepare_environment(*, local: bool) -> None:
    """What Ray reads from the environment, for as long as this process lives; the caller's settings win."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # of calls whose answers nobody wants any more
    if local and "RAY_AUTH_TOKEN_PATH" not in os.environ:
        # Ray guards a local cluster with a token, by default kept in the home folder, which may be read-only
        # or shared. Ours lives and dies with this process; Ray caches it, so it must not change.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))


def _start_local(config: FarmConfig) -> None:
    """Start a Ray for this process alone; it ends with this process, however that ends.

    After SIGKILL of this process, workers and what they started are gone within seconds; two small agents of
    Ray's own, which hold no resources, give up a minute later.
    """
    ray.init(
        address="local",
        num_cpus=_wanted_cpus(config.all_pools()),
        include_dashboard=False,
        log_to_driver=config.verbose,
        logging_level=_log_level(config),
        object_store_memory=OBJECT_STORE_BYTES,
        job_config=JobConfig(_py_driver_sys_path=_own_import_path()),
        _node_ip_address="127.0.0.1",
        _system_config=LOCAL_RAY,
    )


def _wanted_cpus(pools: Iterable[Pool]) -> int | None:
    """CPUs that hold all that is asked for; None, those that there are, where that is not said."""
    claims = [pool.workers and pool.workers * pool.needs.cpus for pool in pools]
    return None if None in claims else max(1, math.ceil(sum(claim or 0 for claim in claims)))


def _log_level(config: FarmConfig) -> int:
    return logging.INFO if config.verbose else logging.ERROR


def _own_import_path() -> list[str]:
    """Folders that this process imports from beyond what its Python always has: workers get them too."""
    standard = (sys.prefix + os.sep, sys.base_prefix + os.sep)
    return [folder for folder in sys.path if os.path.isdir(folder) and not folder.startswith(standard)]


def _join(address: str, config: FarmConfig) -> None:
    """Connect to an existing cluster. A child process tries first: Ray itself ends a process that it cannot
    connect, after minutes, instead of raising an error.
    """
    if address != "auto":
        _check_port(address)
    try:
        probe = subprocess.run(
            [sys.executable, "-c", PROBE, address], capture_output=True, text=True, timeout=JOIN_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise _refused(address, f"no answer in {JOIN_TIMEOUT_S:.0f} s") from error
    if probe.returncode != 0:
        raise _refused(address, (probe.stderr.strip().splitlines() or ["no reason given"])[-1])
    _connect(address, config)


def _connect(address: str, config: FarmConfig) -> None:
    """Join a cluster that answered just now, with one try of some 40 s; Ray's own twenty take a quarter of
    an hour, in which nothing is said.
    """
    os.environ.setdefault(TRIES, "1")
    try:
        ray.init(address=address, log_to_driver=config.verbose, logging_level=_log_level(config))
    except (RuntimeError, OSError) as error:
        ray.shutdown()
        raise ClusterUnreachableError(
            f"the Ray cluster at {address!r} went away while it was joined; see to its head, then run the "
            "same command again: what was finished is kept"
        ) from error


def _check_port(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def _refused(address: str, reason: str) -> ClusterUnreachableError:
    """Ray could not join; where an address was given, its port had answered."""
    if address == "auto":
        return _unreachable(address, reason)
    token = "" if os.environ.get("RAY_AUTH_MODE") == "token" else " (RAY_AUTH_MODE=token is not set here)"
    return ClusterUnreachableError(
        f"{address} answers, but Ray could not join there ({reason}): a cluster with a token refuses who has "
        f"another or none{token}. Copy ~/.ray/auth_token from its head and set RAY_AUTH_MODE=token; also use "
        "its Ray and Python versions"
    )


def _unreachable(address: str, reason: str) -> ClusterUnreachableError:
    return ClusterUnreachableError(
        f"no Ray cluster to join at {address!r} ({reason}); start its head with "
        "`ray start --head --port=6379`, use the Ray and Python versions, RAY_AUTH_MODE and token of the "
        "cluster, or leave the address out to run on this machine"
    )
