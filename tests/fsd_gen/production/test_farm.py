"""Where rendering runs, as command lines say it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fsd_gen.config import Config, ConfigError
from fsd_gen.production.farm import fitted, refuse_orphans, render_farm, renderers
from jobs.config import FarmConfig, Needs, Pool
from jobs.pool_text import PoolTextError


def test_pools_are_of_renderers_and_claim_what_these_need() -> None:
    farm = render_farm(pools=("gpu:replicator:200", "cpu:mitsuba:all:cpus=4", "half:ovrtx:2:gpus=0.5"))
    assert farm.pools == (
        Pool(name="gpu", kind="replicator", workers=200, needs=Needs(gpus=1)),
        Pool(name="cpu", kind="mitsuba", needs=Needs(cpus=4, gpus=0)),
        Pool(name="half", kind="ovrtx", workers=2, needs=Needs(gpus=0.5)),
    )


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"pools": ("gpu:replicater:3",)}, "--pool gpu: expected a backend .* did you mean 'replicator'"),
        ({"pools": ("gpu:mitsuba:3",)}, "--pool gpu: each worker of mitsuba claims 0 GPUs there; say gpus=N"),
        ({"pools": ("cpu:ovrtx:3",)}, "--pool cpu: each worker of ovrtx claims 1 GPUs there"),
        ({"pools": ("a:mitsuba:3",), "workers": 2}, "leave out --workers"),
        ({"pools": ("a:mitsuba:3",), "cpus_per_worker": 2.0}, "leave out --workers, --cpus-per-worker"),
        ({"pools": ("a:mitsuba",)}, "expected NAME:BACKEND:WORKERS"),
        ({"workers": 0, "cpus_per_worker": 2}, "--workers 0 renders in this process.* leave out --address"),
        ({"workers": 0, "gpus_per_worker": 1}, "--workers 0 renders in this process"),
        ({"workers": 0, "memory_gib_per_worker": 5}, "--workers 0 renders in this process"),
        ({"workers": 0, "address": "auto"}, "--workers 0 renders in this process"),
        ({"address": "nowhere"}, 'a Ray address is "auto" or "host:port" .*, got .nowhere.'),
        ({"address": "head:0"}, "a Ray address is"),
        ({"address": "head:65536"}, "a Ray address is"),
        ({"address": "ray://me:hunter2@h:1"}, "got 'ray://...@h:1'"),
        ({"gpus_per_worker": 1.5}, "GPUs of a worker: expected a part of one, or whole ones, got 1.5"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises((ConfigError, PoolTextError), match=complaint) as caught:
        render_farm(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["auto", "10.0.0.1:6379", "head.example:6379", "[fd00::1]:6379", "::1:6379"]
)
def test_an_address_is_auto_or_a_host_with_its_port(address: str) -> None:
    assert render_farm(address=address).address == address


def test_a_renderer_that_needs_a_gpu_claims_one_unless_something_else_is_said(small_config: Config) -> None:
    rtx = small_config.model_copy(
        update={"render": small_config.render.model_copy(update={"backend": "replicator"})}
    )
    farm = render_farm(workers=2)
    assert fitted(farm, small_config).gpus_per_worker == 0
    assert fitted(farm, rtx) == replace(farm, gpus_per_worker=1)
    assert fitted(render_farm(gpus_per_worker=0.5), rtx).gpus_per_worker == 0.5
    assert fitted(FarmConfig(workers=0), rtx) == FarmConfig(workers=0)


def test_a_run_is_rendered_by_its_pools_or_by_its_configs_renderer(small_config: Config) -> None:
    assert renderers(render_farm(), small_config) == {"mitsuba"}
    two = render_farm(pools=("a:ovrtx:1", "b:replicator:1"))
    assert renderers(two, small_config) == {"ovrtx", "replicator"}


def test_what_another_renderer_began_is_left_alone_and_the_remedy_is_told() -> None:
    begun = {"run/shards/00001.h5": "ovrtx", "run/shards/00002.h5": "ovrtx"}
    refuse_orphans(begun, {"mitsuba", "ovrtx"})
    with pytest.raises(ConfigError) as caught:
        refuse_orphans(begun, {"mitsuba"})
    assert str(caught.value) == (
        "run/shards/00001.h5.part (and 1 more): was begun by the renderer ovrtx, and one renderer makes a "
        "shard from start to end; add a pool that has it (--pool NAME:ovrtx:WORKERS), or delete what was "
        "begun"
    )
