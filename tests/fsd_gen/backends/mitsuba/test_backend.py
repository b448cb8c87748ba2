"""Both eyes of a rig, the seed of the noise, the denoiser, and scenes that cannot be rendered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from fsd_gen.backends.base import Backend, BackendError
from fsd_gen.backends.registry import create_backend
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.flat_scene import AreaLight
from tests.fsd_gen.backends.mitsuba.scenes import GLOW, LOOKING_ALONG_Y, PLAIN, RIG, SUN, middle, scene, wall


def marker_column(image_hwc: NDArray[np.float32]) -> float:
    bright_hw = image_hwc[..., 0] > 0.5
    return float(np.nonzero(bright_hw)[1].mean() + 0.5)


def test_the_right_eye_sees_a_point_further_left_by_the_disparity(backend: Backend) -> None:
    images = backend.render(scene(wall(0, half=0.25), surfaces=(GLOW,)), RIG, PLAIN, 1)
    # f B / Z = 32 * 0.5 / 4 = 4 px
    assert marker_column(images.left_hwc) - marker_column(images.right_hwc) == pytest.approx(4.0)


def test_the_principal_point_moves_the_picture(backend: Backend) -> None:
    rig = RIG.model_copy(update={"cx_px": 40.0, "cy_px": 10.0})
    image_hwc = backend.render(scene(wall(0, half=0.25), surfaces=(GLOW,)), rig, PLAIN, 1).left_hwc
    rows, columns = np.nonzero(image_hwc[..., 0] > 0.5)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((40.0, 10.0))


def test_both_eyes_come_from_one_load(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsd_gen.backends.mitsuba import backend as mitsuba

    loaded = []
    load_dict = mitsuba.mi.load_dict

    def counting(plugin: dict, **how: bool) -> object:
        loaded.append(plugin["type"])
        return load_dict(plugin, **how)

    monkeypatch.setattr(mitsuba.mi, "load_dict", counting)
    backend.render(scene(wall(0), parallel_lights=(SUN,)), RIG, PLAIN, 1)
    assert loaded.count("scene") == 1 and loaded.count("perspective") == 2


def lamp(x: float = 0.0, shape: str = "sphere") -> AreaLight:
    to_world = np.diag([0.5, 0.5, 0.5, 1.0]) + np.outer([x, 2.0, 1.0, 0], [0, 0, 0, 1.0])
    return AreaLight(name="lamp", shape=shape, to_world=to_world, radiance=(5.0, 5.0, 5.0))


NOISY = scene(wall(0), area_lights=(lamp(),))


def test_a_seed_decides_the_pictures_on_any_number_of_threads() -> None:
    settings = RenderSettings(spp=4)
    one = create_backend("mitsuba", threads=1).render(NOISY, RIG, settings, 7)
    two = create_backend("mitsuba", threads=2).render(NOISY, RIG, settings, 7)
    assert np.array_equal(one.left_hwc, two.left_hwc) and np.array_equal(one.right_hwc, two.right_hwc)
    assert one.denoiser.startswith("oidn ") and set(one.stage_cpu_s) == {"load", "trace", "denoise"}


def test_lights_stand_in_the_scene_in_the_order_in_which_they_are_written(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which light a sample is sent to follows from their order; left to itself, Mitsuba orders by address."""
    from fsd_gen.backends.mitsuba import runtime

    scenes: list[list[str]] = []
    load_dict = runtime.mi.load_dict

    def noting(plugin: dict, **how: bool) -> object:
        made = load_dict(plugin, **how)
        if plugin["type"] == "scene":
            scenes.append([shape.id() for shape in made.shapes()])
        return made

    monkeypatch.setattr(runtime.mi, "load_dict", noting)
    lights = tuple(lamp(float(number), "rect") for number in range(8))
    for _ in range(3):
        backend.render(scene(wall(0), area_lights=lights), RIG, RenderSettings(spp=1, denoise=False), 1)
    assert scenes == [["mesh_0", *(f"area_light_{number}" for number in range(8))]] * 3


def test_another_seed_and_the_other_eye_have_other_noise(backend: Backend) -> None:
    rig = RIG.model_copy(update={"baseline_m": 1e-9})  # both eyes see the same
    settings = RenderSettings(spp=4, denoise=False)
    first = backend.render(NOISY, rig, settings, 1)
    second = backend.render(NOISY, rig, settings, 2)
    assert not np.array_equal(first.left_hwc, second.left_hwc)
    assert not np.array_equal(first.left_hwc, first.right_hwc)
    assert np.abs(first.left_hwc.mean() / first.right_hwc.mean() - 1) < 0.05


def test_denoising_brings_the_wall_nearer_to_the_converged_one(backend: Backend) -> None:
    def left(spp: int, denoise: bool) -> NDArray[np.float32]:  # without the lamp
        return backend.render(NOISY, RIG, RenderSettings(spp=spp, denoise=denoise), 3).left_hwc[20:]

    truth_hwc = left(128, False)
    noisy, clean = (np.abs(left(4, denoise) - truth_hwc).mean() for denoise in (False, True))
    assert clean < 0.6 * noisy


def test_the_denoiser_works_as_hard_as_the_settings_say(backend: Backend) -> None:
    def left(**how: object) -> NDArray[np.float32]:
        settings = RenderSettings(spp=4, **how)
        return backend.render(NOISY, RIG, settings, 3).left_hwc[20:]

    high, *others = (left(denoiser_quality=quality) for quality in ("high", "balanced", "fast"))
    assert np.array_equal(high, left())
    unlike = [np.abs(other - high).mean() / high.mean() for other in others]
    assert 0 < unlike[0] < unlike[1] < 0.1


def test_a_scene_that_mitsuba_refuses_is_a_backend_error_and_the_next_one_renders(backend: Backend) -> None:
    good = scene(wall(0))
    scaled = replace(good, flat=replace(good.flat, left_to_world=2.0 * LOOKING_ALONG_Y))
    with pytest.raises(BackendError, match=r"^mitsuba \d.*Scale factors .* are not allowed"):
        backend.render(scaled, RIG, PLAIN, 1)
    assert middle(backend.render(scene(wall(0), surfaces=(GLOW,)), RIG, PLAIN, 1).left_hwc).min() > 0.9


def lying_at(array: np.ndarray, offset: int) -> np.ndarray:
    """A copy whose address is `offset` bytes beyond a multiple of 64."""
    room = np.empty(array.nbytes + 128, np.uint8)
    start = -room.ctypes.data % 64 + offset
    copy = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[:] = array
    return copy


def test_where_arrays_lie_in_memory_does_not_decide_which_kernels_are_compiled(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsd_gen.backends.mitsuba import backend as mitsuba

    batch_meshes, kernels = mitsuba.batch_meshes, []
    for offset in (0, 4, 16):

        def shifted(*given: object, offset: int = offset) -> list:
            return [replace(batch, uv_v2=lying_at(batch.uv_v2, offset)) for batch in batch_meshes(*given)]

        monkeypatch.setattr(mitsuba, "batch_meshes", shifted)
        with mitsuba.dr.scoped_set_flag(mitsuba.dr.JitFlag.KernelHistory, True):
            backend.render(scene(wall(0)), RIG, RenderSettings(spp=1, denoise=False), 1)
            history = mitsuba.dr.kernel_history([mitsuba.dr.KernelType.JIT])
            kernels.append({kernel["hash"] for kernel in history})
    assert kernels[0] == kernels[1] == kernels[2]
