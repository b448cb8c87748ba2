"""How long a round's training takes, from the time of one step, and settings that fit a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from curation.config import CurationConfig

LONG_S = 20 * 60.0  # a training of more than this, on a CPU, is warned of
FITS_S = 3600.0  # what the settings that are offered instead take at most, about
WORTH_IT = 0.8  # settings are offered that take less than this share of the time
SMALL_CROP = (128, 256)  # height, width in pixels
SMALL_BATCH = 2
FEWEST_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTime:
    """What training a round's models takes."""

    config: CurationConfig
    round: int
    step_s: float  # seconds

    @property
    def total_s(self) -> float:
        """Of all models of the round, from the first step of the first one."""
        return self.config.model_count * self.config.steps(self.round) * self.step_s

    def too_long_for(self, device: str) -> bool:
        """Whether the settings seem to be meant for another machine."""
        return device == "cpu" and self.total_s > LONG_S and self.fitting_s() < WORTH_IT * self.total_s

    def fitting(self) -> CurationConfig:
        """These settings with crop, batch and steps such that the training takes FITS_S or less.

        A step's time is taken to go with its pixels.
        """
        config = self.config
        crop = (min(config.crop[0], SMALL_CROP[0]), min(config.crop[1], SMALL_CROP[1]))
        batch = min(config.batch, SMALL_BATCH)
        share = _pixels(crop, batch) / _pixels(config.crop, config.batch)
        steps = _rounded_down(FITS_S / (config.model_count * self.step_s * share))
        return config.model_copy(
            update={
                "crop": crop,
                "batch": batch,
                "steps_first": min(config.steps_first, steps),
                "steps_next": min(config.steps_next, max(FEWEST_STEPS, steps // 2)),
            }
        )

    def fitting_s(self) -> float:
        """What the training takes with the settings of `fitting`."""
        own, other = self.config, self.fitting()
        share = _pixels(other.crop, other.batch) / _pixels(own.crop, own.batch)
        return other.model_count * other.steps(self.round) * self.step_s * share


def as_yaml(config: CurationConfig) -> str:
    """A file for `fsd-curate round --config`: what differs from the defaults, under `curation:`."""
    differing: dict[str, Any] = config.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump({"curation": differing}, sort_keys=False, default_flow_style=None)


def _pixels(crop: tuple[int, int], batch: int) -> int:
    """Of a step."""
    return crop[0] * crop[1] * batch


def _rounded_down(steps: float) -> int:
    """To two digits."""
    if steps < FEWEST_STEPS:
        return FEWEST_STEPS
    unit = int("1" + "0" * (len(str(int(steps))) - 2))
    return int(steps) // unit * unit
