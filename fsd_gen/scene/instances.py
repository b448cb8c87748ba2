"""The things of a scene, numbered: what `instance_left` means by its ids, and which prim each of them is.

Ids follow the order of the `SceneSpec`: placements, panels, then lamps that have a body; so a stored scene
names them and nothing else has to. A stage of the user's that the scene is set in is one thing, the last.
0 is a pixel without a surface, or one whose surface is none of these.
"""

from __future__ import annotations

from fsd_gen.scene.spec import DistantLight, SceneSpec

OBJECTS, PANELS, LIGHTS = "/World/Objects", "/World/Panels", "/World/Lights"  # where a stage keeps them
ENVIRONMENT = "/World/Environment"  # a stage of the user's: all of it is one thing
DEPTH = 3  # names in the path of such a prim


def instance_names(spec: SceneSpec) -> tuple[str, ...]:
    """The name of every id, as the scene gives it; that of 0 is empty."""
    return tuple(prim.rpartition("/")[2] for prim in instance_prims(spec))


def instance_prims(spec: SceneSpec) -> tuple[str, ...]:
    """The prim path of every id in the scene's stage; that of 0 is empty."""
    lamps = [light for light in spec.lights if not isinstance(light, DistantLight)]
    return (
        "",
        *(f"{OBJECTS}/{placement.name}" for placement in spec.placements),
        *(f"{PANELS}/{panel.name}" for panel in spec.panels),
        *(f"{LIGHTS}/{lamp.name}" for lamp in lamps),
        *([ENVIRONMENT] if spec.world else []),
    )


def instance_of(prim: str) -> str:
    """The prim of the thing that the prim at this path is part of: "/World/Objects/Chair" or the like."""
    if prim.startswith(f"{ENVIRONMENT}/"):
        return ENVIRONMENT
    return "/".join(prim.split("/")[: DEPTH + 1])
