"""A joined cluster of several nodes: spread, waited for, drained. Each test runs a driver of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMON = """
import time
import ray
from jobs.config import FarmConfig, Needs, Pool
from jobs.farm import driver, ray_session, run_tasks
from jobs.farm import crew
from jobs.task import EventKind, Task
from tests.jobs.cluster import add_node, cluster_of
from tests.jobs.workers import Script

events = []
def nodes_used():
    return len({event.worker for event in events if event.kind is EventKind.WORKER_STARTED})
tasks = [Task(f"t{index}", ("crawl", 0.3), size=4) for index in range(8)]
"""

LATE = """
crew.SLOW_START_S = 2.0
with cluster_of("a") as cluster:
    def listen(event):
        events.append(event)
        if event.message.startswith("1 of 2") and len(cluster.worker_nodes) == 1:
            add_node(cluster, "b")
            told.append(event.message)
    told, long = [], [Task(f"t{index}", ("crawl", 0.3), size=40) for index in range(3)]
    report = run_tasks(Script, long, FarmConfig(workers=2, address=cluster.address), listen)
    print(len(report.done), nodes_used(), *told)
"""

MORE = """
driver.RECOUNT_S = 1.0
with cluster_of("a") as cluster:
    def listen(event):
        events.append(event)
        if event.kind is EventKind.TASK_DONE and len(cluster.worker_nodes) == 1:
            add_node(cluster, "b")
    report = run_tasks(Script, tasks, FarmConfig(address=cluster.address), listen)
    print(len(report.done), nodes_used())
"""

DRAIN = """
with cluster_of("a", "b") as cluster:
    def listen(event):
        events.append(event)
        if event.kind is EventKind.ITEM and nodes_used() == 2 and not drained:
            drained.append(event)
            (node,) = [each["NodeID"] for each in ray.nodes() if each["Labels"].get("zone") == "a"]
            gcs = ray._private.worker.global_worker.gcs_client
            gcs.drain_node(node, 2, "spot", int((time.time() + 60) * 1000))
    drained, long = [], [Task(f"t{index}", ("crawl", 0.3), size=40) for index in range(2)]
    pools = (Pool(name="a", workers=1, needs=Needs(label="zone=a")), Pool(name="b", workers=1))
    config = FarmConfig(pools=pools, address=cluster.address, max_retries=0)
    report = run_tasks({"a": Script, "b": Script}, long, config, listen)
    back = {event.message for event in events if event.kind is EventKind.TASK_PUT_BACK}
    print(len(report.done), report.retried, back)
"""


def drive(code: str) -> str:
    """What a driver prints last."""
    done = subprocess.run(
        [sys.executable, "-c", COMMON + code],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]


def test_workers_that_do_not_fit_are_waited_for_and_used_once_a_node_joins() -> None:
    assert drive(LATE).startswith(
        "3 2 1 of 2 workers are there, 1 are waited for: each needs 1 CPU and 0 GPUs; free are 0 CPUs, 0 GPUs"
    )


def test_a_node_that_joins_late_gets_workers_where_nobody_said_how_many() -> None:
    assert drive(MORE) == "8 2"


def test_a_node_that_is_drained_is_left_at_the_next_item_without_spending_an_attempt() -> None:
    assert drive(DRAIN) == "2 0 {'its node is being drained'}"
