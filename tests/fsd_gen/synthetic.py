"""Stereo samples whose truth is known in closed form: a textured slanted plane behind a textured square.

The plane's left disparity is affine in the pixel coordinates, so left column u and right column
w = u - d(u, v) determine each other exactly. The square has one whole-pixel disparity, so its edges
fall on pixel edges in both views. The top rows may be sky.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import CameraPose, SceneSpec
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.format import ShardMeta
from fsd_gen.shards.sample import RenderInfo, StereoSample, quantise
from fsd_gen.shards.writer import ShardWriter

RENDER = RenderInfo(
    backend="analytic",
    backend_version="1",
    variant="numpy",
    denoiser="",
    exposure=1.0,
    host_cpu_s=0.25,
    wall_s=0.5,
    stage_cpu_s={"author": 0.0, "trace": 0.25},
)


def make_spec(
    slot: int = 0,
    attempt: int = 0,
    *,
    width: int = 128,
    height: int = 80,
    seed: int = 0,
    stratum: str = "flying",
) -> SceneSpec:
    """The least that a scene description needs."""
    return SceneSpec(
        seed=seed,
        key=SlotKey(slot=slot, attempt=attempt),
        stratum=stratum,
        rig=StereoRig.centred(width=width, height=height, focal_px=0.8 * width, baseline_m=0.2),
        camera=CameraPose(position=(0.0, 0.0, 1.5), target=(0.0, 3.0, 1.5)),
    )


def make_sample(
    slot: int = 0,
    *,
    attempt: int = 0,
    width: int = 128,
    height: int = 80,
    seed: int = 0,
    stratum: str = "flying",
    near_px: int = 24,  # disparity of the square
    far_px: float = 6.0,  # disparity of the plane in the upper left corner
    slope: float = 0.04,  # its growth per column; half as much per row
    sky_rows: int = 6,
    noise: float = 0.0,  # standard deviation, 8-bit levels
    contrast: float = 50.0,  # of the texture, 8-bit levels
) -> StereoSample:
    """A sound sample; slot, attempt and seed choose its textures."""
    spec = make_spec(slot, attempt, width=width, height=height, seed=seed, stratum=stratum)
    rng = np.random.default_rng([seed, slot, attempt])
    plane, square = _Texture(rng, contrast), _Texture(rng, contrast)
    top, bottom = height // 3, 2 * height // 3
    start, stop = width // 2 - width // 8, width // 2 + width // 8
    u_hw, v_hw = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    offset_hw = far_px + slope / 2 * v_hw
    left_u_hw = (u_hw + offset_hw) / (1 - slope)  # left column of the plane's point in a right pixel
    in_rows_hw = (v_hw > top) & (v_hw < bottom)
    views = []
    for own_u_hw, shift in ((u_hw, 0), (left_u_hw, near_px)):
        behind_hw = offset_hw + slope * own_u_hw
        front_hw = in_rows_hw & (u_hw > start - shift) & (u_hw < stop - shift)
        match_hw = own_u_hw - behind_hw if shift == 0 else own_u_hw
        hidden_hw = in_rows_hw & (match_hw > start - near_px + shift) & (match_hw < stop - near_px + shift)
        outside_hw = (match_hw < 0) | (match_hw > width)
        flags_hw = np.where(outside_hw, Flag.OUT_OF_FRAME, np.where(hidden_hw, Flag.OCCLUDED, 0))
        flags_hw = np.where(front_hw, 0, flags_hw).astype(np.uint8)
        image_hwc = np.where(front_hw[..., None], square(u_hw + shift, v_hw), plane(own_u_hw, v_hw))
        views.append([image_hwc, np.where(front_hw, near_px, behind_hw), flags_hw])
    sky_hwc = 200 + 0 * views[0][0]
    for image_hwc, disparity_hw, flags_hw in views:
        image_hwc[:sky_rows] = sky_hwc[:sky_rows]
        disparity_hw[:sky_rows] = 0
        flags_hw[:sky_rows] = Flag.SKY
        image_hwc += noise * rng.standard_normal(image_hwc.shape)
    (left, disparity_left, flags_left), (right, disparity_right, flags_right) = views
    return StereoSample(
        left_hwc=_to_bytes(left),
        right_hwc=_to_bytes(right),
        disparity_left_hw=quantise(disparity_left),
        disparity_right_hw=quantise(disparity_right),
        flags_left_hw=flags_left,
        flags_right_hw=flags_right,
        spec=spec,
        render=RENDER,
    )


class _Texture:
    """A smooth random colour for every point of a surface: a sum of waves 7 to 40 pixels long."""

    def __init__(self, rng: np.random.Generator, contrast: float) -> None:
        angle_w = rng.uniform(0, 2 * np.pi, 12)
        direction_w2 = np.stack([np.cos(angle_w), np.sin(angle_w)], axis=1)
        self._wave_w2 = (2 * np.pi / rng.uniform(7, 40, 12))[:, None] * direction_w2
        self._phase_wc = rng.uniform(0, 2 * np.pi, (12, 3))
        self._amplitude = contrast / np.sqrt(6)

    def __call__(self, u_hw: NDArray, v_hw: NDArray) -> NDArray[np.float64]:
        colour_hwc = np.full((*u_hw.shape, 3), 120.0)
        for (fx, fy), phase_c in zip(self._wave_w2, self._phase_wc, strict=True):
            colour_hwc += self._amplitude * np.sin((fx * u_hw + fy * v_hw)[..., None] + phase_c)
        return colour_hwc


def _to_bytes(image_hwc: NDArray) -> NDArray[np.uint8]:
    return np.clip(np.rint(image_hwc), 0, 255).astype(np.uint8)


def make_meta(**changes: str | int) -> ShardMeta:
    """What shards of these samples say about themselves."""
    meta = ShardMeta(
        width=128,
        height=80,
        config_json='{"made": "by hand"}',
        config_digest="c0ffee",
        seed=0,
        generator_version="0.1.0",
        renderer="analytic",
        renderer_version="1",
        licence="CC0-1.0",
    )
    return replace(meta, **changes)


def make_shard(
    path: Path,
    *,
    slots: Iterable[int],
    attempt: int = 0,
    width: int = 128,
    height: int = 80,
    seed: int = 0,
    stratum: str = "flying",
    **meta: str | int,
) -> Path:
    """A finished shard of sound samples, written in the order of `slots`."""
    slots = list(slots)
    writer = ShardWriter(path, slots, make_meta(width=width, height=height, seed=seed, **meta))
    for slot in slots:
        writer.add(make_sample(slot, attempt=attempt, width=width, height=height, seed=seed, stratum=stratum))
    return writer.finish()
