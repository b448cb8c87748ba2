"""What is left of a run some time after its end: nothing should be."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tests.soak.processes import processes_of, role_of, unowned_segments

GONE_S = 120.0  # two small agents of Ray's own outlive a killed driver by a minute
OF_RAY = "ray"  # its logs, which it keeps


@dataclass(slots=True)
class Remains:
    """A run that is over, whose last processes may still be about to end."""

    mark: str
    temporary: Path
    segments: set[str]  # what lay in /dev/shm before it
    over: float  # when it ended, monotonic seconds

    @property
    def due(self) -> bool:
        """Whether it can be judged: all is gone, or should be."""
        return time.monotonic() - self.over > GONE_S or not processes_of(self.mark)

    def judged(self) -> tuple[list[str], float]:
        """What is left, and how long after the run's end that was seen."""
        after_s = time.monotonic() - self.over
        living = [f"process {each.pid} ({role_of(each, -1)})" for each in processes_of(self.mark)]
        files = [
            f"left in the temporary folder: {path.name}"
            for path in self.temporary.iterdir()
            if path.name != OF_RAY
        ]
        segments = [f"left in /dev/shm: {name}" for name in unowned_segments(self.segments)]
        return [*living, *files, *segments], round(after_s, 1)
