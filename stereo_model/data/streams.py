"""Random streams derived by name: a new consumer of randomness never reshuffles the others."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def seed_of(root: int, *names: str | int) -> int:
    """A 63-bit seed for the named stream; other names do not change it."""
    text = json.dumps([root, *names]).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1


def rng_for(root: int, *names: str | int) -> np.random.Generator:
    """A generator for the named stream."""
    return np.random.Generator(np.random.Philox(key=seed_of(root, *names)))
