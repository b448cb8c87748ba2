"""Light of rectangular, round and spherical lamps on what faces them, with nothing in between."""

from __future__ import annotations

import numpy as np

from kit_fake.state import KIT

PARTS = 8  # of a rectangle, each way


def lamp_light(lamp, points, normals):
    """Irradiance (N, 3) by pi at world points; faults `rect` and `sphere` are factors."""
    kind = "sphere" if lamp.shape == "sphere" else "rect"
    total = np.zeros(len(points))
    offsets, area = _parts(lamp)
    facing = -lamp.to_world[:3, 2] / np.linalg.norm(lamp.to_world[:3, 2])
    for offset in offsets:
        ray = lamp.to_world[:3, :3] @ offset + lamp.to_world[:3, 3] - points
        distance = np.linalg.norm(ray, axis=1)
        leaving = np.ones(len(points)) if kind == "sphere" else np.maximum(-(ray @ facing) / distance, 0)
        arriving = np.maximum(np.einsum("ij,ij->i", ray, normals) / distance, 0)
        total += leaving * arriving / distance**2 * area / len(offsets)
    return total[:, None] * np.array(lamp.radiance) / np.pi * KIT.faults.get(kind, 1.0)


def _parts(lamp):
    """Offsets of the parts in the lamp's own space, and the area that is seen."""
    if lamp.shape == "sphere":
        return [np.zeros(3)], np.pi * np.linalg.norm(lamp.to_world[:3, 0]) ** 2
    area = np.linalg.norm(np.cross(lamp.to_world[:3, 0], lamp.to_world[:3, 1]))
    steps = (np.arange(PARTS) + 0.5) / PARTS - 0.5
    if lamp.shape == "rect":
        return [np.array([x, y, 0.0]) for x in steps for y in steps], area
    inside = [np.array([2 * x, 2 * y, 0.0]) for x in steps for y in steps if np.hypot(x, y) < 0.5]
    return inside, area * np.pi
