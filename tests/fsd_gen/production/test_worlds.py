"""A run keeps to the stages that it was begun with, on every machine."""

from __future__ import annotations

import pytest

from fsd_gen.config import load_config
from fsd_gen.production.assets import RunAssetsError
from fsd_gen.production.run import Run
from fsd_gen.production.worlds import bind_worlds, frozen_worlds, refuse_another_world, require_worlds
from fsd_gen.scene.spec import World
from fsd_gen.usd.environment import world_digest
from tests.fsd_gen.synthetic import make_shard, make_spec
from tests.fsd_gen.worlds.halls import hall

pytestmark = pytest.mark.usefixtures("assets_home")


@pytest.fixture
def begun(tmp_path):
    """A run in a hall, without any sample yet."""
    stage = hall(tmp_path)
    config = load_config("demo", {"styles": {"environment": {"stages": [str(stage)]}}})
    Run.start(tmp_path / "run", config)
    bind_worlds(tmp_path / "run", config)
    return tmp_path / "run", config, stage


def changed(stage):
    stage.write_text(stage.read_text().replace("0.6", "0.62"))


def test_the_stage_is_frozen_with_its_digest(begun):
    folder, _, stage = begun
    assert frozen_worlds(folder) == require_worlds(folder) == {str(stage): world_digest(stage)}


def test_a_run_without_samples_is_bound_anew(begun):
    folder, config, stage = begun
    changed(stage)
    bind_worlds(folder, config)
    assert frozen_worlds(folder) == {str(stage): world_digest(stage)}


def test_a_run_with_samples_refuses_another_stage(begun):
    folder, config, stage = begun
    make_shard(folder / "shards/00000.h5", slots=[0])
    changed(stage)
    with pytest.raises(RunAssetsError, match=r"hall\.usda: this run was begun with another content"):
        bind_worlds(folder, config)


def test_a_worker_refuses_a_machine_without_the_stage_or_with_another(begun):
    folder, _, stage = begun
    changed(stage)
    with pytest.raises(RunAssetsError, match="begun with another content"):
        require_worlds(folder)
    stage.unlink()
    with pytest.raises(RunAssetsError, match="the same path on every machine"):
        require_worlds(folder)


def test_a_scene_of_a_stage_that_changed_meanwhile_is_refused(begun):
    folder, _, stage = begun
    frozen = frozen_worlds(folder)
    same = make_spec().but(world=World(stage=str(stage), sha256=frozen[str(stage)]))
    refuse_another_world(frozen, same)
    refuse_another_world({}, make_spec())
    with pytest.raises(RunAssetsError, match="hall.usda"):
        refuse_another_world(frozen, same.but(world=World(stage=str(stage), sha256="0" * 64)))


def test_a_run_of_other_styles_has_no_such_file(tmp_path):
    config = load_config("demo")
    Run.start(tmp_path / "run", config)
    bind_worlds(tmp_path / "run", config)
    assert frozen_worlds(tmp_path / "run") == {} and not (tmp_path / "run/worlds.yaml").exists()
