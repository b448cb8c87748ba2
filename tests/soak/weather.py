"""What makes life hard for a whole run, besides whoever strikes its processes."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

from tests.soak.plan import Plan

SAMPLE_S = 0.15  # that the renderer waits
SMALL_DISK = "16m"
FREEZE_LIMIT_S = 20.0  # of an attempt, where workers freeze for good; the farm waits 60 s longer
HOURS = (-30, -9, -7, 0, 6, 11, 40)  # that clocks are off, a process each
FAKETIME = "faketime/libfaketimeMT.so.1"  # below a folder of libraries
CLOCKS = {"FAKETIME": "+0h", "FAKETIME_NO_CACHE": "1", "FAKETIME_DISABLE_SHM": "1", "NO_FAKE_STAT": "1"}


def weather_of(plan: Plan, faketime: Path | None) -> dict[str, str]:
    """The environment of a run's commands that makes its weather."""
    rng = random.Random(plan.seed)
    told: dict[str, Any] = {"sample_s": SAMPLE_S}
    if plan.weather == "slow disk":
        told |= {"disk_s": rng.uniform(0.02, 0.4)}
    elif plan.weather == "leak":
        told |= {"leak_mib": 40, "RECYCLE_RSS_MB": 600}
    elif plan.weather == "impatient":
        told |= {"STALL_TIMEOUT_S": FREEZE_LIMIT_S}
    elif plan.weather == "clocks apart" and faketime is not None:
        return {"SOAK_WEATHER": json.dumps(told | {"hours": HOURS}), "LD_PRELOAD": str(faketime), **CLOCKS}
    return {"SOAK_WEATHER": json.dumps(told)}


def faketime_here() -> Path | None:
    """Debian's libfaketime, where it is installed."""
    return next((path for path in sorted(Path("/usr/lib").glob(f"*/{FAKETIME}"))), None)


class SmallDisk:
    """A small file system of its own for a run, where this may be mounted."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / "ballast"

    @staticmethod
    def possible(beside: Path) -> bool:
        """Whether this process may mount."""
        if os.geteuid() != 0:
            return False
        trial = SmallDisk(beside / "mount-trial")
        try:
            trial.mount()
        except subprocess.CalledProcessError:
            return False
        finally:
            trial.remove()
        return True

    def mount(self) -> None:
        """Make it. Raises subprocess.CalledProcessError where that is not allowed."""
        self.place.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "fsd-soak", str(self.place)]
        subprocess.run(command, check=True, capture_output=True)

    @property
    def full(self) -> bool:
        """Whether somebody filled it."""
        return self._ballast.exists()

    def fill(self, leave: int) -> None:
        """Take all but `leave` bytes."""
        status = os.statvfs(self.place)
        free = status.f_bavail * status.f_frsize
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(4096, free - leave))

    def free(self) -> None:
        """Give back what was taken."""
        self._ballast.unlink(missing_ok=True)

    def remove(self) -> None:
        """Unmount it, with all that is in it."""
        if os.path.ismount(self.place):
            subprocess.run(["umount", "--lazy", str(self.place)], check=False, capture_output=True)
        if self.place.is_dir() and not any(self.place.iterdir()):
            self.place.rmdir()
