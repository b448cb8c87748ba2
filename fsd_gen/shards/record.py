"""What is known about a sample without its pixels: one `SampleRecord`, made when the sample is stored.

Two digests name a sample. `truth_digest` covers the disparity and flag maps alone and is the same on
every machine; `content_id` also covers the images and the scene, so it changes with a renderer's noise.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.sample import Flag, StereoSample

QUANTUM = 256  # stored disparities are multiples of 1 / QUANTUM px
IMAGES = ("left", "right")
TRUTHS = ("disparity_left", "disparity_right", "flags_left", "flags_right")


def quantise(disparity_hw: NDArray[np.floating]) -> NDArray[np.float32]:
    """Disparity rounded to multiples of 1/256 px, off by at most 1/512 px; never a negative zero."""
    return (np.rint(np.asarray(disparity_hw, np.float64) * QUANTUM) / QUANTUM + 0.0).astype(np.float32)


def is_quantised(disparity_hw: NDArray[np.float32]) -> bool:
    """Whether every value is a multiple of 1/256 px (so none is infinite or NaN)."""
    scaled_hw = disparity_hw * np.float32(QUANTUM)  # exact: a power of two
    return bool(np.isfinite(scaled_hw).all() and (np.rint(scaled_hw) == scaled_hw).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRecord:
    """One row of the index. Disparities and shares are of the left view.

    Disparity statistics are over pixels that show a surface and have truth; None where there are none.
    Shares are of all pixels, one per bit of `Flag`.
    """

    shard: str  # file that holds the sample
    row: int  # its row there
    slot: int
    attempt: int
    stratum: str
    width: int  # pixels
    height: int  # pixels
    focal_px: float
    baseline_m: float
    cx_px: float
    cy_px: float
    disparity_p05: float | None  # pixels, 5 % quantile
    disparity_p50: float | None
    disparity_p95: float | None
    disparity_max: float | None
    occluded_share: float
    out_of_frame_share: float
    sky_share: float
    transparent_share: float
    mirror_share: float
    no_truth_share: float
    backend: str
    backend_version: str
    variant: str
    denoiser: str
    exposure: float
    cpu_s: float  # CPU seconds of the whole sample
    wall_s: float
    spec_digest: str
    truth_digest: str
    content_id: str

    @property
    def key(self) -> SlotKey:
        """Slot and attempt."""
        return SlotKey(slot=self.slot, attempt=self.attempt)

    @property
    def sample_id(self) -> str:
        """Stable name, for example "0000012-a1"."""
        return self.key.sample_id


def record_of(sample: StereoSample, *, shard: str = "", row: int = 0) -> SampleRecord:
    """The record of `sample`, said to lie in `row` of `shard`."""
    spec, rig, render = sample.spec, sample.spec.rig, sample.render
    arrays = arrays_of(sample)
    shares = {f"{flag.name.lower()}_share": _share(sample.flags_left_hw, flag) for flag in Flag}
    return SampleRecord(
        shard=shard,
        row=row,
        slot=spec.key.slot,
        attempt=spec.key.attempt,
        stratum=spec.stratum,
        width=rig.width,
        height=rig.height,
        focal_px=rig.focal_px,
        baseline_m=rig.baseline_m,
        cx_px=rig.cx_px,
        cy_px=rig.cy_px,
        **_disparity_statistics(sample.disparity_left_hw, sample.flags_left_hw),
        **shares,
        backend=render.backend,
        backend_version=render.backend_version,
        variant=render.variant,
        denoiser=render.denoiser,
        exposure=render.exposure,
        cpu_s=render.host_cpu_s,
        wall_s=render.wall_s,
        spec_digest=spec.digest(),
        truth_digest=truth_digest(arrays),
        content_id=content_id(arrays, spec.to_json()),
    )


def arrays_of(sample: StereoSample) -> dict[str, NDArray]:
    """The six arrays of a sample under the names they have in a shard."""
    return {
        "left": sample.left_hwc,
        "right": sample.right_hwc,
        "disparity_left": sample.disparity_left_hw,
        "disparity_right": sample.disparity_right_hw,
        "flags_left": sample.flags_left_hw,
        "flags_right": sample.flags_right_hw,
    }


def truth_digest(arrays: dict[str, NDArray]) -> str:
    """SHA-256 over the disparity and flag maps of both views, hexadecimal."""
    return _digest(arrays, TRUTHS).hexdigest()


def content_id(arrays: dict[str, NDArray], spec_json: str) -> str:
    """SHA-256 over truth, images and the scene's canonical JSON, hexadecimal."""
    digest = _digest(arrays, TRUTHS + IMAGES)
    digest.update(spec_json.encode())
    return digest.hexdigest()


def _digest(arrays: dict[str, NDArray], names: tuple[str, ...]) -> hashlib._Hash:
    digest = hashlib.sha256()
    for name in names:
        array = np.ascontiguousarray(arrays[name], arrays[name].dtype.newbyteorder("<"))
        digest.update(f"{name}{array.shape}{array.dtype.str}".encode())
        digest.update(array)
    return digest


def _share(flags_hw: NDArray[np.uint8], flag: Flag) -> float:
    return float(np.count_nonzero(flags_hw & flag.value) / flags_hw.size)


def _disparity_statistics(
    disparity_hw: NDArray[np.float32], flags_hw: NDArray[np.uint8]
) -> dict[str, float | None]:
    """Quantiles are values that occur (no interpolation), so they are the same everywhere."""
    values_n = disparity_hw[(flags_hw & (Flag.SKY | Flag.NO_TRUTH).value) == 0]
    names = ("disparity_p05", "disparity_p50", "disparity_p95", "disparity_max")
    if not values_n.size:
        return dict.fromkeys(names)
    ranks = [int(q * (values_n.size - 1)) for q in (0.05, 0.5, 0.95, 1.0)]
    values_n = np.partition(values_n, ranks)
    return {name: float(values_n[rank]) for name, rank in zip(names, ranks, strict=True)}
