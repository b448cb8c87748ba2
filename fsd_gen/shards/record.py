"""What is known about a sample without its pixels: one `SampleRecord`, made when the sample is stored.

Two digests name a sample. `truth_digest` covers the disparity and flag maps alone and is the same on
every machine; `content_id` also covers the images, the scene and the optional channels. It is the same
however a run is made on one kind of CPU with the same versions. Elsewhere images may round differently; on a
GPU, which adds samples up in no fixed order, even from run to run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.shards.channels import REQUIRED
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import RenderInfo, StereoSample

IMAGES = tuple(channel.name for channel in REQUIRED if channel.kind == "image")
TRUTHS = tuple(channel.name for channel in REQUIRED if channel.kind == "truth")
Arrays = Mapping[str, NDArray[Any]]  # a sample's channels, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRecord:
    """One row of the index. Disparities and shares are of the left view.

    Disparity statistics are over pixels that show a surface and have truth; None where there are none.
    Shares are of all pixels, one per bit of `Flag`.
    """

    shard: str  # file that holds the sample
    row: int  # its row there
    slot: int  # place in the dataset; decides the stratum
    attempt: int  # which draw of the slot: 0, 1, ...
    stratum: str  # the style that made the scene
    width: int  # of each view, pixels
    height: int  # of each view, pixels
    focal_px: (
        float  # focal length across, pixels; down it is the same unless the scene's rig has `focal_y_px`
    )
    baseline_m: float  # distance of the cameras, metres; depth = focal_px * baseline_m / disparity
    cx_px: float  # principal point, pixels from the image's left edge; the same in both views
    cy_px: float  # and from its upper edge
    disparity_p05: float | None  # pixels, 5 % quantile
    disparity_p50: float | None  # pixels, median
    disparity_p95: float | None  # pixels, 95 % quantile
    disparity_max: float | None  # pixels
    occluded_share: float  # of all pixels: inside the other image, but hidden there
    out_of_frame_share: float  # of all pixels: the match lies outside the other image
    sky_share: float  # of all pixels: no surface
    transparent_share: float  # of all pixels: first surface is see-through
    mirror_share: float  # of all pixels: first surface is mirror-like
    no_truth_share: float  # of all pixels: no exact disparity
    backend: str  # renderer
    backend_version: str  # of the renderer
    variant: str  # of the renderer, such as llvm_ad_rgb
    denoiser: str  # name and version; empty where there was none
    exposure: float  # factor from radiance to film, the same for both views
    cpu_s: float  # CPU seconds of the whole sample
    wall_s: float  # seconds from start to end of the sample
    spec_digest: str  # SHA-256 of the scene's canonical JSON
    truth_digest: str  # SHA-256 of disparity and flags of both views: the same on every machine
    content_id: str  # SHA-256 of truth, images, scene and optional channels
    depth_off_share: float | None = None  # of opaque and sky pixels: the renderer's own depth is > 0.5 px off
    instance_off_share: float | None = None  # of opaque pixels: the renderer's own ids name another thing
    judged_share: float | None = None  # of all pixels: textured, dull, seen twice: images held against truth

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
    truth, content = digests(sample.channels, sample.spec.to_json())
    return SampleRecord(
        shard=shard,
        row=row,
        **scene_facts(sample.spec),
        **image_facts(sample.disparity_left_hw, sample.flags_left_hw),
        **render_facts(sample.render),
        truth_digest=truth,
        content_id=content,
    )


def scene_facts(spec: SceneSpec) -> dict[str, Any]:
    """The fields of a record that its scene determines."""
    rig_names = ("width", "height", "focal_px", "baseline_m", "cx_px", "cy_px")
    return {
        "slot": spec.key.slot,
        "attempt": spec.key.attempt,
        "stratum": spec.stratum,
        "spec_digest": spec.digest(),
        **{name: getattr(spec.rig, name) for name in rig_names},
    }


def render_facts(render: RenderInfo) -> dict[str, Any]:
    """The fields of a record that its rendering determines."""
    same = (
        "backend",
        "backend_version",
        "variant",
        "denoiser",
        "exposure",
        "wall_s",
        "depth_off_share",
        "instance_off_share",
        "judged_share",
    )
    return {"cpu_s": render.host_cpu_s, **{name: getattr(render, name) for name in same}}


def image_facts(disparity_hw: NDArray[np.float32], flags_hw: NDArray[np.uint8]) -> dict[str, Any]:
    """The fields of a record that the truth of the left view determines."""
    return {**_disparity_statistics(disparity_hw, flags_hw), **_flag_shares(flags_hw)}


def truth_digest(arrays: Arrays) -> str:
    """SHA-256 over the disparity and flag maps of both views, hexadecimal."""
    return _digest(arrays, TRUTHS).hexdigest()


def content_id(arrays: Arrays, spec_json: str) -> str:
    """SHA-256 over truth, images, the scene's canonical JSON and then any optional channels, hexadecimal."""
    return digests(arrays, spec_json)[1]


def digests(arrays: Arrays, spec_json: str) -> tuple[str, str]:
    """Truth digest and content id. The content begins with the truth, which is gone through once."""
    digest = _digest(arrays, TRUTHS)
    truth = digest.hexdigest()
    _add(digest, arrays, IMAGES)
    digest.update(spec_json.encode())
    _add(digest, arrays, sorted(arrays.keys() - {*TRUTHS, *IMAGES}))
    return truth, digest.hexdigest()


def _digest(arrays: Arrays, names: Iterable[str]) -> hashlib._Hash:
    digest = hashlib.sha256()
    _add(digest, arrays, names)
    return digest


def _add(digest: hashlib._Hash, arrays: Arrays, names: Iterable[str]) -> None:
    for name in names:
        array = np.ascontiguousarray(arrays[name], arrays[name].dtype.newbyteorder("<"))
        digest.update(f"{name}{array.shape}{array.dtype.str}".encode())
        digest.update(array)


def _flag_shares(flags_hw: NDArray[np.uint8]) -> dict[str, Any]:
    return {
        f"{str(flag.name).lower()}_share": float(np.count_nonzero(flags_hw & flag.value) / flags_hw.size)
        for flag in Flag
    }


def _disparity_statistics(disparity_hw: NDArray[np.float32], flags_hw: NDArray[np.uint8]) -> dict[str, Any]:
    """Quantiles are values that occur (no interpolation), so they are the same everywhere."""
    values_n = disparity_hw[(flags_hw & (Flag.SKY | Flag.NO_TRUTH).value) == 0]
    names = ("disparity_p05", "disparity_p50", "disparity_p95", "disparity_max")
    if not values_n.size:
        return dict.fromkeys(names)
    ranks = [int(q * (values_n.size - 1)) for q in (0.05, 0.5, 0.95, 1.0)]
    values_n = np.partition(values_n, ranks)
    return {name: float(values_n[rank]) for name, rank in zip(names, ranks, strict=True)}
