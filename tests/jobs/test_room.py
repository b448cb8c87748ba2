"""How many workers fit on each node of a cluster, by CPUs, GPUs, memory and labels."""

from __future__ import annotations

import pytest

from jobs.config import Needs, Pool
from jobs.farm.room import GIB, Node, fitting

SMALL = Node(resources={"CPU": 4, "memory": 8 * GIB}, labels={"zone": "a"})
LARGE = Node(resources={"CPU": 16, "GPU": 2, "memory": 64 * GIB}, labels={"zone": "b"})
HEAD = Node(resources={"CPU": 0})


@pytest.mark.parametrize(
    ("needs", "count"),
    [
        (Needs(), 20),
        (Needs(cpus=3), 1 + 5),
        (Needs(cpus=0.1), 40 + 160),
        (Needs(memory_gib=6), 1 + 10),
        (Needs(gpus=1), 2),
        (Needs(gpus=2, cpus=8), 1),
        (Needs(gpus=3), 0),
        (Needs(gpus=0.6), 2),  # what is left of one GPU and of the other makes no third
        (Needs(gpus=0.25), 8),
        (Needs(label="zone=a"), 4),
        (Needs(label="zone=c"), 0),
    ],
    ids=str,
)
def test_what_fits_is_counted_node_by_node(needs: Needs, count: int) -> None:
    assert fitting([HEAD, SMALL, LARGE], [Pool(needs=needs)]) == [count]


def test_a_pool_gets_what_the_one_before_it_leaves_and_no_more_than_it_wants() -> None:
    pools = [
        Pool(name="gpu", workers=200, needs=Needs(gpus=1, cpus=4)),
        Pool(name="few", workers=3),
        Pool(name="rest"),
    ]
    assert fitting([SMALL, LARGE], pools) == [2, 3, 20 - 8 - 3]
