"""Deterministic weights under the published names, and the golden numbers they gave.

Where the numbers come from: tests/golden/README.md.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
FULL_GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden"  # whole tensors; often absent
KEPT = 2048  # values per tensor in tests/golden

# Strides of transposed convolutions, by the end of their key.
TRANSPOSED = {
    "resize_layers.0.weight": 4,
    "resize_layers.1.weight": 2,
    "feature.deconv32_16.conv1.conv.weight": 2,
    "feature.deconv16_8.conv1.conv.weight": 2,
    "feature.deconv8_4.conv1.conv.weight": 2,
    "spx_2_gru.conv1.conv.weight": 2,
    "spx_gru.0.weight": 2,
    "cost_agg.conv1_up.conv.weight": 2,
    "cost_agg.conv2_up.conv.weight": 2,
    "cost_agg.conv3_up.conv.weight": 2,
}

# Gain of a weight with two or more axes: the first pattern that is found in its key, else sqrt(2).
GAINS = (
    (r"^classifier\.2\.weight$", 10.0),
    (r"^update_block\.disp_head\.conv\.4\.weight$", 1.0),
    (r"^update_block\.mask\.", 4.0),
    (r"^spx_gru\.0\.weight$", 2.0),
    (r"^feature\.dino\.depth_anything\.pretrained\.", 1.0),
    (r"^feature\.dino\.depth_anything\.depth_head\..*resConfUnit\d\.conv2\.weight$", 0.3),
    (r"^feature\.dino\.depth_anything\.depth_head\.", 0.8),
    (r"^cnet\..*\.conv2\.weight$", 0.5),
    (r"^cnet\.outputs(04|08)\.\d\.1\.weight$", 0.5),
    (r"^cnet\.outputs16\.\d\.weight$", 0.5),
    (r"^update_block\.gru.*_gru\.conv[zrq]\.weight$", 1.0),
)

# (mean, spread) by the last word of the key; other words are treated in `fill`.
SIMPLE = {
    "running_mean": (0.0, 0.05),
    "gamma": (0.3, 0.05),
    "gamma_xca": (0.3, 0.05),
    "temperature": (1.0, 0.1),
    "cls_token": (0.0, 0.2),
    "pos_embed": (0.0, 0.2),
    "mask_token": (0.0, 0.2),
    "bias": (0.0, 0.02),
}


def noise(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform numbers of mean 0 and variance 1, from PCG64's raw stream seeded by the key."""
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    raw = np.random.PCG64(seed).random_raw(math.prod(shape))
    return (((raw >> np.uint64(11)) * 2.0**-53 - 0.5) * math.sqrt(12)).reshape(shape)


def fill(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The value of one weight or buffer of the published network."""
    last = key.rpartition(".")[2]
    if last == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    z = noise(key, shape)
    if last in SIMPLE:
        mean, spread = SIMPLE[last]
        return (mean + spread * z).astype(np.float32)
    if last == "running_var":
        return (1 + 0.1 * np.abs(z)).astype(np.float32)
    if len(shape) == 1:
        return (1 + 0.1 * z).astype(np.float32)
    gain = next((gain for pattern, gain in GAINS if re.search(pattern, key)), math.sqrt(2))
    return (z * (gain / math.sqrt(fan(key, shape)))).astype(np.float32)


def fan(key: str, shape: tuple[int, ...]) -> float:
    stride = next((stride for end, stride in TRANSPOSED.items() if key.endswith(end)), None)
    if stride is None:
        return math.prod(shape[1:])
    return shape[0] * math.prod(shape[2:]) / stride ** (len(shape) - 2)


def published_shapes(size: str) -> dict[str, tuple[int, ...]]:
    """Every key of the published state dict and its shape; `size` is vits or vitl."""
    lines = (GOLDEN / f"state_dict_{size}.txt").read_text().splitlines()
    return {
        key: tuple(int(side) for side in shape.split("x") if side)
        for key, _, shape in (line.partition(" ") for line in lines)
    }


@cache
def filled_state(size: str) -> dict[str, torch.Tensor]:
    """The published state dict, filled."""
    return {key: torch.from_numpy(fill(key, shape)) for key, shape in published_shapes(size).items()}


def thin(values: np.ndarray) -> np.ndarray:
    """About KEPT values, evenly spaced in memory order; the odd step visits every index of an axis."""
    return values.reshape(-1)[:: values.size // KEPT | 1]


def golden_images(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Left and right (B,3,H,W) float32 in 0..255."""
    with np.load(GOLDEN / f"{name}.npz") as file:
        return tuple(torch.from_numpy(file[side].astype(np.float32)) for side in ("left", "right"))


def golden_values(name: str) -> Iterator[tuple[str, np.ndarray, bool]]:
    """(key, values, whether they are thinned) of all tensors; whole ones where the full files are there."""
    with np.load(GOLDEN / f"{name}.npz") as file:
        yield from ((key, file[key], True) for key in file.files if key not in ("left", "right"))
    full = FULL_GOLDEN / f"{name}.npz"
    if full.is_file():
        with np.load(full) as file:
            yield from ((key, file[key], False) for key in file.files if key not in ("left", "right"))


def gradient_norms() -> dict[str, dict]:
    """`eval` and `train`: the loss, and the L2 norm of its gradient per published parameter."""
    return json.loads((GOLDEN / "gradients.json").read_text())
