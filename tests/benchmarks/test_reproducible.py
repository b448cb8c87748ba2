"""One dataset, made again and again under load, is the same bit for bit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assets_manifest.library import AssetLibrary
from benchmarks.reproducible import compared, differences, tiny_config
from fsd_gen.shards.record import record_of
from tests.fsd_gen.synthetic import make_sample


def test_what_differs_between_two_runs_is_named() -> None:
    first = record_of(make_sample(0))
    other = replace(first, content_id="0", exposure=first.exposure + 1)
    assert compared({"a": first, "b": first}, {"a": other, "b": first, "c": first}) == [
        "c in one run only",
        "a differs in content_id, exposure",
    ]


@pytest.mark.slow
def test_workers_load_and_order_change_no_bit_of_a_dataset(library: AssetLibrary) -> None:
    assert differences(tiny_config(["builtin"]), runs=4, shards=2, hogs=2) == {}
