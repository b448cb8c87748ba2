"""The packs of a run are frozen; others are refused, and a partial one never passes for the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from assets_manifest.library import AssetLibrary, Pack, PackIdentity, save_pack
from assets_manifest.records import Asset
from fsd_gen.cli import app
from fsd_gen.config import load_config
from fsd_gen.production.assets import (
    RunAssetsError,
    assets_json,
    bind_assets,
    check_assets,
    open_chosen,
    partial_packs,
)
from fsd_gen.sections import ConfigError

WHOLE = PackIdentity(name="stones", version="2", digest="aa" * 32, partial=False, notes=())
PARTIAL = replace(WHOLE, digest="bb" * 32, partial=True, notes=("granite.org could not be reached",))


OBJECT = Asset(
    id="mine/box",
    kind="object",
    uri="box.usdc",
    sha256="0" * 64,
    licence="MIT",
    author="a",
    source="s",
    tags=("floor",),
    size_m=(1, 1, 1),
)


@pytest.fixture
def only_objects(tmp_path, monkeypatch):
    """A pack of the user's own, as an import makes it: objects and nothing else."""
    monkeypatch.setenv("FSD_ASSETS_DIR", str(tmp_path / "packs"))
    save_pack(Pack(name="mine", version="1", licence="MIT", assets=(OBJECT,)), tmp_path / "packs/mine")


def _mine(styles, **assets):
    settings = {f"assets.{name}": value for name, value in assets.items()}
    return load_config("fsd", {"assets.packs": ["mine"], **settings, "styles": styles})


@pytest.mark.parametrize(
    ("styles", "lacking"),
    [
        ({"flying": {}}, r"no texture for flying, no panorama of a sky \(hdri\) for flying"),
        ({"driving": {}, "outdoor": {}}, "no texture for driving and outdoor"),
        ({"manipulation": {}}, "no table .* for manipulation, no texture for manipulation"),
        ({"environment": {"stages": ["/a.usd"], "lights": "random"}}, "no panorama .* for environment"),
    ],
)
def test_packs_that_lack_what_a_style_needs_are_refused_with_the_remedy(only_objects, styles, lacking):
    with pytest.raises(ConfigError, match=rf"\['mine'\] hold {lacking}; add the pack builtin.*objects_from"):
        open_chosen(_mine(styles))


def test_what_no_style_in_use_needs_is_not_asked_for(only_objects):
    settings = {"stages": ["/a.usd"], "objects": [1, 2]}
    assert len(open_chosen(_mine({"environment": settings, "flying": {"weight": 0}, "indoor": {}}))) == 1


def test_objects_that_weigh_nothing_are_as_if_they_were_not_there(only_objects):
    with pytest.raises(ConfigError, match="every object weighs 0|no object for mixed"):
        open_chosen(_mine({"mixed": {}}, weights={"tag:floor": 0}))


def test_a_run_that_lacks_textures_is_refused_before_there_is_a_folder(only_objects, tmp_path):
    command = ["render", "--shards", "1", "--packs", "mine", "--workers", "0", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2 and "add the pack builtin" in " ".join(result.output.split())
    assert not (tmp_path / "run").exists()


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
