"""The config's section `sensor`: what real cameras do to a picture. Off unless asked for."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, model_validator

from fsd_gen.scene.slots import SlotKey, rng_for
from fsd_gen.scene.spec import Look, SensorSpec
from fsd_gen.sections import PositiveCount, Range, Section, Share, within

OFF = (0.0, 0.0)


class SensorConfig(Section):
    """What the camera does to the light; all of it off by default. Truth does not depend on it.

    Every sample draws its own numbers, uniformly, and its scene records them. Checks look at the pictures
    before any of this.
    """

    shot_noise: Annotated[Range, AfterValidator(within(0, 0.5, "of white"))] = OFF
    """Standard deviation at white, of white; it grows with the root of the light. 0.01 is a full well of
    10,000 electrons."""

    read_noise: Annotated[Range, AfterValidator(within(0, 0.5, "of white"))] = OFF
    """Standard deviation in the dark, of white."""

    vignetting: Annotated[Range, AfterValidator(within(0, 1, "of the light"))] = OFF
    """Light that the farthest corner loses; elsewhere by the squared distance to the principal point."""

    blur_px: Annotated[Range, AfterValidator(within(0, 20, "pixels"))] = OFF
    """Standard deviation of the lens's point spread."""

    grey: Share = 0.0  # of the samples: a sensor without colour
    infrared: Share = 0.0  # of the samples: the grey look of an infrared imager, which sees mostly red light

    jpeg_quality: Annotated[PositiveCount, AfterValidator(within(1, 100, "(quality)"))] | None = None
    """Pictures are compressed and decompressed; null: they are not."""

    exposure_difference_ev: Annotated[Range, AfterValidator(within(-3, 3, "stops"))] = OFF
    """By which the right eye is exposed longer."""

    colour_difference: Annotated[Range, AfterValidator(within(0, 0.5, "of a channel"))] = OFF
    """By which each channel of the right eye may be brighter or darker."""

    @model_validator(mode="after")
    def _shares_of_one_whole(self) -> Self:
        if self.grey + self.infrared > 1:
            raise ValueError(f"grey {self.grey} and infrared {self.infrared} are more than all samples")
        return self

    def draw(self, seed: int, key: SlotKey) -> SensorSpec | None:
        """The sensor of one sample; None where it does nothing. Each number has a stream of its own."""
        drawn = _Draw(seed, key)
        sensor = SensorSpec(
            shot_noise=drawn.uniform("shot_noise", self.shot_noise),
            read_noise=drawn.uniform("read_noise", self.read_noise),
            vignetting=drawn.uniform("vignetting", self.vignetting),
            blur_px=drawn.uniform("blur_px", self.blur_px),
            look=self._look(drawn),
            jpeg_quality=self._quality(drawn),
            right_ev=drawn.uniform("right_ev", self.exposure_difference_ev),
            right_gains=self._gains(drawn),
        )
        return None if sensor == SensorSpec() else sensor

    def _look(self, drawn: _Draw) -> Look:
        place = drawn.rng("look").uniform()
        if place < self.grey:
            return "grey"
        return "infrared" if place < self.grey + self.infrared else "colour"

    def _quality(self, drawn: _Draw) -> int | None:
        if self.jpeg_quality is None:
            return None
        low, high = self.jpeg_quality
        return int(drawn.rng("jpeg_quality").integers(low, high + 1))

    def _gains(self, drawn: _Draw) -> tuple[float, float, float]:
        most = drawn.uniform("colour_difference", self.colour_difference)
        red, green, blue = (1 + most * drawn.rng("right_gains").uniform(-1, 1, 3)).tolist()
        return red, green, blue


class _Draw:
    """The streams of one sample's sensor."""

    def __init__(self, seed: int, key: SlotKey) -> None:
        self._seed = seed
        self._key = key

    def rng(self, name: str) -> np.random.Generator:
        return rng_for(self._seed, self._key, "sensor", name)

    def uniform(self, name: str, low_high: tuple[float, float]) -> float:
        return float(self.rng(name).uniform(*low_high))
