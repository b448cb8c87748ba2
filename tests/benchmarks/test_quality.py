"""The measure of how near a picture comes to its converged one."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality import Reference, psnr, settings_of

RNG = np.random.default_rng(0)
CLEAN = RNG.uniform(0.1, 0.4, (2, 24, 32, 3)).astype(np.float32)
EVERYWHERE = np.ones((2, 24, 32), bool)


def noisy(scale: float) -> np.ndarray:
    return (CLEAN + RNG.normal(0, scale, CLEAN.shape)).astype(np.float32)


def test_an_error_of_one_level_is_48_decibels():
    assert psnr(1.0) == pytest.approx(48.13, abs=0.01)


def test_noise_of_the_reference_is_taken_off():
    reference = Reference(halves=(noisy(0.02), noisy(0.02)), judged_2hw=EVERYWHERE)
    raw, less = reference.decibels(noisy(0.02))
    # error variances: 1 of the picture, 1/2 of the reference's mean
    assert less - raw == pytest.approx(10 * np.log10(1.5), abs=0.3)


def test_what_lies_behind_glass_is_not_looked_at():
    judged = EVERYWHERE.copy()
    judged[:, :, :4] = False
    spoilt = CLEAN.copy()
    spoilt[:, :, :4] = 9.0
    reference = Reference(halves=(CLEAN, CLEAN), judged_2hw=judged)
    assert reference.decibels(spoilt)[0] > 100
    assert Reference(halves=(CLEAN, CLEAN), judged_2hw=EVERYWHERE).decibels(spoilt)[0] < 30


def test_a_setting_that_no_renderer_has_is_refused_by_name():
    assert settings_of("spp=8,denoise=false") == {"spp": 8, "denoise": False}
    with pytest.raises(ValueError, match="no setting samples; expected some of spp, max_depth"):
        settings_of("samples=8")
