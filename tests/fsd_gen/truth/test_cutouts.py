"""Cut-outs: where the opacity texture has a hole, a ray goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.truth.cutouts import CutoutMask, transform_uv
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.flat_scene import Surface, Texture
from tests.fsd_gen.truth.scenes import RIG, quad, scene, wall


def test_a_ray_goes_on_through_the_hole_of_a_cutout(tmp_path: Path):
    alpha = np.full((2, 2, 4), 255, np.uint8)
    alpha[0, 0, 3] = 0  # top left texel is a hole
    Image.fromarray(alpha).save(tmp_path / "leaf.png")
    texture = Texture(
        path=tmp_path / "leaf.png", colour_space="sRGB", channel="a", wrap_s="clamp", wrap_t="clamp"
    )
    surfaces = (Surface(name="leaf", opacity=texture, opacity_threshold=0.5), Surface(name="wall"))
    z = 2.0
    corners = [(-0.5, 0.3, z), (0.5, 0.3, z), (0.5, -0.3, z), (-0.5, -0.3, z)]  # y is down: st v up
    truth = compute_truth(scene(quad(corners, 0), wall(4.0, surface=1), surfaces=surfaces), RIG)
    near, far = RIG.disparity(2.0), RIG.disparity(4.0)
    centre_v, centre_u = RIG.height // 2, RIG.width // 2
    assert truth.disparity_left_hw[centre_v - 10, centre_u - 15] == pytest.approx(far, abs=0.01)
    for dv, du in ((-10, 15), (10, -15), (10, 15)):
        assert truth.disparity_left_hw[centre_v + dv, centre_u + du] == pytest.approx(near, abs=0.01)


@pytest.mark.parametrize(
    ("wrap", "beyond"),
    [("repeat", [True, False]), ("clamp", [False, True]), ("mirror", [False, True])],
)
def test_texture_coordinates_beyond_the_image_wrap_as_the_texture_says(wrap, beyond):
    texture = Texture(path=Path("none.png"), colour_space="raw", wrap_s=wrap, wrap_t=wrap)
    mask = CutoutMask(np.array([[True, False]]), texture)  # solid on the left, a hole on the right
    assert mask.solid(np.array([[0.25, 0.5], [0.75, 0.5]])).tolist() == [True, False]
    assert mask.solid(np.array([[1.25, 0.5], [-0.25, 0.5]])).tolist() == beyond


def test_texture_coordinates_are_scaled_then_turned_then_moved():
    texture = Texture(
        path=Path("none.png"), colour_space="raw", scale=(2.0, 1.0), rotation_deg=90.0, translation=(0.0, 5.0)
    )
    assert transform_uv(np.array([[1.0, 0.0]]), texture)[0] == pytest.approx((0.0, 7.0))


def test_a_texel_as_opaque_as_the_threshold_is_solid(tmp_path):
    alpha = np.zeros((1, 2, 4), np.uint8)
    alpha[0, :, 3] = 127, 128
    Image.fromarray(alpha).save(tmp_path / "leaf.png")
    texture = Texture(path=tmp_path / "leaf.png", colour_space="raw", channel="a")
    surface = Surface(name="leaf", opacity=texture, opacity_threshold=128 / 255)
    assert CutoutMask.of(surface).solid_hw.tolist() == [[False, True]]
