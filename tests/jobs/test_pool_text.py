"""Pools as words of a command line."""

from __future__ import annotations

import pytest

from jobs.config import FarmConfig, Needs, Pool
from jobs.pool_text import PoolTextError, pools_of


def test_pools_are_read_with_all_that_they_say() -> None:
    assert pools_of(["gpu:replicator:200", "cpu:mitsuba:all:cpus=2,gpus=0.5,memory=6,label=zone=a"]) == (
        Pool(name="gpu", kind="replicator", workers=200),
        Pool(
            name="cpu",
            kind="mitsuba",
            workers=None,
            needs=Needs(cpus=2, gpus=0.5, memory_gib=6, label="zone=a"),
        ),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gpu", r"expected NAME:KIND:WORKERS\[:cpus=N,gpus=N,memory=GIB,label=KEY=VALUE\], such as"),
        ("1:mitsuba:2", "expected NAME:KIND:WORKERS"),
        ("a::2", "expected NAME:KIND:WORKERS"),
        ("a:mitsuba:0", "expected 1 to 4096 workers, or all, got '0'"),
        ("a:mitsuba:two", "expected 1 to 4096 workers, or all, got 'two'"),
        ("a:mitsuba:2:cores=3", "expected settings among cpus, gpus, memory, label, got 'cores=3'"),
        ("a:mitsuba:2:cpus=", "cpus: expected a number, got ''"),
        ("a:mitsuba:2:memory=nan", "memory: expected 0 to 65536, got 'nan'"),
        ("a:mitsuba:2:memory=1e99", "memory: expected 0 to 65536, got '1e99'"),
        ("a:mitsuba:2:cpus=1e99", "cpus: expected 0.01 to 4096, got '1e99'"),
        ("a:mitsuba:2:gpus=65", "gpus: expected 0 to 64, got '65'"),
        ("a:mitsuba:2:", "expected NAME:KIND:WORKERS"),
        ("a:mitsuba:2:cpus=1,cpus=2", "cpus is given twice"),
        ("a:mitsuba:2:cpus=0", "cpus: expected 0.01 to 4096"),
        ("a:mitsuba:2:gpus=1.5", "expected a part of one, or whole ones, got 1.5"),
        ("a:mitsuba:2:memory=-1", "memory: expected 0 to 65536, got '-1'"),
        ("a:mitsuba:2:label=a", "label: expected KEY=VALUE, as in zone=a, .* got 'a'"),
        ("a:mitsuba:2:label=zone=", "label: expected KEY=VALUE, as in zone=a, .* got 'zone='"),
        ("a:mitsuba:2:label=zone=!a", "label: expected KEY=VALUE, as in zone=a, .* got 'zone=!a'"),
        ("a:mitsuba:2:label=zone=a b", "label: expected KEY=VALUE, as in zone=a, .* got 'zone=a b'"),
        (f"a:mitsuba:2:label=zone={'a' * 64}", "label: expected KEY=VALUE, .* of up to 63 letters"),
    ],
)
def test_what_describes_no_pool_is_named_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(PoolTextError, match=rf"^--pool {text}: .*{complaint}") as caught:
        pools_of([text])
    assert "\n" not in str(caught.value)


def test_two_pools_of_one_name_are_refused() -> None:
    with pytest.raises(PoolTextError, match="two pools are called 'a'"):
        pools_of(["a:mitsuba:1", "a:ovrtx:1"])


def test_a_farm_says_once_how_many_workers_it_has() -> None:
    pool = Pool(name="a", workers=2)
    assert FarmConfig(pools=(pool,)).all_pools() == (pool,)
    assert FarmConfig(workers=3, cpus_per_worker=2).all_pools() == (Pool(workers=3, needs=Needs(cpus=2)),)
    with pytest.raises(ValueError, match="say it nowhere else"):
        FarmConfig(workers=3, pools=(pool,))
    with pytest.raises(ValueError, match="these are given twice: a"):
        FarmConfig(pools=(pool, pool))
