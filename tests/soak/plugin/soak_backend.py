"""A renderer as cheap as one can be, found by its entry point, and the weather of the processes that load it.

Its pictures follow from the seed alone. SOAK_WEATHER (JSON, see `tests.soak.weather`) says what makes life
hard for this process: a slow disk, a leak, limits that are reached sooner.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from fsd_gen.backends.plugin import BackendPlugin

WEATHER: dict[str, Any] = json.loads(os.environ.get("SOAK_WEATHER", "{}"))
LEAKED: list[bytearray] = []
MIB = 1 << 20


class Drawn:
    """Smooth pictures: nothing in them for a check of the photometry to go by."""

    name, version = "soak", "1"

    def render(self, staged: Any, rig: Any, settings: Any, seed: int) -> Any:
        import numpy as np

        from fsd_gen.backends.base import StereoImages

        time.sleep(WEATHER.get("sample_s", 0.0))
        LEAKED.append(bytearray(b"\1" * (WEATHER.get("leak_mib", 0) * MIB)))
        across = np.linspace(0.2, 0.6, rig.width, dtype=np.float32)[None, :, None]
        colour = np.random.default_rng(seed).uniform(0.5, 1.0, (2, 1, 1, 3)).astype(np.float32)
        left_hwc, right_hwc = (np.repeat(across * each, rig.height, axis=0) for each in colour)
        return StereoImages(
            left_hwc=left_hwc,
            right_hwc=right_hwc,
            stage_cpu_s={},
            backend=self.name,
            backend_version=self.version,
            variant="",
            denoiser="",
        )

    def close(self) -> None:
        """Holds nothing."""


def create(threads: int | None) -> Drawn:
    """See `BackendPlugin`."""
    return Drawn()


def _delayed(call: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def slow(*args: Any, **kwargs: Any) -> Any:
        time.sleep(seconds)
        return call(*args, **kwargs)

    return slow


def _apply_weather() -> None:
    if disk_s := WEATHER.get("disk_s"):
        for name in ("fsync", "rename", "replace"):
            setattr(os, name, _delayed(getattr(os, name), disk_s))
    limits = {name: WEATHER[name] for name in WEATHER if name.isupper()}
    if limits:
        from fsd_gen.production import farm

        for name, value in limits.items():
            setattr(farm, name, value)


_apply_weather()
BACKEND = BackendPlugin(create=create)
