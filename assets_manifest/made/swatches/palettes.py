"""Colours of paints, woods, stones and prints, drawn in OKLCH, where lightness and hue are even to the eye.

Björn Ottosson, "A perceptual color space for image processing" (2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.pixels import shaded
from assets_manifest.made.swatches.fields import Field, Image
from assets_manifest.srgb import linear_to_srgb

Colour = NDArray[np.floating[Any]]  # (3,), display
Range = tuple[float, float]
DARKEST, LIGHTEST = 0.192, 0.954  # display values of the albedos 0.03 and 0.9

_TO_CONES = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def oklch(lightness: float, chroma: float, hue_deg: float) -> Colour:
    """The display colour, as near as a display gets."""
    turn = np.deg2rad(hue_deg)
    linear = _TO_RGB @ (_TO_CONES @ [lightness, chroma * np.cos(turn), chroma * np.sin(turn)]) ** 3
    linear = np.clip(linear, 0, 1)
    return linear_to_srgb(linear).astype(np.float32)


def scheme(rng: np.random.Generator, number: int) -> list[Colour]:
    """Colours that go together: shades of one hue, neighbours, opposites, or greys with one."""
    hue, kind = hue_of_things(rng), int(rng.integers(5))
    chroma = float(rng.choice([0.02, 0.05, 0.09, 0.14], p=[0.25, 0.35, 0.28, 0.12]))
    spread = ([0.0], [0.0, 30.0, -30.0, 60.0], [0.0, 180.0, 20.0, 200.0], [0.0, 120.0, 240.0], [0.0])[kind]
    lightness = rng.permutation(np.linspace(rng.uniform(0.28, 0.5), rng.uniform(0.75, 0.96), number))
    colours = []
    for index, light in enumerate(lightness):
        grey = kind == 4 and index % 2 == 0
        turned = hue + spread[index % len(spread)] + rng.normal(0, 8)
        dyed = 0.01 if grey else _dyed(float(light), chroma * rng.uniform(0.6, 1.1))
        colours.append(oklch(float(light), dyed, turned))
    return colours


PAINTS: tuple[tuple[float, Range, Range, Range], ...] = (  # share, lightness, chroma, hue in degrees
    (0.44, (0.93, 0.97), (0.0, 0.012), (60, 110)),  # off-white
    (0.2, (0.76, 0.92), (0.0, 0.014), (50, 260)),  # grey and greige
    (0.17, (0.84, 0.94), (0.015, 0.045), (68, 100)),  # beige and cream
    (0.05, (0.82, 0.92), (0.015, 0.045), (215, 250)),  # pale blue
    (0.04, (0.82, 0.92), (0.015, 0.045), (125, 165)),  # pale green
    (0.03, (0.84, 0.92), (0.015, 0.04), (20, 50)),  # blush
    (0.02, (0.6, 0.74), (0.02, 0.05), (115, 150)),  # sage
    (0.015, (0.3, 0.42), (0.03, 0.07), (245, 265)),  # navy
    (0.01, (0.42, 0.55), (0.04, 0.07), (190, 215)),  # petrol
    (0.01, (0.55, 0.68), (0.07, 0.11), (35, 55)),  # terracotta
    (0.01, (0.68, 0.8), (0.08, 0.12), (75, 92)),  # ochre
    (0.005, (0.34, 0.42), (0.06, 0.1), (10, 30)),  # wine
)


def paint(rng: np.random.Generator) -> Colour:
    """A colour that walls are painted in at home: white, grey and beige mostly, seldom a strong one."""
    shares = np.array([row[0] for row in PAINTS])
    _, *ranges = PAINTS[int(rng.choice(len(PAINTS), p=shares / shares.sum()))]
    lightness, chroma, hue = (float(rng.uniform(*each)) for each in ranges)
    return oklch(lightness, chroma, hue)


def timber(rng: np.random.Generator) -> list[Colour]:
    """Dark grain, body and light of one sort of wood, sometimes stained or bleached."""
    if rng.uniform() < 0.12:
        light, chroma, hue = rng.uniform(0.45, 0.75), rng.uniform(0.0, 0.02), rng.uniform(60, 90)
    else:
        light, chroma, hue = rng.uniform(0.38, 0.8), rng.uniform(0.045, 0.1), rng.uniform(45, 78)
    contrast = rng.uniform(0.05, 0.14)
    return [
        oklch(max(light - contrast, 0.2), chroma * 0.95, hue - 6),
        oklch(light, chroma, hue),
        oklch(min(light + contrast * 0.7, 0.94), chroma * 0.9, hue + 6),
    ]


def clay(rng: np.random.Generator) -> list[Colour]:
    """Brick and terracotta, or concrete and painted stone."""
    kind = rng.uniform()
    if kind < 0.6:
        hue, light, chroma = rng.uniform(28, 75), rng.uniform(0.42, 0.7), rng.uniform(0.05, 0.12)
    elif kind < 0.85:
        hue, light, chroma = rng.uniform(60, 110), rng.uniform(0.5, 0.8), rng.uniform(0.0, 0.03)
    else:
        hue, light, chroma = rng.uniform(0, 360), rng.uniform(0.78, 0.95), rng.uniform(0.0, 0.03)
    spread = rng.uniform(0.03, 0.1)
    return [
        oklch(light + d * spread, chroma * rng.uniform(0.7, 1.1), hue + rng.normal(0, 7)) for d in (-1, 0, 1)
    ]


def mineral(rng: np.random.Generator, number: int = 3) -> list[Colour]:
    """Stone, from dark to light: warm or bluish greys and browns, seldom pink or green."""
    mean, spread, most = ((70, 15, 0.035), (245, 20, 0.018), (35, 10, 0.03), (150, 15, 0.02))[
        int(rng.choice(4, p=[0.6, 0.22, 0.11, 0.07]))
    ]
    hue, chroma = rng.normal(mean, spread), rng.uniform(0.0, most)
    low = rng.uniform(0.25, 0.72)
    high = min(low + rng.uniform(0.12, 0.4), 0.95)
    return [oklch(light, chroma, hue + rng.normal(0, 15)) for light in np.linspace(low, high, number)]


def ramp(values: Field, colours: Sequence[Colour]) -> Image:
    """Colours along evenly spaced stops, for values 0..1."""
    table = np.linspace(0, 1, 256)
    stops = np.linspace(0, 1, len(colours))
    looked = np.stack([np.interp(table, stops, [c[k] for c in colours]) for k in range(3)], axis=1)
    index = np.clip(values * 255, 0, 255).astype(np.uint8)
    picked: Image = looked.astype(np.float32)[index]
    return picked


def flat(colour: Colour, shade: Field) -> Image:
    """One colour, lighter and darker by the factor `shade`."""
    return shaded(colour, shade)


def among(colours: Sequence[Colour], number: NDArray[np.intp]) -> Image:
    """The colour of each pixel's number."""
    picked: Image = np.asarray(colours, np.float32)[number % len(colours)]
    return picked


HUES = ((28, 18), (60, 16), (88, 12), (145, 20), (225, 25), (262, 16), (350, 14))  # mean and spread, degrees
COMMON = (0.24, 0.22, 0.12, 0.12, 0.08, 0.17, 0.05)  # how common each is among things
VIVID = (
    (0.5, 0.19, 27),
    (0.68, 0.16, 55),
    (0.85, 0.16, 88),
    (0.5, 0.13, 148),
    (0.48, 0.16, 262),
    (0.72, 0.1, 235),
)


def hue_of_things(rng: np.random.Generator) -> float:
    """A hue in degrees: reds, browns, yellows and blues are common, mauves and bright greens rare."""
    mean, spread = HUES[int(rng.choice(len(HUES), p=COMMON))]
    return float(rng.normal(mean, spread)) % 360


def _dyed(lightness: float, chroma: float) -> float:
    """The chroma that a dye of this lightness has: what is very light or very dark is pale."""
    return chroma * float(np.clip(min((0.99 - lightness) / 0.3, lightness / 0.4), 0.15, 1))


def thing(rng: np.random.Generator) -> Colour:
    """The colour of a thing that someone bought: white, grey, black, brown, muted; one in nine is vivid."""
    kind = rng.uniform()
    if kind < 0.22:  # white to ivory
        return oklch(rng.uniform(0.84, 0.96), rng.uniform(0.0, 0.025), rng.uniform(70, 110))
    if kind < 0.4:  # grey to black
        return oklch(rng.uniform(0.24, 0.72), rng.uniform(0.0, 0.012), rng.uniform(0, 360))
    if kind < 0.58:  # beige to dark brown
        return oklch(rng.uniform(0.3, 0.8), rng.uniform(0.025, 0.075), rng.uniform(45, 90))
    if kind < 0.89:
        light = rng.uniform(0.3, 0.8)
        return oklch(light, _dyed(light, rng.uniform(0.03, 0.1)), hue_of_things(rng))
    light, chroma, hue = VIVID[int(rng.integers(len(VIVID)))]
    return oklch(light + rng.normal(0, 0.04), chroma * rng.uniform(0.75, 1.0), hue + rng.normal(0, 8))


WOOLS = (
    (0.36, 0.1, 26),
    (0.3, 0.06, 262),
    (0.86, 0.03, 85),
    (0.46, 0.05, 60),
    (0.62, 0.09, 70),
    (0.4, 0.04, 165),
)


def wools(rng: np.random.Generator, number: int) -> list[Colour]:
    """Colours of rugs: madder, indigo, undyed, walnut; shades of grey or beige; or any that suit."""
    kind = rng.uniform()
    if kind < 0.45:
        picked = [WOOLS[k] for k in rng.permutation(len(WOOLS))[:number]]
        return [
            oklch(light + rng.normal(0, 0.03), chroma * rng.uniform(0.6, 1.0), hue + rng.normal(0, 6))
            for light, chroma, hue in picked
        ]
    if kind < 0.75:
        hue, chroma = rng.uniform(50, 95), rng.uniform(0.0, 0.035)
        shades = rng.permutation(np.linspace(rng.uniform(0.3, 0.5), rng.uniform(0.75, 0.92), number))
        return [oklch(float(light), chroma, hue) for light in shades]
    return scheme(rng, number)
