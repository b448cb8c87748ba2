"""Rendered images and traced truth belong to each other, and refused draws are tried again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assets_manifest.library import AssetLibrary, open_library
from fsd_gen.backends.base import BackendError, SeenByRenderer, StereoImages
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.defects import Defect, DefectCode
from fsd_gen.checks.sample import check_sample
from fsd_gen.config import Config
from fsd_gen.production.attempt import Attempt, attempts, draw, expose, produce
from fsd_gen.production.errors import PluginError
from fsd_gen.production.replay import compare, psnr, replay
from fsd_gen.scene.instances import instance_names, instance_of, instance_prims
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import facing
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import (
    CameraPose,
    DomeSpec,
    MaterialSpec,
    Panel,
    RenderSettings,
    SceneSpec,
    SensorSpec,
)
from fsd_gen.sensor.config import SensorConfig
from fsd_gen.shards.record import record_of
from fsd_gen.shards.sample import StereoSample
from fsd_gen.styles.compose import compose_scene, stratum_of
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.errors import AssetFileError
from tests.fsd_gen.synthetic import make_sample


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


def test_a_sensor_changes_the_pictures_and_neither_truth_nor_what_the_checks_say(backend, library):
    texture = next(a.id for a in library.select("texture") if a.id.endswith("poster_primary"))
    plain = textured_scene(texture)
    sensor = SensorSpec(read_noise=0.4, blur_px=4.0, right_ev=-2.9, look="grey", jpeg_quality=20)
    ideal, sensed = (produce(spec, library, backend) for spec in (plain, plain.but(sensor=sensor)))
    assert compare(ideal, sensed).same_truth
    assert psnr(ideal.left_hwc, sensed.left_hwc) < 15
    assert record_of(sensed).truth_digest == record_of(ideal).truth_digest
    with draw(sensed.spec, library) as draft:
        taken = expose(draft, backend)
    assert (taken.ideal.left_hwc == ideal.left_hwc).all()
    assert (taken.stored.right_hwc == sensed.right_hwc).all()
    again, comparison = replay(sensed, library, backend)
    assert comparison.psnr_left_db == comparison.psnr_right_db == float("inf")
    assert again.spec.sensor == sensor


def test_attempts_are_checked_before_the_sensor_and_stored_after_it(
    backend, library, sparse_config, sample, monkeypatch
):
    def compose(config: Config, library: AssetLibrary, key: SlotKey) -> SceneSpec:
        sensor = config.sensor.draw(config.seed, key)
        return sample.spec.but(key=key, stratum=stratum_of(config, key.slot), sensor=sensor)

    monkeypatch.setattr("fsd_gen.production.attempt.compose_scene", compose)
    limits = sparse_config.checks.model_copy(update={"mean_level": (sample.right_hwc.mean() - 10, 245.0)})
    dark = SensorConfig(exposure_difference_ev=(-2.0, -2.0))
    config = sparse_config.model_copy(update={"checks": limits, "sensor": dark})
    (attempt,) = attempts(SlotKey(slot=1), config, library, backend)
    assert attempt.sample is not None
    assert attempt.sample.right_hwc.mean() < limits.mean_level[0] - 20
    assert [defect.code for defect in check_sample(attempt.sample, limits)] == [DefectCode.EXPOSURE]


def test_images_and_truth_agree_for_oblong_pixels_and_a_principal_point_far_off_centre(backend, library):
    texture = next(a.id for a in library.select("texture") if a.id.endswith("poster_primary"))
    plain = textured_scene(texture)
    lens = {"focal_y_px": 125.0, "cx_px": 96 + 0.15 * 192, "cy_px": 50.0}
    oblong = plain.but(rig=plain.rig.model_copy(update=lens))
    made = produce(oblong, library, backend)
    assert check_sample(made) == ()
    assert error(made) < 0.5 * min(error(made, -2), error(made, 2))
    tilted = replace(made, right_hwc=np.roll(made.right_hwc, 2, axis=0))
    assert error(made) < 0.5 * error(tilted)  # matches lie in the same row


def test_the_right_image_warped_by_the_truth_is_the_left_image(sample):
    assert (sample.flags_left_hw == 0).mean() > 0.7
    here = error(sample)
    assert here < 7  # 8-bit levels: sharp edges, interpolated, and noise
    assert here < 0.7 * min(error(sample, -1), error(sample, 1))


def test_a_rendered_sample_passes_its_checks(sample):
    assert check_sample(sample) == ()


def test_a_draw_whose_truth_cannot_pass_is_not_rendered_but_drawn_again(sparse_config, library):
    class NoBackend:
        def render(self, *args, **kwargs):
            raise AssertionError("rendered in vain")

    limits = sparse_config.checks.model_copy(
        update={"min_valid": 1.0, "max_beyond": 0.0, "max_disparity_px": 1.0}
    )
    config = sparse_config.model_copy(update={"checks": limits, "max_attempts": 3})
    tried = list(attempts(SlotKey(slot=0, attempt=2), config, library, NoBackend()))
    assert [attempt.key.attempt for attempt in tried] == [2, 3, 4]
    assert all(attempt.sample is None and attempt.defects for attempt in tried)


def test_an_accepted_sample_says_why_each_earlier_attempt_was_refused(monkeypatch, sparse_config):
    made = [
        Attempt(key=SlotKey(slot=0, attempt=0), sample=None, defects=(defect("bad_stage"), defect("hung"))),
        Attempt(key=SlotKey(slot=0, attempt=1), sample=None, defects=(defect("bad_asset"),)),
        Attempt(key=SlotKey(slot=0, attempt=2), sample=make_sample(0, attempt=2), defects=()),
    ]
    monkeypatch.setattr("fsd_gen.production.attempt._attempt", lambda key, *_: made[key.attempt])
    config = sparse_config.model_copy(update={"max_attempts": 5})
    *_, last = attempts(SlotKey(slot=0), config, None, None)
    assert last.sample.render.refused == (("bad_stage", "hung"), ("bad_asset",))


def defect(code: str) -> Defect:
    return Defect(code=DefectCode(code), detail="")


# ---- what is wrong with one scene


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda image_hwc: image_hwc[:-1], "expected float32"),
        (lambda image_hwc: image_hwc.astype(np.uint8), "expected float32"),
        (lambda image_hwc: np.where(np.arange(3) == 1, np.float32("nan"), image_hwc), "not finite"),
        (lambda image_hwc: np.where(image_hwc > 0.99, np.float32("inf"), image_hwc), "not finite"),
    ],
)
def test_images_that_no_camera_takes_are_a_defect_and_never_stored(lenient, library, spoil, said):
    class Spoiled(Scripted):
        def render(self, staged, rig, settings, seed):
            images = super().render(staged, rig, settings, seed)
            return replace(images, right_hwc=spoil(images.right_hwc)) if len(self.stages) == 1 else images

    first, second = list(attempts(SlotKey(slot=0), lenient, library, Spoiled(None, None)))
    assert first.sample is None and [defect.code for defect in first.defects] == ["renderer_error"]
    assert said in first.defects[0].detail
    assert second.sample is not None


def test_a_renderer_whose_own_depth_is_another_scenes_is_drawn_again(lenient, library):
    class WithDepth(Scripted):
        def render(self, staged, rig, settings, seed):
            images, truth = super().render(staged, rig, settings, seed), compute_truth(staged.flat, rig)
            far = 1.5 if len(self.stages) == 1 else 1.0
            depths = (rig.depth(hw) * far for hw in (truth.disparity_left_hw, truth.disparity_right_hw))
            left, right = (SeenByRenderer(depth_hw=hw.astype(np.float32)) for hw in depths)
            return replace(images, seen=(left, right))

    first, second = list(attempts(SlotKey(slot=0), lenient, library, WithDepth(None, None)))
    assert "renderer_depth" in [defect.code for defect in first.defects]
    assert second.sample.render.depth_off_share == record_of(second.sample).depth_off_share == 0.0
    assert "renderer_depth" in second.sample.render.refused[0]


def test_a_pair_whose_pictures_cannot_tell_is_stored_and_that_is_said(lenient, library):
    class Plain(Scripted):
        def render(self, staged, rig, settings, seed):
            images = super().render(staged, rig, settings, seed)
            grey_hwc = np.full_like(images.left_hwc, 0.5)
            return replace(images, left_hwc=grey_hwc, right_hwc=grey_hwc)

    (plain,) = attempts(SlotKey(slot=0), lenient, library, Plain(None))
    assert plain.remark.startswith("images not held against the truth: 0.00% of the left pixels are textured")
    assert plain.sample.render.judged_share == record_of(plain.sample).judged_share == 0.0


class Scripted:
    """A backend that gives grey pictures, or raises what the script says of its n-th rendering."""

    name, version = "scripted", "1"

    def __init__(self, *script: Exception | None) -> None:
        self._script = list(script)
        self.stages: list[Path] = []

    def render(self, staged, rig, settings, seed) -> StereoImages:
        assert staged.path.is_file()
        self.stages.append(staged.path)
        if error := self._script.pop(0):
            raise error
        noise_hwc = np.random.default_rng(seed).random((rig.height, rig.width, 3), np.float32)
        return StereoImages(
            left_hwc=noise_hwc,
            right_hwc=noise_hwc,
            stage_cpu_s={},
            backend="scripted",
            backend_version="1",
            variant="",
            denoiser="",
        )


@pytest.fixture
def lenient(sparse_config):
    """Checks that noise passes as long as its scene has some truth."""
    anything = {"max_error_ratio": 1e9, "max_shift_gain": 1e-9, "min_valid": 0.0, "max_sky": 1.0}
    limits = sparse_config.checks.model_copy(update={**anything, "max_beyond": 1.0, "min_left_right": 0.0})
    return sparse_config.model_copy(update={"checks": limits, "max_attempts": 3})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BackendError("mitsuba:\n  no such plugin"), "renderer_error"),
        (AssetFileError("wood.png: cannot be read as an image:\n  truncated"), "bad_asset"),
    ],
    ids=["renderer", "texture"],
)
def test_a_rendering_that_fails_is_a_defect_of_one_line_and_the_next_attempt_follows(
    lenient, library, error, code
):
    backend = Scripted(error, None)
    first, second = attempts(SlotKey(slot=0), lenient, library, backend)
    assert first.sample is None and second.sample is not None
    assert [(d.code, d.detail) for d in first.defects] == [(code, " ".join(str(error).split()))]
    assert not any(path.exists() for path in backend.stages) and len(set(backend.stages)) == 2


@pytest.mark.parametrize("error", [BackendUnavailableError("the GPU is gone"), MemoryError("all used up")])
def test_what_is_wrong_with_the_whole_set_up_stops_at_once_and_leaves_no_stage(lenient, library, error):
    backend = Scripted(error)
    with pytest.raises((BackendUnavailableError, PluginError), match=str(error)):
        next(attempts(SlotKey(slot=0), lenient, library, backend))
    assert not backend.stages[0].exists()


@pytest.mark.parametrize("damage", ["removed", "emptied", "garbled"])
def test_an_asset_that_is_missing_or_damaged_is_a_bad_asset_and_attempts_without_it_pass(
    lenient, library, tmp_path, damage
):
    damaged, used = damaged_library(library, tmp_path, lenient, damage)
    tried = list(attempts(SlotKey(slot=0), lenient, damaged, Scripted(None, None, None)))
    assert [defect.code for defect in tried[0].defects] == ["bad_asset"]
    assert used.split("/")[-1] in tried[0].defects[0].detail.replace("\\", "/")


def damaged_library(
    library: AssetLibrary, folder: Path, config: Config, damage: str
) -> tuple[AssetLibrary, str]:
    """The library with one object of slot 0's first attempt spoilt, and that object's file name."""
    asset = compose_scene(config, library, SlotKey(slot=0)).placements[0].asset
    file = library.path(asset)
    pack = next(parent for parent in file.parents if (parent / "pack.yaml").exists())
    copy = folder / pack.name
    shutil.copytree(pack, copy)
    spoilt = copy / file.relative_to(pack)
    if damage == "removed":
        spoilt.unlink()
    else:
        spoilt.write_bytes(b"" if damage == "emptied" else spoilt.read_bytes()[: spoilt.stat().st_size // 2])
    return open_library([pack.name], folder), file.name


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
        prims = set(instance_prims(spec))
        with draw(spec, library) as draft:
            flat = draft.staged.flat
        assert {instance_of(mesh.name) for mesh in flat.meshes} == prims - {""} and not flat.area_lights


def test_a_replay_has_the_channels_of_the_stored_sample(backend, library):
    spec = textured_scene(next(a.id for a in library.select("texture")))
    stored = produce(spec, library, backend, ["instance_left"])
    again, comparison = replay(stored, library, backend)
    assert again.optional.keys() == {"instance_left"} and comparison.same_truth
    changed_hw = stored.optional["instance_left"].copy()
    changed_hw[3, 4] += 1
    changed = replace(stored, optional={"instance_left": changed_hw})
    assert compare(changed, again).truth_differs_px == 1
