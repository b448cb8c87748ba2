"""Two flat scenes that are the same but for the names of their lights."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from fsd_gen.rtx.child.contract import Hello
from fsd_gen.rtx.targets import Target, target_of
from fsd_gen.usd.flat_scene import FlatScene, Surface


def target(engine: str = "ovrtx", version: str = "0.5.1") -> Target:
    return target_of(Hello(engine=engine, version=version, python="3.12", gpu="NVIDIA L40S", pid=1), {})


def assert_same_scene(ours: FlatScene, theirs: FlatScene, *, far: float = 1e-6) -> None:
    assert [mesh.name for mesh in ours.meshes] == [mesh.name for mesh in theirs.meshes]
    for one, other in zip(ours.meshes, theirs.meshes, strict=True):
        assert np.array_equal(one.vertices_v3[one.faces_f3], other.vertices_v3[other.faces_f3]), one.name
        assert (one.normals_v3 is None) == (other.normals_v3 is None), one.name
        if one.normals_v3 is not None:
            np.testing.assert_allclose(
                one.normals_v3[one.faces_f3], other.normals_v3[other.faces_f3], atol=1e-5
            )
        if one.uv_v2 is not None and other.uv_v2 is not None:
            assert np.array_equal(one.uv_v2[one.faces_f3], other.uv_v2[other.faces_f3]), one.name
        assert _told(ours.surfaces[one.surface]) == _told(theirs.surfaces[other.surface]), one.name
    _same_lights(ours, theirs)
    np.testing.assert_allclose(ours.left_to_world, theirs.left_to_world, atol=far)


def _told(surface: Surface) -> dict[str, object]:
    """Its fields, numbers as single precision holds them."""
    return {field.name: _rounded(getattr(surface, field.name)) for field in fields(surface)}


def _rounded(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_rounded(each) for each in value)
    return round(value, 6) if isinstance(value, float) else value


def _same_lights(ours: FlatScene, theirs: FlatScene) -> None:
    for one, other in zip(ours.parallel_lights, theirs.parallel_lights, strict=True):
        np.testing.assert_allclose(one.direction, other.direction, atol=1e-6)
        np.testing.assert_allclose(one.irradiance, other.irradiance, rtol=1e-6)
        assert one.angle_deg == other.angle_deg
    for light, again in zip(ours.area_lights, theirs.area_lights, strict=True):
        assert light.shape == again.shape
        np.testing.assert_allclose(light.to_world[:3, [0, 1, 3]], again.to_world[:3, [0, 1, 3]], atol=1e-5)
        np.testing.assert_allclose(light.radiance, again.radiance, rtol=1e-6)
        assert (light.shaping is None) == (again.shaping is None)
    assert (ours.dome is None) == (theirs.dome is None)
    if ours.dome is not None and theirs.dome is not None:
        assert ours.dome.texture == theirs.dome.texture
        np.testing.assert_allclose(ours.dome.to_world, theirs.dome.to_world, atol=1e-7)
        np.testing.assert_allclose(ours.dome.radiance, theirs.dome.radiance, rtol=1e-6)
