"""Nodes that are about to be taken away: spot instances, and nodes that the cluster scales away.

Ray drains such a node where its provider tells it so; else SIGTERM to the workers is all the notice there is.
"""

from __future__ import annotations

from jobs.farm.cluster import Cluster

LOOK_S = 5.0
SHUN_S = 600.0  # after a notice; by then the node is gone, or stays


class Departures:
    """What is known of nodes that go; on a Ray of our own, which nobody drains, what workers are told."""

    def __init__(self, cluster: Cluster, *, joined: bool) -> None:
        self._cluster = cluster
        self._joined = joined
        self._draining: frozenset[str] = frozenset()
        self._looked = 0.0
        self._told: dict[str, float] = {}  # node -> monotonic seconds of its notice

    def note(self, node: str) -> None:
        """A worker on this node was told that it will be ended."""
        self._told[node] = self._cluster.now()

    def draining(self) -> frozenset[str]:
        """The nodes that Ray drains, as they were LOOK_S ago at most."""
        if self._joined and (now := self._cluster.now()) - self._looked > LOOK_S:
            self._looked = now
            self._draining = self._cluster.draining()
        return self._draining

    def shunned(self) -> frozenset[str]:
        """The nodes that no worker should be sent to."""
        now = self._cluster.now()
        told = {node for node, since in self._told.items() if now - since < SHUN_S}
        return self._draining | told
