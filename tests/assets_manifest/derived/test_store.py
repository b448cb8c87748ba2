"""What was computed from an asset's file once is remembered by its content."""

from __future__ import annotations

import numpy as np

from assets_manifest.derived.store import FOLDER, derived
from assets_manifest.records import Asset


def asset(digest="a" * 64):
    return Asset(
        id="own/box", kind="object", uri="box.usdc", sha256=digest, licence="CC0-1.0", author="", source=""
    )


def test_each_content_is_computed_once_and_each_version_anew(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"heights": np.arange(3.0)}

    for _ in range(2):
        assert derived(asset(), tmp_path, "tops", 1, compute)["heights"].tolist() == [0, 1, 2]
    assert len(calls) == 1
    derived(asset(), tmp_path, "tops", 2, compute)
    derived(asset("b" * 64), tmp_path, "tops", 1, compute)
    assert len(calls) == 3


def test_a_damaged_memory_is_computed_again(tmp_path):
    derived(asset(), tmp_path, "tops", 1, lambda: {"x": np.ones(2)})
    (kept,) = (tmp_path / FOLDER).rglob("*.npz")
    kept.write_bytes(kept.read_bytes()[:20])
    assert derived(asset(), tmp_path, "tops", 1, lambda: {"x": np.ones(2)})["x"].tolist() == [1, 1]


def test_a_folder_that_cannot_be_written_is_no_hindrance(tmp_path):
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    assert derived(asset(), tmp_path, "tops", 1, lambda: {"x": np.ones(2)})["x"].tolist() == [1, 1]
