"""A scene goes through the layer, the process and back, and is the scene that the caster sees."""

from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.backends.base import BackendError, check_images
from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.renderer import agreement
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.selftest.measure import selftest
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.reader import read_stage
from fsd_gen.usd.staged import StagedScene
from tests.fsd_gen.rtx.isaac import make_isaac

RIG = StereoRig(width=64, height=36, focal_px=48.0, baseline_m=0.25, cx_px=30.0, cy_px=18.0)
STAGE = """#usda 1.0
(
    defaultPrim = "World"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "World"
{
    def Xform "Rig"
    {
        def Camera "Left"
        {
            float focalLength = 0.27
            float horizontalAperture = 0.36
            float verticalAperture = 0.2025
            float horizontalApertureOffset = 0.01125
            double3 xformOp:rotateXYZ = (90, 0, 0)
            uniform token[] xformOpOrder = ["xformOp:rotateXYZ"]
        }
        def Camera "Right"
        {
            float focalLength = 0.27
            float horizontalAperture = 0.36
            float verticalAperture = 0.2025
            float horizontalApertureOffset = 0.01125
            double3 xformOp:translate = (0.25, 0, 0)
            double3 xformOp:rotateXYZ = (90, 0, 0)
            uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:rotateXYZ"]
        }
    }
    def Mesh "Card"
    {
        int[] faceVertexCounts = [4]
        int[] faceVertexIndices = [0, 1, 2, 3]
        point3f[] points = [(-0.5, 4, -0.5), (0.5, 4, -0.5), (0.5, 4, 0.5), (-0.5, 4, 0.5)]
        rel material:binding = </World/Grey>
    }
    def Material "Grey"
    {
        token outputs:surface.connect = </World/Grey/Shader.outputs:surface>
        def Shader "Shader"
        {
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor = (0.5, 0.25, 0.125)
            token outputs:surface
        }
    }
    def DistantLight "Sun"
    {
        float inputs:intensity = 3.14159265
        bool inputs:normalize = 1
        float inputs:angle = 0
        double3 xformOp:rotateXYZ = (90, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:rotateXYZ"]
    }
    def DomeLight "Sky"
    {
        float inputs:intensity = 2
    }
}
"""


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> StagedScene:
    path = tmp_path_factory.mktemp("stage") / "card.usda"
    path.write_text(STAGE)
    return StagedScene(path=path, flat=read_stage(path, RIG))


@pytest.mark.parametrize("version", ["5.1.0", pytest.param("6.0.1", marks=pytest.mark.slow)])
def test_a_scene_comes_back_as_light_and_as_the_truth_of_the_caster(tmp_path, monkeypatch, staged, version):
    monkeypatch.setenv("FSD_ISAAC_PYTHON", str(make_isaac(tmp_path, version)))
    monkeypatch.setenv("FAKE_PICTURES", "cast")
    backend = create_backend("replicator", threads=1)
    try:
        images = backend.render(staged, RIG, RenderSettings(spp=4, denoise=False), seed=1)
    finally:
        backend.close()
    check_images(images, RIG)
    assert (images.backend, images.backend_version, images.denoiser) == ("replicator", version, "")
    assert images.stage_cpu_s["trace"] > 0
    sky, card = images.left_hwc[2, 2], images.left_hwc[18, 30]
    assert sky == pytest.approx(2.0, rel=1e-3)
    lit = np.array([0.5, 0.25, 0.125]) * (2 + 1)  # under the dome, and a sun of irradiance pi that faces it
    assert card == pytest.approx(lit, rel=2e-3)
    found = agreement(staged.flat, RIG, compute_truth(staged.flat, RIG), images.seen)
    assert found.depth_off_share == 0 and found.instance_off_share == 0


@pytest.mark.slow
def test_the_self_test_finds_nothing_wrong_with_a_right_renderer(tmp_path, monkeypatch):
    """Here Mitsuba in the place of RTX, under everything that RTX gets from us."""
    monkeypatch.setenv("FSD_ISAAC_PYTHON", str(make_isaac(tmp_path, "5.1.0")))
    monkeypatch.setenv("FAKE_PICTURES", "mitsuba")
    backend = create_backend("replicator", threads=1)
    found = selftest(backend)
    backend.close()
    assert found.right and found.probe.lens, found


@pytest.mark.slow
def test_a_rig_that_needs_a_lens_is_refused_where_the_lens_is_wrong(tmp_path, monkeypatch, staged):
    monkeypatch.setenv("FSD_ISAAC_PYTHON", str(make_isaac(tmp_path)))
    monkeypatch.setenv("FAKE_PICTURES", "cast")
    monkeypatch.setenv("FAKE_FAULTS", '{"no_lens": true}')
    backend = create_backend("replicator", threads=1)
    odd = RIG.model_copy(update={"cx_px": 30.3})
    with pytest.raises(BackendError, match=r"principal point \(30.3, 18\).*no lens that is right"):
        backend.render(staged, odd, RenderSettings(spp=4), seed=1)
    assert backend.render(staged, RIG, RenderSettings(spp=4), seed=1).left_hwc.any()
    assert not backend.measure().lens
    backend.close()
