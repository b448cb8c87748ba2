"""`fsd-gen render-stage` on a room of MDL alone: through both stand-ins of RTX, and through Mitsuba."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from fsd_gen.cli import app
from fsd_gen.shards.reader import ShardReader
from tests.fsd_gen.rtx.isaac import make_isaac
from tests.fsd_gen.rtx.ovrtx import make_ovrtx
from tests.fsd_gen.usd.isaac_room import LEFT, isaac_room

pytestmark = pytest.mark.usefixtures("library")
SMALL = ("--size", "96x64", "--spp", "2", "--workers", "0", "--views", "1", "--camera", LEFT)
RIG = ("--rig", "hfov=70,baseline=0.065")


def rendered(room, folder, *more: str):
    return CliRunner().invoke(app, ["render-stage", str(room), "-o", str(folder), *SMALL, *RIG, *more])


def test_mitsuba_refuses_the_room_in_one_line_before_anything_is_made(tmp_path):
    result = rendered(isaac_room(tmp_path), tmp_path / "run")
    assert (
        result.exit_code == 2
        and "vMaterials_2/Wood/Teak.mdl is MDL, which only RTX can draw" in result.output
    )
    assert not (tmp_path / "run/config.yaml").exists()
    result = rendered(isaac_room(tmp_path), tmp_path / "run", "--unknown-materials", "blue")
    assert result.exit_code == 2 and "unknown_materials: should be 'refuse' or 'grey'" in result.output


@pytest.mark.slow
def test_a_room_of_known_mdl_needs_no_switch(tmp_path):
    result = rendered(isaac_room(tmp_path, unknown=False), tmp_path / "run")
    assert result.exit_code == 0, result.output
    with ShardReader(tmp_path / "run/shards/00000.h5") as reader:
        assert reader.sample(0).left_hwc.std() > 10


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["replicator", "ovrtx"])
def test_rtx_renders_the_room_and_its_depth_agrees_with_the_truth(tmp_path, monkeypatch, engine):
    monkeypatch.setenv("FAKE_PICTURES", "cast")
    monkeypatch.setenv("FSD_ISAAC_PYTHON", str(make_isaac(tmp_path)))
    monkeypatch.setenv("FSD_OVRTX_PYTHON", str(make_ovrtx(tmp_path)))
    room = isaac_room(tmp_path)
    assert rendered(room, tmp_path / "grey", "--unknown-materials", "grey").exit_code == 0
    result = rendered(room, tmp_path / "run", "--backend", engine)
    assert result.exit_code == 0, result.output
    with (
        ShardReader(tmp_path / "run/shards/00000.h5") as rtx,
        ShardReader(tmp_path / "grey/shards/00000.h5") as grey,
    ):
        one, other = rtx.sample(0), grey.sample(0)
        assert one.spec.world.opaque == ("vMaterials_2/Wood/Teak.mdl",)
        assert rtx.records()[0].depth_off_share == 0
    assert np.array_equal(one.disparity_left_hw, other.disparity_left_hw)
    assert np.array_equal(one.flags_left_hw, other.flags_left_hw)
