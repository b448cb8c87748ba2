"""Embree asked ray by ray and by bundles, beside its own Python class."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh

from fsd_gen.truth import embree
from fsd_gen.truth.embree import EmbreeError, TriangleCaster
from tests.fsd_gen.truth.test_plain import soup

MESHES = list(soup(6, 3000, 0.15))
CORNERS = np.concatenate([mesh.vertices_v3 for mesh in MESHES])
FACES = np.arange(len(CORNERS), dtype=np.int32).reshape(-1, 3)
FACES = np.concatenate([FACES, FACES[:500, ::-1]])  # some twice, wound the other way


def fan(width: int = 90, height: int = 70) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.linspace(-0.7, 0.7, width), np.linspace(-0.4, 0.4, height))
    return x.ravel(), y.ravel()


@pytest.fixture(scope="module")
def caster() -> TriangleCaster:
    return TriangleCaster(CORNERS, FACES)


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    theirs = rtcore_scene.EmbreeScene(robust=True)
    TriangleMesh(theirs, CORNERS.astype(np.float32), FACES)
    x, y = fan()
    directions = np.stack([x, y, np.ones_like(x)], axis=1).astype(np.float32)
    return theirs.run(np.zeros_like(directions), directions, output=1)


def test_single_rays_name_what_embreex_names_where_triangles_coincide_too(caster, reference):
    found = caster.nearest((0.0, 0.0, 0.0), (*fan(), 1.0))
    hit = reference["primID"] >= 0
    assert 0.3 < hit.mean() < 1
    assert np.array_equal(found.primitive_n, reference["primID"])
    for ours, theirs in ((found.t_n, "tfar"), (found.u_n, "u"), (found.v_n, "v")):
        assert np.array_equal(ours[hit], reference[theirs][hit])


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_bundles_of_any_width_find_the_same_distances(caster, reference, lanes, monkeypatch):
    monkeypatch.setattr(embree, "native_lanes", lambda: lanes)
    found = TriangleCaster(CORNERS, FACES).nearest_of_bundle((0.0, 0.0, 0.0), (*fan(), 1.0))
    hit = reference["primID"] >= 0
    assert np.array_equal(found.primitive_n >= 0, hit)
    assert np.array_equal(found.t_n[hit], reference["tfar"][hit])
    assert (found.primitive_n == reference["primID"]).mean() > 0.8


def test_bundles_go_no_further_than_their_reach(caster, reference):
    found = caster.nearest_of_bundle((0.0, 0.0, 0.0), (*fan(), 1.0), reach=3.0)
    assert np.array_equal(found.primitive_n >= 0, (reference["primID"] >= 0) & (reference["tfar"] <= 3.0))


def test_fewer_rays_after_more_find_nothing_of_those_before(caster):
    x, y = fan()
    many = caster.nearest((0.0, 0.0, 0.0), (x, y, 1.0))
    few = caster.nearest((0.0, 0.0, 0.0), (x[::-1][:17], y[::-1][:17], 1.0))
    assert np.array_equal(few.primitive_n, many.primitive_n[::-1][:17])
    away = caster.nearest((0.0, 0.0, 0.0), (x[:40], y[:40], -1.0))
    assert (away.primitive_n == -1).all()


def test_more_rays_than_fit_are_cast_in_parts(caster, monkeypatch):
    whole = caster.nearest((0.0, 0.0, 0.0), (*fan(), 1.0))
    monkeypatch.setattr(embree, "AT_ONCE", 1000)
    parts = caster.nearest((0.0, 0.0, 0.0), (*fan(), 1.0))
    assert np.array_equal(parts.primitive_n, whole.primitive_n)
    hit = whole.primitive_n >= 0
    for name in ("t_n", "u_n", "v_n"):
        assert np.array_equal(getattr(parts, name)[hit], getattr(whole, name)[hit])


def test_nothing_is_met_where_there_is_nothing():
    found = TriangleCaster(np.zeros((0, 3)), np.zeros((0, 3), np.int32)).nearest(
        (0.0, 0.0, 0.0), (*fan(), 1.0)
    )
    assert (found.primitive_n == -1).all()


def test_what_embree_refuses_is_said(monkeypatch):
    refusing = {
        **{name: embree._c(name) for name in embree.SIGNATURES},
        "rtcGetDeviceError": lambda device: 2,
    }
    monkeypatch.setattr(embree, "_c", refusing.__getitem__)
    with pytest.raises(EmbreeError, match=r"Embree refused 3500 triangles of 9000 vertices \(RTCError 2\)"):
        TriangleCaster(CORNERS, FACES)


def test_casters_leave_no_memory_behind():
    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    for _ in range(3):
        TriangleCaster(CORNERS, FACES)
    gc.collect()
    before = resident_mb()
    for _ in range(100):  # of about a megabyte each
        TriangleCaster(CORNERS, FACES)
    gc.collect()
    assert resident_mb() < before + 20
