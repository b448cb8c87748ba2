"""Tiny pictures whose pixels can be worked out by hand."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fsd_gen.backends.base import Backend, BackendError
from fsd_gen.backends.registry import create_backend
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.flat_scene import AreaLight, DomeLight, FlatScene, Mesh, ParallelLight, Surface, Texture
from fsd_gen.usd.staged import StagedScene

WIDTH, HEIGHT = 64, 36
RIG = StereoRig.centred(width=WIDTH, height=HEIGHT, focal_px=32.0, baseline_m=0.5)
PLAIN = RenderSettings(spp=16, denoise=False)
LOOKING_ALONG_Y = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]])
MATTE = Surface(name="matte", diffuse=(0.5, 0.25, 0.125), roughness=1.0, ior=1.0)
GLOW = Surface(name="glow", diffuse=(0.0, 0.0, 0.0), emissive=(1.0, 1.0, 1.0), ior=1.0)
SUN = ParallelLight(name="sun", direction=(0.0, 1.0, 0.0), angle_deg=0.0, irradiance=(2.0, 2.0, 2.0))


@pytest.fixture(scope="module")
def backend() -> Backend:
    return create_backend("mitsuba", threads=1)


def wall(surface: int, *, y: float = 4.0, half: float = 20.0, x: float = 0.0, z: float = 0.0) -> Mesh:
    """A square facing the camera at distance `y`; the texture covers it once, upright."""
    square = [(-half, -half), (half, -half), (half, half), (-half, half)]
    return Mesh(
        name=f"wall_{surface}",
        vertices_v3=np.array([[x + a, y, z + b] for a, b in square]),
        faces_f3=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        uv_v2=np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32),
        normals_v3=None,
        surface=surface,
    )


def turned(mesh: Mesh) -> Mesh:
    """The same, facing the other way."""
    return replace(mesh, faces_f3=mesh.faces_f3[:, ::-1].copy())


def scene(*meshes: Mesh, surfaces: tuple[Surface, ...] = (MATTE,), **lights: object) -> StagedScene:
    given = {"area_lights": (), "parallel_lights": (), "dome": None, **lights}
    flat = FlatScene(meshes=meshes, surfaces=surfaces, left_to_world=LOOKING_ALONG_Y, **given)
    return StagedScene(path=Path("/not/read/by/mitsuba.usdc"), flat=flat)


def middle(image_hwc: NDArray[np.float32]) -> NDArray[np.float32]:
    return image_hwc[HEIGHT // 2 - 4 : HEIGHT // 2 + 4, WIDTH // 2 - 4 : WIDTH // 2 + 4].mean(axis=(0, 1))


# ---- light


@pytest.mark.parametrize("angle_deg", [0.53, 10.0])
@pytest.mark.parametrize("tilt_deg", [0.0, 45.0])
def test_a_matte_wall_under_a_distant_light_has_albedo_times_irradiance_times_cosine_over_pi(
    backend: Backend, tilt_deg: float, angle_deg: float
) -> None:
    cos, sin = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    sun = replace(SUN, direction=(float(sin), float(cos), 0.0), angle_deg=angle_deg)
    images = backend.render(scene(wall(0), parallel_lights=(sun,)), RIG, PLAIN, 1)
    expected = np.array(MATTE.diffuse) * 2.0 * cos / np.pi
    assert middle(images.left_hwc) == pytest.approx(expected, rel=0.02)
    assert images.left_hwc.dtype == np.float32 and images.left_hwc.shape == (HEIGHT, WIDTH, 3)


def test_in_a_white_furnace_a_matte_wall_shows_its_albedo(backend: Backend) -> None:
    # rough surfaces of the principled model throw 3.4 % more light back than a Lambertian one
    sky = DomeLight(texture=None, radiance=(1.0, 1.0, 1.0), to_world=np.eye(4))
    images = backend.render(scene(wall(0), dome=sky), RIG, RenderSettings(spp=256, denoise=False), 1)
    assert middle(images.left_hwc) == pytest.approx(MATTE.diffuse, rel=0.05)


@pytest.mark.parametrize(("shape", "area_m2"), [("rect", 0.01), ("disk", 0.0314159), ("sphere", 0.0314159)])
def test_a_small_area_light_lights_by_radiance_times_area_over_distance_squared(
    backend: Backend, shape: str, area_m2: float
) -> None:
    place = np.eye(4)
    place[:3, :3] = 0.1 * np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # its -z is +y
    place[:3, 3] = (0.0, 1.0, 0.3)  # out of the camera's way
    light = AreaLight(name="lamp", shape=shape, to_world=place, radiance=(50.0, 50.0, 50.0))
    settings = RenderSettings(spp=64, denoise=False)
    images = backend.render(scene(wall(0), area_lights=(light,)), RIG, settings, 1)
    distance_m = np.hypot(3.0, 0.3)
    cosines = (3.0 / distance_m) ** (1 if shape == "sphere" else 2)
    irradiance = 50.0 * area_m2 * cosines / distance_m**2
    assert middle(images.left_hwc) == pytest.approx(np.array(MATTE.diffuse) * irradiance / np.pi, rel=0.05)


def test_a_flat_light_does_not_shine_backwards(backend: Backend) -> None:
    place = np.eye(4)
    place[:3, :3] = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])  # its -z is -y: away from the wall
    place[:3, 3] = (0.0, 2.0, 1.8)
    light = AreaLight(name="lamp", shape="rect", to_world=place, radiance=(50.0, 50.0, 50.0))
    images = backend.render(scene(wall(0), area_lights=(light,)), RIG, PLAIN, 1)
    assert middle(images.left_hwc).max() < 1e-9


def test_a_glowing_surface_is_seen_as_it_glows(backend: Backend) -> None:
    glow = replace(GLOW, emissive=(3.0, 2.0, 1.0))
    images = backend.render(scene(wall(0), surfaces=(glow,)), RIG, PLAIN, 1)
    assert middle(images.left_hwc) == pytest.approx((3.0, 2.0, 1.0), rel=1e-3)


def test_a_glowing_surface_lights_what_it_faces(backend: Backend) -> None:
    images = backend.render(scene(wall(0), turned(wall(1, y=-1.0)), surfaces=(MATTE, GLOW)), RIG, PLAIN, 1)
    # 40 m of glow 5 m away fill nearly the whole half space
    assert middle(images.left_hwc) == pytest.approx(MATTE.diffuse, rel=0.08)


def test_a_sky_image_lies_as_usd_says(backend: Backend, tmp_path: Path) -> None:
    # four quarters from left to right: -z..+x red, +x..+z green, +z..-x blue, -x..-z white; seen from inside
    sky_hwc = np.zeros((16, 32, 3), np.uint8)
    for quarter, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]):
        sky_hwc[:, quarter * 8 : quarter * 8 + 8] = colour
    Image.fromarray(sky_hwc).save(tmp_path / "sky.png")
    y_to_z_up = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
    dome = DomeLight(texture=tmp_path / "sky.png", radiance=(1.0, 1.0, 1.0), to_world=y_to_z_up)
    # the camera looks along +y of the world, which is -z of the dome: its image's two ends meet there
    image = backend.render(scene(wall(0, half=0.001), dome=dome), RIG, PLAIN, 1).left_hwc
    assert image[18, 16].round(2).tolist() == [1, 1, 1]  # towards -x
    assert image[18, 48].round(2).tolist() == [1, 0, 0]  # towards +x


def test_an_unreadable_sky_is_a_clear_error(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "sky.exr").write_text("no picture")
    dome = DomeLight(texture=tmp_path / "sky.exr", radiance=(1.0, 1.0, 1.0), to_world=np.eye(4))
    with pytest.raises(AssetFileError, match=r"cannot read dome texture .*sky\.exr"):
        backend.render(scene(wall(0), dome=dome), RIG, PLAIN, 1)


def test_a_scene_that_mitsuba_refuses_is_a_backend_error_and_the_next_one_renders(backend: Backend) -> None:
    good = scene(wall(0))
    scaled = replace(good, flat=replace(good.flat, left_to_world=2.0 * LOOKING_ALONG_Y))
    with pytest.raises(BackendError, match=r"^mitsuba \d.*Scale factors .* are not allowed"):
        backend.render(scaled, RIG, PLAIN, 1)
    assert middle(backend.render(scene(wall(0), surfaces=(GLOW,)), RIG, PLAIN, 1).left_hwc).min() > 0.9


# ---- surfaces


def letter(tmp_path: Path) -> Path:
    """Red, green / blue, white: upper left, upper right / lower left, lower right."""
    picture_hwc = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    path = tmp_path / "letter.png"
    Image.fromarray(picture_hwc.repeat(16, axis=0).repeat(16, axis=1)).save(path)
    return path


def textured_wall(backend: Backend, texture: Texture) -> NDArray[np.float32]:
    """Colours (2, 2, 3) in the quarters of a wall that fills the image's height, times pi / irradiance."""
    surface = replace(MATTE, diffuse=texture)
    view = scene(wall(0, half=2.25), surfaces=(surface,), parallel_lights=(SUN,))  # 36 px high at 4 m
    image_hwc = backend.render(view, RIG, PLAIN, 1).left_hwc * np.pi / 2.0
    return image_hwc[np.ix_([9, 27], [23, 41])]


RED, GREEN, BLUE, WHITE = [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]


@pytest.mark.parametrize(
    ("placement", "quarters"),
    [
        ({}, [[RED, GREEN], [BLUE, WHITE]]),
        ({"translation": (0.5, 0.0)}, [[GREEN, RED], [WHITE, BLUE]]),
        ({"translation": (0.0, 0.5)}, [[BLUE, WHITE], [RED, GREEN]]),
        # st turned a quarter counter-clockwise: the upper left (0, 1) looks up (-1, 0), a lower left corner
        ({"rotation_deg": 90.0}, [[BLUE, RED], [WHITE, GREEN]]),
        ({"scale": (-1.0, 1.0)}, [[GREEN, RED], [WHITE, BLUE]]),
    ],
    ids=["as it is", "moved right", "moved up", "turned", "mirrored"],
)
def test_textures_lie_upright_and_move_as_usd_says(
    backend: Backend, tmp_path: Path, placement: dict, quarters: list
) -> None:
    texture = Texture(path=letter(tmp_path), colour_space="sRGB", **placement)
    assert textured_wall(backend, texture) == pytest.approx(np.array(quarters), abs=0.02)


def test_every_texture_of_a_surface_keeps_its_own_placement(backend: Backend, tmp_path: Path) -> None:
    plain = Texture(path=letter(tmp_path), colour_space="sRGB")
    moved = replace(plain, translation=(0.5, 0.0))
    glow = replace(MATTE, diffuse=plain, emissive=moved)
    image_hwc = backend.render(scene(wall(0, half=2.25), surfaces=(glow,)), RIG, PLAIN, 1).left_hwc
    assert image_hwc[9, 23] == pytest.approx(GREEN, abs=0.02)


def test_colour_space_gain_and_bias_change_the_values(backend: Backend, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (128, 128, 128)).save(tmp_path / "grey.png")
    grey = Texture(path=tmp_path / "grey.png", colour_space="sRGB")
    assert textured_wall(backend, grey)[0, 0, 0] == pytest.approx(0.2159, rel=0.02)
    raw = replace(grey, colour_space="raw")
    assert textured_wall(backend, raw)[0, 0, 0] == pytest.approx(0.502, rel=0.02)
    adjusted = replace(raw, gain=(0.5, 1, 1, 1), bias=(0.1, 0, 0, 0))
    assert textured_wall(backend, adjusted)[0, 0] == pytest.approx([0.351, 0.502, 0.502], rel=0.02)


def test_one_sees_through_the_holes_of_a_cut_out_and_nowhere_else(backend: Backend, tmp_path: Path) -> None:
    alpha_hw = np.full((8, 8), 255, np.uint8)
    alpha_hw[:4, :4] = 100  # a hole in the upper left quarter: below the threshold
    rgba_hwc = np.dstack([np.zeros((8, 8, 3), np.uint8), alpha_hw])
    Image.fromarray(rgba_hwc).save(tmp_path / "leaf.png")
    opacity = Texture(path=tmp_path / "leaf.png", colour_space="raw", channel="a")
    leaf = Surface(name="leaf", diffuse=(0.0, 0.0, 0.0), opacity=opacity, opacity_threshold=0.5)
    view = scene(wall(0, half=2.25), wall(1, y=5.0), surfaces=(leaf, GLOW))
    image_hwc = backend.render(view, RIG, PLAIN, 1).left_hwc
    assert (image_hwc[2:17, 16:31] > 0.999).all()
    assert (image_hwc[2:17, 34:48] < 0.5).all() and (image_hwc[20:34, 16:48] < 0.5).all()


def test_a_clear_pane_shows_nearly_all_that_is_behind_it_and_a_tinted_one_its_colour(
    backend: Backend,
) -> None:
    clear = Surface(name="pane", diffuse=(1.0, 1.0, 1.0), opacity=0.0, roughness=0.0)
    tinted = replace(clear, diffuse=(0.1, 0.8, 0.1), opacity=0.3)
    for pane, low, high in ((clear, 0.9, 0.94), (tinted, 0.2, 0.75)):
        view = scene(wall(0, y=2.0, half=4.0), wall(1), surfaces=(pane, GLOW))
        colour = middle(backend.render(view, RIG, RenderSettings(spp=64, denoise=False), 1).left_hwc)
        assert low < colour.min() and colour.max() < high, pane.name
    assert colour[1] > 1.2 * colour[0]


def test_a_mirror_shows_what_stands_behind_the_camera(backend: Backend) -> None:
    mirror = Surface(name="mirror", diffuse=(0.8, 0.8, 0.8), metallic=1.0, roughness=0.0)
    glow = replace(GLOW, emissive=(1.0, 0.5, 0.25))
    images = backend.render(scene(wall(0), turned(wall(1, y=-3.0)), surfaces=(mirror, glow)), RIG, PLAIN, 1)
    assert middle(images.left_hwc) == pytest.approx([0.8, 0.4, 0.2], rel=0.01)


@pytest.mark.parametrize(("texel", "brighter"), [((255, 128, 128), True), ((1, 128, 128), False)])
def test_red_in_a_normal_map_tilts_the_surface_towards_s(
    backend: Backend, tmp_path: Path, texel: tuple, brighter: bool
) -> None:
    Image.new("RGB", (4, 4), texel[:1] + (128, 200)).save(tmp_path / "tilt.png")
    bent = replace(MATTE, normal=Texture(path=tmp_path / "tilt.png", colour_space="raw"))
    sun = replace(SUN, direction=(-0.6, 0.8, 0.0))  # comes from +x, where s grows
    flat = middle(backend.render(scene(wall(0), parallel_lights=(sun,)), RIG, PLAIN, 1).left_hwc)
    view = scene(wall(0), surfaces=(bent,), parallel_lights=(sun,))
    assert (middle(backend.render(view, RIG, PLAIN, 1).left_hwc) > flat).all() == brighter


@pytest.mark.parametrize(("green", "brighter"), [(255, True), (1, False)])
def test_green_in_a_normal_map_tilts_the_surface_upwards(
    backend: Backend, tmp_path: Path, green: int, brighter: bool
) -> None:
    Image.new("RGB", (4, 4), (128, green, 200)).save(tmp_path / "tilt.png")
    bent = replace(MATTE, normal=Texture(path=tmp_path / "tilt.png", colour_space="raw"))
    sun = replace(SUN, direction=(0.0, 0.8, -0.6))  # from above
    flat = middle(backend.render(scene(wall(0), parallel_lights=(sun,)), RIG, PLAIN, 1).left_hwc)
    view = scene(wall(0), surfaces=(bent,), parallel_lights=(sun,))
    assert (middle(backend.render(view, RIG, PLAIN, 1).left_hwc) > flat).all() == brighter


# ---- the pair


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

    def counting(plugin: dict) -> object:
        loaded.append(plugin["type"])
        return load_dict(plugin)

    monkeypatch.setattr(mitsuba.mi, "load_dict", counting)
    backend.render(scene(wall(0), parallel_lights=(SUN,)), RIG, PLAIN, 1)
    assert loaded.count("scene") == 1 and loaded.count("perspective") == 2


NOISY = scene(
    wall(0),
    area_lights=(
        AreaLight(
            name="lamp",
            shape="sphere",
            to_world=np.diag([0.5, 0.5, 0.5, 1.0]) + np.outer([0, 2.0, 1.0, 0], [0, 0, 0, 1.0]),
            radiance=(5.0, 5.0, 5.0),
        ),
    ),
)


def test_a_seed_decides_the_pictures_on_any_number_of_threads() -> None:
    settings = RenderSettings(spp=4)
    one = create_backend("mitsuba", threads=1).render(NOISY, RIG, settings, 7)
    two = create_backend("mitsuba", threads=2).render(NOISY, RIG, settings, 7)
    assert np.array_equal(one.left_hwc, two.left_hwc) and np.array_equal(one.right_hwc, two.right_hwc)
    assert one.denoiser.startswith("oidn ") and set(one.stage_cpu_s) == {"load", "trace", "denoise"}


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

    truth_hwc = left(512, False)
    noisy, clean = (np.abs(left(4, denoise) - truth_hwc).mean() for denoise in (False, True))
    assert clean < 0.6 * noisy


# ---- what cannot run


def attempt(**environment: str) -> str:
    """What a fresh process says when it creates the backend; it must end by the error, not by a crash."""
    code = (
        "from fsd_gen.backends.registry import create_backend\n"
        "from fsd_gen.backends.plugin import BackendUnavailableError\n"
        "try: create_backend('mitsuba')\n"
        "except BackendUnavailableError as error: print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_missing_llvm_is_an_error_and_no_crash(tmp_path: Path) -> None:
    said = attempt(DRJIT_LIBLLVM_PATH=str(tmp_path / "libLLVM.so"), FSD_MITSUBA_VARIANT="llvm_ad_rgb")
    assert "cannot load LLVM" in said and "install karellen-llvm-core" in said


def test_another_library_is_not_taken_for_llvm() -> None:
    other = ctypes.util.find_library("m")
    said = attempt(DRJIT_LIBLLVM_PATH=other, FSD_MITSUBA_VARIANT="llvm_ad_rgb")
    assert f"{other} is no LLVM library" in said


def test_an_old_llvm_is_refused_before_it_can_abort_the_process(tmp_path: Path) -> None:
    compiler = "cc"
    source = tmp_path / "old.c"
    source.write_text("void LLVMGetVersion(unsigned *a, unsigned *b, unsigned *c) { *a = 16; *b = *c = 0; }")
    library = tmp_path / "libLLVM.so.16"
    try:
        subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    except FileNotFoundError:
        pytest.skip("needs a C compiler")
    said = attempt(DRJIT_LIBLLVM_PATH=str(library), FSD_MITSUBA_VARIANT="llvm_ad_rgb")
    assert "is version 16, need 17 or newer" in said


def test_an_unknown_variant_is_refused() -> None:
    assert "must be llvm_ad_rgb or cuda_ad_rgb, got 'scalar_rgb'" in attempt(FSD_MITSUBA_VARIANT="scalar_rgb")
