"""From linear light to the picture that an imperfect camera delivers, in the order of the physics.

On linear values, 1 being white after exposure: the right eye's own exposure and colour, the blur of the lens,
its vignetting, the filter of a sensor without colour, shot and read noise. Then the film curve of every
picture, and JPEG last. Noise comes from a named stream of the sample: the same scene has the same noise.
"""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fsd_gen.backends.film import LUMA_3, develop, gained
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import rng_for
from fsd_gen.scene.spec import SceneSpec, SensorSpec
from jobs.extras import extra

with extra("render"):
    from scipy import ndimage

Eye = Literal["left", "right"]
Linear = NDArray[np.float32]

INFRARED_3 = np.array([0.75, 0.2, 0.05], np.float32)  # of red, green and blue: nearest to it, most of it
UNCHANGED_3 = np.ones(3, np.float32)


def exposed(
    spec: SceneSpec, sensor: SensorSpec, light_hwc: Linear, gains_3: Linear, eye: Eye
) -> NDArray[np.uint8]:
    """Bytes (H, W, 3), sRGB, of linear light times `gains_3`, as the `sensor` of one eye sees it."""
    own_3 = np.array(sensor.right_gains, np.float32) * np.float32(2.0**sensor.right_ev)
    light_hwc = gained(light_hwc, gains_3 * (own_3 if eye == "right" else UNCHANGED_3))
    light_hwc = _blurred(light_hwc, sensor.blur_px)
    light_hwc = light_hwc * _falloff(spec.rig, sensor.vignetting)[..., None]
    light_hwc = _filtered(light_hwc, sensor)
    light_hwc = _noisy(light_hwc, sensor, rng_for(spec.seed, spec.key, "sensor", "noise", eye))
    picture_hwc = develop(np.broadcast_to(light_hwc, (*light_hwc.shape[:2], 3)), UNCHANGED_3)
    return picture_hwc if sensor.jpeg_quality is None else _compressed(picture_hwc, sensor)


def _blurred(light_hwc: Linear, sigma_px: float) -> Linear:
    if sigma_px == 0:
        return light_hwc
    blurred_hwc: Linear = ndimage.gaussian_filter(light_hwc, (sigma_px, sigma_px, 0), mode="nearest")
    return blurred_hwc


def _falloff(rig: StereoRig, lost: float) -> Linear:
    """Factor (H, W): 1 at the principal point, 1 - `lost` at the corner farthest from it."""
    x_w = np.arange(rig.width) + 0.5 - rig.cx_px
    y_h = (np.arange(rig.height) + 0.5 - rig.cy_px) / rig.aspect
    squared_hw = x_w**2 + y_h[:, None] ** 2
    factor_hw: Linear = (1 - lost * squared_hw / squared_hw.max()).astype(np.float32)
    return factor_hw


def _filtered(light_hwc: Linear, sensor: SensorSpec) -> Linear:
    """One channel where the sensor has no colour."""
    if sensor.look == "colour":
        return light_hwc
    grey_hw: Linear = light_hwc @ (INFRARED_3 if sensor.look == "infrared" else LUMA_3)
    return grey_hw[..., None]


def _noisy(light_hwc: Linear, sensor: SensorSpec, rng: np.random.Generator) -> Linear:
    if not (sensor.shot_noise or sensor.read_noise):
        return light_hwc
    variance_hwc = np.float32(sensor.shot_noise**2) * light_hwc + np.float32(sensor.read_noise**2)
    noise_hwc: Linear = np.sqrt(variance_hwc) * rng.standard_normal(light_hwc.shape, np.float32)
    return light_hwc + noise_hwc


def _compressed(picture_hwc: NDArray[np.uint8], sensor: SensorSpec) -> NDArray[np.uint8]:
    """As it comes back from a JPEG file; a grey picture stays grey."""
    image, buffer = Image.fromarray(picture_hwc), io.BytesIO()
    grey = sensor.look != "colour"
    (image.convert("L") if grey else image).save(buffer, "JPEG", quality=sensor.jpeg_quality)
    return np.array(Image.open(buffer).convert("RGB"))
