"""The packs of a run are frozen; others are refused, and a partial one never passes for the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assets_manifest.library import AssetLibrary, PackIdentity
from fsd_gen.production.assets import (
    RunAssetsError,
    assets_json,
    bind_assets,
    check_assets,
    partial_packs,
)

WHOLE = PackIdentity(name="stones", version="2", digest="aa" * 32, partial=False, notes=())
PARTIAL = replace(WHOLE, digest="bb" * 32, partial=True, notes=("granite.org could not be reached",))


class Library(AssetLibrary):
    """A library that is said to hold these packs."""

    def __init__(self, *packs: PackIdentity) -> None:
        super().__init__(())
        self._packs_said = packs

    def identities(self) -> tuple[PackIdentity, ...]:
        return self._packs_said


def test_the_same_packs_may_be_bound_again_and_again(tmp_path):
    bind_assets(tmp_path, Library(WHOLE))
    frozen = (tmp_path / "assets.yaml").read_bytes()
    bind_assets(tmp_path, Library(WHOLE))
    check_assets(tmp_path, Library(WHOLE))
    assert (tmp_path / "assets.yaml").read_bytes() == frozen


@pytest.mark.parametrize(
    ("packs", "message"),
    [
        (
            (replace(WHOLE, version="3", digest="cc" * 32),),
            r"stones was version 2 \(aaaaaaaaaaaa\), is version 3 \(cc",
        ),
        ((), "stones is missing here"),
        ((WHOLE, replace(WHOLE, name="shells")), "shells is not among them"),
        ((PARTIAL,), "stones is partial here; complete it with `fsd-gen assets fetch stones`"),
    ],
)
def test_other_packs_are_refused_with_what_differs_and_what_to_do(tmp_path, packs, message):
    bind_assets(tmp_path, Library(WHOLE))
    for check in (bind_assets, check_assets):
        with pytest.raises(RunAssetsError, match=message):
            check(tmp_path, Library(*packs))


def test_the_same_records_are_the_same_pack_whatever_its_version_says(tmp_path):
    bind_assets(tmp_path, Library(WHOLE))
    check_assets(tmp_path, Library(replace(WHOLE, version="2.1")))


def test_a_partial_pack_is_marked_in_the_run_and_in_every_shard(tmp_path):
    bind_assets(tmp_path, Library(PARTIAL, replace(WHOLE, name="shells")))
    assert "granite.org could not be reached" in (tmp_path / "assets.yaml").read_text()
    assert partial_packs(assets_json(tmp_path)) == ("stones",)
    with pytest.raises(RunAssetsError, match="stones was version 2"):
        check_assets(tmp_path, Library(WHOLE, replace(WHOLE, name="shells")))


def test_whole_packs_and_older_shards_name_no_partial_pack(tmp_path):
    bind_assets(tmp_path, Library(WHOLE))
    assert partial_packs(assets_json(tmp_path)) == () == partial_packs("")


def test_a_frozen_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "assets.yaml").write_text("stones: 3\n")
    with pytest.raises(RunAssetsError, match="assets.yaml: stones: expected its version and digest, got 3"):
        check_assets(tmp_path, Library(WHOLE))
