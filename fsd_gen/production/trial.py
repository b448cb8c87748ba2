"""A look at the scenes that a config would make, before a run is begun: the same scenes, small and fast.

Each is composed as the run will compose it and only then made smaller, so that what is seen here is what will
be there; what the checks refuse is drawn again, as in a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from assets_manifest.library import AssetLibrary
from fsd_gen.backends.base import Backend
from fsd_gen.config import Config
from fsd_gen.production.attempt import attempts
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.shards.sample import StereoSample
from fsd_gen.styles.compose import stratum_of

FURTHEST_SLOT = 1_000_000  # looked at for a style of little weight
NARROWEST = 64  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a slot came to: a sample, or none after all its attempts; and why attempts were refused."""

    style: str
    slot: int
    sample: StereoSample | None
    refused: tuple[tuple[str, ...], ...]  # reason codes of each refused attempt
    details: tuple[str, ...]  # in words


def first_slots(config: Config, per_style: int) -> dict[str, tuple[int, ...]]:
    """The first slots of each style that the config gives a weight, by name."""
    wanted = {name: per_style for name, style in sorted(config.styles.items()) if style.weight > 0}
    found: dict[str, list[int]] = {name: [] for name in wanted}
    for slot in range(FURTHEST_SLOT):
        mine = found[stratum_of(config, slot)]
        if len(mine) < per_style:
            mine.append(slot)
        if all(len(slots) == per_style for slots in found.values()):
            break
    return {name: tuple(slots) for name, slots in found.items()}


def try_out(
    config: Config, library: AssetLibrary, backend: Backend, *, per_style: int, width: int, spp: int
) -> Iterator[Tried]:
    """The first `per_style` slots of every style, `width` pixels wide, one after the other."""
    small = _smaller_config(config, width)
    for style, slots in first_slots(config, per_style).items():
        for slot in slots:
            yield _tried(style, slot, config, small, library, backend, spp)


def _tried(
    style: str, slot: int, config: Config, small: Config, library: AssetLibrary, backend: Backend, spp: int
) -> Tried:
    def shrunk(spec: SceneSpec) -> SceneSpec:
        settings = spec.settings.but(spp=min(spp, spec.settings.spp), denoise=True)
        return spec.but(rig=narrowed(spec.rig, small.image.width, small.image.height), settings=settings)

    made = list(
        attempts(SlotKey(slot=slot), config, library, backend, limits=small.check_limits(), as_seen=shrunk)
    )
    refused = [attempt for attempt in made if attempt.sample is None]
    return Tried(
        style=style,
        slot=slot,
        sample=made[-1].sample,
        refused=tuple(tuple(defect.code for defect in attempt.defects) for attempt in refused),
        details=tuple(f"{d.code}: {d.detail}" for attempt in refused for d in attempt.defects),
    )


def _smaller_config(config: Config, width: int) -> Config:
    width = max(NARROWEST, min(width, config.image.width))
    height = max(NARROWEST, round(width * config.image.height / config.image.width))
    image = config.image.model_copy(update={"width": width, "height": height})
    return config.model_copy(update={"image": image, "channels": ()})


def narrowed(rig: StereoRig, width: int, height: int) -> StereoRig:
    """The same cameras with fewer pixels: the same view, disparities in proportion."""
    across, down = width / rig.width, height / rig.height
    focal_y_px = rig.fy_px * down
    return StereoRig(
        width=width,
        height=height,
        focal_px=rig.focal_px * across,
        focal_y_px=None if abs(focal_y_px / (rig.focal_px * across) - 1) < 1e-9 else focal_y_px,
        baseline_m=rig.baseline_m,
        cx_px=rig.cx_px * across,
        cy_px=rig.cy_px * down,
    )


def summary(tried: list[Tried]) -> list[str]:
    """One line per style: how many slots were filled, and what was refused how often."""
    lines = []
    for style in dict.fromkeys(each.style for each in tried):
        mine = [each for each in tried if each.style == style]
        filled = sum(each.sample is not None for each in mine)
        draws = filled + sum(len(each.refused) for each in mine)
        codes = Counter(chain.from_iterable(set(codes) for each in mine for codes in each.refused))
        why = ", ".join(f"{code} {number}" for code, number in codes.most_common())
        refused = f"; refused: {why}" if why else ""
        lines.append(f"{style}: {filled} of {len(mine)} slots filled by {draws} draws{refused}")
    return lines
