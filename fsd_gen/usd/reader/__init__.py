"""A plain USD stage as a `FlatScene`: flattened to world triangles, surfaces and lights in metres, z up.

Read are meshes and simple solids (with references, instances and point instancers), UsdPreviewSurface
materials, UsdLux lights and the two cameras. Subdivision surfaces are taken as their cage with smooth
normals. What cannot be rendered faithfully is refused by name, not skipped; of a UsdPreviewSurface
only clearcoat, occlusion and displacement are ignored. Two readings of the specification are ours:
`useMetadata` wrapping repeats, and `auto` colour space is raw for anything but colours.
"""

from __future__ import annotations

from fsd_gen.usd.reader.read import read_stage, rig_of_stage

__all__ = ["read_stage", "rig_of_stage"]
