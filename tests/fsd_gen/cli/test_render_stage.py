"""`fsd-gen render-stage`: a stage without cameras becomes a run of pairs; what cannot be used is one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from fsd_gen.cli import app
from fsd_gen.cli.render_stage import shard_of
from fsd_gen.shards.reader import ShardReader
from tests.fsd_gen.usd.cases import SUN, WALL, card, stage
from tests.fsd_gen.worlds.halls import hall

RIG = ("--rig", "hfov=70,baseline=0.1")
pytestmark = pytest.mark.usefixtures("library")


def called(*arguments: object):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def rendered(path: Path, folder: Path, *more: object):
    small = ("--size", "96x64", "--spp", 1, "--workers", 0, "--views", 2)
    return called("render-stage", path, "-o", folder, *small, *more)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, library) -> Path:
    folder = tmp_path_factory.mktemp("stage")
    result = rendered(hall(folder), folder / "run", *RIG, "--pictures")
    assert result.exit_code == 0, result.output
    return folder / "run"


def test_views_are_samples_of_a_run_that_the_product_reads(run):
    with ShardReader(run / "shards/00000.h5") as reader:
        first, second = reader.sample(0), reader.sample(1)
        assert "hall.usda (sha256 " in reader.meta.attribution
    assert first.spec.rig.baseline_m == 0.1 and first.spec.camera != second.spec.camera
    assert first.left_hwc.shape == (64, 96, 3) and first.left_hwc.std() > 2
    assert called("verify", run).exit_code == 0


def test_pairs_come_as_pictures_too(run):
    (first, _) = sorted((run / "pictures").iterdir())
    assert {file.name for file in first.iterdir()} == {
        "left.png",
        "right.png",
        "disparity.npy",
        "flags.npy",
        "K.txt",
    }
    with ShardReader(run / "shards/00000.h5") as reader:
        assert np.array_equal(np.load(first / "disparity.npy"), reader.sample(0).disparity_left_hw)


def test_a_sample_is_replayed_from_its_shard(run):
    name = sorted((run / "pictures").iterdir())[0].name
    assert "truth: bit-identical" in called("replay", f"{run}:{name}").output


def test_a_run_goes_on_only_with_the_stage_that_it_was_begun_with(tmp_path):
    path = hall(tmp_path)
    assert rendered(path, tmp_path / "run", *RIG).exit_code == 0
    (tmp_path / "run/shards/00000.h5").rename(tmp_path / "kept.h5")
    (tmp_path / "run/shards/00001.h5").write_bytes((tmp_path / "kept.h5").read_bytes())
    path.write_text(path.read_text().replace("0.6", "0.61"))
    result = rendered(path, tmp_path / "run", *RIG)
    assert result.exit_code == 2 and "hall.usda: this run was begun with another content" in result.output


@pytest.mark.parametrize(
    ("made", "more", "said"),
    [
        (lambda folder: folder / "no.usda", (), "no.usda: no such stage file"),
        (lambda folder: stage(folder, WALL, SUN), (), "no place for a camera was found"),
        (lambda folder: hall(folder, lamp=False), (), "nothing in the stage gives light"),
        (hall, ("--camera", "/Hall/Nope"), "no camera at </Hall/Nope>; the stage has /Hall/Cam"),
        (hall, ("--zones", "nope.yaml"), "--zones: expected auto or a YAML file of zones"),
        (hall, ("--lights", "blue"), "lights: should be 'own' or 'random'"),
        (
            lambda folder: stage(folder, WALL, SUN, card("int[] holeIndices = [7]")),
            (),
            "</World/Card>: hole indices reach",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_that_names_it(tmp_path, made, more, said):
    result = rendered(made(tmp_path), tmp_path / "run", *more)
    assert result.exit_code == 2 and said in result.output
    assert not (tmp_path / "run/config.yaml").exists()  # no folder that is nothing


def test_a_zone_in_a_wall_is_named(tmp_path):
    (tmp_path / "zones.yaml").write_text("zones: [{box: [[-4, 4.05], [4, 4.15]], z_m: [1, 2]}]\n")
    result = rendered(hall(tmp_path), tmp_path / "run", "--zones", tmp_path / "zones.yaml")
    assert result.exit_code == 2 and "zone 1: no point of it has 0.3 m of free space" in result.output


def test_a_camera_of_the_stage_brings_its_field_of_view(tmp_path):
    (tmp_path / "run").mkdir()
    result = rendered(hall(tmp_path), tmp_path / "run", "--camera", "/Hall/Cam", "--views", "1")
    assert result.exit_code == 0, result.output
    with ShardReader(tmp_path / "run/shards/00000.h5") as reader:
        spec = reader.sample(0).spec
    assert spec.camera.position == pytest.approx((0, -3, 1.5))
    assert spec.rig.focal_px == pytest.approx(48 * 3**0.5, abs=1e-3)


def test_shards_hold_exactly_the_views_that_are_asked_for():
    assert [shard_of(views) for views in (1, 6, 16, 17, 100, 250)] == [1, 6, 16, 1, 10, 10]
    assert all(views % shard_of(views) == 0 for views in range(1, 300))


def test_a_run_that_is_there_takes_views_that_fill_its_shards(run):
    result = called("render-stage", hall(run.parent), "-o", run, "--size", "96x64", "--views", 3, *RIG)
    assert result.exit_code == 2 and "shards of 2 pairs; give a multiple of 2" in " ".join(
        result.output.split()
    )


def test_a_stage_is_rendered_until_its_limit_and_exit_code_3_says_so(tmp_path):
    stage_file = hall(tmp_path)
    halted = rendered(stage_file, tmp_path / "run", *RIG, "--worker-cost", 1e9, "--max-cost", 1)
    assert halted.exit_code == 3 and "stopped: it has cost" in halted.output, halted.output
    refused = rendered(stage_file, tmp_path / "run", *RIG, "--until", "soon")
    assert refused.exit_code == 2 and "--until: expected a time" in " ".join(refused.output.split())
