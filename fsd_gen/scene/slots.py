"""A slot is forever: its key decides everything about a sample.

A dataset is `shards x samples_per_shard` slots. Attempt 0 is drawn first; a sample that fails its
checks, or that curation drops, is drawn again as the next attempt of the same slot. Random streams
are derived by *name*, so a new randomiser never reshuffles the others, and workers, order and
restarts cannot change the data.
"""

from __future__ import annotations

import hashlib

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class SlotKey(BaseModel):
    """Which sample: its slot in the dataset and how many times that slot was drawn before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slot: int = Field(ge=0)
    attempt: int = Field(default=0, ge=0)

    @property
    def sample_id(self) -> str:
        """Stable name, for example "0000012-a1"."""
        return f"{self.slot:07d}-a{self.attempt}"

    @classmethod
    def parse(cls, text: str) -> SlotKey:
        """The key behind a sample id such as "0000012-a1"; "12" means attempt 0."""
        slot, _, attempt = text.partition("-a")
        if not (slot.isdigit() and (attempt.isdigit() or "-a" not in text)):
            raise ValueError(f"expected a sample id such as 0000012-a1, got {text!r}")
        return cls(slot=int(slot), attempt=int(attempt or 0))


def stable_hash(*names: str | int) -> int:
    """A 128-bit integer from the names, the same on every machine and Python version."""
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")


def rng_for(seed: int, key: SlotKey, *names: str | int) -> np.random.Generator:
    """The random stream called `names` of one sample."""
    return np.random.Generator(np.random.Philox(key=stable_hash(seed, key.slot, key.attempt, *names)))
