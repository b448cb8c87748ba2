"""Skies by time of day."""

from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.exr import read_exr
from assets_manifest.made import skies
from assets_manifest.made.registry import MadeAssetError
from assets_manifest.made.skies import Sky, panorama

WORDS = {"day": 400, "overcast": 400, "dusk": -20, "night": 300}


def sky(kind: str, elevation_ddeg: int | None = None, seed: int = 3) -> Sky:
    elevation = WORDS[kind] if elevation_ddeg is None else elevation_ddeg
    return Sky.of((kind, str(elevation), "30", "40", str(seed)))


@pytest.fixture(scope="module")
def images():
    return {kind: panorama(sky(kind), 128) for kind in WORDS}


def test_words_and_sky_say_the_same():
    words = ("day", "405", "31", "40", "7")
    assert Sky.of(words).words() == words


def test_radiance_is_finite_and_positive_all_round(images):
    for kind, image in images.items():
        assert image.shape == (128, 256, 3) and image.dtype == np.float32, kind
        assert np.isfinite(image).all() and (image >= 0).all() and image[:60].min() > 0, kind


def test_the_sky_gives_a_part_of_the_light_that_the_sun_gives(images):
    vertical = np.array(sky("day").sun_irradiance()) * np.sin(np.radians(40))
    share = skies._horizontal(images["day"][:64]).mean() / vertical.mean()
    assert 0.1 < share < 0.6


def test_the_sky_is_brightest_towards_its_sun(images):
    for kind in ("day", "dusk"):
        ring = images[kind][52:64].mean(axis=(0, 2))
        assert ring[:32].sum() + ring[-32:].sum() > 1.25 * ring[96:160].sum(), kind


def test_a_low_sun_is_weaker_and_redder():
    high, low = np.array(sky("day", 600).sun_irradiance()), np.array(sky("day", 60).sun_irradiance())
    assert low.sum() < 0.6 * high.sum() and low[0] / low[2] > 2 * high[0] / high[2]


def test_no_sun_shines_through_a_closed_sky_or_from_below():
    assert sky("overcast").sun_irradiance() == sky("dusk").sun_irradiance() == (0, 0, 0)


def test_night_is_far_darker_than_day(images):
    assert images["night"][:64].mean() < 0.02 * images["day"][:64].mean()


def test_clouds_differ_by_seed_and_are_the_same_for_one():
    first, again, other = (panorama(sky("day", seed=seed), 64) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.allclose(first, other, rtol=0.05)


def test_the_file_holds_the_panorama(tmp_path, monkeypatch):
    monkeypatch.setattr(skies, "HEIGHT", 64)
    path = skies.make(tmp_path, sky("dusk").words())
    assert np.allclose(read_exr(path), panorama(sky("dusk"), 64), rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize(
    "words",
    [
        ("noon", "1", "30", "4", "1"),
        ("day", "950", "30", "4", "1"),
        ("day", "x", "30", "4", "1"),
        ("day", "40"),
    ],
)
def test_words_that_are_no_sky_are_refused(words):
    with pytest.raises(MadeAssetError, match="expected"):
        Sky.of(words)
