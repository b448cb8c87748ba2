"""How many workers fit on each node of a cluster, by CPUs, GPUs, memory and labels."""

from __future__ import annotations

import pytest

from jobs.config import FarmConfig, Needs, Pool
from jobs.farm import ray_session
from jobs.farm import session as farm_session
from jobs.farm.room import GIB, Node, fitting
from jobs.task import FarmCapacityError

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


@pytest.mark.parametrize(
    ("config", "needs"),
    [
        (FarmConfig(gpus_per_worker=64), "1 CPU and 64 GPUs"),
        (FarmConfig(memory_gib_per_worker=1e5), r"1 CPU, 0 GPUs and 100000 GiB"),
        (
            FarmConfig(pools=(Pool(name="a", needs=Needs(label="zone=a")),)),
            "1 CPU and 0 GPUs on a node with zone=a",
        ),
    ],
)
def test_what_this_machine_will_never_hold_is_refused_before_ray_starts(config, needs, monkeypatch):
    begun = []
    monkeypatch.setattr(farm_session.ray, "shutdown", lambda: None)
    monkeypatch.setattr(farm_session.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(farm_session, "_begin", begun.append)
    with pytest.raises(FarmCapacityError, match=f"fits: each needs {needs}, here are"), ray_session(config):
        pass
    with pytest.raises(RuntimeError, match="it begins"), ray_session(FarmConfig(workers=1)):
        raise RuntimeError("it begins")
    assert begun == [FarmConfig(workers=1)]
