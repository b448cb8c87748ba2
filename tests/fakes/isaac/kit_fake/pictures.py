"""What the fake renders: numbers drawn from the stage's name, or the stage itself."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kit_fake.state import KIT

GREY = 0.18  # of materials that have not come yet


@dataclass
class Frame:
    colour: np.ndarray  # (H, W, 4) float16
    depth: np.ndarray  # (H, W) float32
    ids: np.ndarray  # (H, W) uint32
    normals: np.ndarray  # (H, W, 4) float32
    labels: dict[int, str] = field(default_factory=dict)


def has_camera(path: str) -> bool:
    if _kind() == "plain":
        return path.startswith("/World/")
    from kit_fake.casting import cameras

    return path in cameras(Path(KIT.stage))


def black(width: int, height: int) -> Frame:
    return Frame(
        colour=np.zeros((height, width, 4), np.float16),
        depth=np.zeros((height, width), np.float32),
        ids=np.zeros((height, width), np.uint32),
        normals=np.zeros((height, width, 4), np.float32),
    )


def shoot(camera: str, width: int, height: int, *, warm: bool) -> Frame:
    if _kind() == "plain":
        frame = _plain(camera, width, height)
    else:
        from kit_fake.casting import cast

        frame = cast(Path(KIT.stage), camera, width, height, mitsuba=_kind() == "mitsuba")
    frame.colour[..., :3] *= KIT.faults.get("exposure", 1.0)
    if not warm:
        frame.colour[..., :3] = GREY
    missed = {"inf": np.inf, "zero": 0.0}[KIT.faults.get("miss", "inf")]
    frame.depth[~np.isfinite(frame.depth)] = missed
    return frame


def _kind() -> str:
    return os.environ.get("FAKE_PICTURES", "plain")


def _plain(camera: str, width: int, height: int) -> Frame:
    seed = hashlib.blake2b(f"{KIT.stage}{camera}".encode(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(seed, "big"))
    frame = black(width, height)
    frame.colour[...] = rng.uniform(0.1, 1.0, frame.colour.shape)
    frame.depth[...] = rng.uniform(1.0, 5.0, frame.depth.shape)
    frame.depth[0] = np.inf
    frame.ids[1:] = 1
    frame.labels = {1: "/World/Wall"}
    frame.normals[..., 2] = 1.0
    return frame
