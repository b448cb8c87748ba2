"""Surfaces whose MDL only RTX can read: told of, and refused where another renderer is to draw them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import Surface, Unread

log = logging.getLogger(__name__)

REMEDY = (
    "render with --backend replicator or ovrtx, or let such materials be drawn without it: "
    "--unknown-materials grey (styles.environment.unknown_materials)"
)


class UnreadMaterialError(StageError):
    """A material is MDL that the renderer at hand cannot draw."""


def unread_of(surfaces: Iterable[Surface]) -> list[Unread]:
    """What cannot be read of the surfaces, in their order."""
    return [surface.unread for surface in surfaces if surface.unread is not None]


def refusal(surfaces: Iterable[Surface]) -> str:
    """Why only RTX can draw these surfaces, in one line with the remedy; "" where others can too."""
    found = unread_of(surfaces)
    if not found:
        return ""
    first, more = found[0], len(found) - 1
    others = f" (and {more} more)" if more else ""
    lack = f" for what it says of {first.lack}" if first.lack else ""
    return f"<{first.material}>{others}: {first.mdl} is MDL, which only RTX can draw{lack}; {REMEDY}"


def refuse_unread(surfaces: Iterable[Surface]) -> None:
    """Raises UnreadMaterialError where only RTX can draw one of the surfaces."""
    if why := refusal(surfaces):
        raise UnreadMaterialError(why)


def taken_as_opaque(surfaces: Iterable[Surface]) -> tuple[str, ...]:
    """The kinds of materials of which nobody here knows whether they have holes, each once."""
    return tuple(dict.fromkeys(unread.kind for unread in unread_of(surfaces) if unread.holes))


def tell_opaque(stage: object, surfaces: Iterable[Surface]) -> None:
    """One warning for each kind of material that may have holes and has none in the truth.

    For renderers that draw them; others draw what the truth says.
    """
    found = [unread for unread in unread_of(surfaces) if unread.holes]
    for kind in dict.fromkeys(unread.kind for unread in found):
        materials = [unread.material for unread in found if unread.kind == kind]
        log.warning(
            "%s: nobody knows whether %s has holes, so it is opaque to the truth (%d in use, the first is "
            "<%s>); a sample where the renderer sees through it is refused by its depth",
            stage,
            kind,
            len(materials),
            materials[0],
        )
