"""What a known stage's picture says of the renderer: factors of light, turns of the sky, where pixels are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import SeenByRenderer
from fsd_gen.checks.renderer import agreement
from fsd_gen.rtx import probe_stages as stages
from fsd_gen.rtx.frames import Frames
from fsd_gen.scene.rig import StereoRig
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.staged import StagedScene

Array = NDArray[np.float64]

TOLERANCE = 0.02  # of factors
TURN_TOLERANCE_DEG = 1.0
PIXEL_TOLERANCE = 0.05  # pixels
SKY_COLUMNS = slice(0, 80)  # left of the post
SKY_ROWS = slice(20, 64)  # below the bar
AROUND_PX = 4  # of an edge: where it is looked for
FAR_M = 25.0  # of the ruler: beyond it a pixel holds too much depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that was measured."""

    name: str
    expected: float
    measured: float
    unit: str = ""
    tolerance: float  # of the difference; of the ratio where `factor`
    factor: bool = False

    @property
    def right(self) -> bool:
        """Within its tolerance; what is not finite is not, unless it should be."""
        if not math.isfinite(self.expected):
            return self.measured == self.expected
        off = self.measured - self.expected
        return abs(off) <= self.tolerance * (abs(self.expected) if self.factor else 1.0)

    @property
    def said(self) -> str:
        """In words."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name}: expected {self.expected:.4g}{unit}, measured {self.measured:.4g}{unit}"


def factor(name: str, expected: float, pixels: NDArray[np.float32]) -> Row:
    """How bright pixels are that should all be `expected`."""
    measured = float(pixels.mean(dtype=np.float64))
    return Row(name=name, expected=expected, measured=measured, tolerance=TOLERANCE, factor=True)


# -- the edges of black things before the sky


def edges(frames: Frames, rig: StereoRig, where: str) -> Iterator[Row]:
    """Where the colours see the post's left edge and the bar's lower one, to fractions of a pixel."""
    for eye, image_hwc, shift_m in (
        ("left", frames.left_hwc, 0.0),
        ("right", frames.right_hwc, rig.baseline_m),
    ):
        u = rig.cx_px + rig.focal_px * (stages.POST_M - shift_m) / stages.EDGE_M
        v = rig.cy_px - rig.fy_px * stages.BAR_M / stages.EDGE_M
        light_hw = image_hwc.mean(axis=2, dtype=np.float64)
        light_hw /= np.median(light_hw[SKY_ROWS, SKY_COLUMNS])
        across_w, down_h = light_hw[SKY_ROWS].mean(axis=0), light_hw[:, 10:70].mean(axis=1)
        found_u = int(u) - AROUND_PX + across_w[int(u) - AROUND_PX : int(u) + AROUND_PX].sum()
        found_v = int(v) + AROUND_PX - down_h[int(v) - AROUND_PX : int(v) + AROUND_PX].sum()
        for axis, off_px in (("u", found_u - u), ("v", found_v - v)):
            name = f"{axis} of the pixels' centres {where}, {eye} eye"
            yield Row(name=name, expected=0.0, measured=-off_px, unit="px", tolerance=PIXEL_TOLERANCE)


# -- the panorama


def sky_rows(frames: Frames, staged: StagedScene) -> Iterator[Row]:
    """How bright the sky's image is, and by how much it is turned against where it should be."""
    told_n3 = frames.left_hwc[:, SKY_COLUMNS].reshape(-1, 3).astype(np.float64)
    gain = _gain(told_n3)
    dome = staged.flat.dome
    assert dome is not None
    rays_n3 = stages.RIG.ray_directions()[:, SKY_COLUMNS].reshape(-1, 3)
    towards_n3 = rays_n3 @ (dome.to_world[:3, :3].T @ staged.flat.left_to_world[:3, :3]).T
    towards_n3 /= np.linalg.norm(towards_n3, axis=1, keepdims=True)
    angle = _angle_deg(towards_n3, _directions(told_n3 / gain))
    yield Row(name="radiance of a panorama", expected=1.0, measured=gain, tolerance=TOLERANCE, factor=True)
    yield Row(
        name="turn of a panorama", expected=0.0, measured=angle, unit="degrees", tolerance=TURN_TOLERANCE_DEG
    )


def _directions(told_n3: Array) -> Array:
    """What the panorama's colours say."""
    directions_n3: Array = 2 * (told_n3 - stages.LOW) / (stages.HIGH - stages.LOW) - 1
    return directions_n3


def _gain(told_n3: Array) -> float:
    """The factor without which the colours say directions of unit length."""
    low, high = -10.0, 10.0  # powers of two
    for _ in range(4):
        powers = np.linspace(low, high, 81)
        misfits = [_misfit(told_n3 / 2.0**power) for power in powers]
        best, step = float(powers[int(np.argmin(misfits))]), (high - low) / 80
        low, high = best - step, best + step
    return float(2.0**best)


def _misfit(told_n3: Array) -> float:
    return float(((np.linalg.norm(_directions(told_n3[::7]), axis=1) - 1) ** 2).mean())


def _angle_deg(from_n3: Array, to_n3: Array) -> float:
    """Of the rotation that turns the one directions to the others; 180 for what no rotation does."""
    u_33, sizes_3, v_33 = np.linalg.svd(from_n3.T @ to_n3)
    rotation_33 = (u_33 @ v_33).T
    left_over = np.linalg.norm(from_n3 @ rotation_33.T - to_n3, axis=1).mean()
    if np.linalg.det(rotation_33) < 0 or left_over > 0.1 or sizes_3[2] < 1e-3 * sizes_3[0]:
        return 180.0
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation_33) - 1) / 2, -1.0, 1.0))))


# -- the ruler


def things(frames: Frames, staged: StagedScene, rig: StereoRig) -> Row:
    """Whether pixels name the thing that they show; NaN where they name nothing at all."""
    found = agreement(staged.flat, rig, compute_truth(staged.flat, rig), frames.seen)
    off = math.nan if found.instance_off_share is None else found.instance_off_share
    return Row(
        name="share of pixels that name another thing", expected=0.0, measured=off, tolerance=TOLERANCE
    )


def depths(frames: Frames, staged: StagedScene, rig: StereoRig, where: str) -> Iterator[Row]:
    """Unit and kind of the depth, and where the pixels' centres are, of both eyes."""
    if frames.seen is None:
        return
    truth = compute_truth(staged.flat, rig)
    left_hw, right_hw = (
        np.asarray(rig.depth(hw)) for hw in (truth.disparity_left_hw, truth.disparity_right_hw)
    )
    unit = _ratio(frames.seen[0], left_hw)
    depth = Row(name=f"depth {where}", expected=1.0, measured=unit, tolerance=TOLERANCE, factor=True)
    yield depth
    yield Row(
        name=f"depth {where}, aside against ahead",
        expected=1.0,
        measured=_aside(frames.seen[0], left_hw, rig),
        tolerance=TOLERANCE,
        factor=True,
    )
    for eye, view, shift_m in (("left", frames.seen[0], 0.0), ("right", frames.seen[1], rig.baseline_m)):
        true_hw = left_hw if eye == "left" else right_hw
        depth_hw = np.asarray(view.depth_hw, np.float64) / (1.0 if depth.right else unit)
        for axis, off_px in zip("uv", _shift(depth_hw, true_hw, rig, shift_m), strict=True):
            yield Row(
                name=f"{axis} of the pixels' centres {where}, {eye} eye",
                expected=0.0,
                measured=off_px,
                unit="px",
                tolerance=PIXEL_TOLERANCE,
            )


def _near(true_hw: Array) -> NDArray[np.bool_]:
    """Pixels of the floor or the wall that are near enough to measure at."""
    inside_hw = np.zeros(true_hw.shape, bool)
    inside_hw[:, SKY_COLUMNS] = True
    return inside_hw & np.isfinite(true_hw) & (true_hw < FAR_M)


def _ratio(view: SeenByRenderer, true_hw: Array) -> float:
    near_hw = _near(true_hw)
    return float(np.median(view.depth_hw[near_hw] / true_hw[near_hw]))


def _aside(view: SeenByRenderer, true_hw: Array, rig: StereoRig) -> float:
    """Plane depth has one ratio to the truth all over; the length of rays has a larger one aside."""
    near_hw = _near(true_hw)
    ratio_n = view.depth_hw[near_hw] / true_hw[near_hw]
    length_n = np.linalg.norm(rig.ray_directions(), axis=2)[near_hw]
    ahead, aside = np.quantile(length_n, [0.2, 0.8])
    return float(np.median(ratio_n[length_n >= aside]) / np.median(ratio_n[length_n <= ahead]))


def _shift(depth_hw: Array, true_hw: Array, rig: StereoRig, shift_m: float) -> tuple[float, float]:
    """How far from its own centre a pixel sees, right and down: by the wall and the floor."""
    v_hw, u_hw = np.mgrid[: rig.height, : rig.width] + 0.5
    rays_hw3 = rig.ray_directions()
    near_hw = _near(true_hw)
    with np.errstate(divide="ignore", invalid="ignore"):
        wall_hw = near_hw & (np.abs(true_hw * -rays_hw3[..., 0] - (stages.WALL_M + shift_m)) < 0.01)
        floor_hw = near_hw & (np.abs(true_hw * rays_hw3[..., 1] - stages.FLOOR_M) < 0.01)
        seen_u_hw = rig.cx_px - rig.focal_px * (stages.WALL_M + shift_m) / depth_hw
        seen_v_hw = rig.cy_px + rig.fy_px * stages.FLOOR_M / depth_hw
    return (
        float(np.median((seen_u_hw - u_hw)[wall_hw])),
        float(np.median((seen_v_hw - v_hw)[floor_hw])),
    )
