"""The kinds of trials that are made and run in a process of their own, by name."""

from benchmarks.attack.bounded import Maker
from benchmarks.attack.weights import checkpoints, damaged_checkpoints

BOUNDED: dict[str, Maker] = {"checkpoints": checkpoints, "cut checkpoints": damaged_checkpoints}
