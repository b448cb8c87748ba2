"""What a run of the soak is to be like, and who is struck there: drawn from the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

How = Literal["inline", "farm", "child", "joined"]

SEEDS = 4  # of scenes: each has an undisturbed run to be held against
HOW: dict[How, float] = {"inline": 0.42, "farm": 0.42, "child": 0.08, "joined": 0.08}
WEATHER = {
    "calm": 0.5,
    "slow disk": 0.16,
    "full disk": 0.1,
    "clocks apart": 0.08,
    "leak": 0.08,
    "impatient": 0.08,
}
ONLY_FARM = frozenset({"leak", "impatient"})  # what one process alone does not have

INLINE = {
    "driver": 78.0,
    "freeze driver": 8.0,
    "SIGTERM driver": 8.0,
    "SIGINT driver": 6.0,
}
FARM = {
    "worker": 36.0,
    "workers": 10.0,
    "driver": 8.0,
    "mailbox": 24.0,
    "raylet": 2.0,
    "gcs_server": 2.0,
    "several": 8.0,
    "everything": 3.0,
    "freeze worker": 6.0,
    "freeze and kill worker": 4.0,
    "freeze mailbox": 2.0,
    "freeze driver": 2.0,
    "SIGTERM worker": 4.0,
    "SIGTERM driver": 3.0,
    "SIGINT driver": 2.0,
}
CHILD = {"child": 40.0}
JOINED = {"courier": 15.0}
FULL_DISK = {"fill disk": 30.0}
IMPATIENT = {"freeze worker for good": 25.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run of the soak."""

    number: int
    seed: int  # of all that happens to it
    scenes: int  # seed of its configuration
    how: How
    weather: str
    workers: int  # 0: in the driver's process

    @property
    def backend(self) -> str:
        """Who renders."""
        return "replicator" if self.how == "child" else "soak"

    @property
    def victims(self) -> dict[str, float]:
        """What may happen to it, with weights."""
        kinds = dict(FARM if self.workers else INLINE)
        kinds |= CHILD if self.how == "child" else {}
        kinds |= JOINED if self.how == "joined" else {}
        kinds |= FULL_DISK if self.weather == "full disk" else {}
        kinds |= IMPATIENT if self.weather == "impatient" else {}
        return kinds


def drawn(seed: int, number: int, *, how: dict[How, float], weather: dict[str, float]) -> Plan:
    """The plan of a run."""
    rng = random.Random(f"{seed} {number}")
    way = _pick(rng, how)
    workers = 0 if way == "inline" or (way == "child" and rng.random() < 0.4) else rng.choice((1, 2, 2, 3))
    possible = {name: weight for name, weight in weather.items() if workers or name not in ONLY_FARM}
    return Plan(
        number=number,
        seed=rng.randrange(2**32),
        scenes=rng.randrange(SEEDS),
        how=way,
        weather="calm" if way in ("child", "joined") else _pick(rng, possible),
        workers=workers,
    )


def _pick(rng: random.Random, weights: dict) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]
