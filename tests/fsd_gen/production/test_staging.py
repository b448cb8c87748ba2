"""The stage file: there while the scene is worked on, gone afterwards, however that ends."""

from __future__ import annotations

import shutil
from collections import namedtuple

import pytest

from fsd_gen.production import staging
from fsd_gen.production.staging import staged_scene
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from fsd_gen.usd.errors import StageWriteError
from fsd_gen.usd.reader import read_stage
from jobs.files import DiskFullError


@pytest.fixture
def spec(sparse_config, library):
    return compose_scene(sparse_config, library, SlotKey(slot=1))


def test_the_stage_file_is_readable_inside_the_block_and_gone_after_it(spec, library):
    with staged_scene(spec, library) as staged:
        assert staged.path.name == "0000001-a0.usdc"
        again = read_stage(staged.path, spec.rig)
        assert [mesh.name for mesh in again.meshes] == [mesh.name for mesh in staged.flat.meshes]
    assert not staged.path.parent.exists()


def test_an_error_in_the_block_removes_the_stage_too(spec, library):
    with pytest.raises(RuntimeError, match="renderer"), staged_scene(spec, library) as staged:
        raise RuntimeError("the renderer is done for")
    assert not staged.path.parent.exists()


def test_two_attempts_at_one_scene_have_files_of_their_own(spec, library):
    with staged_scene(spec, library) as first, staged_scene(spec, library) as second:
        assert first.path != second.path and first.path.is_file() and second.path.is_file()


@pytest.mark.parametrize(("free", "error"), [(0, DiskFullError), (2**40, StageWriteError)])
def test_a_full_disk_is_told_from_a_stage_that_cannot_be_written(spec, library, monkeypatch, free, error):
    def refuse(spec, path, path_of):
        raise StageWriteError(f"{path}: could not write the stage")

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(staging, "write_stage", refuse)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 0, free))
    with pytest.raises(error), staged_scene(spec, library):
        pass
