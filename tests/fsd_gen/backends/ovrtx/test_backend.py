"""A scene goes through the layer, ovrtx and back, and is the scene that the caster sees."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fsd_gen.backends.base import check_images
from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.renderer import agreement
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.reader import read_stage
from fsd_gen.usd.staged import StagedScene
from tests.fsd_gen.backends.replicator.test_backend import RIG, STAGE
from tests.fsd_gen.rtx.ovrtx import USED, make_ovrtx

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
    assert found.depth_off_share == 0 and found.instance_off_share == 0
