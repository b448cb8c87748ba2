"""What glows in a room beside its own lights: shades of lamps that are on, and screens.

The light in rooms is in units of about 300 cd/m2: their lamps at the usual level give a floor an irradiance
of one, where homes and offices have some 300 lux. Screens are as bright as screens are, whatever the hour, so
that they outshine an evening and fade beside a sunny window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from assets_manifest.derived.parts import Part, luminous, parts
from assets_manifest.made.registry import is_made
from assets_manifest.records import Asset
from fsd_gen.scene.spec import MaterialSpec, PartLook, Placement, Vec3
from fsd_gen.styles import materials
from fsd_gen.styles.lighting import scaled
from fsd_gen.styles.sampler import AnySampler, log_uniform

CD_PER_UNIT = 300.0  # cd/m2 of one unit of radiance
SCREEN_CD = (80.0, 300.0)  # cd/m2 of white on a screen
SCREENS_ON = 0.55
LAMPS_ON = 0.7  # of the library's lamps that have something to glow
LAMP_FLUX = 2.4  # of a lamp that stands about, as of a globe (see `lamps`)
BRIGHTEST = 60.0  # of a shade or a bulb: about that of a frosted bulb
UNLIT = ("intercom",)  # titles of things whose screen is painted over all of them


def asset_parts(sampler: AnySampler, asset: Asset) -> tuple[Part, ...]:
    """The asset's parts."""
    return parts(asset, sampler.library.path(asset.id), sampler.library.root(asset.id))


def shade_looks(
    found: Iterable[Part], looks: tuple[PartLook, ...], flux: float, light: Vec3
) -> tuple[PartLook, ...]:
    """`looks`, with these parts glowing: together they give `flux`, tinted by what they are made of.

    None is brighter than `BRIGHTEST`. `light` has a maximum of one. A part keeps the look that it has been
    given, if any.
    """
    shades = tuple(found)
    area_m2 = sum(part.area_m2 for part in shades)
    if area_m2 <= 0:
        return looks
    radiance = min(flux / (np.pi * area_m2), BRIGHTEST)
    given = {look.part: look.material for look in looks}
    for part in shades:
        coat = given.get(part.name) or MaterialSpec(colour=_cloth(part.colour), roughness=0.9)
        given[part.name] = coat.but(glow=_through(part.colour, light, radiance), opacity=1.0)
    return tuple(PartLook(part=name, material=coat) for name, coat in given.items())


def _cloth(colour: Vec3) -> Vec3:
    r, g, b = (min(channel, 0.85) for channel in colour)
    return (r, g, b)


def _through(colour: Vec3, light: Vec3, radiance: float) -> Vec3:
    """Light that has come through a shade: half of its hue is the shade's."""
    brightest = max(*colour, 1e-3)
    r, g, b = (
        radiance * own * (0.5 + 0.5 * channel / brightest) for own, channel in zip(light, colour, strict=True)
    )
    return (r, g, b)


@dataclass(frozen=True, slots=True)
class Switches:
    """Turns on a share of the lamps and screens of a room."""

    sampler: AnySampler
    rng: np.random.Generator
    level: float  # of the lamps
    kelvin: float

    def turned(self, placements: Iterable[Placement]) -> tuple[Placement, ...]:
        """The placements, some lamps and screens among them on."""
        return tuple(self._turned(placement) for placement in placements)

    def _turned(self, placement: Placement) -> Placement:
        if is_made(placement.asset) or placement.material:
            return placement
        asset = self.sampler.library.get(placement.asset)
        found = asset_parts(self.sampler, asset)
        looks = self._lamp(asset, found, placement.looks)
        if not any(word in asset.title.lower() for word in UNLIT):
            looks = self._screens(found, looks)
        return placement if looks == placement.looks else placement.but(looks=looks)

    def _lamp(
        self, asset: Asset, found: tuple[Part, ...], looks: tuple[PartLook, ...]
    ) -> tuple[PartLook, ...]:
        shades = luminous(asset, found)
        if not shades or self.rng.uniform() >= LAMPS_ON:
            return looks
        kelvin = float(np.clip(self.kelvin * self.rng.normal(1, 0.06), 2300, 9000))
        flux = LAMP_FLUX * self.level * log_uniform(self.rng, 0.6, 1.5)
        return shade_looks(shades, looks, flux, materials.blackbody(kelvin))

    def _screens(self, found: tuple[Part, ...], looks: tuple[PartLook, ...]) -> tuple[PartLook, ...]:
        """All screens of one thing are on or off together."""
        screens = [part for part in found if part.stuff == "screen" and part.face]
        if not screens:
            return looks
        on = bool(self.rng.uniform() < SCREENS_ON)
        nits = log_uniform(self.rng, *SCREEN_CD)
        new = tuple(PartLook(part=part.name, material=self._screen(part, on, nits)) for part in screens)
        names = {part.name for part in screens}
        return (*(look for look in looks if look.part not in names), *new)

    def _screen(self, part: Part, on: bool, nits: float) -> MaterialSpec:
        off = MaterialSpec(colour=(0.008, 0.008, 0.009), roughness=float(self.rng.uniform(0.05, 0.12)))
        if not on or part.face is None:
            return off
        white = materials.blackbody(float(self.rng.uniform(5500, 7500)))
        return materials.picture_on(self.rng, off, part.face, scaled(white, nits / CD_PER_UNIT))
