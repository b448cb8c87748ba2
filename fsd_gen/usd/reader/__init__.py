"""A plain USD stage as a `FlatScene`: flattened to world triangles, surfaces and lights in metres, z up.

Read are meshes and simple solids (with references, packages, instances, point instancers and the poses of
UsdSkel), materials (UsdPreviewSurface, and where there is none Omniverse's own MDL), UsdLux lights and the
two cameras, all at one moment: the stage's startTimeCode, or a time code that is asked for. Subdivision
surfaces are taken as their cage with smooth normals; so are the normals of posed meshes. What cannot be
rendered faithfully is refused by name, not skipped; what a stage says beyond that is left out with a warning
(`omissions`), but for a UsdPreviewSurface's occlusion. Materials are those of the purpose `full`; one that
only RTX can read is marked so (`Surface.unread`), and who draws it decides. Two readings of the specification
are ours: `useMetadata` wrapping repeats, and a normal map whose colour space is `auto` is raw.
"""

from __future__ import annotations

from fsd_gen.usd.reader.read import (
    camera_of_stage,
    check_cameras,
    left_camera,
    read_stage,
    read_world,
    rig_of_stage,
    size_of_stage,
)

__all__ = [
    "camera_of_stage",
    "check_cameras",
    "left_camera",
    "read_stage",
    "read_world",
    "rig_of_stage",
    "size_of_stage",
]
