"""Rendered images and traced truth belong to each other, and refused draws are tried again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.checks import check_sample
from fsd_gen.production.attempt import attempts, draw, produce
from fsd_gen.production.replay import compare, replay
from fsd_gen.scene.instances import instance_names, instance_of, instance_prims
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import facing
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import CameraPose, DomeSpec, MaterialSpec, Panel, RenderSettings, SceneSpec
from fsd_gen.shards.sample import StereoSample
from fsd_gen.styles.registry import compose_scene


@pytest.fixture(scope="module")
def backend():
    backend = create_backend("mitsuba", threads=1)
    yield backend
    backend.close()


def textured_scene(texture: str) -> SceneSpec:
    """A slanted textured wall behind a small one, under even light."""
    coat = MaterialSpec(texture=texture, uv_scale=(0.7, 0.7), roughness=1.0)
    back = Panel(
        name="Back", position=(0, 4, 0), rotation=facing((0.4, -1, 0.1)), size=(30, 30), material=coat
    )
    front = Panel(
        name="Front", position=(0.1, 2, 0), rotation=facing((0, -1, 0)), size=(0.6, 0.6), material=coat
    )
    return SceneSpec(
        seed=0,
        key=SlotKey(slot=0),
        stratum="test",
        rig=StereoRig.centred(width=192, height=112, focal_px=170.0, baseline_m=0.2),
        camera=CameraPose(position=(0.0, 0.0, 0.0), target=(0.0, 1.0, 0.0)),
        panels=(back, front),
        dome=DomeSpec(),
        settings=RenderSettings(spp=16, denoise=False),
    )


@pytest.fixture(scope="module")
def sample(backend, library) -> StereoSample:
    texture = next(a.id for a in library.select("texture") if a.id.endswith("poster_primary"))
    return produce(textured_scene(texture), library, backend)


def warped_right(sample: StereoSample, shift_px: float = 0.0) -> np.ndarray:
    """The right image as the left eye would see it, by the left truth plus `shift_px`."""
    height, width = sample.disparity_left_hw.shape
    columns = np.clip(np.arange(width) - sample.disparity_left_hw - shift_px, 0, width - 1.001)
    first = columns.astype(int)
    weight = (columns - first)[..., None]
    rows = np.arange(height)[:, None]
    right = sample.right_hwc.astype(float)
    return right[rows, first] * (1 - weight) + right[rows, first + 1] * weight


def error(sample: StereoSample, shift_px: float = 0.0) -> float:
    visible = sample.flags_left_hw == 0
    return float(np.abs(warped_right(sample, shift_px) - sample.left_hwc)[visible].mean())


def test_the_right_image_warped_by_the_truth_is_the_left_image(sample):
    assert (sample.flags_left_hw == 0).mean() > 0.7
    here = error(sample)
    assert here < 7  # 8-bit levels: sharp edges, interpolated, and noise
    assert here < 0.7 * min(error(sample, -1), error(sample, 1))


def test_a_rendered_sample_passes_its_checks(sample):
    assert check_sample(sample) == ()


def test_a_draw_whose_truth_cannot_pass_is_not_rendered_but_drawn_again(small_config, library):
    class NoBackend:
        def render(self, *args, **kwargs):
            raise AssertionError("rendered in vain")

    limits = small_config.checks.model_copy(
        update={"min_valid": 1.0, "max_beyond": 0.0, "max_disparity_px": 1.0}
    )
    config = small_config.model_copy(update={"checks": limits, "max_attempts": 3})
    tried = list(attempts(SlotKey(slot=0, attempt=2), config, library, NoBackend()))
    assert [attempt.key.attempt for attempt in tried] == [2, 3, 4]
    assert all(attempt.sample is None and attempt.defects for attempt in tried)


def test_optional_channels_of_a_sample_are_truth_about_its_scene(backend, library):
    spec = textured_scene(next(a.id for a in library.select("texture")))
    sample = produce(spec, library, backend, ["normals_left", "instance_left"])
    normals_hw3, instance_hw = sample.optional["normals_left"], sample.optional["instance_left"]
    assert (normals_hw3.dtype, instance_hw.dtype) == (np.float16, np.uint16)
    assert instance_names(spec) == ("", "Back", "Front")
    assert set(np.unique(instance_hw)) == {1, 2}
    assert (instance_hw[50:60, 100:110] == 2).all()
    assert np.allclose(normals_hw3[instance_hw == 2], (0, 0, -1), atol=1e-3)  # it faces the camera squarely
    back = np.array([0.4, -0.1, -1]) / np.linalg.norm([0.4, -0.1, -1])  # world (0.4, -1, 0.1), z up
    assert np.allclose(normals_hw3[instance_hw == 1], back, atol=1e-3)


def test_every_mesh_and_lamp_of_a_drawn_scene_is_one_of_its_instances(small_config, library):
    for slot in range(2):  # one flying, one indoor
        spec = compose_scene(small_config, library, SlotKey(slot=slot))
        scene, prims = draw(spec, library).scene, set(instance_prims(spec))
        assert {instance_of(body.name) for body in (*scene.meshes, *scene.area_lights)} == prims - {""}


def test_a_replay_has_the_channels_of_the_stored_sample(backend, library):
    spec = textured_scene(next(a.id for a in library.select("texture")))
    stored = produce(spec, library, backend, ["instance_left"])
    again, comparison = replay(stored, library, backend)
    assert again.optional.keys() == {"instance_left"} and comparison.same_truth
    changed_hw = stored.optional["instance_left"].copy()
    changed_hw[3, 4] += 1
    changed = replace(stored, optional={"instance_left": changed_hw})
    assert compare(changed, again).truth_differs_px == 1
