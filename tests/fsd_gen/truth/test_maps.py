"""Truth against closed forms: planes, balls, occlusion by brute force, holes in cut-outs."""

from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import quantise
from fsd_gen.truth.maps import Truth, compute_truth
from fsd_gen.usd.flat_scene import Surface
from tests.fsd_gen.truth.scenes import RIG, quad, scene, sphere_mesh, wall


@pytest.mark.parametrize("normal", [(0.0, 0.0, 1.0), (0.4, -0.3, 1.0), (-0.9, 0.2, 0.5)])
def test_a_plane_has_its_analytic_disparity_to_the_last_stored_bit(normal):
    n = np.array(normal) / np.linalg.norm(normal)
    a = np.cross(n, [0.0, 1.0, 0.0])
    a /= np.linalg.norm(a)
    b = np.cross(n, a)
    corners = [n * 3 + 40 * (s * a + t * b) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    truth = compute_truth(scene(quad(corners)), RIG)
    z_hw = 3 / (RIG.ray_directions() @ n)
    known = (truth.flags_left_hw & (Flag.SKY | Flag.NO_TRUTH)) == 0
    assert known.mean() > 0.5
    stored, exact = truth.disparity_left_hw[known], RIG.disparity(z_hw)[known]
    assert np.abs(stored - exact).max() <= 0.5 / 256 + 1e-6
    assert (stored == quantise(exact)).mean() > 0.999  # 1e-3 px off would round every fourth one wrong


def test_a_fine_ball_has_its_analytic_disparity_away_from_the_rim():
    ball = sphere_mesh(centre=(0.1, 0.05, 3.0), radius=0.8, rings=400)
    truth = compute_truth(scene(ball), RIG)
    directions = RIG.ray_directions()
    b = directions @ np.array([0.1, 0.05, 3.0])
    aa = (directions**2).sum(-1)
    root = b**2 - aa * (0.1**2 + 0.05**2 + 9 - 0.64)
    inner = root > 0.5
    z = (b[inner] - np.sqrt(root[inner])) / aa[inner]
    assert inner.sum() > 500
    assert np.abs(truth.disparity_left_hw[inner] - RIG.disparity(z)).max() < 0.01


def test_occlusion_flags_agree_with_brute_force():
    front = wall(1.5, x=(-0.3, 0.25), y=(-0.3, 0.3))
    truth = compute_truth(scene(wall(4.0), front), RIG)
    expected = brute_force_occlusion(truth)
    found = (truth.flags_left_hw & Flag.OCCLUDED) > 0
    assert expected.any()
    assert (found == expected).mean() > 0.999  # a pixel whose match falls on the very edge may differ


def brute_force_occlusion(truth: Truth) -> np.ndarray:
    """Hidden if the plane of the near square, in closed form, covers the point as the right eye sees it."""
    hidden = np.zeros((RIG.height, RIG.width), bool)
    for v in range(RIG.height):
        for u in range(RIG.width):
            z = float(RIG.depth(truth.disparity_left_hw[v, u]))
            if truth.flags_left_hw[v, u] & Flag.OUT_OF_FRAME or z < 2:
                continue
            x, y = (u + 0.5 - RIG.cx_px) / RIG.focal_px * z, (v + 0.5 - RIG.cy_px) / RIG.fy_px * z
            t = 1.5 / z
            at_x, at_y = RIG.baseline_m + t * (x - RIG.baseline_m), t * y
            hidden[v, u] = -0.3 <= at_x <= 0.25 and -0.3 <= at_y <= 0.3
    return hidden


def test_left_and_right_truth_see_the_same_points():
    truth = compute_truth(scene(wall(4.0), wall(2.0, x=(-0.4, 0.3), y=(-0.4, 0.2))), RIG)
    seen = truth.flags_left_hw == 0
    v, u = np.nonzero(seen)
    matched = np.rint(u - truth.disparity_left_hw[v, u]).astype(int)
    inside = (matched >= 0) & (matched < RIG.width)
    v, u, matched = v[inside], u[inside], matched[inside]
    difference = np.abs(truth.disparity_right_hw[v, matched] - truth.disparity_left_hw[v, u])
    assert (difference < 0.01).mean() > 0.98  # but for pixels at the square's edge


def test_nothing_in_view_is_sky_with_disparity_zero():
    truth = compute_truth(scene(), RIG)
    assert (truth.flags_left_hw == Flag.SKY).all()
    assert (truth.disparity_left_hw == 0).all()


def test_a_match_left_of_the_right_image_is_out_of_frame():
    truth = compute_truth(scene(wall(2.0)), RIG)  # disparity 14 px everywhere
    outside = (truth.flags_left_hw & Flag.OUT_OF_FRAME) > 0
    assert outside[:, :13].all() and not outside[:, 14:].any()
    outside_right = (truth.flags_right_hw & Flag.OUT_OF_FRAME) > 0
    assert outside_right[:, -13:].all() and not outside_right[:, :-14].any()


def test_glass_and_mirrors_are_flagged_and_have_their_own_disparity():
    surfaces = (
        Surface(name="glass", opacity=0.2),
        Surface(name="mirror", metallic=1.0, roughness=0.02),
        Surface(name="wood"),
    )
    left_half = wall(2.0, x=(-50, 0), surface=0)
    right_half = wall(2.0, x=(0, 50), surface=1)
    truth = compute_truth(scene(left_half, right_half, wall(4.0, surface=2), surfaces=surfaces), RIG)
    assert ((truth.flags_left_hw[:, :79] & Flag.TRANSPARENT) > 0).all()
    assert ((truth.flags_left_hw[:, 81:] & Flag.MIRROR) > 0).all()
    assert np.allclose(truth.disparity_left_hw, 14.0)


def test_disparities_are_multiples_of_a_256th():
    truth = compute_truth(scene(wall(3.7)), RIG)
    scaled = truth.disparity_left_hw.astype(np.float64) * 256
    assert (scaled == np.rint(scaled)).all()


OFF_CENTRE = RIG.model_copy(update={"focal_y_px": 100.0, "cx_px": 104.0, "cy_px": 40.5})


def nearest_along_every_ray(meshes: list, eye_3: np.ndarray) -> np.ndarray:
    """Depth (H, W) by every ray against every triangle (Moeller and Trumbore), with K written out."""
    k = np.array([[140.0, 0, 104.0], [0, 100.0, 40.5], [0, 0, 1]])
    u, v = np.meshgrid(np.arange(160) + 0.5, np.arange(96) + 0.5)
    rays = np.stack([u, v, np.ones_like(u)], -1).reshape(-1, 3) @ np.linalg.inv(k).T
    nearest = np.full(len(rays), np.inf)
    for mesh in meshes:
        for a, b, c in mesh.vertices_v3[mesh.faces_f3]:
            p = np.cross(rays, c - a)
            determinant = p @ (b - a)
            q = np.cross(eye_3 - a, b - a)
            with np.errstate(divide="ignore", invalid="ignore"):
                s, t, z = p @ (eye_3 - a) / determinant, rays @ q / determinant, (c - a) @ q / determinant
            hit = (s >= 0) & (t >= 0) & (s + t <= 1) & (z > 0)
            nearest = np.where(hit & (z < nearest), z, nearest)
    return nearest.reshape(96, 160)


def test_truth_of_oblong_pixels_and_an_off_centre_principal_point_is_that_of_brute_force():
    tilted = quad([(-0.6, -0.5, 1.8), (0.2, -0.4, 2.2), (0.3, 0.5, 2.6), (-0.5, 0.4, 2.1)])
    meshes = [wall(4.0), tilted, sphere_mesh((0.4, -0.2, 3.0), 0.3, 8)]
    truth = compute_truth(scene(*meshes), OFF_CENTRE)
    for eye_3, disparity_hw in (
        (np.zeros(3), truth.disparity_left_hw),
        (np.array([0.2, 0, 0]), truth.disparity_right_hw),
    ):
        expected = quantise(140.0 * 0.2 / nearest_along_every_ray(meshes, eye_3))
        agrees = np.abs(disparity_hw - expected) <= 1 / 256
        assert agrees.mean() > 0.999  # a ray along the edge of two triangles may be given to either


def test_epipolar_lines_stay_horizontal_for_oblong_pixels():
    truth = compute_truth(scene(quad([(-3, -1, 3), (3, -1, 3), (3, 9, 7), (-3, 9, 7)])), OFF_CENTRE)
    for v in (30, 60, 90):  # a plane tilted about the x axis: disparity depends on the row alone
        left, right = truth.disparity_left_hw[v], truth.disparity_right_hw[v]
        assert np.ptp(left[20:140]) == 0 and left[80] > 0
        assert right[80] == left[80]
