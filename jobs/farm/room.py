"""How many workers the nodes of a cluster have room for. Pure: what Ray says of its nodes is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.config import Needs, Pool

GIB = 1 << 30
MOST_WORKERS = 100_000  # that are counted
EXACT = 10_000  # Ray counts in ten-thousandths


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What a node offers, in Ray's words: CPU, GPU, memory (bytes)."""

    resources: Mapping[str, float]
    labels: Mapping[str, str] = field(default_factory=dict)


class _Free:
    """What is still free on a node while workers are placed on it."""

    def __init__(self, node: Node) -> None:
        self._cpus = round(node.resources.get("CPU", 0) * EXACT)
        self._bytes = node.resources.get("memory", 0.0)
        self._gpus = [EXACT] * int(node.resources.get("GPU", 0))
        self._labels = node.labels

    def take(self, needs: Needs) -> bool:
        """Place a worker here; False where it does not fit."""
        cpus, memory = round(needs.cpus * EXACT), needs.memory_gib * GIB
        gpus = self._gpus_for(round((needs.gpus or 0) * EXACT))
        if not self._has_label(needs.label) or gpus is None or cpus > self._cpus or memory > self._bytes:
            return False
        self._cpus, self._bytes, self._gpus = self._cpus - cpus, self._bytes - memory, gpus
        return True

    def _has_label(self, label: str) -> bool:
        key, _, value = label.partition("=")
        return not label or self._labels.get(key) == value

    def _gpus_for(self, share: int) -> list[int] | None:
        """What is left of each GPU once a worker has its share, which is of one GPU or of whole ones."""
        left = sorted(self._gpus)
        if share < EXACT:
            place = next((index for index, free in enumerate(left) if free >= share), None)
            if share and place is None:
                return None
            return left if place is None else [*left[:place], left[place] - share, *left[place + 1 :]]
        whole = share // EXACT
        return left[:-whole] if left[-whole:].count(EXACT) == whole else None


def fitting(nodes: Iterable[Node], pools: Sequence[Pool]) -> list[int]:
    """How many workers of each pool fit: the first takes what it wants, the next what that leaves."""
    free = [_Free(node) for node in nodes]
    return [_placed(free, pool) for pool in pools]


def _placed(free: list[_Free], pool: Pool) -> int:
    """Spread the pool's workers over the nodes; how many found a place."""
    placed, wanted, open_nodes = 0, pool.workers or MOST_WORKERS, list(free)
    while open_nodes and placed < wanted:
        node = open_nodes.pop(0)
        if node.take(pool.needs):
            placed += 1
            open_nodes.append(node)
    return placed
