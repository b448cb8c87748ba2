"""A Ray cluster of several nodes on this machine, for slow tests: each node has a raylet of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.cluster_utils import Cluster

STORE_BYTES = 100 << 20


@contextmanager
def cluster_of(*zones: str, cpus: int = 1) -> Iterator[Any]:
    """A head that only drives, and a node with `cpus` CPUs for each zone, which is its label."""
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for zone in zones:
            add_node(cluster, zone, cpus)
        yield cluster
    finally:
        cluster.shutdown()


def add_node(cluster: Any, zone: str, cpus: int = 1) -> Any:
    """One more node."""
    return cluster.add_node(num_cpus=cpus, labels={"zone": zone}, object_store_memory=STORE_BYTES)
