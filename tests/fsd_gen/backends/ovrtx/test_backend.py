"""A scene goes through the layer, ovrtx and back, and is the scene that the caster sees."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fsd_gen.backends.base import check_images
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.renderer import agreement
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.shards.index import collect_records, truth_manifest_digest
from fsd_gen.shards.verify import verify_shard
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.reader import read_stage
from fsd_gen.usd.staged import StagedScene
from tests.fsd_gen.backends.replicator.test_backend import RIG, STAGE, render
from tests.fsd_gen.rtx.ovrtx import USED, VERSIONS, make_ovrtx

SETTINGS = RenderSettings(spp=4, denoise=False)


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> StagedScene:
    path = tmp_path_factory.mktemp("stage") / "card.usda"
    path.write_text(STAGE)
    return StagedScene(path=path, flat=read_stage(path, RIG))


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """`fake(version, **faults)` makes a fake ovrtx the one that is found."""

    def make(version: str = USED[0], **faults: object) -> None:
        monkeypatch.setenv("FSD_OVRTX_PYTHON", str(make_ovrtx(tmp_path, version)))
        monkeypatch.setenv("FAKE_PICTURES", "cast")
        monkeypatch.setenv("FAKE_FAULTS", json.dumps(faults))
        for name in ("ISAAC_PATH", "CUDA_VISIBLE_DEVICES"):
            monkeypatch.delenv(name, raising=False)

    return make


@pytest.mark.parametrize("ovstage", ["0", pytest.param("1", marks=pytest.mark.slow)])
def test_a_scene_comes_back_as_light_and_as_the_truth_of_the_caster(fake, monkeypatch, staged, ovstage):
    fake()
    monkeypatch.setenv("FSD_OVRTX_OVSTAGE", ovstage)
    backend = create_backend("ovrtx", threads=1)
    try:
        images = backend.render(staged, RIG, SETTINGS, seed=1)
    finally:
        backend.close()
    check_images(images, RIG)
    assert (images.backend, images.backend_version, images.denoiser) == ("ovrtx", USED[0], "")
    assert images.left_hwc[2, 2] == pytest.approx(2.0, rel=1e-3)  # the sky
    lit = np.array([0.5, 0.25, 0.125]) * (2 + 1)  # under the dome, and a sun of irradiance pi that faces it
    assert images.left_hwc[18, 30] == pytest.approx(lit, rel=2e-3)
    found = agreement(staged.flat, RIG, compute_truth(staged.flat, RIG), images.seen)
    assert found.depth_off_share == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"exposure": 1.05}, "radiance of a dome: expected 1, measured 1.05"),
        ({"distant": 3.14159}, "a grey card in the sun: expected 0.5, measured 1.57"),
        ({"dome_turn": 90}, "turn of a panorama: expected 0 degrees, measured 90"),
    ],
)
def test_an_ovrtx_that_shows_known_scenes_wrongly_is_refused(fake, staged, fault, told):
    fake(**fault)
    backend = create_backend("ovrtx", threads=1)
    with pytest.raises(BackendUnavailableError, match="renders known scenes wrongly: .*" + told):
        backend.render(staged, RIG, SETTINGS, seed=1)
    backend.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "assume"),
    [*((version, "") for version in USED), (VERSIONS[1], "0.4.1"), (VERSIONS[0], "0.3")],
)
def test_shards_of_ovrtx_hold_the_truth_of_mitsubas_shards(
    tmp_path, fake, monkeypatch, small_config, version, assume
):
    fake(version)
    monkeypatch.setenv("FSD_OVRTX_ASSUME", assume)
    config = small_config.model_copy(update={"samples_per_shard": 4})
    by_rtx = config.model_copy(update={"render": config.render.model_copy(update={"backend": "ovrtx"})})
    digests = []
    for name, each in (("rtx", by_rtx), ("mitsuba", config)):
        run = render(tmp_path / name, each)
        shards = sorted(run.shards.glob("*.h5"))
        assert len(shards) == 2 and not any(verify_shard(shard) for shard in shards)
        digests.append(truth_manifest_digest(collect_records(shards, run.folder)))
    assert digests[0] == digests[1]
