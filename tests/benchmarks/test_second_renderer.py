"""What is asked of a stage before another renderer opens it."""

from __future__ import annotations

from benchmarks.second_renderer.__main__ import complaints, moved_stage, outside
from fsd_gen.production.staging import asset_paths
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from fsd_gen.usd.author import write_stage


def test_a_moved_stage_has_all_it_needs_and_nothing_to_complain_about(tmp_path, library, small_config):
    spec = compose_scene(small_config, library, SlotKey(slot=0))
    stage = moved_stage(spec, library, tmp_path)
    assert stage.parent.name == f"{spec.stratum}_moved"
    assert outside(stage) == [] == complaints(stage)


def test_a_stage_that_names_assets_where_they_are_is_told_of(tmp_path, library, small_config):
    spec = compose_scene(small_config, library, SlotKey(slot=0))
    stage = write_stage(spec, tmp_path / "plain.usda", asset_paths(library, tmp_path / "made"))
    assert any("assets/builtin" in name for name in outside(stage))
